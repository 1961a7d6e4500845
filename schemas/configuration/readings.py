"""The section `readings` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Names, Section


class ReadingsSection(Section):
    """How the table of readings is parsed and what it must contain."""

    time_column: str = Field("time", description="Column with the time of each row.")
    label_column: str | None = Field(
        "y", description="Column that is 1 on event rows and 0 elsewhere; null for a table without labels."
    )
    drop_columns: Names = Field((), description="Columns to ignore; each must exist.")
    categorical_columns: Names = Field(
        ("x28", "x61"), description="Categorical columns; those that exist are not treated as sensors."
    )
    absent_columns: Names = Field(
        (), description="Columns of a numbered series that are known to be missing."
    )
    separator: str = Field("auto", min_length=1, description="Separator of a CSV file; `auto` detects it.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of a CSV file.")
    time_format: str | None = Field(
        None, description="strptime format of the time column; null to detect it."
    )
    day_first: bool | None = Field(
        None,
        description="Whether the day comes before the month in dates such as 1/3/2024; null to decide by the "
        "steps between the rows, and to refuse a table in which they do not tell.",
    )
    step_minutes: float | None = Field(
        None, gt=0, description="Usual interval between rows in minutes; null for the median."
    )
    missing_values: Literal["refuse", "forward_fill"] = Field(
        "refuse",
        description="Reject missing sensor values, or fill them with the last value in the same run.",
    )
    fill_rows_at_most: int = Field(
        3, ge=1, description="Longest stretch of missing values, in rows, that `forward_fill` fills."
    )
    replay: Literal["none", "causal"] = Field(
        "none",
        description="`causal` replaces values that a historian interpolated by the last archived value. For "
        "training and evaluation on historical files; not available for live scoring.",
    )
    simulated: Literal["mill", "temperature", "sequences"] = Field(
        "mill", description="Kind of readings to simulate when no file is given."
    )
