"""Score raw readings with a detector: the same steps as in training, in the same order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.readings import RawTable
from tasks.check import check_readings
from tasks.label import label_ahead
from tasks.scale import scale_rows
from tasks.score import Scorer
from tasks.window import find_end_rows

# sensors named beside an alarm
TOP_SENSORS = 3


def detect_events(detector: Detector, scorer: Scorer, table: pd.DataFrame) -> pd.DataFrame:
    """Score raw readings, row by row.

    Where the table has the label column, a known event ends a run of rows, as in training; without
    it only time gaps do. Rows with too little history in their run, and event rows that training
    left out, have no score and raise no alarm.

    Args:
        detector: Scaler, threshold and settings of a version.
        scorer: Its network, made by `make_scorer`.
        table: Raw readings in time order; more columns than needed do no harm.

    Returns:
        One row for each row of `table`, with its index: `time`, `score` (float64, NaN without
        enough history), `threshold`, `alarm` (`score >= threshold`) and `top_sensors` (for alarms,
        the sensors with the largest share of the score, as `x5=0.41 x15=0.20 x3=0.08`).

    Raises:
        InputError: If the table lacks a sensor or fails its schema.
    """
    raw = RawTable(table=table, source="rows", sha256="")
    readings = check_readings(
        raw, detector.readings, are_labels_needed=False, sensors=detector.scaler.sensors
    )
    labelled = label_ahead(readings, 1, are_event_rows_kept=detector.are_event_rows_kept)
    end_rows = find_end_rows(labelled.runs, detector.lookback, detector.convention)
    errors = scorer(scale_rows(detector.scaler, labelled.values, labelled.runs), end_rows)
    scores = np.full(len(table), np.nan)
    scored_rows = labelled.source_rows[end_rows]
    scores[scored_rows] = errors.mean(axis=1, dtype=np.float64)
    is_alarm = scores >= detector.threshold.value
    top_sensors = np.full(len(table), "", dtype=object)
    is_chosen = is_alarm[scored_rows]
    top_sensors[scored_rows[is_chosen]] = name_top_sensors(errors[is_chosen], detector.scaler.sensors)
    return pd.DataFrame(
        {
            "time": readings.times,
            "score": scores,
            "threshold": detector.threshold.value,
            "alarm": is_alarm,
            "top_sensors": top_sensors,
        },
        index=table.index,
    )


def name_top_sensors(errors: np.ndarray, sensors: tuple[str, ...]) -> list[str]:
    """Name the sensors with the largest share of each window's error.

    Args:
        errors: Squared errors, at least 0, shape (windows, sensors).
        sensors: Names of the columns.

    Returns:
        One text for each window, such as `x5=0.41 x15=0.20 x3=0.08`.
    """
    shares = errors / np.maximum(errors.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :TOP_SENSORS]
    return [
        " ".join(f"{sensors[column]}={share[column]:.2f}" for column in columns)
        for share, columns in zip(shares, order, strict=True)
    ]
