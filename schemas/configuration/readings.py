"""The section `readings` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Names, Section


class ReadingsSection(Section):
    """How the table of readings is read and what is expected of it."""

    time_column: str = Field("time", description="Column with the time of a row.")
    label_column: str | None = Field(
        "y", description="Column that is 1 on event rows and 0 elsewhere; none for a table without events."
    )
    drop_columns: Names = Field((), description="Columns to leave out; each must exist.")
    categorical_columns: Names = Field(
        ("x28", "x61"), description="Columns with categories; where they exist, they are no sensors."
    )
    absent_columns: Names = Field(
        (), description="Columns of a numbered series that are known to be missing."
    )
    separator: str = Field("auto", min_length=1, description="Separator of a CSV file, or `auto`.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of a CSV file.")
    time_format: str | None = Field(None, description="strptime format of the time, or none to find it.")
    step_minutes: float | None = Field(
        None, gt=0, description="Usual minutes between two rows, or none for their median."
    )
    missing_values: Literal["refuse", "forward_fill"] = Field(
        "refuse", description="Refuse missing sensor values, or hold the last value of the same run."
    )
    fill_rows_at_most: int = Field(3, ge=1, description="Longest hole that `forward_fill` may fill.")
    replay: Literal["none", "causal"] = Field(
        "none",
        description="`causal`: hold the last archived point where a historian interpolated. For training and "
        "evaluation on historical files; live scoring never does it.",
    )
    simulated: Literal["mill", "temperature", "sequences"] = Field(
        "mill", description="Kind of readings that are simulated where no file is given."
    )
