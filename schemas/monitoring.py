"""Inputs and results of monitoring the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding, LabelledReadings, SensorReadings

Status = Literal["CONFIRMED", "COOLING_DOWN", "NOT_CONFIRMED", "CANNOT_JUDGE"]
Tested = Literal["tested", "too few rows", "no training rows"]
# what the monitor sends events about, each with a cool-down of its own
EventKind = Literal["drift", "recall"]
RecallReason = Literal["no_better_than_random", "below_test"]
RecallMetric = Literal["event_recall", "event_recall_20min"]


class WatchedVersion(BaseModel):
    """The champion, with facts about its training from its tags.

    Attributes:
        name: Registered model.
        number: Version number.
        last_seen: Time of the last row used for its training or its threshold, ISO 8601; None if its tags do
            not contain it.
        train_end: Time of the last row of its training part, ISO 8601, or None.
        rows_ahead: Rows before an event that are positive.
        train_median_score: Median score of its normal training windows, or None for old versions without the
            tag.
        normal_median_score: The same for its normal validation windows, on which the model was not fitted.
        promised_false_alarms_per_day: False alarms per day that its threshold promises, or None.
        test_end: Time of the last row of its test part, ISO 8601; None for old versions without the tag.
        test_recall: Recall in its own test, by metric; a metric that was undefined or not logged is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    number: str
    last_seen: str | None
    train_end: str | None
    rows_ahead: int
    train_median_score: float | None
    normal_median_score: float | None
    promised_false_alarms_per_day: float | None
    test_end: str | None = None
    test_recall: dict[RecallMetric, float] = {}

    @property
    def uri(self) -> str:
        """URI of exactly this version."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, eq=False)
class WatchedRows:
    """Checked readings with the champion's score of each row.

    Attributes:
        readings: All checked rows, event rows included.
        labelled: The rows without event rows, or with them if the version scores them.
        scores: Score of each row of `labelled`, NaN for rows without one, float64, shape (rows,).
        thresholds: The threshold in effect at each row, shape (rows,).
        start: First row of `labelled` that the champion has not seen.
        labelled_stop: First row of `labelled` without a known label; the number of rows if all labels are
            known.
    """

    readings: SensorReadings
    labelled: LabelledReadings
    scores: np.ndarray
    thresholds: np.ndarray
    start: int
    labelled_stop: int


class MonitorWindow(BaseModel):
    """A stretch of rows that the champion has not seen.

    Attributes:
        number: Number of the window; the oldest is 1.
        first: Time of its first row, ISO 8601.
        last: Time of its last row, ISO 8601.
        rows: Number of rows.
        normal_rows: Rows with a score outside the horizon before every known event.
        unlabelled_rows: Rows whose label is not known yet; they count as normal.
        median_score: Median score of the normal rows; None if there are too few.
        ratio: `median_score` divided by the reference; None if either is missing.
        is_above: Whether `ratio` is above the bound; None without a ratio.
        false_alarms: Alarm episodes that begin in the window, outside every known horizon.
        false_alarms_per_day: The same per 24 hours of rows.
        events: Number of events.
        caught: Events with an alarm within `rows_ahead` rows before them.
        caught_20min: Events with an alarm within the longer horizon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    first: str
    last: str
    rows: int
    normal_rows: int
    unlabelled_rows: int
    median_score: float | None
    ratio: float | None
    is_above: bool | None
    false_alarms: int
    false_alarms_per_day: float
    events: int
    caught: int
    caught_20min: int


class LastEmission(BaseModel):
    """The last event of one kind that was sent for a version.

    Attributes:
        data_end: Time of the newest row when it was sent, ISO 8601.
        run_id: Run of the monitor that sent it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_end: str
    run_id: str


class Verdict(BaseModel):
    """Whether the champion has drifted.

    Attributes:
        status: `CONFIRMED`: drift, an event is due; `COOLING_DOWN`: drift, but an event was sent recently;
            `NOT_CONFIRMED`: no drift; `CANNOT_JUDGE`: not enough data.
        message: The verdict as a sentence.
        above: Number of recent windows above the bound.
        judged: Number of recent windows with a ratio.
        needed: Number of windows that must be above the bound, the newest among them.
        ratio: Ratio of the newest window.
        cool_down_until: Data time until which no further event is sent, ISO 8601, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    message: str
    above: int
    judged: int
    needed: int
    ratio: float | None
    cool_down_until: str | None = None


class RecallCheck(BaseModel):
    """Recall within one horizon, compared with an expectation.

    Attributes:
        metric: `event_recall`: events with an alarm within `rows_ahead` rows before them;
            `event_recall_20min`: within the longer horizon.
        against: `random`: random alarms at the realised false-alarm rate, on all labelled rows that the
            champion has not seen; `test`: the version's own test, on the labelled rows after it.
        events: Number of events.
        caught: How many of them were caught.
        interval: Exact interval of the recall (Clopper and Pearson); None without an event.
        expected: The recall to compare with; None if it is unknown.
        is_met: Whether the expectation is met: the whole interval is above it (`random`), or reaches it
            (`test`). None if it is unknown or there are too few events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: RecallMetric
    against: Literal["random", "test"]
    events: int
    caught: int
    interval: Interval | None
    expected: float | None
    is_met: bool | None


class RecallVerdict(BaseModel):
    """Whether the champion has stopped warning of events.

    Attributes:
        status: `CONFIRMED`: recall is too low, an event is due; `COOLING_DOWN`: too low, but an event was
            sent recently; `NOT_CONFIRMED`: not too low; `CANNOT_JUDGE`: too few events.
        message: The verdict as a sentence.
        reasons: `no_better_than_random`: within neither horizon clearly better than random alarms;
            `below_test`: within a horizon clearly below the recall in the version's own test.
        checks: The comparisons: within each horizon with random alarms, then with the version's own test.
        cool_down_until: Data time until which no further event is sent, ISO 8601, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    message: str
    reasons: tuple[RecallReason, ...] = ()
    checks: tuple[RecallCheck, ...] = ()
    cool_down_until: str | None = None


class FeatureDrift(BaseModel):
    """A sensor whose level has shifted since training.

    Attributes:
        sensor: The sensor.
        p_value: P-value of the rank-sum test on window means, corrected for the number of sensors.
        shift: Difference of the means, in training standard deviations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    p_value: float
    shift: float


class SensorIssue(BaseModel):
    """A sensor that behaves in some windows as it never, or hardly ever, did in training.

    Attributes:
        sensor: The sensor.
        kind: `missing`, `frozen`, `out_of_range` or `step`.
        windows: Numbers of the windows.
        worst: Largest share of a window's rows (`missing`, `out_of_range`), longest time without change in
            hours (`frozen`), or largest step as a multiple of the largest step in training (`step`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    kind: Literal["missing", "frozen", "out_of_range", "step"]
    windows: tuple[int, ...]
    worst: float


class Calibration(BaseModel):
    """Performance of the champion on labelled rows that it has not seen.

    Attributes:
        events: Number of events.
        metrics: Metrics; None where undefined.
        intervals: Intervals of the metrics.
        promised_false_alarms_per_day: False alarms per day that the threshold promises, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: int
    metrics: Metrics
    intervals: dict[str, Interval]
    promised_false_alarms_per_day: float | None


class Review(BaseModel):
    """All findings of the monitor, before any event is sent.

    Attributes:
        rows: Rows of the table.
        data_end: Time of its newest row, ISO 8601.
        judged_from: Time of the first row that the champion has not seen, or None if it has seen all.
        reference: Median score of normal rows that the ratios refer to, or None.
        reference_part: Part that the reference comes from.
        windows: The windows, oldest first.
        calibration: Performance on labelled new rows, or None if there are none.
        feature_drift: Sensors whose level has shifted, clearest first; reported, but never a trigger.
        feature_test: Whether feature drift was tested, and if not, why.
        issues: Sensors that behave unusually.
        findings: Messages for the user.
        verdict: Whether the champion has drifted.
        recall: Whether it has stopped warning of events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    data_end: str
    judged_from: str | None
    reference: float | None
    reference_part: Literal["train", "validation"]
    windows: tuple[MonitorWindow, ...]
    calibration: Calibration | None
    feature_drift: tuple[FeatureDrift, ...]
    feature_test: Tested
    issues: tuple[SensorIssue, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    recall: RecallVerdict


class MonitorResult(BaseModel):
    """Result of `forewarn monitor`.

    Attributes:
        run_id: MLflow run of the monitor.
        run_name: Its name.
        experiment: Its experiment.
        tracking_uri: URI of the tracking server.
        version: The champion.
        data: Path of the readings.
        data_sha256: Hash of the file's bytes.
        review: The findings.
        bound: Ratio above which a window counts towards drift.
        event_id: The event about drift that was sent, or None.
        recall_event_id: The event about recall that was sent, or None.
        seconds: Seconds by stage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    run_name: str
    experiment: str
    tracking_uri: str
    version: WatchedVersion
    data: str
    data_sha256: str
    review: Review
    bound: float
    event_id: str | None
    recall_event_id: str | None
    seconds: dict[str, float]
