"""Intervals from a block bootstrap that draws whole runs of rows, since rows of a run are correlated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.evaluation import Interval

# elements of one array of resampled rows; bounds the memory for long tables
ELEMENTS_AT_ONCE = 4_000_000


def draw_weights(blocks: int, samples: int, seed: int) -> np.ndarray:
    """Draw how often each block occurs in each resample.

    Args:
        blocks: Number of blocks, at least 1.
        samples: Number of resamples.
        seed: Seed of the draw; the same seed pairs the resamples of two scorers.

    Returns:
        float64, shape (samples, blocks); every row sums to `blocks`.
    """
    draws = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=samples)
    return draws.astype(np.float64)


# scipy.stats.bootstrap draws single rows, not runs. scikit-learn's metrics with sample weights agree to 1e-15
# but take 300 times as long, one resample at a time
def resample_roc_auc(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Compute the area under the ROC curve of every resample, counting ties as half.

    Args:
        scores: Shape (rows,); higher is more alarming.
        labels: bool, shape (rows,).
        blocks: Block of each row, int64 from 0, shape (rows,).
        weights: How often each block is drawn, shape (samples, blocks).

    Returns:
        float64, shape (samples,); NaN where a resample contains only one class.
    """
    positives, negatives = (_count_rows(blocks[chosen], weights) for chosen in (labels, ~labels))
    pairs = np.zeros(len(weights))
    for level in _walk_levels(scores, labels, blocks, weights):
        below = negatives[:, None] - (level.negatives_from + level.negatives_above) / 2
        pairs += (level.positives * below).sum(axis=1)
    return _divide(pairs, positives * negatives)


def resample_average_precision(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Compute the average precision of every resample; arguments as for `resample_roc_auc`."""
    steps = np.zeros(len(weights))
    for level in _walk_levels(scores, labels, blocks, weights):
        flagged = level.positives_from + level.negatives_from
        steps += (level.positives * _divide(level.positives_from, flagged, empty=0.0)).sum(axis=1)
    return _divide(steps, _count_rows(blocks[labels], weights))


def take_interval(values: np.ndarray, confidence: float) -> Interval | None:
    """Take the central interval with a share `confidence` of resampled values; none if all are undefined."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(low=float(low), high=float(high))


class _Levels(NamedTuple):
    """Weighted counts of rows at some levels, the distinct scores of positive rows, shape (samples, levels).

    Attributes:
        positives: Positive rows at the level.
        positives_from: Positive rows at the level or above.
        negatives_from: Negative rows at the level or above.
        negatives_above: Negative rows above the level.
    """

    positives: np.ndarray
    positives_from: np.ndarray
    negatives_from: np.ndarray
    negatives_above: np.ndarray


def _walk_levels(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, weights: np.ndarray
) -> Iterator[_Levels]:
    """Count the rows at and above each level; there are few levels, since positive rows are rare."""
    levels = np.unique(scores[labels])
    reached = np.searchsorted(levels, scores, side="right")  # levels at the score or below
    passed = np.searchsorted(levels, scores, side="left")  # levels below the score
    levels_at_once = max(1, ELEMENTS_AT_ONCE // sum(weights.shape))
    for start in range(0, len(levels), levels_at_once):
        weigh = partial(
            _weigh_from_levels, weights=weights, start=start, stop=min(start + levels_at_once, len(levels))
        )
        positives_from = weigh(blocks[labels], reached[labels])
        yield _Levels(
            positives=positives_from - weigh(blocks[labels], passed[labels]),
            positives_from=positives_from,
            negatives_from=weigh(blocks[~labels], reached[~labels]),
            negatives_above=weigh(blocks[~labels], passed[~labels]),
        )


def _weigh_from_levels(
    row_blocks: np.ndarray, levels_reached: np.ndarray, weights: np.ndarray, start: int, stop: int
) -> np.ndarray:
    """Count the rows that reach each of some levels, weighted by their blocks.

    Args:
        row_blocks: Block of each row, shape (rows,).
        levels_reached: Number of levels that each row reaches, counted from the lowest, shape (rows,).
        weights: How often each block is drawn, shape (samples, blocks).
        start: First level.
        stop: The level after the last.

    Returns:
        float64, shape (samples, stop - start).
    """
    shape = (weights.shape[1], stop - start + 1)
    cells = np.ravel_multi_index((row_blocks, np.clip(levels_reached - start, 0, stop - start)), shape)
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    return weights @ counts[:, :0:-1].cumsum(axis=1)[:, ::-1].astype(np.float64)


def _count_rows(row_blocks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count rows weighted by their blocks, shape (samples,)."""
    return weights @ np.bincount(row_blocks, minlength=weights.shape[1]).astype(np.float64)


def _divide(numerator: np.ndarray, denominator: np.ndarray, empty: float = np.nan) -> np.ndarray:
    filled = np.full(np.broadcast(numerator, denominator).shape, empty)
    return np.divide(numerator, denominator, out=filled, where=denominator > 0)
