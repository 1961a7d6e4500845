"""Which events alarms catch, how early, and how often they are false."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.readings import LabelledReadings, SensorReadings
from tasks.alarms.episodes import (
    count_days,
    count_false_alarms,
    find_horizon_starts,
    find_horizon_starts_in_minutes,
    find_lead_minutes,
    mark_part,
    select_events,
)
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of, readings_with, scattered_part_of


def flag(labelled: LabelledReadings, rows: Sequence[int]) -> np.ndarray:
    return np.isin(np.arange(len(labelled.labels)), rows)


def find_leads(labelled: LabelledReadings, flagged: Sequence[int], rows_ahead: int = 2) -> list[float | None]:
    """Lead minutes of each event, none where it was missed."""
    starts = find_horizon_starts(labelled, rows_ahead)
    minutes = find_lead_minutes(flag(labelled, flagged), labelled, starts)
    return [None if np.isnan(value) else float(value) for value in minutes]


def count_episodes(labelled: LabelledReadings, flagged: Sequence[int], repeat_minutes: float = 30.0) -> int:
    return int(count_false_alarms(flag(labelled, flagged), labelled, repeat_minutes).sum())


def test_the_rows_of_a_stretch_belong_to_its_part() -> None:
    labelled = labelled_with(rows=6)
    assert mark_part(part_of(labelled, 2, 4), 6).tolist() == [False, False, True, True, False, False]


def test_the_windows_of_a_scattered_part_are_its_rows() -> None:
    labelled = labelled_with(rows=5)
    assert mark_part(scattered_part_of(labelled, [1, 4]), 5).tolist() == [False, True, False, False, True]


def test_a_part_has_the_events_just_after_its_rows() -> None:
    labelled = labelled_with(rows=12, events=[3, 7, 11])
    assert select_events(labelled, part_of(labelled, start=3, stop=8)).tolist() == [1]


def test_an_event_just_before_a_boundary_belongs_to_the_part_before_it() -> None:
    labelled = labelled_with(rows=10, events=[5])
    parts = [part_of(labelled, 0, 5), part_of(labelled, 5, 9)]
    assert [select_events(labelled, part).tolist() for part in parts] == [[0], []]


def test_a_kept_event_belongs_to_the_part_of_its_first_row() -> None:
    labelled = labelled_with(rows=10, events=[4, 5], are_event_rows_kept=True)
    parts = [part_of(labelled, 0, 5), part_of(labelled, 5, 10)]
    assert [select_events(labelled, part).tolist() for part in parts] == [[0], []]


def test_an_event_in_the_first_row_belongs_to_the_first_part() -> None:
    labelled = labelled_with(rows=6, events=[0])
    assert select_events(labelled, part_of(labelled, 0, 3)).tolist() == [0]


def test_a_scattered_part_has_the_events_with_a_positive_row_in_it() -> None:
    labelled = labelled_with(rows=12, events=[4, 9])
    assert select_events(labelled, scattered_part_of(labelled, [0, 3, 4, 5])).tolist() == [0]


def test_the_horizon_starts_so_many_rows_before_the_event() -> None:
    assert find_horizon_starts(labelled_with(rows=10, events=[6]), 2).tolist() == [4]


def test_the_horizon_ends_at_a_gap() -> None:
    assert find_horizon_starts(labelled_with(rows=10, missing=[4], events=[6]), 5).tolist() == [4]


def test_the_horizon_ends_at_a_removed_event() -> None:
    assert find_horizon_starts(labelled_with(rows=10, events=[2, 6]), 9).tolist() == [0, 2]


def test_the_horizon_in_minutes_holds_the_row_exactly_so_many_minutes_before() -> None:
    labelled = labelled_with(rows=10, events=[8], step_minutes=2)
    assert find_horizon_starts_in_minutes(labelled, 6.0).tolist() == [5]


def test_the_horizon_in_minutes_leaves_out_a_row_that_lies_earlier() -> None:
    labelled = labelled_with(rows=10, events=[8], step_minutes=2)
    assert find_horizon_starts_in_minutes(labelled, 5.9).tolist() == [6]


def test_the_horizon_in_minutes_ends_at_a_gap() -> None:
    labelled = labelled_with(rows=10, missing=[5], events=[8], step_minutes=2)
    assert find_horizon_starts_in_minutes(labelled, 20.0).tolist() == [5]


@pytest.mark.parametrize(("flagged", "minutes"), [(3, 4.0), (4, 2.0)])
def test_the_lead_is_the_time_from_the_alarm_to_the_event(flagged: int, minutes: float) -> None:
    assert find_leads(labelled_with(rows=8, events=[5]), [flagged]) == [minutes]


def test_the_first_alarm_of_the_horizon_counts() -> None:
    assert find_leads(labelled_with(rows=8, events=[5]), [3, 4]) == [4.0]


@pytest.mark.parametrize("flagged", [2, 5], ids=["before the horizon", "after the event"])
def test_an_alarm_outside_the_horizon_catches_nothing(flagged: int) -> None:
    assert find_leads(labelled_with(rows=8, events=[5]), [flagged]) == [None]


def test_each_event_has_its_own_alarm() -> None:
    assert find_leads(labelled_with(rows=12, events=[4, 9]), [3, 6]) == [2.0, 4.0]


def test_an_event_right_after_a_gap_is_missed_whatever_is_flagged() -> None:
    assert find_leads(labelled_with(rows=8, missing=[3], events=[4]), range(7)) == [None]


def test_an_event_in_the_first_row_is_missed_whatever_is_flagged() -> None:
    assert find_leads(labelled_with(rows=8, events=[0]), range(7)) == [None]


def test_an_alarm_before_a_gap_does_not_catch_the_event_after_it() -> None:
    labelled = labelled_with(rows=8, missing=[4], events=[6])
    assert find_leads(labelled, [3], rows_ahead=3) == [None]


@pytest.mark.parametrize(("flagged", "minutes"), [(4, 0.0), (6, -4.0)])
def test_a_kept_event_is_caught_by_any_of_its_rows(flagged: int, minutes: float) -> None:
    labelled = labelled_with(rows=9, events=[4, 5, 6], rows_ahead=0, are_event_rows_kept=True)
    assert find_leads(labelled, [flagged], rows_ahead=0) == [minutes]


@pytest.mark.parametrize("flagged", [3, 7], ids=["before it", "after it"])
def test_a_kept_event_without_rows_ahead_is_caught_by_no_other_row(flagged: int) -> None:
    labelled = labelled_with(rows=9, events=[4, 5, 6], rows_ahead=0, are_event_rows_kept=True)
    assert find_leads(labelled, [flagged], rows_ahead=0) == [None]


def test_a_kept_event_right_after_a_gap_is_caught_by_its_own_rows() -> None:
    labelled = labelled_with(rows=8, missing=[3], events=[4], rows_ahead=0, are_event_rows_kept=True)
    assert find_leads(labelled, [3], rows_ahead=0) == [0.0]


def test_consecutive_false_alarms_are_one_episode() -> None:
    assert count_episodes(labelled_with(rows=10), [3, 4, 5]) == 1


def test_false_alarms_with_a_quiet_row_between_them_are_two_episodes() -> None:
    assert count_episodes(labelled_with(rows=10), [3, 5]) == 2


def test_a_gap_ends_an_episode() -> None:
    assert count_episodes(labelled_with(rows=10, missing=[4]), [3, 4]) == 2


def test_a_removed_event_ends_an_episode() -> None:
    labelled = labelled_with(rows=10, events=[4], rows_ahead=1)
    assert count_episodes(labelled, [2, 4]) == 2


def test_no_alarm_is_no_episode() -> None:
    assert count_episodes(labelled_with(rows=10), []) == 0


def test_alarms_in_a_horizon_are_not_false() -> None:
    assert count_episodes(labelled_with(rows=8, events=[5]), [3, 4]) == 0


def test_alarms_before_a_horizon_are_false_even_if_they_go_on_into_it() -> None:
    assert count_episodes(labelled_with(rows=8, events=[5]), [2, 3, 4]) == 1


def test_alarms_in_a_kept_event_are_not_false() -> None:
    labelled = labelled_with(rows=8, events=[3, 4], rows_ahead=0, are_event_rows_kept=True)
    assert count_episodes(labelled, [2, 3, 4, 5]) == 2


@pytest.mark.parametrize(("minutes", "episodes"), [(28, 1), (30, 2), (58, 2), (60, 3), (70, 3), (90, 4)])
def test_a_lasting_alarm_is_counted_again_every_30_minutes(minutes: int, episodes: int) -> None:
    labelled = labelled_with(rows=60, step_minutes=2)
    assert count_episodes(labelled, range(5, 5 + minutes // 2 + 1)) == episodes


def test_an_episode_is_counted_where_it_begins() -> None:
    labelled = labelled_with(rows=8)
    assert count_false_alarms(flag(labelled, [2, 3, 6]), labelled, 30.0).tolist() == [0, 0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("step_minutes", [0.1, 0.7, 1 / 60, 0.3])
def test_the_count_of_a_lasting_alarm_does_not_suffer_from_rounding(step_minutes: float) -> None:
    labelled = labelled_with(rows=60, step_minutes=step_minutes)
    assert count_episodes(labelled, range(50), repeat_minutes=7 * step_minutes) == 1 + 49 // 7


def test_a_day_is_24_hours_of_rows() -> None:
    assert count_days(np.arange(1440) < 720, step_minutes=2.0) == 1.0


@given(any_readings(), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_an_event_is_caught_where_a_positive_row_of_its_own_is_flagged(
    readings: SensorReadings, rows_ahead: int, seed: int
) -> None:
    labelled = label_ahead(readings, rows_ahead, are_event_rows_kept=rows_ahead == 0)
    flagged = np.flatnonzero(np.random.default_rng(seed).random(len(labelled.labels)) < 0.3)
    rows = labelled.source_rows[flagged]
    caught = [lead is not None for lead in find_leads(labelled, flagged.tolist(), rows_ahead)]
    starts = np.flatnonzero(np.isin(readings.times, labelled.event_times)).tolist()
    stops = [
        next(row for row in range(start, 99) if not is_same_event(readings, start, row)) for start in starts
    ]
    expected = [
        any(
            start - rows_ahead <= row < (stop if rows_ahead == 0 else start)
            and readings.runs[row] == readings.runs[start]
            and not readings.events[row:start].any()
            for row in rows
        )
        for start, stop in zip(starts, stops, strict=True)
    ]
    assert caught == expected


def is_same_event(readings: SensorReadings, start: int, row: int) -> bool:
    """Whether only event rows of one run lie from `start` to `row`."""
    return (
        row < len(readings.events)
        and bool(readings.events[start : row + 1].all())
        and readings.runs[row] == readings.runs[start]
    )


def test_times_tell_the_lead_where_rows_are_not_evenly_spaced() -> None:
    readings = readings_with(rows=8, events=[5])
    readings.times[:4] -= np.timedelta64(1, "m")
    assert find_leads(label_ahead(readings, 2), [3]) == [5.0]
