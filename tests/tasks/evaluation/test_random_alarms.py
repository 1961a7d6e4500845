"""What alarms catch by luck alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.readings import LabelledReadings, SensorReadings
from tasks.alarms.episodes import find_horizon_starts
from tasks.evaluation.random_alarms import expect_random_recall, find_random_chances, move_alarms
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of, scattered_part_of


def flag(labelled: LabelledReadings, rows: Sequence[int]) -> np.ndarray:
    return np.isin(np.arange(len(labelled.labels)), rows)


def find_chances(
    labelled: LabelledReadings, flagged: Sequence[int], rows_ahead: int = 2, start: int = 0
) -> list[float]:
    starts = find_horizon_starts(labelled, rows_ahead)
    part = part_of(labelled, start)
    return find_random_chances(flag(labelled, flagged), labelled, part, starts).tolist()


def test_the_chance_is_the_share_of_stretches_as_long_as_the_horizon_that_hold_an_alarm() -> None:
    # rows 0 to 9 are normal, 10 and 11 the horizon: nine stretches of two rows, two of which hold row 4
    assert find_chances(labelled_with(rows=13, events=[12]), [4]) == [2 / 9]


def test_a_lasting_alarm_hits_more_often_than_a_short_one() -> None:
    labelled = labelled_with(rows=13, events=[12])
    assert find_chances(labelled, [4, 5, 6]) == [4 / 9]
    assert find_chances(labelled, [1, 4, 7]) == [6 / 9]


def test_an_alarm_for_the_event_itself_is_no_random_alarm() -> None:
    labelled = labelled_with(rows=13, events=[12])
    assert find_chances(labelled, [10, 11]) == [0]
    # and no stretch reaches from normal rows into the horizon
    assert find_chances(labelled, [9, 10]) == [1 / 9]


def test_a_longer_horizon_is_hit_more_often() -> None:
    # the ten normal rows hold seven stretches of four rows, four of which hold row 4
    assert find_chances(labelled_with(rows=13, events=[12]), [4], rows_ahead=4) == [4 / 7]


def test_no_stretch_bridges_two_runs() -> None:
    labelled = labelled_with(rows=14, missing=[5], events=[13])
    # stretches of two: four in steps 0 to 4, and four in steps 6 to 10
    assert find_chances(labelled, [4]) == [1 / 8]


def test_rows_outside_the_part_do_not_count() -> None:
    assert find_chances(labelled_with(rows=13, events=[12]), [1, 4], start=3) == [2 / 6]


def test_an_event_without_history_cannot_be_caught() -> None:
    # a gap right before the event leaves its horizon without a row
    assert find_chances(labelled_with(rows=13, missing=[7], events=[8]), [3]) == [0]


def test_a_short_history_makes_a_short_horizon() -> None:
    # step 9 is alone before its event, so the horizon has one row; normal are rows 0 to 7 and 11
    labelled = labelled_with(rows=12, missing=[8], events=[10])
    assert find_chances(labelled, [4]) == [1 / 9]


def test_a_horizon_longer_than_every_stretch_takes_the_longest() -> None:
    labelled = labelled_with(rows=10, events=[6])
    starts = find_horizon_starts(labelled, 6)
    chances = find_random_chances(flag(labelled, [0]), labelled, part_of(labelled), starts)
    assert chances.tolist() == [1]


def test_kept_event_rows_belong_to_the_horizon() -> None:
    labelled = labelled_with(rows=12, events=[9, 10], rows_ahead=0, are_event_rows_kept=True)
    starts = find_horizon_starts(labelled, 0)
    # rows 0 to 8 hold eight stretches of two, and row 11 none
    assert expect_random_recall(flag(labelled, [4]), labelled, part_of(labelled), starts) == 2 / 8


def test_nothing_is_expected_without_an_event_or_a_normal_row() -> None:
    labelled = labelled_with(rows=6)
    starts = find_horizon_starts(labelled, 2)
    assert np.isnan(expect_random_recall(flag(labelled, [2]), labelled, part_of(labelled), starts))
    labelled = labelled_with(rows=3, events=[2])
    starts = find_horizon_starts(labelled, 2)
    assert np.isnan(expect_random_recall(flag(labelled, [0]), labelled, part_of(labelled), starts))


def test_a_scattered_part_takes_all_normal_rows() -> None:
    labelled = labelled_with(rows=13, events=[12])
    starts = find_horizon_starts(labelled, 2)
    part = scattered_part_of(labelled, [4, 8, 11])
    assert find_random_chances(flag(labelled, [4]), labelled, part, starts).tolist() == [2 / 9]


def test_it_is_what_many_draws_give() -> None:
    """Moving the alarms along the rows, over and over, catches the expected share of events."""
    labelled = labelled_with(rows=2_000, events=[500, 900, 1_501])
    part, starts = part_of(labelled), find_horizon_starts(labelled, 10)
    rng = np.random.default_rng(0)
    is_flagged = flag(labelled, rng.choice(2_000, 25, replace=False)) & ~labelled.labels
    caught = []
    for shift in rng.integers(0, len(is_flagged), 2_000):
        moved = np.roll(is_flagged, shift)
        caught.append([moved[start : start + 10].any() for start in starts])
    expected = expect_random_recall(is_flagged, labelled, part, starts)
    assert np.mean(caught) == pytest.approx(expected, abs=0.02)


@given(any_readings(), st.integers(1, 3), st.integers(1, 8), st.data())
def test_chances_are_shares_that_more_alarms_raise(
    readings: SensorReadings, rows_ahead: int, longer: int, data: st.DataObject
) -> None:
    labelled = label_ahead(readings, rows_ahead)
    part, rows = part_of(labelled), len(labelled.labels)
    flags = st.lists(st.booleans(), min_size=rows, max_size=rows)
    fewer, more = np.asarray(data.draw(flags), dtype=bool), np.asarray(data.draw(flags), dtype=bool)
    near, far = (find_horizon_starts(labelled, ahead) for ahead in (rows_ahead, rows_ahead + longer))
    chances = find_random_chances(fewer, labelled, part, near)
    if labelled.labels.all():
        assert np.isnan(chances).all()
        return
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (find_random_chances(fewer | more, labelled, part, near) >= chances).all()
    assert not find_random_chances(np.zeros(rows, bool), labelled, part, far).any()


def test_all_alarms_move_along_the_windows_together() -> None:
    labelled = labelled_with(rows=8, events=[7])
    part, starts = part_of(labelled), find_horizon_starts(labelled, 2)
    # seven windows, of which the horizon holds 5 and 6; the alarm at 2 reaches them after 3 and 4 rows
    moved = move_alarms(flag(labelled, [2]), labelled, part, starts, moves=6)
    assert moved[:, 0].tolist() == [False, False, True, True, False, False]
    # and goes round from the last window to the first
    moved = move_alarms(flag(labelled, [6]), labelled, part, starts, moves=6)
    assert moved[:, 0].tolist() == [False, False, False, False, False, True]


def test_moves_catch_what_the_chances_say_on_average() -> None:
    labelled = labelled_with(rows=2_000, events=[500, 900, 1_501])
    part, starts = part_of(labelled), find_horizon_starts(labelled, 10)
    rng = np.random.default_rng(0)
    is_flagged = flag(labelled, rng.choice(2_000, 25, replace=False)) & ~labelled.labels
    moved = move_alarms(is_flagged, labelled, part, starts, moves=1_000)
    expected = find_random_chances(is_flagged, labelled, part, starts)
    assert moved.mean(axis=0) == pytest.approx(expected, abs=0.02)


def test_without_a_window_nothing_is_caught() -> None:
    labelled = labelled_with(rows=8, events=[7])
    part, starts = part_of(labelled, 7), find_horizon_starts(labelled, 2)
    assert not move_alarms(np.zeros(0, dtype=bool), labelled, part, starts, moves=3).any()
