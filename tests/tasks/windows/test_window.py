"""Which windows are made, and what is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.readings import SensorReadings
from tasks.windows.label import label_ahead
from tasks.windows.window import make_windows, view_windows
from tests.builders import any_readings, labelled_with


def temporalize_as_published(
    rows: np.ndarray, labels: np.ndarray, lookback: int
) -> tuple[list[list[list[float]]], list[bool]]:
    """Windows and labels by the loop of the post, its indices unchanged."""
    output_x, output_y = [], []
    for i in range(len(rows) - lookback - 1):
        output_x.append([rows[i + j + 1].tolist() for j in range(1, lookback + 1)])
        output_y.append(bool(labels[i + lookback + 1]))
    return output_x, output_y


def test_windows_never_bridge_a_gap() -> None:
    windows = make_windows(labelled_with(rows=9, missing=[4]), lookback=3)
    assert windows.end_rows.tolist() == [2, 3, 6, 7]


def test_windows_never_bridge_an_event() -> None:
    windows = make_windows(labelled_with(rows=9, events=[4]), lookback=3)
    assert windows.end_rows.tolist() == [2, 3, 6, 7]


def test_windows_go_on_through_a_kept_event() -> None:
    windows = make_windows(labelled_with(rows=6, events=[3], are_event_rows_kept=True), lookback=3)
    assert windows.end_rows.tolist() == [2, 3, 4, 5]


def test_a_window_of_one_row_ends_at_every_row() -> None:
    assert make_windows(labelled_with(rows=4, missing=[1]), lookback=1).end_rows.tolist() == [0, 1, 2]


def test_a_run_as_long_as_the_lookback_makes_one_window() -> None:
    assert make_windows(labelled_with(rows=3), lookback=3).end_rows.tolist() == [2]


def test_a_window_has_the_label_of_its_last_row() -> None:
    windows = make_windows(labelled_with(rows=6, events=[5], rows_ahead=1), lookback=3)
    assert windows.labels.tolist() == [False, False, True]


def test_a_lookback_longer_than_every_run_is_refused() -> None:
    with pytest.raises(InputError, match=r"Received lookback=5, longest run=4"):
        make_windows(labelled_with(rows=8, missing=[4]), lookback=5)


def test_the_view_of_a_window_holds_its_rows_in_order() -> None:
    rows = np.arange(8.0).reshape(4, 2)
    assert view_windows(rows, 3).tolist() == [[[0, 1], [2, 3], [4, 5]], [[2, 3], [4, 5], [6, 7]]]


def test_the_view_of_windows_copies_no_row() -> None:
    rows = np.zeros((4, 2))
    assert np.shares_memory(view_windows(rows, 3), rows)


def test_published_windows_of_one_row_are_all_rows() -> None:
    assert make_windows(labelled_with(rows=4), 1, "published").end_rows.tolist() == [0, 1, 2, 3]


def test_as_many_published_windows_are_made_as_the_post_reports() -> None:
    labelled = labelled_with(rows=18_398, events=range(100, 100 + 2 * 124, 2), rows_ahead=5)
    assert len(make_windows(labelled, 5, "published")) == 18_268


def test_a_table_too_short_for_a_published_window_is_refused() -> None:
    with pytest.raises(InputError, match="lookback=5, longest run=6, 6 rows in all"):
        make_windows(labelled_with(rows=6), 5, "published")


@given(any_readings(), st.integers(2, 6))
def test_published_windows_equal_those_of_the_published_loop(readings: SensorReadings, lookback: int) -> None:
    labelled = label_ahead(readings, 2, across_gaps=True)
    expected, expected_labels = temporalize_as_published(labelled.values, labelled.labels, lookback)
    assume(expected)
    windows = make_windows(labelled, lookback, "published")
    chosen = view_windows(labelled.values, lookback)[windows.end_rows - lookback + 1]
    assert (chosen.tolist(), windows.labels.tolist()) == (expected, expected_labels)


@given(any_readings(), st.integers(1, 5), st.booleans())
def test_windows_are_all_the_stretches_of_rows_without_a_gap_or_a_removed_event(
    readings: SensorReadings, lookback: int, are_event_rows_kept: bool
) -> None:
    labelled = label_ahead(readings, 1, are_event_rows_kept=are_event_rows_kept)
    span = (lookback - 1) * np.timedelta64(2, "m")
    whole = [
        end
        for end in range(lookback - 1, len(labelled.times))
        if labelled.times[end] - labelled.times[end - lookback + 1] == span
    ]
    assume(whole)
    assert make_windows(labelled, lookback).end_rows.tolist() == whole
