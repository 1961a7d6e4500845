"""The section `split` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Fraction, Section


class SplitSection(Section):
    """How windows are divided into training, validation and test."""

    method: Literal["time", "random"] = Field(
        "time", description="`time` order, or `random`, which leaks: test windows overlap training windows."
    )
    test_fraction: Fraction = Field(0.2, description="Share of the rows used for testing, the latest.")
    validation_fraction: Fraction = Field(0.2, description="Share of the remaining rows used for validation.")
    purge_rows: int | None = Field(
        None, ge=0, description="Rows left out before each boundary; null for `labels.rows_ahead`."
    )
    move_boundaries: bool = Field(
        True,
        description="Whether the `time` split moves its boundaries where validation or test would hold no "
        "event, or validation no normal rows; each part keeps at least half of its configured rows.",
    )
    seed: int = Field(123, ge=0, description="Seed of the random split.")
