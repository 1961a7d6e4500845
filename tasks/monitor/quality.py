"""Find sensors with poor data: missing, frozen, out of range, or with larger steps than in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from schemas.configuration import MonitorSection
from schemas.monitoring import SensorIssue, WatchedRows, WatchedVersion
from schemas.readings import SensorReadings
from schemas.windows import Part
from tasks.values.fill import bridge_missing

Kind = Literal["missing", "frozen", "out_of_range", "step"]
# differences below this share of a sensor's level are rounding errors
LEAST_RELATIVE_MOVEMENT = 1e-7


@dataclass(frozen=True, eq=False)
class SensorStatistics:
    """Statistics of the sensors in training; every array has shape (sensors,).

    Attributes:
        means: Mean of each sensor.
        deviations: Standard deviation, 0 for a constant sensor.
        largest_steps: Largest absolute difference between neighbouring rows of a run.
        longest_still: Rows of the longest stretch without change.
    """

    means: np.ndarray
    deviations: np.ndarray
    largest_steps: np.ndarray
    longest_still: np.ndarray


def count_training_rows(readings: SensorReadings, version: WatchedVersion) -> int:
    """Count the rows of a table up to the end of the champion's training; 0 if the end is unknown."""
    if version.train_end is None:
        return 0
    return int(np.searchsorted(readings.times, np.datetime64(version.train_end), side="right"))


def find_unusual_sensors(
    watched: WatchedRows,
    parts: Sequence[Part],
    table: pd.DataFrame,
    training_rows: int,
    section: MonitorSection,
) -> tuple[SensorIssue, ...]:
    """Find missing values, frozen sensors, values out of range and unusual steps, by sensor and window.

    Missing values and frozen sensors are found in any table. Ranges and usual steps come from the rows of
    the table that belong to the training; without such rows neither is checked, and every long frozen
    stretch is an issue.

    Args:
        watched: The rows.
        parts: The windows.
        table: The table before missing values were filled, with missing values for words for no value.
        training_rows: Rows of the table that belong to the training, 0 if they are too few.
        section: The limits.

    Returns:
        One issue for each sensor and kind above its limit, by kind and in the order of the sensors.
    """
    limits: dict[Kind, float] = {
        "missing": section.missing_share,
        "frozen": section.frozen_hours,
        "out_of_range": section.out_of_range_share,
        "step": section.step_factor,
    }
    sensors = watched.readings.sensors
    rows = [_find_source_rows(watched, part) for part in parts]
    issues: list[SensorIssue] = []
    for kind, measured in measure_sensors(watched.readings, table, training_rows, section).items():
        is_share = kind in {"missing", "out_of_range"}
        by_window = [
            measured[chosen].mean(axis=0) if is_share else measured[chosen].max(axis=0) for chosen in rows
        ]
        issues += _collect_issues(kind, by_window, limits[kind], sensors)
    return tuple(issues)


def measure_sensors(
    readings: SensorReadings, table: pd.DataFrame, training_rows: int, section: MonitorSection
) -> dict[Kind, np.ndarray]:
    """Measure how each sensor behaves in each row; arguments as for `find_unusual_sensors`.

    Returns:
        By kind, float64, shape (rows, sensors): whether a value is missing or out of range, hours without
        change so far, and the step from the row before as a multiple of the largest step in training.
    """
    is_missing = np.isnan(readings.values)
    if is_missing.any():
        readings = replace(readings, values=bridge_missing(readings.values))
    still = np.where(is_missing, 1, count_still_rows(readings.values, readings.runs))
    training = compute_statistics(readings, still, training_rows) if training_rows else None
    measured: dict[Kind, np.ndarray] = {
        "missing": table[list(readings.sensors)].isna().to_numpy(dtype=np.float64),
        "frozen": _measure_frozen(still, training, readings.step_minutes),
    }
    if training is not None:
        is_out = find_out_of_range(readings.values, training, section.out_of_range_deviations)
        measured |= {"out_of_range": is_out.astype(np.float64), "step": _measure_steps(readings, training)}
    return measured


def count_still_rows(values: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Count for how many rows of its run, up to and including each row, a sensor has not changed.

    With runs 0 0 0 1 and one sensor 5 5 6 6, the result is 1 2 1 1.

    Args:
        values: Shape (rows, sensors).
        runs: Run of each row, shape (rows,).

    Returns:
        int64, shape (rows, sensors).
    """
    rows = np.arange(len(values))[:, None]
    is_new = np.ones(values.shape, dtype=bool)
    is_new[1:] = (values[1:] != values[:-1]) | (runs[1:] != runs[:-1])[:, None]
    return rows - np.maximum.accumulate(np.where(is_new, rows, 0), axis=0) + 1


def compute_statistics(readings: SensorReadings, still: np.ndarray, training_rows: int) -> SensorStatistics:
    """Compute the statistics of the sensors in the first `training_rows` rows, at least 1."""
    values, runs = readings.values[:training_rows], readings.runs[:training_rows]
    return SensorStatistics(
        means=values.mean(axis=0),
        deviations=values.std(axis=0),
        largest_steps=_take_steps(values, runs).max(axis=0),
        longest_still=still[:training_rows].max(axis=0),
    )


def find_out_of_range(values: np.ndarray, training: SensorStatistics, deviations: float) -> np.ndarray:
    """Find the values more than `deviations` standard deviations from the training mean.

    Any other value of a sensor that was constant in training is out of range.

    Returns:
        bool, shape (rows, sensors).
    """
    rounding = LEAST_RELATIVE_MOVEMENT * np.maximum(np.abs(training.means), 1e-300)
    return np.abs(values - training.means) > np.maximum(deviations * training.deviations, rounding)


def _measure_frozen(still: np.ndarray, training: SensorStatistics | None, step_minutes: float) -> np.ndarray:
    """Measure how long sensors have been frozen, in hours; 0 if no longer than in training."""
    hours = still * (step_minutes / 60)
    if training is not None:
        hours[still <= training.longest_still] = 0.0
    return hours


def _measure_steps(readings: SensorReadings, training: SensorStatistics) -> np.ndarray:
    """Divide steps by the largest step in training; 0 for sensors that were constant in training."""
    steps = _take_steps(readings.values, readings.runs)
    largest = training.largest_steps
    measured: np.ndarray = np.divide(steps, largest, out=np.zeros_like(steps), where=largest > 0)
    return measured


def _take_steps(values: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Compute each row's absolute difference from the row before; 0 where a run begins."""
    steps = np.zeros_like(values)
    steps[1:] = np.abs(np.diff(values, axis=0)) * (runs[1:] == runs[:-1])[:, None]
    return steps


def _find_source_rows(watched: WatchedRows, part: Part) -> slice:
    """Find the checked rows of a window, event rows included."""
    rows = watched.labelled.source_rows
    return slice(int(rows[part.start]), int(rows[part.stop - 1]) + 1)


def _collect_issues(
    kind: Kind,
    by_window: Sequence[np.ndarray],
    limit: float,
    sensors: Sequence[str],
) -> list[SensorIssue]:
    """List the sensors above a limit in any window; `by_window` has shape (windows, sensors)."""
    if not by_window:
        return []
    measured = np.stack(by_window)
    return [
        SensorIssue(
            sensor=sensors[int(place)],
            kind=kind,
            windows=tuple((np.flatnonzero(measured[:, place] > limit) + 1).tolist()),
            worst=round(float(measured[:, place].max()), 4),
        )
        for place in np.flatnonzero((measured > limit).any(axis=0))
    ]
