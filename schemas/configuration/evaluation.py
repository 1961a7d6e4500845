"""The section `evaluation` of the settings."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section


class EvaluationSection(Section):
    """How scores and alarms are evaluated."""

    horizon_minutes: float = Field(
        20.0, gt=0, description="Horizon for `event_recall_20min` and lead time, in minutes."
    )
    repeat_alarm_minutes: float = Field(
        30.0, gt=0, description="Minutes after which a continuing false alarm is counted again."
    )
    bootstrap_samples: int = Field(
        1000,
        ge=100,
        description="Bootstrap samples for the intervals; blocks of rows are resampled: whole runs or, where "
        "they are few, pieces of them.",
    )
    confidence: Fraction = Field(0.9, description="Confidence level of the intervals.")
    alarm_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 2.0, 5.0),
        min_length=1,
        description="False alarms per day at which `backtest` reports event recall.",
    )
    fold_starts: tuple[Fraction, ...] = Field(
        (0.40, 0.52, 0.64, 0.76, 0.88),
        min_length=1,
        description="Share of all rows that comes before the test part of each `backtest` fold.",
    )
    fold_test_fraction: Fraction = Field(0.12, description="Share of all rows that each fold tests on.")
    fold_validation_fraction: Fraction = Field(
        0.15,
        description="Share of the rows before a fold's test part that is used for validation, the latest.",
    )
    seeds: int = Field(
        3, ge=1, description="Random seeds that `backtest` trains with; it reports their means."
    )

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        starts = self.fold_starts
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"`evaluation.fold_starts` must be strictly increasing. Received {starts}.")
        if starts[-1] + self.fold_test_fraction > 1 + 1e-9:
            raise ValueError(
                "The last of `evaluation.fold_starts` plus `evaluation.fold_test_fraction` must be at "
                f"most 1. Received {starts[-1]} and {self.fold_test_fraction}."
            )
        return self
