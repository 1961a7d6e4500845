"""The section `features` of the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.configuration.section import Section


class FeaturesSection(Section):
    """What is computed from the sensors of a row and of the rows before it in its run."""

    level: Literal["raw", "local"] = Field(
        "local", description="Sensors as they are, or their deviation from the mean of the rows before."
    )
    trailing_rows: int = Field(30, ge=2, description="Rows before a row whose mean `local` subtracts.")
    volatility_rows: int | None = Field(
        10, ge=2, description="Rows of the trailing deviation whose logarithm is a feature; none: no such."
    )
    difference_rows: int | None = Field(
        3, ge=1, description="Rows over which a sensor's difference is a feature; none: no such."
    )
    has_context: bool = Field(
        True, description="Rows since a restart, stops in the last hours, length of the gap, grade changes."
    )
    context_hours: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (2.0, 8.0, 24.0), min_length=1, description="Hours in which stops are counted."
    )
    context_rows_at_most: int = Field(720, ge=1, description="Rows after which a restart is forgotten.")
    clip: float | None = Field(5.0, gt=0, description="Bound of scaled values, or none.")
    scale_order: Literal["split_scale_window", "window_split_scale", "scale_split_window"] = Field(
        "split_scale_window",
        description="What the scaler is fitted on: normal training rows; the last rows of normal training "
        "windows; or all rows, which leaks the test into the training.",
    )
