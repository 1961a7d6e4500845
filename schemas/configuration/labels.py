"""The section `labels` of the settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.configuration.section import Names, Section, split_names


def write_label(value: Any) -> str:
    """Write a label as it is compared: without blanks at the ends, in small letters, 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _list_labels(value: Any) -> Any:
    """Accept labels as a list, a string `a,b`, a number or true."""
    if value is None:
        return ()
    listed = value if isinstance(value, (list, tuple)) else split_names(str(value))
    return tuple(dict.fromkeys(write_label(label) for label in listed))


Labels = Annotated[tuple[str, ...], BeforeValidator(_list_labels)]


class LabelsSection(Section):
    """Curve shift: which rows before an event are positive."""

    rows_ahead: int = Field(
        2, ge=0, description="Rows before an event that are positive; 0 makes the event rows positive."
    )
    event_rows: Literal["auto", "drop", "keep"] = Field(
        "auto",
        description="Whether event rows are dropped; `auto` keeps them only when `labels.rows_ahead` is 0.",
    )
    across_gaps: bool = Field(
        False,
        description="Mark rows even if a time gap separates them from the event, as the published code does.",
    )
    positive_values: Labels = Field(
        (),
        description="Values of the label column, text or numbers, that mark event rows, such as "
        "`trip,fault`; all others are normal. Empty for a column of 0 and 1, or of words that leave no "
        "doubt, such as `normal` and `anomaly`.",
    )
    merge_minutes: float | None = Field(
        None,
        ge=0,
        description="Event rows at most so many minutes apart belong to one event, with the rows between "
        "them. Null bridges only gaps of at most 10 steps with an event row on both sides.",
    )
    events_file: str | None = Field(
        None,
        description="Table of events, CSV or Parquet: `start`, and if it is known `end`, `kind` and "
        "`machine`. Rows from start to end are event rows.",
    )
    kinds: Names = Field((), description="Kinds of events in `labels.events_file` that count; empty for all.")

    @property
    def are_event_rows_kept(self) -> bool:
        """Whether event rows stay in the table as positive rows."""
        return self.event_rows == "keep" or (self.event_rows == "auto" and self.rows_ahead == 0)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.rows_ahead == 0 and self.event_rows == "drop":
            raise ValueError(
                "`labels.event_rows` must be auto or keep when `labels.rows_ahead` is 0, because the "
                "event rows are then the positive ones. Received drop."
            )
        if self.kinds and self.events_file is None:
            raise ValueError(
                "`labels.kinds` chooses events of `labels.events_file`, which is not set. "
                f"Received {', '.join(self.kinds)}."
            )
        return self
