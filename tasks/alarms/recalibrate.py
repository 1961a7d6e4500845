"""Recalibrate a threshold over time, from scores that were known before the rows that it applies to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from schemas.evaluation import AdaptiveBudget, Threshold, TrailingBudget
from tasks.alarms.adaptive_budget import advance_adaptive, forget_adaptive, hold_adaptive
from tasks.alarms.trailing_budget import advance_trailing, forget_trailing, hold_trailing


class _Movement(NamedTuple):
    """The functions of a moving threshold.

    Attributes:
        hold: From the budget, the first threshold and rows (times, runs, scores) to the threshold of each.
        advance: From the budget and rows to the budget after them.
        forget: From the budget and a time to the budget without scores that are not older.
    """

    hold: Callable[[Any, float, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    advance: Callable[[Any, np.ndarray, np.ndarray, np.ndarray], Any]
    forget: Callable[[Any, np.datetime64], Any]


_MOVEMENTS = {
    TrailingBudget: _Movement(hold_trailing, advance_trailing, forget_trailing),
    AdaptiveBudget: _Movement(hold_adaptive, advance_adaptive, forget_adaptive),
}


def follow_scores(
    threshold: Threshold, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Find the threshold that applies to each scored row.

    Without `trailing` it is `value` everywhere. With it, see `tasks.alarms.trailing_budget` and
    `tasks.alarms.adaptive_budget`: no score of the row itself or of a later row is used.

    Args:
        threshold: The threshold and its state.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,); numbers need not agree with those of earlier rows.
        scores: Finite, of any sign, shape (rows,).

    Returns:
        float64, shape (rows,); an alarm is `score >= threshold`.
    """
    trailing = threshold.trailing
    if trailing is None or len(times) == 0:
        return np.full(len(times), threshold.value, dtype=np.float64)
    return _MOVEMENTS[type(trailing)].hold(trailing, threshold.value, times, runs, scores)


def keep_recent(threshold: Threshold, times: np.ndarray, runs: np.ndarray, scores: np.ndarray) -> Threshold:
    """Update the state, so that scoring in batches gives the same thresholds as scoring all at once.

    Each batch has its own run numbers. Two rows of one batch are in one run if their numbers are equal and
    they are at most 1.5 steps apart, as in `tasks.times.parse.number_runs`; two rows of different batches
    are in one run if they are at most 1.5 steps apart. A batch can report that a row was removed between two
    such rows by repeating the last row of the previous batch. A repeated row counts once, with its first
    score.

    Args:
        threshold: The threshold and its state; it is not changed.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,).
        scores: Finite, shape (rows,).

    Returns:
        The threshold with an updated state, or unchanged if it has no `trailing`.
    """
    trailing = threshold.trailing
    if trailing is None or len(times) == 0:
        return threshold
    advanced = _MOVEMENTS[type(trailing)].advance(trailing, times, runs, scores)
    return threshold.model_copy(update={"trailing": advanced})


def forget_later_scores(threshold: Threshold, first_time: np.datetime64) -> Threshold:
    """Drop what a threshold knows of scores that are not older than a time."""
    trailing = threshold.trailing
    if trailing is None:
        return threshold
    kept = _MOVEMENTS[type(trailing)].forget(trailing, first_time)
    return threshold.model_copy(update={"trailing": kept})
