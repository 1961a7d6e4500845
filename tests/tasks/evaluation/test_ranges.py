"""Events and alarms as ranges of rows."""

from __future__ import annotations

import numpy as np

from tasks.evaluation.ranges import find_event_ranges, find_ranges
from tests.builders import labelled_with, part_of


def test_a_range_ends_where_rows_or_their_run_end() -> None:
    marked = np.array([1, 1, 0, 1, 1, 1, 0], dtype=bool)
    runs = np.array([0, 0, 0, 0, 1, 1, 1])
    assert find_ranges(marked, runs).tolist() == [[0, 2], [3, 4], [4, 6]]


def test_nothing_marked_is_no_range() -> None:
    assert find_ranges(np.zeros(4, dtype=bool), np.zeros(4, dtype=int)).shape == (0, 2)


def test_the_rows_before_an_event_are_its_range() -> None:
    labelled = labelled_with(rows=12, events=[4, 9])
    assert find_event_ranges(part_of(labelled), labelled).tolist() == [[2, 4], [6, 8]]


def test_kept_event_rows_are_the_range() -> None:
    labelled = labelled_with(rows=10, events=[4, 5, 6], rows_ahead=0, are_event_rows_kept=True)
    assert find_event_ranges(part_of(labelled), labelled).tolist() == [[4, 7]]


def test_an_event_without_history_has_an_empty_range() -> None:
    labelled = labelled_with(rows=10, missing=[3], events=[4])
    (start, stop) = find_event_ranges(part_of(labelled), labelled)[0]
    assert start == stop


def test_a_range_ends_with_the_part() -> None:
    labelled = labelled_with(rows=10, events=[4, 5, 6, 7], rows_ahead=0, are_event_rows_kept=True)
    assert find_event_ranges(part_of(labelled, 2, 6), labelled).tolist() == [[4, 6]]
