"""Recall by chance alone: of as many alarms as were raised in normal rows, at random times."""

from __future__ import annotations

import numpy as np

from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import mark_part, select_events
from tasks.windows.label import count_rows_in_run


def expect_random_recall(
    is_flagged: np.ndarray, labelled: LabelledReadings, part: Part, horizon_starts: np.ndarray
) -> float:
    """Compute the expected recall of random alarms at the realised false-alarm rate.

    Args:
        is_flagged: Whether a row is flagged, bool, shape (rows,).
        labelled: Rows and events.
        part: The part whose events and normal rows count.
        horizon_starts: First row of the horizon of each event, shape (events,).

    Returns:
        Between 0 and 1; NaN without an event or without a normal row.
    """
    chances = find_random_chances(is_flagged, labelled, part, horizon_starts)
    return float(chances.mean()) if len(chances) else np.nan


def find_random_chances(
    is_flagged: np.ndarray, labelled: LabelledReadings, part: Part, horizon_starts: np.ndarray
) -> np.ndarray:
    """Find the chance that each event of a part is caught by alarms that know nothing of it.

    The alarms stay where they are, and the event moves to a random place among the normal rows: the chance is
    the share of all stretches of normal rows as long as the event's horizon, each within one run, that hold a
    flagged row. So the alarms keep their number, their length and the way they gather, and nothing is drawn.
    Normal rows are those of the part outside the horizon of `rows_ahead` rows before every event, in which
    false alarms are counted. Where no run has as many normal rows in a row as the horizon, the longest
    stretches that exist stand for it.

    Args:
        is_flagged: Whether a row is flagged, bool, shape (rows,).
        labelled: Rows and events.
        part: The part whose events and normal rows count; of a scattered part, all rows count as normal.
        horizon_starts: First row of the horizon of each event, shape (events,).

    Returns:
        float64, shape (events of the part,); 0 for an event with no row in its horizon, NaN if there is no
        normal row.
    """
    is_normal = ~labelled.labels
    if not part.is_scattered:
        is_normal &= mark_part(part, len(is_normal))
    lengths = (labelled.event_stops - horizon_starts)[select_events(labelled, part)]
    known, places = np.unique(lengths, return_inverse=True)
    behind = _count_rows_behind(is_normal, labelled.runs)
    rows = np.arange(len(is_normal))
    last_flagged = np.maximum.accumulate(np.where(is_flagged & is_normal, rows, -len(rows) - 1))
    shares = [_find_share(behind, rows - last_flagged, int(length)) for length in known]
    return np.asarray(shares, dtype=np.float64)[places]


def move_alarms(
    is_flagged: np.ndarray, labelled: LabelledReadings, part: Part, horizon_starts: np.ndarray, moves: int
) -> np.ndarray:
    """Find which events of a part its alarms would catch if all of them came earlier or later.

    The alarms move along the windows of the part together, as on a ring, by evenly spaced distances. If they
    have nothing to do with the events, the events that they catch are as good as any of these draws, however
    the alarms or the events gather: a permutation test by shifts in time.

    Args:
        is_flagged: Whether a window has an alarm, bool, shape (windows of the part,).
        labelled: All rows and events.
        part: The part.
        horizon_starts: First row of the horizon of each event, shape (events,).
        moves: Number of moves, at least 1.

    Returns:
        Whether the event is caught after the move, bool, shape (moves, events of the part).

    Source: toroidal shifts, Lotwick and Silverman 1982, Journal of the Royal Statistical Society B 44.
    """
    events, windows = select_events(labelled, part), len(is_flagged)
    if not windows:
        return np.zeros((moves, len(events)), dtype=bool)
    starts = np.searchsorted(part.end_rows, horizon_starts[events])
    lengths = np.searchsorted(part.end_rows, labelled.event_stops[events]) - starts
    behind = np.concatenate([[0], np.cumsum(np.concatenate([is_flagged, is_flagged]))])
    distances = np.arange(1, moves + 1) * windows // (moves + 1)
    begins = (starts - distances[:, None]) % windows
    return behind[begins + lengths] > behind[begins]


def _count_rows_behind(is_normal: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Count the normal rows in a row, of one run, that end at each row; 0 at other rows, shape (rows,)."""
    is_new = np.zeros(len(is_normal), dtype=bool)
    is_new[1:] = (is_normal[1:] != is_normal[:-1]) | (runs[1:] != runs[:-1])
    return np.where(is_normal, count_rows_in_run(np.cumsum(is_new)) + 1, 0)


def _find_share(behind: np.ndarray, since_flagged: np.ndarray, length: int) -> float:
    """Find the share of stretches of `length` normal rows with a flagged row among them.

    Args:
        behind: Normal rows in a row that end at each row, shape (rows,).
        since_flagged: Rows since the last flagged normal row, 0 at it, shape (rows,).
        length: Rows of a stretch.
    """
    longest = int(behind.max(initial=0))
    if not longest:
        return np.nan
    if length <= 0:
        return 0.0
    length = min(length, longest)
    return float((since_flagged[behind >= length] < length).mean())
