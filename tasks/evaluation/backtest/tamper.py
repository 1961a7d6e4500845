"""Tamper with inputs for the leak check: a model that scores as well with them has looked ahead."""

from __future__ import annotations

import numpy as np

from tasks.features.featurise import take_earlier
from tasks.windows.label import count_rows_in_run


def shuffle_rows(rows: np.ndarray, start: int, stop: int, seed: int) -> np.ndarray:
    """Shuffle the rows from `start` to `stop` - 1.

    Args:
        rows: Scaled features, shape (rows, columns).
        start: First row of the stretch.
        stop: First row after it.
        seed: Seed of the order.

    Returns:
        A new array, shape (rows, columns).
    """
    order = np.arange(len(rows))
    np.random.default_rng(seed).shuffle(order[start:stop])
    return rows[order]


def delay_rows(rows: np.ndarray, runs: np.ndarray, delay: int) -> np.ndarray:
    """Delay every row by `delay` rows within its run; the first row is repeated until the second arrives.

    Args:
        rows: Scaled features, shape (rows, columns).
        runs: Run of each row, shape (rows,).
        delay: Rows, at least 0.

    Returns:
        A new array, shape (rows, columns).
    """
    return take_earlier(rows, count_rows_in_run(runs), delay)
