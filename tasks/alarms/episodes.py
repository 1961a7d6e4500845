"""Count alarms: which events they catch, how early, and how often they are false."""

from __future__ import annotations

import numpy as np

from schemas.readings import LabelledReadings
from schemas.windows import Part


def mark_part(part: Part, rows: int) -> np.ndarray:
    """Mark the rows of a part: a stretch of rows, or the last rows of its windows if it is scattered.

    Returns:
        bool, shape (rows,).
    """
    is_inside = np.zeros(rows, dtype=bool)
    if part.is_scattered:
        is_inside[part.end_rows] = True
    else:
        is_inside[part.start : part.stop] = True
    return is_inside


def select_events(labelled: LabelledReadings, part: Part) -> np.ndarray:
    """Find the events of a part: those whose row, as `find_event_rows` gives it, is in the part.

    The events of a scattered part are those with a positive row among its windows.

    Returns:
        Indices into the events, shape (events of the part,).
    """
    anchors = find_event_rows(labelled)
    if not part.is_scattered:
        return np.flatnonzero((anchors >= part.start) & (anchors < part.stop))
    positive_before = np.concatenate(
        [[0], np.cumsum(mark_part(part, len(labelled.labels)) & labelled.labels)]
    )
    starts = find_horizon_starts(labelled, labelled.rows_ahead)
    has_row = positive_before[labelled.event_stops] > positive_before[starts]
    return np.flatnonzero(has_row)


def find_event_rows(labelled: LabelledReadings) -> np.ndarray:
    """Find the row of each event: its first row, or the row before the event if event rows are dropped."""
    is_dropped = labelled.event_stops == labelled.event_starts
    return np.maximum(labelled.event_starts - is_dropped, 0)


def find_horizon_starts(labelled: LabelledReadings, rows_ahead: int) -> np.ndarray:
    """Find the first of the `rows_ahead` rows before each event, within its run.

    The horizon of an event without history is empty: it starts at `event_stops`.

    Returns:
        Positions, shape (events,).
    """
    return np.maximum(labelled.event_starts - rows_ahead, _find_run_starts(labelled))


def find_horizon_starts_in_minutes(labelled: LabelledReadings, minutes: float) -> np.ndarray:
    """Find the first row at most `minutes` before each event, within its run.

    Returns:
        Positions, shape (events,).
    """
    earliest = labelled.event_times - np.timedelta64(round(minutes * 60e9), "ns")
    return np.maximum(np.searchsorted(labelled.times, earliest), _find_run_starts(labelled))


def _find_run_starts(labelled: LabelledReadings) -> np.ndarray:
    firsts = np.searchsorted(labelled.runs, labelled.event_runs)
    return np.where(labelled.event_runs >= 0, firsts, labelled.event_stops)


def find_lead_minutes(
    is_flagged: np.ndarray, labelled: LabelledReadings, horizon_starts: np.ndarray
) -> np.ndarray:
    """Find how long before each event its first alarm came.

    Args:
        is_flagged: Whether a row is flagged, bool, shape (rows,).
        labelled: Rows and events.
        horizon_starts: First row of the horizon of each event, shape (events,).

    Returns:
        Minutes from the first flagged row of the horizon to the event, NaN for a missed event,
        shape (events,). If event rows are kept, an alarm during the event has minutes <= 0.
    """
    flagged = np.append(np.flatnonzero(is_flagged), len(is_flagged))
    first = flagged[np.searchsorted(flagged, horizon_starts)]
    is_caught = first < labelled.event_stops
    alarm_times = labelled.times[np.where(is_caught, first, 0)]
    minutes = (labelled.event_times - alarm_times) / np.timedelta64(1, "m")
    return np.where(is_caught, minutes, np.nan)


def count_false_alarms(
    is_flagged: np.ndarray, labelled: LabelledReadings, repeat_minutes: float
) -> np.ndarray:
    """Count false-alarm episodes at the row where each begins.

    An episode is a stretch of flagged rows outside every horizon, in one run; a lasting episode is
    counted again every `repeat_minutes`.

    Args:
        is_flagged: Whether a row is flagged, bool, shape (rows,).
        labelled: Rows, labels (rows in a horizon are positive) and runs.
        repeat_minutes: Minutes after which a lasting episode is counted again.

    Returns:
        int64, shape (rows,); its sum is the number of episodes.
    """
    return count_episodes(is_flagged & ~labelled.labels, labelled.runs, labelled.step_minutes, repeat_minutes)


def count_episodes(
    is_flagged: np.ndarray, runs: np.ndarray, step_minutes: float, repeat_minutes: float
) -> np.ndarray:
    """Count episodes at the row where each begins: stretches of flagged rows in one run.

    Args:
        is_flagged: Whether a row is flagged, bool, shape (rows,).
        runs: Number of the run of each row, shape (rows,); neighbours with equal numbers are in one run.
        step_minutes: Usual minutes between two rows.
        repeat_minutes: Minutes after which a lasting episode is counted again.

    Returns:
        int64, shape (rows,); its sum is the number of episodes.
    """
    counts = np.zeros(len(is_flagged), dtype=np.int64)
    flagged = np.flatnonzero(is_flagged)
    if len(flagged) == 0:
        return counts
    flagged_runs = runs[flagged]
    begins = np.concatenate([[True], (np.diff(flagged) > 1) | (flagged_runs[1:] != flagged_runs[:-1])])
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, len(flagged)))
    repeats = (lengths - 1) * step_minutes / repeat_minutes
    # rounding may put a whole number just below itself
    counts[flagged[starts]] = 1 + np.floor(repeats + 1e-9).astype(np.int64)
    return counts


def count_days(is_inside: np.ndarray, step_minutes: float) -> float:
    """Count the days of rows present: a day is 24 hours of rows, not of the calendar."""
    return float(is_inside.sum()) * step_minutes / (24 * 60)
