"""Which rows count as shortly before an event, and where runs of rows end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.readings import SensorReadings
from tasks.windows.label import count_rows_in_run, find_events, label_ahead, widen_labels
from tests.builders import START, any_readings, labelled_with, part_of, readings_with, scattered_part_of


def shift_as_published(events: np.ndarray, rows: int) -> np.ndarray:
    """Labels of the rows that are no events, as the post's `curve_shift(df, shift_by=-rows)` makes them."""
    y = pd.Series(events.astype(float))
    vector = y.copy()
    for _ in range(rows):
        vector += vector.shift(-1).fillna(0)
    shifted = vector[y == 0] > 0
    return shifted.to_numpy()


def is_shortly_before_event(readings: SensorReadings, row: int, rows_ahead: int) -> bool:
    """The contract's words: 1 to `rows_ahead` rows before an event, in the same run of rows without a gap."""
    ahead = range(row + 1, min(row + rows_ahead, len(readings.times) - 1) + 1)
    return any(readings.events[other] and readings.runs[other] == readings.runs[row] for other in ahead)


def test_rows_before_an_event_are_marked() -> None:
    labelled = labelled_with(rows=8, events=[5], rows_ahead=2)
    assert labelled.labels.tolist() == [False, False, False, True, True, False, False]


def test_event_rows_are_removed() -> None:
    assert labelled_with(rows=8, events=[5]).source_rows.tolist() == [0, 1, 2, 3, 4, 6, 7]


def test_values_and_times_stay_with_their_rows() -> None:
    labelled = labelled_with(rows=4, events=[1])
    assert labelled.values[:, 0].tolist() == [0, 2, 3]
    assert (labelled.times - START).astype("timedelta64[m]").astype(int).tolist() == [0, 4, 6]


def test_categories_stay_with_their_rows() -> None:
    readings = readings_with(rows=4, events=[1], categories=np.array([7, 8, 9, 7]))
    labelled = label_ahead(readings, 1)
    assert (labelled.categories, labelled.category_values.tolist()) == (("grade",), [[7], [9], [7]])


def test_without_categories_there_is_a_column_of_none() -> None:
    labelled = labelled_with(rows=4, events=[1])
    assert (labelled.categories, labelled.category_values.shape) == ((), (3, 0))


def test_a_removed_event_ends_a_run() -> None:
    assert labelled_with(rows=6, events=[3]).runs.tolist() == [0, 0, 0, 1, 1]


def test_a_gap_ends_a_run() -> None:
    assert labelled_with(rows=6, missing=[3]).runs.tolist() == [0, 0, 0, 1, 1]


def test_a_gap_right_after_an_event_ends_one_run_and_not_two() -> None:
    assert labelled_with(rows=6, events=[2], missing=[3]).runs.tolist() == [0, 0, 1, 1]


def test_an_event_in_the_first_row_leaves_no_empty_run() -> None:
    assert labelled_with(rows=4, events=[0]).runs.tolist() == [0, 0, 0]


def test_a_kept_event_ends_no_run() -> None:
    assert labelled_with(rows=4, events=[2], are_event_rows_kept=True).runs.tolist() == [0, 0, 0, 0]


def test_rows_before_a_gap_are_not_marked_for_an_event_after_it() -> None:
    labelled = labelled_with(rows=8, missing=[4], events=[6], rows_ahead=3)
    assert labelled.source_rows[labelled.labels].tolist() == [4]


def test_rows_before_a_gap_are_marked_across_it_where_that_is_asked_for() -> None:
    labelled = label_ahead(readings_with(rows=8, missing=[4], events=[6]), 3, across_gaps=True)
    assert labelled.source_rows[labelled.labels].tolist() == [2, 3, 4]


def test_kept_event_rows_are_positive() -> None:
    labelled = labelled_with(rows=6, events=[3, 4], rows_ahead=0, are_event_rows_kept=True)
    assert labelled.labels.tolist() == [False, False, False, True, True, False]


def test_rows_before_a_kept_event_are_positive_too() -> None:
    labelled = labelled_with(rows=6, events=[3], rows_ahead=2, are_event_rows_kept=True)
    assert labelled.labels.tolist() == [False, True, True, True, False, False]


def test_more_rows_ahead_than_rows_mark_all_rows_before_the_event() -> None:
    assert labelled_with(rows=4, events=[2], rows_ahead=99).labels.tolist() == [True, True, False]


def test_no_rows_ahead_are_refused_where_event_rows_are_removed() -> None:
    with pytest.raises(ValueError, match=r"at least 1 if event rows are removed.*Received rows_ahead=0"):
        labelled_with(rows_ahead=0)


def test_negative_rows_ahead_are_refused_where_event_rows_are_kept() -> None:
    with pytest.raises(ValueError, match=r"Received rows_ahead=-1"):
        labelled_with(rows_ahead=-1, are_event_rows_kept=True)


def test_consecutive_event_rows_are_one_event() -> None:
    starts, stops = find_events(readings_with(rows=8, events=[2, 3, 6]))
    assert (starts.tolist(), stops.tolist()) == ([2, 6], [4, 7])


def test_event_rows_on_both_sides_of_a_gap_are_two_events() -> None:
    starts, stops = find_events(readings_with(rows=6, missing=[3], events=[2, 4]))
    assert (starts.tolist(), stops.tolist()) == ([2, 3], [3, 4])


def test_a_bridged_gap_is_within_one_event() -> None:
    readings = replace(readings_with(rows=8, missing=[3, 4], events=[2, 5, 7]), bridged_minutes=6.0)
    starts, stops = find_events(readings)
    assert (starts.tolist(), stops.tolist()) == ([2, 5], [4, 6])


def test_a_removed_event_starts_and_stops_after_the_rows_before_it() -> None:
    labelled = labelled_with(rows=8, events=[2, 3, 6])
    assert labelled.event_starts.tolist() == labelled.event_stops.tolist() == [2, 4]


def test_a_kept_event_holds_its_own_rows() -> None:
    labelled = labelled_with(rows=8, events=[2, 3, 6], are_event_rows_kept=True)
    assert (labelled.event_starts.tolist(), labelled.event_stops.tolist()) == ([2, 6], [4, 7])


def test_the_time_of_an_event_is_that_of_its_first_row() -> None:
    labelled = labelled_with(rows=8, events=[4, 5])
    assert labelled.event_times.tolist() == [(START + np.timedelta64(8, "m")).astype(int)]


def test_an_event_belongs_to_the_run_that_it_ended() -> None:
    assert labelled_with(rows=8, events=[2, 5]).event_runs.tolist() == [0, 1]


@pytest.mark.parametrize(("missing", "event"), [([], 0), ([3], 4)], ids=["in the first row", "after a gap"])
def test_an_event_without_a_row_before_it_has_no_run(missing: list[int], event: int) -> None:
    assert labelled_with(rows=8, missing=missing, events=[event]).event_runs.tolist() == [-1]


def test_a_kept_event_after_a_gap_belongs_to_its_own_run() -> None:
    labelled = labelled_with(rows=8, missing=[3], events=[4], are_event_rows_kept=True)
    assert labelled.event_runs.tolist() == [1]


def test_the_readings_are_left_as_they_are() -> None:
    readings = readings_with(rows=6, events=[3])
    label_ahead(readings, 2, are_event_rows_kept=True)
    assert np.flatnonzero(readings.events).tolist() == [3]


def widen(
    missing: Sequence[int] = (),
    events: Sequence[int] = (5,),
    warning_rows: int | None = 3,
    *,
    are_event_rows_kept: bool = False,
    stop: int | None = None,
) -> list[int]:
    """Rows of ten steps that are marked, each of them a window of a part up to `stop`."""
    labelled = labelled_with(10, missing, events, rows_ahead=1, are_event_rows_kept=are_event_rows_kept)
    return np.flatnonzero(widen_labels(labelled, part_of(labelled, 0, stop), warning_rows)).tolist()


def test_without_warning_rows_labels_stay_as_they_are() -> None:
    assert widen(warning_rows=None) == [4]


def test_the_warning_rows_before_an_event_are_marked() -> None:
    assert widen(events=[5], warning_rows=3) == [2, 3, 4]


def test_fewer_warning_rows_than_rows_ahead_take_no_label_away() -> None:
    labelled = labelled_with(rows=8, events=[5], rows_ahead=3)
    assert np.flatnonzero(widen_labels(labelled, part_of(labelled), 1)).tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("missing", "events", "marked"),
    [
        # rows 0 to 3 come before the gap, the event lies after rows 4 and 5
        ((4,), (7,), [4, 5]),
        # rows 3 and 4 lie between the two events
        ((), (3, 6), [0, 1, 2, 3, 4]),
        ((), (1,), [0]),
    ],
    ids=["a gap", "another event", "the begin of the table"],
)
def test_warning_rows_never_reach_over_the_begin_of_a_run(
    missing: tuple[int, ...], events: tuple[int, ...], marked: list[int]
) -> None:
    assert widen(missing, events, warning_rows=5) == marked


def test_an_event_without_a_row_before_it_marks_nothing() -> None:
    assert widen(missing=(4,), events=(5,), warning_rows=5) == []


def test_rows_before_a_kept_event_are_marked_and_its_own_rows_stay_so() -> None:
    assert widen(events=(5, 6), warning_rows=3, are_event_rows_kept=True) == [2, 3, 4, 5, 6]


def test_a_kept_event_right_after_a_gap_marks_its_own_rows_alone() -> None:
    assert widen(missing=(4,), events=(5,), warning_rows=5, are_event_rows_kept=True) == [4]


@pytest.mark.parametrize("are_event_rows_kept", [False, True])
def test_events_after_the_part_mark_nothing(are_event_rows_kept: bool) -> None:
    # the event comes after row 6, the first that the part does not have
    assert widen(events=(7,), warning_rows=5, stop=6, are_event_rows_kept=are_event_rows_kept) == []


def test_an_event_right_after_the_last_row_of_the_part_marks_nothing_more() -> None:
    assert widen(events=(6,), warning_rows=3, stop=6) == [5]


def test_wider_labels_are_those_of_the_windows_of_the_part() -> None:
    labelled = labelled_with(rows=10, events=[5], rows_ahead=1)
    part = scattered_part_of(labelled, [0, 3, 4, 7])
    assert widen_labels(labelled, part, 3).tolist() == [False, True, True, False]


def test_the_labels_of_the_rows_are_left_as_they_are() -> None:
    labelled = labelled_with(rows=8, events=[5], rows_ahead=1)
    widen_labels(labelled, part_of(labelled), 3)
    assert np.flatnonzero(labelled.labels).tolist() == [4]


@given(any_readings(), st.integers(1, 6))
def test_as_many_warning_rows_as_rows_ahead_are_the_labels_themselves(
    readings: SensorReadings, rows_ahead: int
) -> None:
    narrow, wide = (label_ahead(readings, rows) for rows in (1, rows_ahead))
    # an event after the last row of the table counts too
    part = replace(part_of(narrow), stop=len(narrow.labels) + 1)
    assert widen_labels(narrow, part, rows_ahead).tolist() == wide.labels.tolist()


def test_rows_in_a_run_are_counted_from_its_start() -> None:
    assert count_rows_in_run(np.array([0, 0, 0, 1, 2, 2])).tolist() == [0, 1, 2, 0, 0, 1]


def test_no_rows_make_no_counts() -> None:
    assert count_rows_in_run(np.zeros(0, dtype=np.int64)).tolist() == []


@given(any_readings(), st.integers(1, 6))
def test_labels_say_what_the_contract_says(readings: SensorReadings, rows_ahead: int) -> None:
    labelled = label_ahead(readings, rows_ahead)
    expected = [is_shortly_before_event(readings, row, rows_ahead) for row in labelled.source_rows]
    assert labelled.labels.tolist() == expected


@given(any_readings(), st.integers(1, 6))
def test_labels_across_gaps_equal_the_published_curve_shift(
    readings: SensorReadings, rows_ahead: int
) -> None:
    labelled = label_ahead(readings, rows_ahead, across_gaps=True)
    assert labelled.labels.tolist() == shift_as_published(readings.events, rows_ahead).tolist()


@given(any_readings(), st.integers(1, 6), st.booleans(), st.integers(1, 39))
def test_a_label_depends_on_no_row_further_ahead(
    readings: SensorReadings, rows_ahead: int, across_gaps: bool, changed_from: int
) -> None:
    later = np.arange(len(readings.events)) >= changed_from
    changed = replace(readings, events=readings.events ^ later)
    labels, others = (
        label_ahead(table, rows_ahead, are_event_rows_kept=True, across_gaps=across_gaps).labels
        for table in (readings, changed)
    )
    stop = max(changed_from - rows_ahead, 0)
    assert labels[:stop].tolist() == others[:stop].tolist()


@given(any_readings())
def test_rows_of_a_run_follow_each_other_without_a_gap_or_an_event(readings: SensorReadings) -> None:
    labelled = label_ahead(readings, 2)
    is_same_run = labelled.runs[1:] == labelled.runs[:-1]
    follows = (np.diff(labelled.source_rows) == 1) & (np.diff(labelled.times) == np.timedelta64(2, "m"))
    assert is_same_run.tolist() == follows.tolist()
