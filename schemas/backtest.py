"""Rolling-origin evaluation: the folds, their scores, and the results over all folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.configuration import Configuration
from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding
from schemas.results import DataSummary

# entrants of a backtest: the configuration under evaluation, and the published network for comparison
MODEL, PUBLISHED = "model", "published"


class Fold(BaseModel):
    """Boundaries of one fold, as positions among the kept rows.

    Attributes:
        number: Number of the fold, from 1, in time order.
        validation_start: First validation row; the training rows come before it.
        test_start: First test row.
        test_stop: First row after the test rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    validation_start: int
    test_start: int
    test_stop: int


@dataclass(frozen=True)
class FoldOrder:
    """Everything that determines the result of one fold, small enough to send to a worker.

    Attributes:
        entrant: The entrant, such as `model` or `published`.
        source: Source of the readings, absolute.
        settings: Configuration of the entrant, with the seed of this fold in `training.seed`.
        fold: Number of the fold, from 1.
        has_controls: Whether the controls are computed too.
        has_checks: Whether the leak check and the thresholds at other rates are computed with the controls.
        kept: File that keeps the result, from which it is read if it exists; None to keep nothing.
    """

    entrant: str
    source: str
    settings: Configuration
    fold: int
    has_controls: bool
    has_checks: bool = True
    kept: str | None = None

    @property
    def seed(self) -> int:
        """Seed of the fold's training."""
        return self.settings.training.seed


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores of one fold for one entrant and seed.

    Attributes:
        entrant: The entrant.
        fold: The fold.
        seed: Seed of the training.
        end_rows: Last rows of the test windows, positions among the kept rows, shape (windows,).
        scores: Scores by scorer (`model` and, if requested, the controls), shape (windows,).
        held: Threshold in effect at each window, by scorer, shape (windows,).
        held_at_rates: The model's threshold in effect at each window, by rule and promised false alarms per
            day, shape (windows,); empty without controls.
        tampered: The model's scores of test windows with tampered inputs, by kind of tampering (`shuffled`,
            `delayed`), shape (windows,); empty without controls.
        threshold: The model's threshold at the end of validation.
        parameters: Number of fitted parameters.
        epochs: Number of epochs trained.
        seconds: Duration in seconds.
        findings: What was left out or replaced, since the fold's training or validation holds too few events.
    """

    entrant: str
    fold: Fold
    seed: int
    end_rows: np.ndarray
    scores: dict[str, np.ndarray]
    held: dict[str, np.ndarray]
    held_at_rates: dict[tuple[str, float], np.ndarray]
    tampered: dict[str, np.ndarray]
    threshold: float
    parameters: int
    epochs: int
    seconds: float
    findings: tuple[Finding, ...] = ()


class RateResult(BaseModel):
    """Results of a threshold rule at one promised rate of false alarms.

    Attributes:
        rule: The rule; results of earlier releases do not name it.
        promised: False alarms per day promised.
        realised: False alarms per day over all test rows.
        ratio_mean: Mean over folds of realised divided by promised.
        ratio_worst: Largest such ratio of any fold.
        ratios: The ratio of each fold; results of earlier releases have none.
        event_recall: Share of all events caught within `rows_ahead` rows.
        event_recall_20min: The same within the longer horizon.
        ceiling_recall: Share caught by the best fixed threshold of each fold that keeps the rate, chosen on
            the test part itself: an upper bound for any fixed threshold.
        ceiling_recall_20min: The same within the longer horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = "trailing_budget"
    promised: float
    realised: float
    ratio_mean: float
    ratio_worst: float
    ratios: tuple[float, ...] = ()
    event_recall: float
    event_recall_20min: float
    ceiling_recall: float
    ceiling_recall_20min: float


class CurvePoint(BaseModel):
    """One point of the curve of event recall against false alarms, over all folds.

    Attributes:
        false_alarms_per_day: Maximum in each fold.
        event_recall: Share of all events caught within `rows_ahead` rows.
        event_recall_20min: The same within the longer horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarms_per_day: float
    event_recall: float
    event_recall_20min: float


class Standing(BaseModel):
    """Results of one scorer over all folds.

    Attributes:
        mean: Mean over folds of the means over seeds; undefined values are left out.
        pooled: Metrics of all test rows pooled, mean over seeds.
        mean_intervals: Intervals of `mean`; runs of rows are resampled within each fold.
        pooled_intervals: Intervals of `pooled`.
        curve: Event recall against false alarms per day, with the best fixed threshold of each fold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Metrics
    pooled: Metrics
    mean_intervals: dict[str, Interval]
    pooled_intervals: dict[str, Interval]
    curve: tuple[CurvePoint, ...]


class FoldResult(BaseModel):
    """Results of one fold, means over seeds.

    Attributes:
        number: Number of the fold, from 1.
        train_end: Time of the last training row.
        test_start: Time of the first test row.
        test_end: Time of the last test row.
        rows: Number of test windows.
        events: Number of test events.
        threshold: Median threshold in effect on the test part.
        metrics: Metrics of the model.
        intervals: Intervals of the model's metrics.
        others: Metrics of the controls and other entrants.
        other_intervals: Intervals of these metrics.
        false_alarm_ratio: Realised divided by promised false alarms, or None without a promise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    train_end: str
    test_start: str
    test_end: str
    rows: int
    events: int
    threshold: float
    metrics: Metrics
    intervals: dict[str, Interval]
    others: dict[str, Metrics]
    other_intervals: dict[str, dict[str, Interval]]
    false_alarm_ratio: float | None


class LeakCheck(BaseModel):
    """ROC AUC of the model with tampered inputs, which must be lower unless information leaks.

    Attributes:
        roc_auc: Mean ROC AUC with the original inputs.
        shuffled_roc_auc: Mean ROC AUC with the test rows in random order: chance level, unless something
            leaks.
        shuffled_interval: Interval of `shuffled_roc_auc`.
        delayed_roc_auc: Mean ROC AUC with delayed inputs.
        delayed_rows: Delay in rows.
        loss_by_delay: Interval of the loss caused by the delay.
        has_passed: Whether shuffled inputs are not significantly better than chance, and delayed inputs are
            worse than the original ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    roc_auc: float
    shuffled_roc_auc: float
    shuffled_interval: Interval
    delayed_roc_auc: float
    delayed_rows: int
    loss_by_delay: Interval
    has_passed: bool


class Summary(BaseModel):
    """Results over all folds.

    Attributes:
        step_minutes: Usual interval between rows, in minutes.
        rows_ahead: Rows before an event that are positive: the shorter horizon.
        horizon_minutes: The longer horizon, in minutes.
        folds: Results by fold.
        mean: Metrics of the model, mean over folds and seeds.
        pooled: Metrics of the model on all test rows pooled.
        intervals: Intervals of `mean`; those of `pooled` have the prefix `pooled_`.
        controls: Mean metrics of the controls.
        entrants: Full results of the model, the other entrants and the controls.
        published_difference: Interval of the model's mean ROC AUC minus the published model's, on the rows
            that both score.
        better_than_published_folds: Number of folds in which the model's ROC AUC is higher, on these rows.
        promised_false_alarms_per_day: False alarms per day that the threshold rule promises, or None.
        realised_false_alarms_per_day: False alarms per day realised, mean over folds.
        rates: Results at other promised rates.
        lead_minutes: Minutes from the first alarm to the event, for each event and seed caught within the
            longer horizon.
        score_by_rows_before: For 1, 2, ... rows before an event, the mean share of normal test rows
            that score lower.
        leak_check: Results with tampered inputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_minutes: float
    rows_ahead: int
    horizon_minutes: float
    folds: tuple[FoldResult, ...]
    mean: Metrics
    pooled: Metrics
    intervals: dict[str, Interval]
    controls: dict[str, Metrics]
    entrants: dict[str, Standing]
    published_difference: Interval | None
    better_than_published_folds: int | None
    promised_false_alarms_per_day: float | None
    realised_false_alarms_per_day: float | None
    rates: tuple[RateResult, ...]
    lead_minutes: tuple[float, ...]
    score_by_rows_before: tuple[float, ...]
    leak_check: LeakCheck


class BacktestResult(Summary):
    """Result of a backtest, as written by `forewarn backtest --json`: the summary and details of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    run_id: str
    run_name: str
    experiment: str
    tracking_uri: str
    report: str
    code_version: str
    preset: str | None
    family: str
    replay: str
    seeds: int
    settings: dict[str, Any]
    data: DataSummary
    findings: tuple[Finding, ...]
    seconds: dict[str, float]
