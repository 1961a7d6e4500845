"""Blocks of rows: whole runs or pieces of equal length, and no event in two of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.blocks import LEAST_BLOCKS, number_test_blocks
from tests.tasks.evaluation.test_range_based import any_ranges

NO_EVENTS = np.zeros((0, 2), dtype=np.int64)


def test_many_runs_are_the_blocks() -> None:
    runs = np.repeat(np.arange(5, 5 + LEAST_BLOCKS), 3)
    np.testing.assert_array_equal(number_test_blocks(runs, NO_EVENTS), runs - 5)


def test_one_long_run_is_cut_into_pieces_of_equal_length() -> None:
    blocks = number_test_blocks(np.zeros(400, dtype=int), NO_EVENTS)
    assert np.bincount(blocks).tolist() == [20] * 20


def test_a_short_run_beside_a_long_one_stays_whole() -> None:
    blocks = number_test_blocks(np.repeat([0, 1], [8, 392]), NO_EVENTS)
    assert np.bincount(blocks)[0] == 8


def test_an_event_belongs_to_the_block_that_it_begins_in() -> None:
    blocks = number_test_blocks(np.zeros(400, dtype=int), np.array([[35, 66]]))
    assert np.bincount(blocks)[:3].tolist() == [20, 46, 14]


@given(any_ranges(60), st.lists(st.booleans(), min_size=60, max_size=60))
def test_no_block_crosses_a_run_and_no_event_is_cut_within_one(
    events: np.ndarray, starts: list[bool]
) -> None:
    runs = np.cumsum(starts)
    blocks = number_test_blocks(runs, events)
    assert blocks[0] == 0
    assert set(np.diff(blocks)) <= {0, 1}
    assert all(len(np.unique(runs[blocks == block])) == 1 for block in np.unique(blocks))
    if runs[-1] - runs[0] + 1 < LEAST_BLOCKS:
        for start, stop in events:
            inside = blocks[start:stop][runs[start:stop] == runs[start]]
            assert len(np.unique(inside)) == 1
