"""Rows that miss values: which of them can be used, and how many values a row to score may miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable, SensorReadings
from tasks.tables.columns import replace_columns, shorten_list
from tasks.tables.format import count_rows

SENSORS_LISTED_AT_MOST = 10


def count_missing_at_most(section: ReadingsSection, sensors: int, *, is_live: bool) -> int:
    """Count the sensors that may have no value in a row; one of them always needs one.

    Args:
        section: Provides `dead_sensors_at_most`.
        sensors: Number of sensors, at least 1.
        is_live: Whether the row is to be scored by a version; training needs every value.
    """
    return min(section.dead_sensors_at_most, sensors - 1) if is_live else 0


def add_absent_sensors(raw: RawTable, section: ReadingsSection, sensors: Sequence[str]) -> RawTable:
    """Add sensors that a table lacks as columns without a value, if so many may be dead.

    Args:
        raw: The raw table, which is not changed.
        section: Provides `dead_sensors_at_most`.
        sensors: The sensors that a version requires.
    """
    absent = [name for name in sensors if name not in raw.table.columns]
    if not absent or len(absent) > count_missing_at_most(section, len(sensors), is_live=True):
        return raw
    return replace(raw, table=replace_columns(raw.table, dict.fromkeys(absent, np.nan)))


def excuse_missing(
    table: pd.DataFrame,
    sensors: Sequence[str],
    is_left_out: np.ndarray,
    section: ReadingsSection,
    missing_at_most: int,
) -> pd.DataFrame:
    """Return a table in which the values that rows may miss are 0, for the schema check alone.

    A row may miss values if it is left out in any case, if `readings.missing_values` is no_score, or if it
    misses no more than `missing_at_most`.

    Args:
        table: The columns to check, missing values filled as far as configured.
        sensors: The sensors among them.
        is_left_out: Whether a row is left out in any case, bool, shape (rows,).
        section: Provides `missing_values`.
        missing_at_most: Sensors that may have no value in a row.
    """
    is_missing = table[list(sensors)].isna().to_numpy()
    missing = is_missing.sum(axis=1)
    is_excused = is_left_out | (missing <= missing_at_most) | (section.missing_values == "no_score")
    is_cleared = is_missing & is_excused[:, None]
    columns = {
        name: table[name].where(~is_cleared[:, place], 0.0)
        for place, name in enumerate(sensors)
        if is_cleared[:, place].any()
    }
    return replace_columns(table, columns) if columns else table


def find_incomplete_rows(
    values: np.ndarray, is_left_out: np.ndarray, missing_at_most: int
) -> np.ndarray | None:
    """Find the rows that miss too many values to be used, besides those that are left out in any case.

    Args:
        values: float64, NaN where there is no value, shape (rows, sensors).
        is_left_out: Whether a row is left out in any case, bool, shape (rows,).
        missing_at_most: Sensors that may have no value in a row.

    Returns:
        bool, shape (rows,), or None if there is no such row.
    """
    is_incomplete = (np.isnan(values).sum(axis=1) > missing_at_most) & ~is_left_out
    return is_incomplete if is_incomplete.any() else None


def require_complete_rows(readings: SensorReadings) -> None:
    """Refuse a training table in which no row has a value in every sensor.

    Raises:
        InputError: If there is none; it names the sensors that miss most.
    """
    if readings.is_incomplete is None or not (readings.is_incomplete | readings.events).all():
        return
    raise InputError(
        f"Expected rows with a value in every sensor. {readings.source} has none; values are missing most "
        f"often in {_list_missing(readings)}. Leave these sensors out with `readings.drop_columns`, or set "
        "`readings.missing_values` to forward_fill and `readings.fill_rows_at_most`."
    )


def keep_complete_rows(readings: SensorReadings) -> SensorReadings:
    """Return the readings without the rows that miss a value; each of these ends a run, as a gap does."""
    is_kept = ~np.isnan(readings.values).any(axis=1)
    if is_kept.all():
        return readings
    is_cut = np.zeros(len(is_kept), dtype=bool)
    is_cut[1:] = (readings.runs[1:] != readings.runs[:-1]) | ~is_kept[:-1]
    return replace(
        readings,
        times=readings.times[is_kept],
        events=readings.events[is_kept],
        values=readings.values[is_kept],
        category_values=readings.category_values[is_kept],
        runs=np.cumsum(is_cut)[is_kept],
        is_incomplete=None,
    )


def report_incomplete_rows(readings: SensorReadings) -> tuple[Finding, ...]:
    """Return the finding `incomplete_rows` if rows miss a value and are left out, else nothing."""
    if readings.is_incomplete is None:
        return ()
    rows = int(readings.is_incomplete.sum())
    which = "1 row misses" if rows == 1 else f"{rows:,} of {len(readings.times):,} rows miss"
    message = (
        f"{which} a value in a sensor and {'has' if rows == 1 else 'have'} no score "
        f"(`readings.missing_values`): training leaves such rows out, and windows end there as at a gap. "
        f"Values are missing most often in {_list_missing(readings)}."
    )
    counts = _count_missing(readings)
    details = {"rows": rows, "missing": counts}
    return (Finding(check="incomplete_rows", message=message, columns=tuple(counts), details=details),)


def report_dead_sensors(readings: SensorReadings, first: int) -> tuple[Finding, ...]:
    """Return the finding `dead_sensors` if rows are scored although a sensor has no value, else nothing.

    Args:
        readings: Checked readings of a version's sensors.
        first: First row to report.
    """
    is_scored = ~readings.events
    if readings.is_incomplete is not None:
        is_scored = is_scored & ~readings.is_incomplete
    counts = np.isnan(readings.values[first:][is_scored[first:]]).sum(axis=0)
    dead = {name: int(rows) for name, rows in zip(readings.sensors, counts, strict=True) if rows}
    if not dead:
        return ()
    parts = [f"{name} ({count_rows(rows)})" for name, rows in dead.items()]
    message = (
        f"Without a value, and therefore without influence on the score: "
        f"{shorten_list(parts, SENSORS_LISTED_AT_MOST)}. The rows are scored by the other sensors "
        "(`readings.dead_sensors_at_most`)."
    )
    return (Finding(check="dead_sensors", message=message, columns=tuple(dead), details={"rows": dead}),)


def _count_missing(readings: SensorReadings) -> dict[str, int]:
    """Count the incomplete rows in which each sensor has no value, most first."""
    counts = np.isnan(readings.values[readings.is_incomplete]).sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    return {readings.sensors[place]: int(counts[place]) for place in order if counts[place]}


def _list_missing(readings: SensorReadings) -> str:
    parts = [f"{name} ({count_rows(rows)})" for name, rows in _count_missing(readings).items()]
    return shorten_list(parts, SENSORS_LISTED_AT_MOST)
