"""Short holes in sensors."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.values.fill import hold_last_values

values_with_holes = st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=30)


@settings(deadline=None)
@given(values=values_with_holes, breaks=st.sets(st.integers(1, 29)), rows_at_most=st.integers(1, 5))
def test_filling_a_run_does_not_depend_on_other_runs(
    values: list[int | None], breaks: set[int], rows_at_most: int
) -> None:
    column = np.array(values, dtype=float)[:, None]
    runs = np.array([sum(place <= row for place in breaks) for row in range(len(values))])
    whole = hold_last_values(column, runs, rows_at_most)
    parts = [
        hold_last_values(column[runs == run], runs[runs == run], rows_at_most) for run in np.unique(runs)
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@settings(deadline=None)
@given(values=values_with_holes, rows_at_most=st.integers(1, 5))
def test_filling_agrees_with_a_plain_loop(values: list[int | None], rows_at_most: int) -> None:
    expected = np.array(values, dtype=float)
    missing = rows_at_most
    for row, value in enumerate(values):
        missing = missing + 1 if value is None else 0
        if 0 < missing <= rows_at_most:
            expected[row] = expected[row - 1]
    held = hold_last_values(
        np.array(values, dtype=float)[:, None], np.zeros(len(values), dtype=int), rows_at_most
    )
    np.testing.assert_array_equal(held[:, 0], expected)


@settings(deadline=None)
@given(values=values_with_holes, rows=st.integers(1, 30), rows_at_most=st.integers(1, 5))
def test_no_later_row_changes_what_is_filled(values: list[int | None], rows: int, rows_at_most: int) -> None:
    column = np.array(values, dtype=float)[:, None]
    runs = np.zeros(len(values), dtype=int)
    whole = hold_last_values(column, runs, rows_at_most)
    np.testing.assert_array_equal(whole[:rows], hold_last_values(column[:rows], runs[:rows], rows_at_most))
