"""Range-based recall and precision: how much of each range others cover, in how many pieces and where."""

from __future__ import annotations

from typing import Literal

import numpy as np

Bias = Literal["flat", "front", "back", "middle"]


def score_ranges(
    ranges: np.ndarray,
    others: np.ndarray,
    *,
    existence_weight: float = 0.0,
    bias: Bias = "flat",
    is_reciprocal: bool = False,
) -> np.ndarray:
    """Score how well each range is covered by other ranges.

    For an event range R and alarms P this is Recall_T(R, P) = a * existence + (1 - a) * gamma * overlap.
    Existence is 1 if any alarm overlaps R, overlap is the sum of the weights of the covered rows over that of
    all rows of R, and gamma is 1 or, with `is_reciprocal`, 1 / (number of alarms that overlap R). The mean
    over R is the range-based recall. With the roles exchanged and a = 0, the mean over alarms is the
    range-based precision.

    Args:
        ranges: First row and row after the last of each range, int64, shape (ranges, 2), in order and
            disjoint.
        others: The ranges that cover them, shape (others, 2), in order and disjoint.
        existence_weight: The weight a of existence, between 0 and 1.
        bias: Weight of a row by its place in the range: the same, falling, rising, or highest in the middle.
        is_reciprocal: Whether a range that is covered in several pieces counts less.

    Returns:
        Between 0 and 1, shape (ranges,); 0 for an empty range.

    Source: Tatbul et al. 2018, "Precision and recall for time series", arXiv 1803.03639.
    """
    firsts = np.searchsorted(others[:, 1], ranges[:, 0], side="right")
    lasts = np.searchsorted(others[:, 0], ranges[:, 1], side="left")
    scores = np.zeros(len(ranges))
    for place, ((start, stop), first, last) in enumerate(zip(ranges, firsts, lasts, strict=True)):
        if first >= last or start >= stop:
            continue
        pieces = np.clip(others[first:last], start, stop) - start
        overlap = _weigh_pieces(pieces, int(stop - start), bias)
        overlap /= last - first if is_reciprocal else 1
        scores[place] = existence_weight + (1 - existence_weight) * overlap
    return scores


def _weigh_pieces(pieces: np.ndarray, rows: int, bias: Bias) -> float:
    """Find the share of a range's weight that lies in pieces of it, shape (pieces, 2)."""
    places = np.arange(1, rows + 1, dtype=np.float64)
    weights = {
        "flat": np.ones(rows),
        "front": rows - places + 1,
        "back": places,
        "middle": np.where(places <= rows / 2, places, rows - places + 1),
    }[bias]
    before = np.concatenate([[0.0], np.cumsum(weights)])
    return float((before[pieces[:, 1]] - before[pieces[:, 0]]).sum() / before[-1])
