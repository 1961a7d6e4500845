"""Affiliation precision and recall: how near alarms are to events, compared with alarms at random.

Every event has a zone: the time that is nearer to it than to any other event. Within a zone, distances are
turned into probabilities: that of an alarm at a random time of the zone being at least as far away. So an
alarm just beside an event counts almost as much as one within it, and the precision of random alarms is about
one half.

Source: Huet, Navarro and Rossi 2022, "Local evaluation of time series anomaly detection algorithms",
arXiv 2206.13167.
"""

from __future__ import annotations

import numpy as np


def measure_affiliation(
    events: np.ndarray, alarms: np.ndarray, start: float, stop: float
) -> tuple[np.ndarray, np.ndarray]:
    """Measure precision and recall in the zone of each event.

    Times are continuous: row `i` is the time from `i` to `i + 1`.

    Args:
        events: Start and stop of each event, shape (events, 2), in order, disjoint and not empty.
        alarms: Start and stop of each alarm, shape (alarms, 2), likewise.
        start: First time of the part.
        stop: Last time of the part.

    Returns:
        Precision by event, NaN where no alarm is in its zone, and recall by event, 0 there; both of shape
        (events,). Their means over defined values are the affiliation precision and recall.
    """
    if len(events) == 0:
        return np.zeros(0), np.zeros(0)
    middles = (events[:-1, 1] + events[1:, 0]) / 2
    borders = np.concatenate([[start], middles, [stop]]).astype(np.float64)
    firsts = np.searchsorted(alarms[:, 1], borders[:-1], side="right")
    lasts = np.searchsorted(alarms[:, 0], borders[1:], side="left")
    precision, recall = np.full(len(events), np.nan), np.zeros(len(events))
    for place, (event, first, last) in enumerate(zip(events, firsts, lasts, strict=True)):
        low, high = borders[place], borders[place + 1]
        pieces = np.clip(alarms[first:last].astype(np.float64), low, high)
        if len(pieces):
            precision[place] = _measure_precision(pieces, event, low, high)
            recall[place] = _measure_recall(pieces, event, low, high)
    return precision, recall


def _measure_precision(pieces: np.ndarray, event: np.ndarray, low: float, high: float) -> float:
    """Average, over the alarmed time, the probability of a random time being as far from the event."""
    begin, end = event
    before, after = np.clip(pieces, low, begin), np.clip(pieces, end, high)
    inside = np.clip(pieces, begin, end)
    sides = (begin - low, high - end)

    def integrate(distances: np.ndarray) -> np.ndarray:
        """Integrate the probability from distance 0, where it is 1, to each distance."""
        covered = sum(_cap(distances, side) for side in sides) + (end - begin) * distances
        return distances - covered / (high - low)

    total = (
        (inside[:, 1] - inside[:, 0]).sum()
        + (integrate(begin - before[:, 0]) - integrate(begin - before[:, 1])).sum()
        + (integrate(after[:, 1] - end) - integrate(after[:, 0] - end)).sum()
    )
    return float(total / (pieces[:, 1] - pieces[:, 0]).sum())


def _measure_recall(pieces: np.ndarray, event: np.ndarray, low: float, high: float) -> float:
    """Average, over the event's time, the probability of a random time being as far away as the alarms."""
    begin, end = event
    total = np.clip(pieces, begin, end) @ np.array([-1.0, 1.0])
    gaps = np.stack([np.append(-np.inf, pieces[:, 1]), np.append(pieces[:, 0], np.inf)], axis=1)
    middles = np.where(np.isinf(gaps[:, 0]), -np.inf, gaps.mean(axis=1))
    found = total.sum()
    for (left, right), middle in zip(gaps, middles, strict=True):
        # up to the middle of a gap the alarm on its left is nearer, then the one on its right
        found += _integrate_after(left, np.clip((left, middle), begin, end), low, high)
        found += _integrate_after(-right, np.clip((-right, -middle), -end, -begin), -high, -low)
    return float(found / (end - begin))


def _integrate_after(alarm: float, ends: np.ndarray, low: float, high: float) -> float:
    """Integrate the probability over the times between two `ends`, which follow the alarm's end."""
    if ends[1] <= ends[0]:
        return 0.0
    turn = (alarm + high) / 2  # from here on the zone ends nearer than the alarm
    beyond = np.where(
        ends <= turn, (ends - alarm) ** 2 / 2, (turn - alarm) ** 2 - (high - np.maximum(ends, turn)) ** 2 / 2
    )
    towards = (ends - alarm) ** 2 / 2
    return float((ends[1] - ends[0]) - (np.diff(towards) + np.diff(beyond))[0] / (high - low))


def _cap(distances: np.ndarray, side: float) -> np.ndarray:
    """Integrate the smaller of a distance and `side`, from 0 to each distance."""
    return np.where(distances <= side, distances**2 / 2, side * distances - side**2 / 2)
