"""Multiply rows by a matrix so that a row's result does not depend on the rows beside it."""

from __future__ import annotations

import numpy as np

# a matrix product rounds by its shape, so that every product has this one
ROWS_AT_ONCE = 256


def multiply_rows(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each row by a matrix, to the last bit the same whatever is multiplied with it.

    Args:
        rows: Shape (rows, columns).
        matrix: float64, shape (columns, width).

    Returns:
        float64, shape (rows, width).
    """
    product = np.empty((len(rows), matrix.shape[1]))
    block = np.zeros((ROWS_AT_ONCE, rows.shape[1]))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        piece = rows[start : start + ROWS_AT_ONCE]
        block[: len(piece)] = piece
        product[start : start + len(piece)] = (block @ matrix)[: len(piece)]
    return product
