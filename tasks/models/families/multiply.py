"""Multiply rows by a matrix so that the result of a row does not depend on the other rows."""

from __future__ import annotations

import numpy as np

# keeps the running sums in the processor's cache
ROWS_AT_ONCE = 1024


def multiply_rows(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each row by a matrix, with the same result to the last bit whatever the other rows are.

    The products are added column by column. In the linear algebra library's matrix product, rounding
    depends on the shape, on the row's position and on the number of threads.

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
