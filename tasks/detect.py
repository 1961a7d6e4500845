"""Score raw readings with a detector: the same steps as in training, in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.evaluation import Threshold
from schemas.features import Column
from schemas.model import FittedModel
from schemas.readings import LabelledReadings, RawTable
from tasks.check import check_readings
from tasks.featurise import compute_features
from tasks.label import label_ahead
from tasks.recalibrate import follow_scores
from tasks.scale import scale_rows
from tasks.window import find_end_rows

# sensors named beside an alarm
TOP_SENSORS = 3
# what process context is called among them
CONTEXT = "context"


def detect_events(detector: Detector, model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Score raw readings, row by row.

    Where the table has the label column, a known event ends a run of rows, as in training; without
    it only time gaps do. Rows with too little history in their run, and event rows that training
    left out, have no score and raise no alarm.

    Args:
        detector: Features, scaler, threshold and settings of a version.
        model: Its model.
        table: Raw readings in time order; more columns than needed do no harm.

    Returns:
        One row for each row of `table`, with its index: `time`, `score` (float64, NaN without
        enough history), `threshold`, `alarm` (`score >= threshold`) and `top_sensors` (for alarms,
        the sensors with the largest share of the score, as `x5=0.41 x15=0.20 x3=0.08`; what the
        process has been through counts as one, `context`).

    Raises:
        InputError: If the table lacks a column or fails its schema.
    """
    scored, _ = score_later_rows(detector, model, table, 0, detector.threshold)
    return scored


def prepare_rows(detector: Detector, table: pd.DataFrame) -> tuple[np.ndarray, LabelledReadings, np.ndarray]:
    """Check raw readings, cut them into runs, and compute their scaled features.

    Args:
        detector: Features, scaler and settings of a version.
        table: Raw readings in time order.

    Returns:
        The time of every row, `datetime64[ns]`, shape (rows,); the kept rows in runs; and their scaled
        features, float32, shape (kept rows, columns).

    Raises:
        InputError: If the table lacks a column or fails its schema.
    """
    readings = check_readings(
        RawTable(table=table, source="rows", sha256=""),
        detector.readings,
        are_labels_needed=False,
        sensors=detector.sensors,
        categories=detector.categories,
    )
    labelled = label_ahead(readings, 1, are_event_rows_kept=detector.are_event_rows_kept)
    features = compute_features(labelled, detector.features)
    return readings.times, labelled, scale_rows(detector.scaler, features.values)


def score_later_rows(
    detector: Detector, model: FittedModel, table: pd.DataFrame, first: int, threshold: Threshold
) -> tuple[pd.DataFrame, LabelledReadings]:
    """Score the rows of a table from one on; the rows before it are history alone.

    Args:
        detector: Features, scaler and settings of a version.
        model: Its model.
        table: Raw readings in time order.
        first: Position of the first row to score.
        threshold: The threshold that holds before this row, with the scores that it follows.

    Returns:
        The scored rows, as `detect_events` describes them, and all rows in runs.

    Raises:
        InputError: If the table lacks a column or fails its schema.
    """
    times, labelled, scaled = prepare_rows(detector, table)
    end_rows = find_end_rows(labelled.runs, detector.window_rows, detector.convention)
    end_rows = end_rows[labelled.source_rows[end_rows] >= first]
    places = labelled.source_rows[end_rows] - first
    rows = len(table) - first
    scores, thresholds = np.full(rows, np.nan), np.full(rows, threshold.value)
    scores[places] = model.score(scaled, end_rows)
    thresholds[places] = follow_scores(
        threshold, labelled.times[end_rows], labelled.runs[end_rows], scores[places]
    )
    is_alarm = scores >= thresholds
    top_sensors = np.full(rows, "", dtype=object)
    is_chosen = is_alarm[places]
    shares = model.explain(scaled, end_rows[is_chosen])
    top_sensors[places[is_chosen]] = name_top_sensors(shares, detector.scaler.columns)
    scored = pd.DataFrame(
        {
            "time": times[first:],
            "score": scores,
            "threshold": thresholds,
            "alarm": is_alarm,
            "top_sensors": top_sensors,
        },
        index=table.index[first:],
    )
    return scored, labelled


def name_top_sensors(shares: np.ndarray, columns: Sequence[Column]) -> list[str]:
    """Name the sensors with the largest share of each window's score.

    Args:
        shares: What each column adds to a score, at least 0, shape (windows, columns).
        columns: What each column is.

    Returns:
        One text for each window, such as `x5=0.41 x15=0.20 x3=0.08`.
    """
    names = list(dict.fromkeys(column.sensor or CONTEXT for column in columns))
    is_owner = np.asarray([[name == (column.sensor or CONTEXT) for name in names] for column in columns])
    by_sensor = shares.astype(np.float64) @ is_owner
    by_sensor /= np.maximum(by_sensor.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order = np.argsort(-by_sensor, axis=1, kind="stable")[:, :TOP_SENSORS]
    return [
        " ".join(f"{names[place]}={share[place]:.2f}" for place in places)
        for share, places in zip(by_sensor, order, strict=True)
    ]
