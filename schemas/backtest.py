"""A rolling-origin evaluation: its folds, what each gives, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.configuration import Configuration
from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding
from schemas.results import DataSummary

# entrants of a backtest: the configuration that is judged, and the published network beside it
MODEL, PUBLISHED = "model", "published"


class Fold(BaseModel):
    """Where a fold trains and tests: stretches of kept rows, each from its start to before its stop.

    Attributes:
        number: From 1 on, in time order.
        validation_start: Training rows come before it.
        test_start: Validation rows come before it.
        test_stop: Test rows come before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    validation_start: int
    test_start: int
    test_stop: int


@dataclass(frozen=True)
class FoldOrder:
    """One fold to go through: everything that decides its result, small enough to send anywhere.

    Attributes:
        entrant: Who is judged, such as `model` or `published`.
        path: The table of readings.
        settings: Its configuration, with the seed of this fold in `training.seed`.
        fold: Number of the fold, from 1 on.
        has_controls: Whether the controls and the leak check are computed too.
    """

    entrant: str
    path: Path
    settings: Configuration
    fold: int
    has_controls: bool

    @property
    def seed(self) -> int:
        """Seed of the fold's training."""
        return self.settings.training.seed


@dataclass(frozen=True, eq=False)
class FoldScores:
    """What a fold gives for one entrant and seed.

    Attributes:
        entrant: Who is judged.
        fold: The fold.
        seed: Seed of the training.
        end_rows: Last rows of the test windows, positions among the kept rows, shape (windows,).
        scores: By scorer (`model` and, where asked for, the controls), shape (windows,).
        held: By scorer, the threshold that held at each window, shape (windows,).
        held_at_rates: Of the model, by promised false alarms a day: the trailing threshold that held
            at each window, shape (windows,); empty without controls.
        tampered: Of the model, by `shuffled` and `delayed`: scores of test windows whose inputs were
            tampered with, shape (windows,); empty without controls.
        threshold: The model's threshold that validation ended with.
        parameters: Numbers that were fitted.
        epochs: Epochs that were trained.
        seconds: Seconds that it took.
    """

    entrant: str
    fold: Fold
    seed: int
    end_rows: np.ndarray
    scores: dict[str, np.ndarray]
    held: dict[str, np.ndarray]
    held_at_rates: dict[float, np.ndarray]
    tampered: dict[str, np.ndarray]
    threshold: float
    parameters: int
    epochs: int
    seconds: float


class RateResult(BaseModel):
    """What comes of promising so many false alarms a day with the trailing budget.

    Attributes:
        promised: False alarms a day that were promised.
        realised: False alarms a day over all test rows.
        ratio_mean: Mean over folds of realised over promised.
        ratio_worst: The largest of the folds.
        event_recall: Share of all events caught within `rows_ahead` rows at these alarms.
        event_recall_20min: The same within the longer horizon.
        ceiling_recall: Share caught by the best fixed threshold of each fold that keeps the rate,
            looked up on the test itself: what no threshold that stays can beat.
        ceiling_recall_20min: The same within the longer horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    promised: float
    realised: float
    ratio_mean: float
    ratio_worst: float
    event_recall: float
    event_recall_20min: float
    ceiling_recall: float
    ceiling_recall_20min: float


class CurvePoint(BaseModel):
    """One point of recall against false alarms, over all folds.

    Attributes:
        false_alarms_per_day: At most so many in each fold.
        event_recall: Share of all events caught within `rows_ahead` rows.
        event_recall_20min: The same within the longer horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarms_per_day: float
    event_recall: float
    event_recall_20min: float


class Standing(BaseModel):
    """How one scorer stands over all folds.

    Attributes:
        mean: Mean over folds of the means over seeds; where a figure is undefined, it is left out.
        pooled: All test rows as one, mean over seeds.
        mean_intervals: Bounds of `mean`, runs of rows resampled within each fold.
        pooled_intervals: Bounds of `pooled`.
        curve: Recall against false alarms a day, by the best fixed threshold of each fold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Metrics
    pooled: Metrics
    mean_intervals: dict[str, Interval]
    pooled_intervals: dict[str, Interval]
    curve: tuple[CurvePoint, ...]


class FoldResult(BaseModel):
    """One fold, means over seeds.

    Attributes:
        number: From 1 on.
        train_end: Time of the last training row.
        test_start: Time of the first test row.
        test_end: Time of the last test row.
        rows: Test windows.
        events: Test events.
        threshold: The median threshold that held in the test.
        metrics: The model's.
        intervals: Their bounds.
        others: The metrics of controls and other entrants.
        other_intervals: Their bounds.
        false_alarm_ratio: Realised over promised false alarms, or none without a promise.
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
    """What is left of the model's ROC area when its inputs are tampered with: it must lose.

    Attributes:
        roc_auc: Mean area with the inputs as they are.
        shuffled_roc_auc: Mean area with test rows in random order: chance, unless something leaks.
        shuffled_interval: Its interval.
        delayed_roc_auc: Mean area with inputs that come late.
        delayed_rows: By so many rows.
        loss_by_delay: Interval of what the delay costs.
        has_passed: Whether shuffled inputs are not surely better than chance, and late ones are worse than
            timely ones.
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
    """What the folds say together.

    Attributes:
        step_minutes: Usual minutes between two rows.
        rows_ahead: Rows before an event that are positive: the shorter horizon.
        horizon_minutes: The longer horizon.
        folds: One by one.
        mean: Of the model: mean over folds and seeds.
        pooled: All test rows as one.
        intervals: Bounds of `mean`; those of `pooled` by the prefix `pooled_`.
        controls: Means of the controls.
        entrants: Model, other entrants and controls in full.
        published_difference: Interval of the model's mean ROC area minus the published model's, on the rows
            that both score.
        better_than_published_folds: Folds in which the model's ROC area is larger, on these rows.
        promised_false_alarms_per_day: What the threshold's rule promises, or none.
        realised_false_alarms_per_day: What came, mean over folds.
        rates: What comes of other promises.
        lead_minutes: For each event and seed that was caught within the longer horizon, the minutes
            from the first alarm to the event.
        score_by_rows_before: For 1, 2, ... rows before an event, the mean share of normal test rows
            that score lower.
        leak_check: What is left when inputs are tampered with.
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
    """What `forewarn backtest --json` writes: the summary, and how the run came about."""

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
