"""Event rows that belong to one event are joined."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.readings import SensorReadings
from tasks.labels.events import BRIDGED_STEPS, find_event_starts, merge_events
from tasks.windows.label import find_events
from tests.builders import any_readings, readings_with


def count(readings: SensorReadings) -> int:
    return len(find_events(readings)[0])


def test_a_short_gap_between_event_rows_is_within_one_event() -> None:
    merged = merge_events(readings_with(rows=20, missing=[5], events=[4, 6]), None)
    assert count(merged) == 1
    [finding] = merged.findings
    assert finding.details == {"stretches": 2, "events": 1}


def test_a_long_gap_between_event_rows_parts_two_events() -> None:
    later = 4 + BRIDGED_STEPS + 1
    readings = readings_with(rows=30, missing=range(5, later), events=[4, later])
    assert count(merge_events(readings, None)) == 2


def test_a_normal_row_between_event_rows_parts_two_events_by_default() -> None:
    merged = merge_events(readings_with(rows=8, events=[2, 4]), None)
    assert count(merged) == 2
    assert merged.findings == ()


def test_rows_between_joined_event_rows_are_event_rows() -> None:
    merged = merge_events(readings_with(rows=12, missing=[4], events=[2, 6, 11]), 8.0)
    assert count(merged) == 2
    assert merged.times[merged.events].tolist() == merged.times[[2, 3, 4, 5, 10]].tolist()


def test_no_minutes_join_nothing_across_a_gap() -> None:
    assert count(merge_events(readings_with(rows=8, missing=[3], events=[2, 4]), 0.0)) == 2


def test_stops_with_missing_rows_are_counted_once() -> None:
    stops = [range(start, start + 30) for start in range(20, 20 + 58 * 50, 50)]
    events = [row for stop in stops for row in stop]
    missing = [stop[1 + number % 28] for number, stop in enumerate(stops) if number % 2]
    assert count(merge_events(readings_with(rows=3000, missing=missing, events=events), None)) == 58


@given(any_readings(), st.one_of(st.none(), st.integers(0, 30)))
def test_joining_makes_no_more_events_and_keeps_every_event_row(
    readings: SensorReadings, minutes: int | None
) -> None:
    merged = merge_events(readings, minutes)
    assert (merged.events >= readings.events).all()
    assert count(merged) <= count(readings)
    starts = find_event_starts(readings.events, readings.runs, readings.times, 0.0)
    assert set(find_events(merged)[0]) <= set(starts)


@given(any_readings(), st.integers(0, 30))
def test_events_are_further_apart_than_the_minutes_that_join_them(
    readings: SensorReadings, minutes: int
) -> None:
    merged = merge_events(readings, minutes)
    starts, stops = find_events(merged)
    between = (merged.times[starts[1:]] - merged.times[stops[:-1] - 1]) / np.timedelta64(1, "m")
    # rows of one run are one event however long the step is
    assert ((between > minutes) | (merged.runs[starts[1:]] == merged.runs[stops[:-1] - 1])).all()
    assert merge_events(merged, minutes).events.tolist() == merged.events.tolist()


@given(any_readings(), st.integers(0, 30), st.integers(1, 40))
def test_later_events_change_no_row_before_the_last_event_row(
    readings: SensorReadings, minutes: int, rows: int
) -> None:
    known = np.flatnonzero(readings.events[:rows])
    last = int(known[-1]) + 1 if len(known) else 0
    earlier = replace(readings, events=readings.events & (np.arange(len(readings.events)) < rows))
    assert (
        merge_events(earlier, minutes).events[:last].tolist()
        == merge_events(readings, minutes).events[:last].tolist()
    )
