"""Which rows are out of order, and which tables hold several sequences of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.arrangement.order import find_order, require_one_sequence


def at_minutes(minutes: list[float]) -> np.ndarray:
    nanoseconds = (np.array(minutes) * 60e9).astype(np.int64).astype("timedelta64[ns]")
    return np.asarray(np.datetime64("2024-05-01", "ns") + nanoseconds)


def require_one(minutes: list[float], **columns: Sequence[object]) -> None:
    times = pd.Series(at_minutes(minutes))
    table = pd.DataFrame({"time": times.astype(str), "a": np.arange(len(times)), **columns})
    order = find_order(times.to_numpy(), np.ones(len(times), bool), 2.0)
    require_one_sequence(RawTable(table, "new.csv", ""), times, "time", order)


def test_a_row_between_two_in_order_is_found() -> None:
    order = find_order(at_minutes([0, 2, 4, 6, 3, 5, 8]), np.ones(7, bool), 2.0)
    assert np.flatnonzero(order.is_below_later).tolist() == [4, 5]
    assert np.flatnonzero(order.is_between).tolist() == [4, 5]


def test_rows_without_a_known_time_are_left_out() -> None:
    order = find_order(at_minutes([900, 0, 2]), np.array([False, True, True]), 2.0)
    assert not order.is_below_later.any()


@given(st.permutations(range(12)))
def test_no_row_of_a_shuffled_table_lies_between_others(places: list[int]) -> None:
    order = find_order(at_minutes([2.0 * place for place in places]), np.ones(12, bool), 2.0)
    assert not order.is_between.any()
    assert order.is_below_later.sum() == sum(place < max(places[: at + 1]) for at, place in enumerate(places))


@pytest.mark.parametrize("minutes", [range(0, 60, 2), range(60, 0, -2), [0, 2, 4, 4, 6, 8]])
def test_one_sequence_is_accepted_in_any_order_and_with_a_repeated_row(minutes: list[float]) -> None:
    require_one([*minutes])


def test_copies_of_rows_are_accepted() -> None:
    times = pd.Series(at_minutes([0, 2, 4, 6] * 2))
    table = pd.DataFrame({"time": times.astype(str), "a": [1, 2, 3, 4] * 2})
    order = find_order(times.to_numpy(), np.ones(8, bool), 2.0)
    require_one_sequence(RawTable(table, "new.csv", ""), times, "time", order)


@pytest.mark.parametrize(
    "minutes",
    [
        np.repeat(range(0, 60, 2), 2),  # two machines, row by row
        [*range(0, 60, 2)] * 2,  # one below the other
        [*range(0, 60, 2), *range(1, 60, 2)],  # at other moments
        [*range(0, 120, 2), *range(60, 120, 2)],  # the repeated hour in autumn
    ],
)
def test_several_sequences_are_refused(minutes: list[float]) -> None:
    with pytest.raises(InputError, match="one machine, each time once.*machine_column.*time_zone"):
        require_one([*minutes])


def test_the_column_that_tells_machines_apart_is_named() -> None:
    with pytest.raises(InputError, match="set `readings.machine_column=unit`"):
        require_one(
            [*range(0, 60, 2)] * 2,
            sensor=range(60),
            grade=[7] * 30 + [8] * 30,
            unit=["P1"] * 30 + ["P2"] * 30,
        )
