"""Scores, thresholds, metrics and their intervals."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

CONTROLS = ("random", "zscore", "pca", "pca_raw")


class Metrics(BaseModel):
    """Metrics of one part, by their names in MLflow; None where undefined.

    Attributes:
        roc_auc: Area under the ROC curve, by row.
        average_precision: Average precision, by row.
        precision: Share of flagged rows that are positive.
        recall: Share of positive rows that are flagged.
        f1: Harmonic mean of precision and recall.
        prevalence: Share of rows that are positive.
        event_recall: Share of events with a flagged row within `rows_ahead` rows before them.
        event_recall_20min: The same within `evaluation.horizon_minutes`.
        false_alarms_per_day: False-alarm episodes per 24 hours of rows present.
        lead_minutes_median: Median lead time: minutes from the first alarm within the longer horizon to the
            event; with `rows_ahead` 0 minus the minutes from the event's start to the first alarm within it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    roc_auc: float | None
    average_precision: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    prevalence: float
    event_recall: float | None
    event_recall_20min: float | None
    false_alarms_per_day: float | None
    lead_minutes_median: float | None


class Interval(BaseModel):
    """Confidence interval of a metric, from a block bootstrap over runs of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float


class Evaluation(BaseModel):
    """Evaluation of one scorer on one part.

    Attributes:
        threshold: The threshold; the median if it was recalibrated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scorer: str
    part: str
    threshold: float
    rows: int
    events: int
    metrics: Metrics
    intervals: dict[str, Interval]


class RecentScores(BaseModel):
    """The most recent scores, in time order, from which a trailing threshold is computed.

    Attributes:
        times: Time of each scored row, nanoseconds since 1970.
        runs: Number of its run of rows; only equality matters.
        scores: Its score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


class TrailingBudget(BaseModel):
    """How a threshold is recalibrated from the scores of the last days.

    Attributes:
        false_alarms_per_day: Most false alarms per day that the threshold would have raised on these scores.
        rows: Number of past scored rows used.
        recalibrate_minutes: Minutes between recalibrations, counted from midnight.
        repeat_alarm_minutes: Minutes after which a continuing false alarm is counted again.
        step_minutes: Usual interval between rows, in minutes.
        recent: The last scores before the first row to score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarms_per_day: float
    rows: int
    recalibrate_minutes: float
    repeat_alarm_minutes: float
    step_minutes: float
    recent: RecentScores = RecentScores()


class Threshold(BaseModel):
    """The alarm threshold: an alarm is `score >= threshold`.

    Attributes:
        value: The threshold; with `trailing_budget`, the one used until there are enough scores.
        rule: The rule that chose it.
        trailing: How it is recalibrated over time, or None for a fixed threshold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    rule: str
    trailing: TrailingBudget | None = None


@dataclass(frozen=True, eq=False)
class PartScores:
    """Scores of the windows of one part.

    Attributes:
        part: Name of the part.
        times: Time of each window's last row, `datetime64[ns]`, shape (windows,).
        labels: Whether the last row is positive, bool, shape (windows,).
        scores: Score of each window, float64, shape (windows,); higher is more alarming.
        thresholds: The threshold in effect at each window, shape (windows,).
        runs: Run of rows of each window, int64, shape (windows,).
    """

    part: str
    times: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    thresholds: np.ndarray
    runs: np.ndarray

    @property
    def has_both_classes(self) -> bool:
        """Whether there are both positive and normal windows."""
        return bool(self.labels.any()) and not bool(self.labels.all())


@dataclass(frozen=True, eq=False)
class History:
    """Losses of a training, by epoch.

    Attributes:
        loss: Mean squared error on training windows, shape (epochs,).
        validation_loss: The same on validation windows, shape (epochs,).
        best_epoch: Index of the epoch whose weights were kept.
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    best_epoch: int

    @property
    def best_loss(self) -> float:
        """Validation loss of the epoch whose weights were kept."""
        return float(self.validation_loss[self.best_epoch])

    def to_json(self) -> str:
        """Serialise the losses as JSON; `from_json` restores exactly the same numbers."""
        return json.dumps(
            {
                "loss": self.loss.tolist(),
                "validation_loss": self.validation_loss.tolist(),
                "best_epoch": self.best_epoch,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> History:
        """Restore the losses from the output of `to_json`."""
        content = json.loads(text)
        return cls(
            np.asarray(content["loss"]), np.asarray(content["validation_loss"]), int(content["best_epoch"])
        )


@dataclass(frozen=True, eq=False)
class ChampionScores:
    """The champion's scores of the readings.

    Attributes:
        version: Version number of the champion.
        scores: Score of each raw row, NaN for rows without one, float64, shape (raw rows,).
        thresholds: The threshold in effect at each raw row, shape (raw rows,).
        last_seen: Time of the last row used for its training or its threshold, or None if its tags do not
            contain it.
        problem: Why there are no scores, or None.
    """

    version: str
    scores: np.ndarray
    thresholds: np.ndarray
    last_seen: np.datetime64 | None
    problem: str | None
