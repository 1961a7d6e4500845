"""Multiply rows by a matrix so that a row's result does not depend on the rows beside it."""

from __future__ import annotations

import numpy as np

# keeps what is added up in the processor's cache
ROWS_AT_ONCE = 1024


def multiply_rows(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each row by a matrix, to the last bit the same whatever is multiplied with it.

    The products are added up column by column. A matrix product of the linear algebra library rounds by
    its shape, by the place of a row in it and by the number of threads that share it.

    Args:
        rows: Shape (rows, columns).
        matrix: float64, shape (columns, width).

    Returns:
        float64, shape (rows, width).
    """
    product = np.zeros((len(rows), matrix.shape[1]))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        piece = product[start : start + ROWS_AT_ONCE]
        for values, weights in zip(rows[start : start + ROWS_AT_ONCE].T, matrix, strict=True):
            piece += values[:, None] * weights
    return product
