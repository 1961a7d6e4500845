"""The section `features` of the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.configuration.section import Section


class FeaturesSection(Section):
    """Features computed from each row and from earlier rows of the same run."""

    level: Literal["raw", "local", "both"] = Field(
        "both",
        description="The group `level`: `raw` sensor values, or their deviation from a trailing mean "
        "(`local`); with `both` their deviations, and the raw values as the group `raw`.",
    )
    trailing_rows: int = Field(30, ge=2, description="Preceding rows in the trailing mean of `local`.")
    volatility_rows: int | None = Field(
        10,
        ge=2,
        description="Rows in the trailing standard deviation (volatility); null to omit the feature.",
    )
    difference_rows: int | None = Field(
        3, ge=1, description="Rows over which a sensor's difference is taken; null to omit the feature."
    )
    has_context: bool = Field(
        True,
        description="Add process context: rows since a restart, recent stops, length of the last stop, and "
        "rows since each category changed.",
    )
    context_hours: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (2.0, 8.0, 24.0), min_length=1, description="Trailing periods, in hours, in which stops are counted."
    )
    context_rows_at_most: int = Field(
        720, ge=1, description="Upper limit of the row counts in the process context."
    )
    clip: float | None = Field(
        5.0, gt=0, description="Scaled values are clipped to plus or minus this value; null for no clipping."
    )
    scale_order: Literal["split_scale_window", "window_split_scale", "scale_split_window"] = Field(
        "split_scale_window",
        description="What the scaler is fitted on: normal training rows; the last rows of normal training "
        "windows; or the normal rows of the whole table, which leaks test data into training.",
    )
