"""What the monitor knows of a champion, what it looks at, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding, LabelledReadings, SensorReadings

Status = Literal["CONFIRMED", "COOLING_DOWN", "NOT_CONFIRMED", "CANNOT_JUDGE"]
Tested = Literal["tested", "too few rows", "no training rows"]


class WatchedVersion(BaseModel):
    """The champion, and what its tags say of its training.

    Attributes:
        name: Registered model.
        number: Its version.
        last_seen: Time of the last row that its training or its threshold has seen, ISO 8601; none where its
            tags do not say.
        train_end: Time of the last row of its training part, ISO 8601, or none.
        rows_ahead: Rows before an event that are positive.
        train_median_score: Median score of its normal training windows, or none for versions made before this
            was kept.
        normal_median_score: The same of its normal validation windows, which the fit has not seen.
        promised_false_alarms_per_day: What its threshold promises, or none.
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

    @property
    def uri(self) -> str:
        """Address that always means this version."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, eq=False)
class WatchedRows:
    """Checked readings with what the champion says of each row.

    Attributes:
        readings: All checked rows, event rows included.
        labelled: The rows without events, or with them where the version scores them.
        scores: Score of each row of `labelled`, NaN where it has none, float64, shape (rows,).
        thresholds: The threshold that holds at each row, shape (rows,).
        start: First row of `labelled` that the champion has not seen.
        labelled_stop: First row of `labelled` from which on no label is known yet; all rows otherwise.
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
        number: From 1 for the oldest.
        first: Time of its first row, ISO 8601.
        last: Time of its last row.
        rows: Rows in it.
        normal_rows: Rows with a score that do not lie in the horizon before a known event.
        unlabelled_rows: Rows whose label is not known yet; they count as normal.
        median_score: Median score of the normal rows; none where they are too few.
        ratio: `median_score` by the reference value; none where either is missing.
        is_above: Whether `ratio` is above the bound; none where there is no ratio.
        false_alarms: Episodes of alarms outside every known horizon that begin in it.
        false_alarms_per_day: The same in 24 hours of rows.
        events: Events in it.
        caught: Those with an alarm within `rows_ahead` rows before them.
        caught_20min: Those with an alarm within the longer horizon.
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
    """The last drift event about a version.

    Attributes:
        data_end: Time of the newest row then, ISO 8601.
        run_id: The monitor's run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_end: str
    run_id: str


class Verdict(BaseModel):
    """Whether the champion has drifted.

    Attributes:
        status: `CONFIRMED` calls for the event; `COOLING_DOWN` would, had it not been sent a short while ago;
            `NOT_CONFIRMED`; `CANNOT_JUDGE`.
        message: The same in words.
        above: Windows above the bound among the last ones.
        judged: Windows among the last ones that have a ratio.
        needed: Windows that must be above, the newest among them.
        ratio: Ratio of the newest window.
        cool_down_until: Time of the data until which no further event is sent, ISO 8601, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    message: str
    above: int
    judged: int
    needed: int
    ratio: float | None
    cool_down_until: str | None = None


class FeatureDrift(BaseModel):
    """A sensor whose level has moved since training.

    Attributes:
        sensor: The sensor.
        p_value: Of the rank-sum test on window means, corrected for the number of sensors.
        shift: Difference of the means, in training deviations of a row.
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
        worst: Largest share of a window's rows (`missing`, `out_of_range`), longest stand-still in hours
            (`frozen`), or largest step in largest steps of training (`step`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    kind: Literal["missing", "frozen", "out_of_range", "step"]
    windows: tuple[int, ...]
    worst: float


class Calibration(BaseModel):
    """What the champion's alarms came to on labelled rows that it has not seen.

    Attributes:
        events: Events.
        metrics: By the contract's names; none where undefined.
        intervals: Their bounds.
        promised_false_alarms_per_day: What the threshold promised, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: int
    metrics: Metrics
    intervals: dict[str, Interval]
    promised_false_alarms_per_day: float | None


class Review(BaseModel):
    """Everything that was found, before anything is sent.

    Attributes:
        rows: Rows of the table.
        data_end: Time of its newest row, ISO 8601.
        judged_from: Time of the first row that counts, or none where the champion has seen all.
        reference: Median score of normal rows that the ratios refer to, or none.
        reference_part: Part whose normal windows it comes from.
        windows: The oldest first.
        calibration: None where no labelled row is new.
        feature_drift: Sensors whose level has moved, the clearest first: a finding, never a trigger.
        feature_test: Whether that was tested, and why not.
        issues: Sensors that behave unusually.
        findings: All that is worth a sentence.
        verdict: Whether the champion has drifted.
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


class MonitorResult(BaseModel):
    """Result of `forewarn monitor`.

    Attributes:
        run_id: MLflow run in the experiment of the monitor.
        run_name: Its name.
        experiment: The experiment.
        tracking_uri: The tracking store.
        version: The champion.
        data: The table.
        data_sha256: Hash of its file.
        review: What was found.
        bound: Ratio above which a window counts.
        event_id: The event that was sent, or none.
        seconds: By stage.
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
    seconds: dict[str, float]
