"""Scored rows for tests of thresholds that move over time, whole and in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from schemas.evaluation import Threshold
from tasks.alarms.recalibrate import follow_scores, keep_recent
from tasks.times.parse import number_runs
from tests.builders import START

STEP = 2.0
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def rows_of(scores: Sequence[float] | np.ndarray, minutes: Sequence[float] | None = None) -> Rows:
    """Times, runs and scores of rows; 2 minutes apart unless their minutes are given."""
    offsets = np.arange(len(scores)) * STEP if minutes is None else np.asarray(minutes)
    times = START + (offsets * 60e9).astype("timedelta64[ns]")
    return times, number_runs(times, STEP), np.asarray(scores, dtype=np.float64)


def cut(rows: Rows, start: int, stop: int | None = None) -> Rows:
    """Some of the rows, their runs numbered anew."""
    times, runs, scores = (values[start:stop] for values in rows)
    return times, runs - runs[0] if len(runs) else runs, scores


def follow_in_pieces(threshold: Threshold, rows: Rows, stops: Sequence[int], repeated: int = 0) -> np.ndarray:
    """Thresholds of all rows, of which each piece sees its own and `repeated` rows before them."""
    held = []
    for start, stop in pairwise([0, *stops, len(rows[0])]):
        first = max(start - repeated, 0)
        piece = cut(rows, first, stop)
        held.append(follow_scores(threshold, *piece)[start - first :])
        threshold = keep_recent(threshold, *piece)
    return np.concatenate(held)


@st.composite
def any_rows(draw: st.DrawFn) -> Rows:
    """Draw rows with gaps, and scores that are often equal and often negative."""
    steps = draw(st.lists(st.sampled_from([2, 2, 2, 2, 3, 4, 60]), min_size=1, max_size=60))
    scores = draw(st.lists(st.integers(-4, 4), min_size=len(steps), max_size=len(steps)))
    begin = draw(st.integers(0, 30))
    return rows_of(scores, (begin + np.cumsum(steps)).tolist())
