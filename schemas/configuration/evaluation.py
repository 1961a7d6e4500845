"""The section `evaluation` of the settings."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section


class EvaluationSection(Section):
    """How scores and alarms are judged."""

    horizon_minutes: float = Field(20.0, gt=0, description="Horizon of `event_recall_20min` and lead time.")
    repeat_alarm_minutes: float = Field(
        30.0, gt=0, description="A lasting false alarm is counted again after so many minutes."
    )
    bootstrap_samples: int = Field(1000, ge=100, description="Resamples of the runs of rows.")
    confidence: Fraction = Field(0.9, description="Coverage of the intervals.")
    alarm_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 2.0, 5.0), min_length=1, description="False alarms a day at which `backtest` reads off recall."
    )
    fold_starts: tuple[Fraction, ...] = Field(
        (0.40, 0.52, 0.64, 0.76, 0.88),
        min_length=1,
        description="Shares of the rows that the folds of `backtest` train on, the rows before each.",
    )
    fold_test_fraction: Fraction = Field(0.12, description="Share of the rows that a fold tests on.")
    fold_validation_fraction: Fraction = Field(
        0.15, description="Share of a fold's rows before its test that serves for validation, the last ones."
    )
    seeds: int = Field(3, ge=1, description="Seeds of `backtest`; its figures are their means.")

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        starts = self.fold_starts
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"`evaluation.fold_starts` must rise. Received {starts}.")
        if starts[-1] + self.fold_test_fraction > 1 + 1e-9:
            raise ValueError(
                "`evaluation.fold_starts` plus `evaluation.fold_test_fraction` must be at most 1. "
                f"Received {starts[-1]} and {self.fold_test_fraction}."
            )
        return self
