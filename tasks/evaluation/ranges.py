"""Ranges of rows: the events of a part as intervals, and stretches of alarms."""

from __future__ import annotations

import numpy as np

from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import find_horizon_starts, select_events


def find_ranges(is_marked: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Find the stretches of marked rows, each in one run.

    Args:
        is_marked: bool, shape (rows,).
        runs: Number of the run of each row, shape (rows,).

    Returns:
        First row of each stretch and the row after its last, int64, shape (stretches, 2), in order.
    """
    marked = np.flatnonzero(is_marked)
    if len(marked) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    is_first = np.concatenate([[True], (np.diff(marked) > 1) | (np.diff(runs[marked]) != 0)])
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts[1:], len(marked)) - 1
    return np.stack([marked[firsts], marked[lasts] + 1], axis=1)


def find_event_ranges(part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Find the positive rows of each event of a part: `rows_ahead` rows before it, and kept event rows.

    A range ends with the part and begins after the range before it. It is empty for an event without history.

    Returns:
        First row and the row after the last, int64, shape (events of the part, 2).
    """
    events = select_events(labelled, part)
    starts = find_horizon_starts(labelled, labelled.rows_ahead)[events]
    stops = np.minimum(labelled.event_stops[events], part.stop)
    earliest = np.maximum(np.concatenate([[part.start], stops[:-1]]), part.start)
    return np.stack([np.minimum(np.maximum(starts, earliest[: len(starts)]), stops), stops], axis=1)
