"""Keep a budget of alarms on the scores of the last days: the rule `trailing_budget`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.evaluation import RecentScores, TrailingBudget
from tasks.alarms.episodes import count_episodes
from tasks.times.parse import count_nanoseconds, number_runs

# the initial threshold applies until at least one in this many of the trailing rows has a known score
ROWS_PER_KNOWN_SCORE = 3

# elements of one array of past scores; bounds the memory for long tables
ELEMENTS_AT_ONCE = 1_000_000


class _Stream(NamedTuple):
    """Scored rows in time order, each once.

    Attributes:
        times: Nanoseconds since 1970, int64, shape (rows,).
        is_cut: Whether a row starts a run, bool, shape (rows,).
        scores: float64, shape (rows,).
    """

    times: np.ndarray
    is_cut: np.ndarray
    scores: np.ndarray


def hold_trailing(
    trailing: TrailingBudget, value: float, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Find the threshold that applies to each scored row.

    Time is cut into slots of `recalibrate_minutes`, counted from 1970, so that the start of the table does
    not matter. The rows of a slot share one threshold, computed from the last `trailing.rows` rows, recent or
    given, that were scored before the slot begins: no row of the slot itself or later. It is a low threshold
    at which these past rows have at most `false_alarms_per_day` episodes in 24 hours of rows; if even the
    highest past score exceeds that budget, it is just above that score. Labels are not used: in operation
    they are not known yet, so alarms before an event use up the budget too. If less than a third of
    `trailing.rows` are known, `value` applies.

    Args:
        trailing: The budget and the recent scores.
        value: The threshold until enough scores are known.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,); numbers need not agree with those of the recent scores.
        scores: Finite, of any sign, shape (rows,).

    Returns:
        float64, shape (rows,).
    """
    stream = _join_scores(trailing, times, runs, scores)
    slots, slot_of_row = np.unique(count_nanoseconds(times) // _find_slot(trailing), return_inverse=True)
    known = np.searchsorted(stream.times, slots * _find_slot(trailing))
    is_enough = known * ROWS_PER_KNOWN_SCORE >= trailing.rows
    by_slot = np.full(len(slots), value, dtype=np.float64)
    by_slot[is_enough] = _calibrate(trailing, stream, known[is_enough])
    return by_slot[slot_of_row]


def advance_trailing(
    trailing: TrailingBudget, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> TrailingBudget:
    """Update the recent scores: keep the rows since the last row's slot began, and `rows` rows before it.

    The next batch may start in the same slot, whose threshold is computed from the rows before it. A
    repeated row counts once, with its first score.

    Args:
        trailing: The budget and the recent scores; it is not changed.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,).
        scores: Finite, shape (rows,).
    """
    stream = _join_scores(trailing, times, runs, scores)
    begin = stream.times[-1] // _find_slot(trailing) * _find_slot(trailing)
    start = max(int(np.searchsorted(stream.times, begin)) - trailing.rows, 0)
    recent = RecentScores(
        times=tuple(stream.times[start:].tolist()),
        runs=tuple((np.cumsum(stream.is_cut[start:]) - stream.is_cut[start]).tolist()),
        scores=tuple(stream.scores[start:].tolist()),
    )
    return trailing.model_copy(update={"recent": recent})


def forget_trailing(trailing: TrailingBudget, first_time: np.datetime64) -> TrailingBudget:
    """Drop the recent scores that are not older than a time."""
    recent = trailing.recent
    begin = first_time.astype("datetime64[ns]").astype(np.int64)
    older = int(np.searchsorted(np.array(recent.times, dtype=np.int64), begin))
    kept = RecentScores(times=recent.times[:older], runs=recent.runs[:older], scores=recent.scores[:older])
    return trailing.model_copy(update={"recent": kept})


def _find_slot(trailing: TrailingBudget) -> int:
    """Return the length of a slot, which shares one threshold, in nanoseconds."""
    return max(round(trailing.recalibrate_minutes * 60e9), 1)


def _join_scores(
    trailing: TrailingBudget, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> _Stream:
    """Join recent and given rows into one stream; a row in both keeps its recent score."""
    recent = trailing.recent
    recent_times = np.array(recent.times, dtype=np.int64)
    given_times = count_nanoseconds(times)
    joined, firsts = np.unique(np.concatenate([recent_times, given_times]), return_index=True)
    is_cut = np.diff(number_runs(joined.astype("datetime64[ns]"), trailing.step_minutes), prepend=-1) > 0
    for part_times, part_runs in ((recent_times, np.array(recent.runs)), (given_times, runs)):
        is_cut[np.searchsorted(joined, part_times[1:])] |= part_runs[1:] != part_runs[:-1]
    all_scores = np.concatenate([np.array(recent.scores, dtype=np.float64), scores])
    return _Stream(joined, is_cut, all_scores[firsts])


def _calibrate(trailing: TrailingBudget, stream: _Stream, stops: np.ndarray) -> np.ndarray:
    """Compute a threshold from the rows before each stop, shape (stops,); every stop is at least 1."""
    width = min(trailing.rows, len(stream.times))
    at_once = max(ELEMENTS_AT_ONCE // width, 1)
    # row `stop` of a view holds the `width` rows before `stop`; padding stands for rows before the first
    padding = np.full(width, -np.inf)
    past_scores = np.lib.stride_tricks.sliding_window_view(np.concatenate([padding, stream.scores]), width)
    past_cuts = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.ones(width, dtype=bool), stream.is_cut]), width
    )
    pieces = [stops[start : start + at_once] for start in range(0, len(stops), at_once)]
    found = [
        _meet_budget(trailing, past_scores[piece], past_cuts[piece], np.minimum(piece, width))
        for piece in pieces
    ]
    return np.concatenate([np.zeros(0), *found])


def _meet_budget(
    trailing: TrailingBudget, scores: np.ndarray, is_cut: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Find, by bisection, a low threshold that keeps the budget, for many stretches of rows together.

    Args:
        trailing: The budget.
        scores: Scores of each stretch, the known ones last, shape (stretches, rows).
        is_cut: Whether a row starts a run, bool, shape (stretches, rows).
        known: Known scores of each stretch, at least 1, shape (stretches,).

    Returns:
        float64, shape (stretches,).
    """
    stretches, width = scores.shape
    starts_run = is_cut.copy()
    starts_run[:, 0] = True
    runs = np.cumsum(starts_run)
    ordered = np.sort(scores, axis=1)
    allowed = trailing.false_alarms_per_day * known * trailing.step_minutes / (24 * 60)
    places = np.arange(stretches)
    # invariant: ordered[stop] keeps the budget, or stop is past the end; ordered[start - 1] exceeds it
    start, stop = width - known, np.full(stretches, width)
    while (is_open := start < stop).any():
        middle = (start + stop) // 2
        tried = ordered[places, np.minimum(middle, width - 1)]
        is_flagged = scores >= tried[:, None]
        counts = count_episodes(
            is_flagged.ravel(), runs, trailing.step_minutes, trailing.repeat_alarm_minutes
        )
        is_within = counts.reshape(stretches, width).sum(axis=1) <= allowed
        stop = np.where(is_open & is_within, middle, stop)
        start = np.where(is_open & ~is_within, middle + 1, start)
    highest = np.nextafter(ordered[:, -1], np.inf)
    return np.where(stop < width, ordered[places, np.minimum(stop, width - 1)], highest)
