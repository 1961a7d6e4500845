"""Intervals from a block bootstrap: whole runs of rows are drawn, since rows in a run are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from schemas.evaluation import Interval

# elements of one block of resampled rows: keeps the memory of long tables bounded
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


def resample_roc_auc(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Compute the area under the ROC curve of every resample, ties counted half.

    Args:
        scores: Shape (rows,); higher is more alarming.
        labels: bool, shape (rows,).
        blocks: Block of each row, int64 from 0, shape (rows,).
        weights: How often each block is drawn, shape (samples, blocks).

    Returns:
        float64, shape (samples,); NaN where a resample holds one class only.
    """

    def area(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        return _divide((positives * below).sum(axis=1), pairs)

    return _resample_ranked(scores, labels, blocks, weights, area)


def resample_average_precision(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Compute the average precision of every resample; arguments as for `resample_roc_auc`."""

    def precision(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
        caught = np.cumsum(positives[:, ::-1], axis=1)
        flagged = caught + np.cumsum(negatives[:, ::-1], axis=1)
        steps = positives[:, ::-1] * _divide(caught, flagged, empty=0.0)
        return _divide(steps.sum(axis=1), positives.sum(axis=1))

    return _resample_ranked(scores, labels, blocks, weights, precision)


def take_interval(values: np.ndarray, confidence: float) -> Interval | None:
    """Take the middle `confidence` of resampled values, or none where all are undefined."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(low=float(low), high=float(high))


def _resample_ranked(
    scores: np.ndarray,
    labels: np.ndarray,
    blocks: np.ndarray,
    weights: np.ndarray,
    figure: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Give `figure` the weights of positives and negatives at each distinct score, rising."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    groups = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    blocks, is_positive = blocks[order], labels[order]
    samples_at_once = max(1, ELEMENTS_AT_ONCE // max(1, len(scores)))
    pieces = []
    for start in range(0, len(weights), samples_at_once):
        drawn = weights[start : start + samples_at_once][:, blocks]
        positives = np.add.reduceat(drawn * is_positive, groups, axis=1)
        negatives = np.add.reduceat(drawn * ~is_positive, groups, axis=1)
        pieces.append(figure(positives, negatives))
    return np.concatenate(pieces)


def _divide(numerator: np.ndarray, denominator: np.ndarray, empty: float = np.nan) -> np.ndarray:
    filled = np.full(np.broadcast(numerator, denominator).shape, empty)
    return np.divide(numerator, denominator, out=filled, where=denominator > 0)
