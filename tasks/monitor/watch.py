"""Find the champion, and score every row of a table with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from schemas.monitoring import WatchedRows, WatchedVersion
from schemas.readings import Finding, RawTable, SensorReadings
from schemas.windows import Part
from tasks.labels.events import merge_events
from tasks.labels.late_labels import find_labelled_stop
from tasks.readings.check import check_readings
from tasks.registry.rescore import keep_later
from tasks.registry.versions import find_champion, find_run_metrics
from tasks.scoring.score import score_readings
from tasks.times.sampling import refuse_other_interval
from tasks.times.time_zones import mark_as_utc
from tasks.values.incomplete import report_dead_sensors, report_incomplete_rows
from tasks.windows.label import label_ahead

if TYPE_CHECKING:
    from mlflow import MlflowClient


def find_watched_version(client: MlflowClient, model_name: str) -> WatchedVersion:
    """Find the champion, with what its tags record about its training.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Raises:
        InputError: If there is no champion.
    """
    champion = find_champion(client, model_name)
    if champion is None:
        raise InputError(
            f"`forewarn monitor` needs a champion of {model_name!r}. There is none. `forewarn retrain` "
            "registers a version and promotes it if it is good enough; `forewarn promote` promotes a version "
            "manually."
        )
    tags = champion.tags
    seen = [tags[name] for name in ("train_end", "threshold_end") if tags.get(name)]
    promises = find_run_metrics(client, champion.run_id or "", "promised_") if champion.run_id else {}
    return WatchedVersion(
        name=model_name,
        number=str(champion.version),
        last_seen=max(seen, key=np.datetime64, default=None),
        train_end=tags.get("train_end"),
        rows_ahead=int(tags.get("rows_ahead", 1)),
        train_median_score=_read_number(tags.get("train_median_score")),
        normal_median_score=_read_number(tags.get("normal_median_score")),
        promised_false_alarms_per_day=promises.get("false_alarms_per_day"),
    )


def check_watched_table(
    raw: RawTable, section: ReadingsSection, detector: Detector, last_seen: str | None = None
) -> tuple[SensorReadings, int]:
    """Check a table whose newest rows may have no label yet.

    Args:
        raw: The table as received.
        section: How it is read.
        detector: The version's detector, which names the columns that it needs.
        last_seen: Time of the last row that the version has seen; the rows after it must come at the interval
            of its training.

    Returns:
        The checked readings of all rows, and the first row from which on no label is known: the number of
        rows if all labels are known, and 0 if none is.

    Raises:
        InputError: If the table fails its schema, or its new rows come at another interval.
    """
    readings = check_readings(
        raw,
        section,
        are_labels_needed=False,
        are_event_rows_kept=detector.are_event_rows_kept,
        sensors=detector.sensors,
        categories=detector.categories,
    )
    times = readings.times
    new = times if last_seen is None else times[times > np.datetime64(last_seen)]
    refuse_other_interval(new, detector.interval_minutes, raw.source)
    return merge_events(readings, detector.merge_minutes), _find_known_stop(raw, section)


def _find_known_stop(raw: RawTable, section: ReadingsSection) -> int:
    """Return the position after the last row with a label; 0 for a table without labels."""
    name = section.label_column
    if name is None or name not in raw.table.columns or raw.table[name].isna().all():
        return 0
    return find_labelled_stop(raw, section)


def score_watched_rows(
    version: WatchedVersion,
    detector: Detector,
    model: FittedModel,
    raw: RawTable,
    readings: SensorReadings,
    labelled_stop: int,
) -> WatchedRows:
    """Score every row with the champion, and find the rows that it has not seen.

    Args:
        version: The champion.
        detector: Its features, scaler and threshold, with the settings by which the table was checked.
        model: Its model.
        raw: The table as received.
        readings: The same rows, checked.
        labelled_stop: First of these rows from which on no label is known.

    Returns:
        The rows with scores and thresholds; see `keep_later` for the rows that count as seen.
    """
    labelled = label_ahead(readings, version.rows_ahead, are_event_rows_kept=detector.are_event_rows_kept)
    table = lay_out_table(raw, readings, detector)
    scored = score_readings(_take_as_filled(detector), model, table)
    rows = labelled.source_rows
    everything = np.arange(len(rows))
    whole = Part("recent", everything, everything, labelled.labels, 0, len(rows), is_scattered=False)
    return WatchedRows(
        readings=readings,
        labelled=labelled,
        scores=scored["score"].to_numpy()[rows],
        thresholds=scored["threshold"].to_numpy()[rows],
        # without the tag the version may have seen every row
        start=len(rows)
        if version.last_seen is None
        else keep_later(whole, labelled, np.datetime64(version.last_seen)).start,
        labelled_stop=int(np.searchsorted(rows, labelled_stop)),
    )


def _take_as_filled(detector: Detector) -> Detector:
    """Return a detector that fills no value: those of a checked table have been filled."""
    if detector.readings.missing_values != "forward_fill":
        return detector
    readings = detector.readings.model_copy(update={"missing_values": "refuse"})
    return detector.model_copy(update={"readings": readings})


def lay_out_table(raw: RawTable, readings: SensorReadings, detector: Detector) -> pd.DataFrame:
    """Put checked readings back into a raw table with the column names of the version's training.

    Categories are taken from the table as received: only their changes matter.
    """
    table = pd.DataFrame(readings.values, columns=list(readings.sensors), index=raw.table.index)
    times = mark_as_utc(pd.Series(readings.times, index=table.index), detector.readings.time_zone)
    table.insert(0, detector.readings.time_column, times)
    if detector.readings.label_column is not None:
        table.insert(1, detector.readings.label_column, readings.events)
    for name in detector.categories:
        table[name] = raw.table[name]
    return table


def report_values_missed(readings: SensorReadings, watched: WatchedRows) -> tuple[Finding, ...]:
    """Report the sensors without a value in rows that the version has not seen, and rows without a score."""
    rows = watched.labelled.source_rows
    first = int(rows[watched.start]) if watched.start < len(rows) else len(readings.times)
    return (*report_dead_sensors(readings, first), *report_incomplete_rows(readings))


def _read_number(text: str | None) -> float | None:
    """Read a number from a tag; None if it is missing or not finite."""
    number = float("nan") if text is None else float(text)
    return number if math.isfinite(number) else None
