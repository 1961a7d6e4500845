"""Curve shift: mark the rows shortly before each event."""

from __future__ import annotations

import numpy as np

from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part
from tasks.labels.events import find_event_starts


def label_ahead(
    readings: SensorReadings,
    rows_ahead: int,
    *,
    are_event_rows_kept: bool = False,
    across_gaps: bool = False,
) -> LabelledReadings:
    """Mark the rows that come 1 to `rows_ahead` rows before an event.

    There are two conventions. Event rows are removed, since a warning cannot come from the event itself;
    a removed row ends a run of rows, as a time gap does. Or they are kept as positive rows, for tables in
    which the event itself is to be detected (`rows_ahead` 0). A row is marked only if there is no time gap
    between it and the event, unless `across_gaps` is set, as in the published code. Incomplete rows are
    removed as well; an event on one of them still counts.

    Args:
        readings: Checked readings, in time order.
        rows_ahead: Rows before an event to mark, at least 0.
        are_event_rows_kept: Whether event rows stay in the table, as positive rows.
        across_gaps: Whether rows before a gap are marked for an event after it.

    Returns:
        The rows with labels and runs, and the position of each event among them.

    Raises:
        ValueError: If `rows_ahead` is below 0, or 0 while event rows are removed.

    Source: curve shifting, Ranjan et al., arXiv 1809.10717.
    """
    if rows_ahead < (0 if are_event_rows_kept else 1):
        raise ValueError(
            "`rows_ahead` must be at least 1 if event rows are removed, and at least 0 if they are kept. "
            f"Received rows_ahead={rows_ahead}, are_event_rows_kept={are_event_rows_kept}. "
            "Set `labels.rows_ahead` or `labels.event_rows`."
        )
    is_kept = np.ones(len(readings.times), dtype=bool) if are_event_rows_kept else ~readings.events
    if readings.is_incomplete is not None:
        is_kept = is_kept & ~readings.is_incomplete
    is_marked = _mark_ahead(readings.events, readings.runs, rows_ahead, across_gaps)
    if are_event_rows_kept:
        is_marked |= readings.events
    runs = _number_runs(readings, is_kept)
    starts, stops = find_events(readings)
    kept_before = np.concatenate([[0], np.cumsum(is_kept)])
    source_rows = np.flatnonzero(is_kept)
    is_whole = bool(is_kept.all())
    return LabelledReadings(
        times=readings.times[source_rows],
        labels=is_marked[source_rows],
        values=readings.values if is_whole else readings.values[source_rows],
        sensors=readings.sensors,
        categories=readings.categories,
        category_values=readings.category_values[source_rows],
        runs=runs,
        event_times=readings.times[starts],
        event_starts=kept_before[starts],
        event_stops=kept_before[stops],
        event_runs=_find_event_runs(readings, starts, kept_before, runs, is_kept),
        rows_ahead=rows_ahead,
        step_minutes=readings.step_minutes,
        source_rows=source_rows,
    )


def widen_labels(labelled: LabelledReadings, part: Part, warning_rows: int | None) -> np.ndarray:
    """Mark the windows of a part that end up to `warning_rows` rows before an event, in the same run.

    Args:
        labelled: Rows and events.
        part: The part; events after it are ignored.
        warning_rows: Rows before an event to mark, at least 1; None to return the labels unchanged.

    Returns:
        bool, shape (windows,). Positive windows stay positive.
    """
    if warning_rows is None:
        return part.labels
    is_marked = labelled.labels.copy()
    first_rows = np.searchsorted(labelled.runs, labelled.event_runs)
    for start, run, first in zip(labelled.event_starts, labelled.event_runs, first_rows, strict=True):
        if run >= 0 and start < part.stop:
            is_marked[max(start - warning_rows, first) : start] = True
    return is_marked[part.end_rows]


def find_events(readings: SensorReadings) -> tuple[np.ndarray, np.ndarray]:
    """Find where each event starts and stops.

    An event is a series of event rows, without a gap longer than `readings.bridged_minutes`.

    Returns:
        First row of each event and the row after its last, both shape (events,).
    """
    events = readings.events
    starts = find_event_starts(events, readings.runs, readings.times, readings.bridged_minutes)
    is_last = events & ~np.concatenate([events[1:], [False]])
    is_last[np.maximum(starts[1:] - 1, 0)] |= events[np.maximum(starts[1:] - 1, 0)]
    return starts, np.flatnonzero(is_last) + 1


def count_rows_in_run(runs: np.ndarray) -> np.ndarray:
    """Count the rows before each row in its run: 0, 1, 2, ... from the start of each run.

    Args:
        runs: Run numbers that never decrease, shape (rows,).

    Returns:
        int64, shape (rows,).
    """
    if len(runs) == 0:
        return np.zeros(0, dtype=np.int64)
    positions = np.arange(len(runs))
    starts = np.flatnonzero(np.concatenate([[True], runs[1:] != runs[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(runs)]]))
    return positions - np.repeat(starts, lengths)


def _mark_ahead(events: np.ndarray, runs: np.ndarray, rows_ahead: int, across_gaps: bool) -> np.ndarray:
    is_marked = np.zeros(len(events), dtype=bool)
    for ahead in range(1, min(rows_ahead, len(events) - 1) + 1):
        is_reached = events[ahead:]
        if not across_gaps:
            is_reached = is_reached & (runs[ahead:] == runs[:-ahead])
        is_marked[:-ahead] |= is_reached
    return is_marked


def _number_runs(readings: SensorReadings, is_kept: np.ndarray) -> np.ndarray:
    """Number the runs of kept rows from 0; a run ends at a time gap or a dropped row."""
    is_cut = np.zeros(len(is_kept), dtype=bool)
    is_cut[1:] = (readings.runs[1:] != readings.runs[:-1]) | ~is_kept[:-1]
    numbers = np.cumsum(is_cut)[is_kept]
    is_new = np.concatenate([[False], numbers[1:] != numbers[:-1]]) if len(numbers) else np.zeros(0, bool)
    return np.cumsum(is_new)


def _find_event_runs(
    readings: SensorReadings,
    starts: np.ndarray,
    kept_before: np.ndarray,
    runs: np.ndarray,
    is_kept: np.ndarray,
) -> np.ndarray:
    before = np.maximum(starts - 1, 0)
    has_history = (starts > 0) & is_kept[before] & (readings.runs[before] == readings.runs[starts])
    row = np.where(is_kept[starts], kept_before[starts], kept_before[starts] - 1)
    has_run = has_history | is_kept[starts]
    if len(runs) == 0:
        return np.full(len(starts), -1)
    return np.where(has_run, runs[np.clip(row, 0, len(runs) - 1)], -1)
