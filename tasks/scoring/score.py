"""Score raw readings with a detector: the same steps as in training, in the same order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.evaluation import Threshold
from schemas.explanation import PreparedRows
from schemas.model import FittedModel
from schemas.readings import LabelledReadings, RawTable
from schemas.tables import MISSING_SENSORS, NAMES_JOIN
from tasks.alarms.explain import explain_alarms, name_top_sensors, write_drivers
from tasks.alarms.recalibrate import follow_scores
from tasks.features.featurise import compute_features
from tasks.features.neutralise import find_touched_sensors, neutralise_features
from tasks.features.scale import scale_rows
from tasks.labels.labels import mark_known_events
from tasks.readings.check import check_readings
from tasks.times.time_columns import join_time_columns
from tasks.windows.label import label_ahead
from tasks.windows.window import find_end_rows


def score_readings(detector: Detector, model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Score raw readings, row by row.

    If the table has the label column, a known event ends a run of rows, as in training; without it only
    time gaps do. Rows with too little history in their run, event rows that training left out, and rows in
    which more sensors than allowed have no value (`readings.missing_values=no_score`) have no score and raise
    no alarm.

    Args:
        detector: Features, scaler, threshold and settings of a version.
        model: Model of the version.
        table: Raw readings in time order; further columns are ignored.

    Returns:
        One row for each row of `table`, with the same index: `time`, `score` (float64, NaN without
        enough history), `threshold`, `alarm` (`score >= threshold`), `top_sensors` (for alarms,
        the sensors with the largest shares of the score, as `x5=0.41 x15=0.20 x3=0.08`; the process
        context counts as one sensor, `context`) and `drivers` (for alarms, the same sensors as a JSON
        list of `schemas.explanation.Driver`), both "" without an alarm; and `missing_sensors`: the sensors
        that do not count in the row since they have no value, or had none in the rows that its features
        look back on, as `x5, x15`.

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
    times, prepared = compute_rows(detector, table)
    return times, prepared.labelled, prepared.scaled


def compute_rows(detector: Detector, table: pd.DataFrame) -> tuple[np.ndarray, PreparedRows]:
    """Prepare rows as `prepare_rows` does, and keep the unscaled features too.

    Returns:
        The time of every row, `datetime64[ns]`, shape (rows,), and the kept rows.

    Raises:
        InputError: If the table lacks a column or fails its schema.
    """
    joined = join_time_columns(table, detector.readings)
    marked = mark_known_events(joined, detector.readings.label_column, detector.positive_values)
    readings = check_readings(
        RawTable(table=marked, source="rows", sha256=""),
        detector.readings,
        are_labels_needed=False,
        are_event_rows_kept=detector.are_event_rows_kept,
        sensors=detector.sensors,
        categories=detector.categories,
    )
    labelled = label_ahead(readings, 1, are_event_rows_kept=detector.are_event_rows_kept)
    return readings.times, prepare_features(detector, labelled)


def prepare_features(detector: Detector, labelled: LabelledReadings) -> PreparedRows:
    """Compute and scale the features of rows; the features that would need a missing value are neutral."""
    is_missing = np.isnan(labelled.values)
    if not is_missing.any():
        features = compute_features(labelled, detector.features)
        return PreparedRows(labelled, features, scale_rows(detector.scaler, features.values))
    # any number will do: the features that depend on it are neutral
    known = replace(labelled, values=np.where(is_missing, 0.0, labelled.values))
    features = compute_features(known, detector.features)
    is_neutral = find_touched_sensors(is_missing, labelled.runs, detector.features)
    scaled = neutralise_features(
        scale_rows(detector.scaler, features.values), features.columns, labelled.sensors, is_neutral
    )
    return PreparedRows(labelled, features, scaled, is_neutral)


def score_later_rows(
    detector: Detector, model: FittedModel, table: pd.DataFrame, first: int, threshold: Threshold
) -> tuple[pd.DataFrame, LabelledReadings]:
    """Score the rows of a table from `first` on; the rows before serve only as history.

    Args:
        detector: Features, scaler and settings of a version.
        model: Model of the version.
        table: Raw readings in time order.
        first: Position of the first row to score.
        threshold: The threshold that applies before this row, with its recent scores.

    Returns:
        The scored rows, as `score_readings` describes them, and all rows in runs.

    Raises:
        InputError: If the table lacks a column or fails its schema.
    """
    times, prepared = compute_rows(detector, table)
    labelled = prepared.labelled
    end_rows = find_end_rows(labelled.runs, detector.window_rows, detector.convention)
    end_rows = end_rows[labelled.source_rows[end_rows] >= first]
    places = labelled.source_rows[end_rows] - first
    rows = len(table) - first
    scores, thresholds = np.full(rows, np.nan), np.full(rows, threshold.value)
    scores[places] = model.score(prepared.scaled, end_rows)
    thresholds[places] = follow_scores(
        threshold, labelled.times[end_rows], labelled.runs[end_rows], scores[places]
    )
    is_alarm = scores >= thresholds
    top_sensors, texts = np.full(rows, "", dtype=object), np.full(rows, "", dtype=object)
    missing_sensors = name_missing_sensors(prepared, rows, first)
    is_chosen = is_alarm[places]
    drivers = explain_alarms(detector, model, prepared, end_rows[is_chosen])
    top_sensors[places[is_chosen]] = [name_top_sensors(of_alarm) for of_alarm in drivers]
    texts[places[is_chosen]] = [write_drivers(of_alarm) for of_alarm in drivers]
    scored = pd.DataFrame(
        {
            "time": times[first:],
            "score": scores,
            "threshold": thresholds,
            "alarm": is_alarm,
            "top_sensors": top_sensors,
            "drivers": texts,
            MISSING_SENSORS: missing_sensors,
        },
        index=table.index[first:],
    )
    return scored, labelled


def name_missing_sensors(prepared: PreparedRows, rows: int, first: int) -> np.ndarray:
    """Name the neutral sensors of each row from `first` on, as text, shape (rows,); "" if there is none."""
    named = np.full(rows, "", dtype=object)
    if prepared.is_neutral is None:
        return named
    places = prepared.labelled.source_rows - first
    for row in np.flatnonzero(prepared.is_neutral.any(axis=1) & (places >= 0)):
        neutral = np.flatnonzero(prepared.is_neutral[row])
        named[places[row]] = NAMES_JOIN.join(prepared.labelled.sensors[place] for place in neutral)
    return named
