"""Compute the ceiling for alarms: the best that a fixed threshold, chosen on the test itself, can achieve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import count_days, count_episodes, mark_part, select_events
from tasks.evaluation.evaluate import find_horizons

# maximum number of thresholds to try, evenly chosen among the distinct scores
THRESHOLDS_AT_MOST = 1000

# elements of one array of flagged rows; bounds the memory for long tables
ELEMENTS_AT_ONCE = 4_000_000


def count_catchable_events(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    rates: Sequence[float],
    section: EvaluationSection,
) -> np.ndarray:
    """Count the events that the best fixed threshold catches; arguments as for `find_catchable_events`.

    Returns:
        Events caught within `rows_ahead` rows, and within the longer horizon, int64, shape (rates, 2).
    """
    return find_catchable_events(scores, part, labelled, rates, section).sum(axis=-1)


def find_catchable_events(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    rates: Sequence[float],
    section: EvaluationSection,
) -> np.ndarray:
    """Find the events that the best fixed threshold catches at each false-alarm rate.

    Distinct scores that could keep the highest rate are tried as thresholds, at most `THRESHOLDS_AT_MOST`; an
    alarm is `score >= threshold`. Each horizon has its own best threshold. If no threshold keeps a rate, no
    event is caught at that rate.

    Args:
        scores: Finite scores of the part's windows, shape (windows,).
        part: The part, with at least one window.
        labelled: All rows and events.
        rates: Allowed false alarms a day, at least one rate.
        section: Horizon and repeats.

    Returns:
        Whether each event of the part is caught within `rows_ahead` rows, and within the longer horizon,
        bool, shape (rates, 2, events).
    """
    days = count_days(mark_part(part, len(labelled.labels)), labelled.step_minutes)
    allowed = np.asarray(rates, dtype=np.float64) * days + 1e-9
    # every stretch of this many rows of an episode counts as at least one false alarm
    rows_of_one = math.ceil(section.repeat_alarm_minutes / labelled.step_minutes)
    rows_at_most = int(allowed.max() * rows_of_one)
    # no score reaches the first one, infinity, which keeps every rate
    thresholds = np.append(np.inf, _choose_thresholds(scores, part.labels, rows_at_most))
    false_alarms = _count_at_thresholds(thresholds, scores, part, labelled, section.repeat_alarm_minutes)
    is_within = false_alarms <= allowed[:, None]  # (rates, thresholds)
    is_caught = np.stack(
        [
            _find_peaks(scores, part, labelled, starts) >= thresholds[:, None]
            for starts in find_horizons(labelled, section.horizon_minutes)
        ]
    )  # (2, thresholds, events)
    counts = np.where(is_within[:, None, :], is_caught.sum(axis=-1), -1)  # (rates, 2, thresholds)
    best = counts.argmax(axis=-1)  # (rates, 2)
    return is_caught[np.arange(2), best]


def _choose_thresholds(scores: np.ndarray, labels: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Find distinct scores that at most `rows_at_most` normal rows reach, falling, shape (thresholds,)."""
    distinct, normal = np.unique(scores)[::-1], np.sort(scores[~labels])
    reaching = len(normal) - np.searchsorted(normal, distinct)
    tried = distinct[reaching <= rows_at_most]
    if len(tried) <= THRESHOLDS_AT_MOST:
        return tried
    return tried[np.linspace(0, len(tried) - 1, THRESHOLDS_AT_MOST).round().astype(np.int64)]


def _find_peaks(
    scores: np.ndarray, part: Part, labelled: LabelledReadings, horizon_starts: np.ndarray
) -> np.ndarray:
    """Find the highest score within the horizon of each event of a part, shape (events of the part,)."""
    of_rows = np.full(len(labelled.labels), -np.inf)
    of_rows[part.end_rows] = scores
    return np.array(
        [
            of_rows[horizon_starts[event] : labelled.event_stops[event]].max(initial=-np.inf)
            for event in select_events(labelled, part)
        ]
    )


def _count_at_thresholds(
    thresholds: np.ndarray, scores: np.ndarray, part: Part, labelled: LabelledReadings, repeat_minutes: float
) -> np.ndarray:
    """Count the false alarms at each threshold, int64, shape (thresholds,)."""
    is_tried = ~part.labels & (scores >= thresholds.min(initial=np.inf))
    rows, tried_scores = part.end_rows[is_tried], scores[is_tried]
    # a new stretch begins where rows are not neighbours in one run
    is_cut = (np.diff(rows, prepend=-2) > 1) | (np.diff(labelled.runs[rows], prepend=-1) != 0)
    stretches = np.cumsum(is_cut)
    at_once = max(ELEMENTS_AT_ONCE // max(len(rows), 1), 1)
    counts = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(thresholds), at_once):
        is_flagged = tried_scores >= thresholds[start : start + at_once, None]  # (thresholds, rows)
        # no stretch continues from one threshold to the next
        runs = stretches + np.arange(len(is_flagged))[:, None] * (len(rows) + 1)
        episodes = count_episodes(is_flagged.ravel(), runs.ravel(), labelled.step_minutes, repeat_minutes)
        counts.append(episodes.reshape(is_flagged.shape).sum(axis=1))
    return np.concatenate(counts)
