"""That a row's product is its own, whatever is multiplied beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.families.multiply import ROWS_AT_ONCE, multiply_rows


@st.composite
def any_product(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows and a matrix; sums of thirds are rounded, so that another order of adding would show."""
    rows, columns, width = (draw(st.integers(1, most)) for most in (40, 70, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(-999, 999, (rows, columns)) / 3, rng.integers(-999, 999, (columns, width)) / 7


def test_a_row_is_multiplied_by_the_matrix() -> None:
    product = multiply_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 10.0], [100.0, 1000.0]]))
    assert product.tolist() == [[201, 2010], [403, 4030]]


def test_rows_in_float32_are_multiplied_in_float64() -> None:
    assert multiply_rows(np.array([[3]], np.float32), np.array([[1 / 3]])).tolist() == [[3 * (1 / 3)]]


def test_no_rows_have_no_products() -> None:
    assert multiply_rows(np.zeros((0, 3)), np.ones((3, 2))).shape == (0, 2)


@given(any_product(), st.integers(1, 40))
def test_a_product_is_the_same_in_pieces_of_any_size(drawn: tuple[np.ndarray, np.ndarray], size: int) -> None:
    rows, matrix = drawn
    pieces = [multiply_rows(rows[start : start + size], matrix) for start in range(0, len(rows), size)]
    assert np.concatenate(pieces).tobytes() == multiply_rows(rows, matrix).tobytes()


@given(any_product())
def test_a_product_does_not_depend_on_the_place_of_its_row(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    rows, matrix = drawn
    assert multiply_rows(rows[::-1], matrix)[::-1].tobytes() == multiply_rows(rows, matrix).tobytes()


@given(any_product())
def test_a_product_does_not_depend_on_the_order_in_memory(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    rows, matrix = drawn
    turned = multiply_rows(np.asfortranarray(rows), np.asfortranarray(matrix))
    assert turned.tobytes() == multiply_rows(rows, matrix).tobytes()


@pytest.mark.parametrize("row", [0, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 2])
def test_a_row_of_a_long_table_has_the_product_that_it_has_alone(row: int) -> None:
    rng = np.random.default_rng(0)
    rows, matrix = rng.normal(size=(2 * ROWS_AT_ONCE + 3, 59)), rng.normal(size=(59, 30))
    assert multiply_rows(rows, matrix)[row].tolist() == multiply_rows(rows[row : row + 1], matrix)[0].tolist()


@given(any_product())
def test_a_product_is_that_of_numpy(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    rows, matrix = drawn
    size = np.abs(rows) @ np.abs(matrix)
    assert (np.abs(multiply_rows(rows, matrix) - rows @ matrix) <= 1e-12 * size).all()
