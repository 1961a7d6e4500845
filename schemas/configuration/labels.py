"""The section `labels` of the settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Section


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
        return self
