"""What is known of scores and alarms once they have been judged."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

CONTROLS = ("random", "zscore", "pca")


class Metrics(BaseModel):
    """The figures of one part, by the names that MLflow shows; none where undefined.

    Attributes:
        roc_auc: Area under the ROC curve of the rows.
        average_precision: Area under the precision-recall steps of the rows.
        precision: Share of flagged rows that are positive.
        recall: Share of positive rows that are flagged.
        f1: Harmonic mean of precision and recall.
        prevalence: Share of rows that are positive.
        event_recall: Share of events with a flagged row within `rows_ahead` rows before them.
        event_recall_20min: The same within the evaluation's horizon in minutes.
        false_alarms_per_day: False-alarm episodes in 24 hours of rows present.
        lead_minutes_median: Median minutes from the first alarm within the longer horizon to the event.
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
    """Bounds of a figure from a block bootstrap over runs of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float


class Evaluation(BaseModel):
    """One scorer judged on one part.

    Attributes:
        threshold: Where its alarms began; the median, where the threshold moved.
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
    """The last scores, in time order: what a trailing threshold is made of.

    Attributes:
        times: Time of each scored row, nanoseconds since 1970.
        runs: Number of its run of rows; only equality counts.
        scores: Its score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


class TrailingBudget(BaseModel):
    """How a threshold is recalibrated from the scores of the last days.

    Attributes:
        false_alarms_per_day: What the past days would have had at the threshold, at most.
        rows: Scored rows that are looked back on.
        recalibrate_minutes: Minutes, counted from midnight, for which a threshold is kept.
        repeat_alarm_minutes: A lasting false alarm is counted again after so many minutes.
        step_minutes: Usual minutes between two rows.
        recent: The last scores before the first row that is scored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarms_per_day: float
    rows: int
    recalibrate_minutes: float
    repeat_alarm_minutes: float
    step_minutes: float
    recent: RecentScores = RecentScores()


class Threshold(BaseModel):
    """Where alarms begin: an alarm is `score >= threshold`.

    Attributes:
        value: The threshold, and of `trailing_budget` the one that holds until enough scores are known.
        rule: The rule that chose it.
        trailing: How it moves as time goes on, or none where it stays.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    rule: str
    trailing: TrailingBudget | None = None


@dataclass(frozen=True, eq=False)
class PartScores:
    """Scores of one part, window by window.

    Attributes:
        part: Name of the part.
        times: Time of each window's last row, `datetime64[ns]`, shape (windows,).
        labels: Whether the last row is positive, bool, shape (windows,).
        scores: Score of each window, float64, shape (windows,); higher is more alarming.
        thresholds: The threshold that holds at each window, shape (windows,).
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
        """Whether there are positive and normal windows."""
        return bool(self.labels.any()) and not bool(self.labels.all())


@dataclass(frozen=True, eq=False)
class History:
    """Losses of a training, epoch by epoch.

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
        """Write the losses so that `from_json` reads the same numbers."""
        return json.dumps(
            {
                "loss": self.loss.tolist(),
                "validation_loss": self.validation_loss.tolist(),
                "best_epoch": self.best_epoch,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> History:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return cls(
            np.asarray(content["loss"]), np.asarray(content["validation_loss"]), int(content["best_epoch"])
        )


@dataclass(frozen=True, eq=False)
class ChampionScores:
    """What the champion says of the readings.

    Attributes:
        version: Its version.
        scores: Score of each raw row, NaN where it has none, float64, shape (raw rows,).
        thresholds: The threshold that holds at each raw row, shape (raw rows,).
        last_seen: Time of the last row that its training or its threshold has seen, or none where
            its tags do not say.
        problem: Why it has no scores, or none.
    """

    version: str
    scores: np.ndarray
    thresholds: np.ndarray
    last_seen: np.datetime64 | None
    problem: str | None
