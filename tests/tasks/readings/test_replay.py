"""Readings as they could have been known at their time."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable, SensorReadings
from tasks.readings.check import check_readings
from tasks.readings.inspect import find_straight_cells
from tasks.readings.replay import replay_causally
from tasks.simulators.simulate import simulate_readings
from tests.builders import readings_with

ARCHIVED_ROWS = (0, 4, 8, 12)
ARCHIVED = (0.0, 4.04, 1.2, 9.76)
seeds = st.integers(0, 2**32 - 1)


def lines_between(rows: np.ndarray | tuple[int, ...], points: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """One sensor that was archived in some rows and interpolated between them, shape (rows, 1)."""
    return np.interp(np.arange(rows[-1] + 1), rows, points)[:, None]


def archived_readings() -> SensorReadings:
    """One sensor: 0, 1.01, 2.02, 3.03, 4.04, 3.33, 2.62, 1.91, 1.2, 3.34, 5.48, 7.62, 9.76."""
    return readings_with(rows=13, values=lines_between(ARCHIVED_ROWS, ARCHIVED).round(2))


def draw_archived_rows(points: int, random: np.random.Generator) -> np.ndarray:
    """Rows of archived points, 3 to 9 rows apart, from row 0 on, shape (points,)."""
    return np.cumsum(np.append(0, random.integers(3, 10, points - 1)))


@pytest.fixture(scope="module")
def simulated() -> SensorReadings:
    table = simulate_readings(rows=2_000, interpolate=True)
    return check_readings(RawTable(table, "simulated", ""), ReadingsSection())


def test_an_archived_point_is_held_until_the_next_one():
    replayed = replay_causally(archived_readings()).values[:, 0]
    assert replayed.tolist() == [0, 0, 0, 0, 4.04, 4.04, 4.04, 4.04, 1.2, 1.2, 1.2, 1.2, 9.76]


def test_a_run_that_begins_inside_a_line_holds_its_first_value():
    lines = lines_between((0, 4, 16, 20), (0.0, 4.04, -4.48, 4.08)).round(2)
    readings = readings_with(rows=21, missing=[9, 10], values=np.delete(lines, [9, 10], axis=0))
    replayed = replay_causally(readings).values[:, 0]
    assert replayed[:9].tolist() == [0, 0, 0, 0, 4.04, 4.04, 4.04, 4.04, 1.2]
    assert replayed[9:].tolist() == [-0.93, -0.93, -0.93, -0.93, -0.93, -4.48, -4.48, -4.48, -4.48, 4.08]


def test_cells_that_were_not_interpolated_stay():
    noise = np.random.default_rng(0).normal(size=(300, 3))
    np.testing.assert_array_equal(replay_causally(readings_with(rows=300, values=noise)).values, noise)


def test_a_sensor_without_lines_stays_beside_one_with_lines():
    noise = np.random.default_rng(0).normal(size=(13, 1))
    readings = archived_readings()
    replayed = replay_causally(readings_with(rows=13, values=np.hstack([readings.values, noise])))
    np.testing.assert_array_equal(replayed.values[:, 1:], noise)


@settings(deadline=None)
@given(seed=seeds, changed=st.integers(1, 59))
def test_points_archived_later_change_no_value_before_them(seed: int, changed: int):
    random = np.random.default_rng(seed)
    rows, points = draw_archived_rows(60, random), random.normal(size=60)
    others = np.append(points[:changed], random.normal(size=60 - changed))
    first, second = (
        replay_causally(readings_with(rows=rows[-1] + 1, values=lines_between(rows, archived)))
        for archived in (points, others)
    )
    np.testing.assert_array_equal(first.values[: rows[changed]], second.values[: rows[changed]])


@settings(deadline=None)
@given(seed=seeds, missing=st.sets(st.integers(1, 119), max_size=8))
def test_a_replayed_value_is_the_last_of_its_run_that_was_archived(seed: int, missing: set[int]):
    random = np.random.default_rng(seed)
    rows = draw_archived_rows(50, random)
    lines = np.hstack([lines_between(rows, random.normal(size=50))[:120] for _ in range(2)])
    readings = readings_with(rows=120, missing=[*missing], values=np.delete(lines, [*missing], axis=0))
    is_straight = find_straight_cells(readings.values, readings.runs)
    expected = readings.values.copy()
    for row, sensor in np.argwhere(is_straight):
        assert readings.runs[row] == readings.runs[row - 1]
        expected[row, sensor] = expected[row - 1, sensor]
    np.testing.assert_array_equal(replay_causally(readings).values, expected)


def test_a_quarter_of_simulated_cells_is_replaced_where_the_historian_interpolates(simulated: SensorReadings):
    finding = replay_causally(simulated).findings[-1]
    assert 0.2 <= finding.details["share"] <= 0.28


def test_a_replay_leaves_no_lines(simulated: SensorReadings):
    replayed = replay_causally(simulated)
    assert not find_straight_cells(replayed.values, replayed.runs).any()


def test_the_finding_gives_the_share_of_replaced_cells_and_of_each_sensor():
    archived, noise = archived_readings().values, np.random.default_rng(0).normal(size=(13, 1))
    finding = replay_causally(readings_with(rows=13, values=np.hstack([noise, archived]))).findings[-1]
    assert finding.check == "causal_replay"
    assert finding.columns == ("x2",)
    assert finding.details == {"share": round(9 / 26, 4), "shares": {"x2": round(9 / 13, 4)}}


def test_a_replay_is_reported_where_nothing_was_replaced():
    noise = np.random.default_rng(0).normal(size=(300, 2))
    finding = replay_causally(readings_with(rows=300, values=noise)).findings[-1]
    assert finding.details == {"share": 0.0, "shares": {}}


def test_earlier_findings_are_kept(simulated: SensorReadings):
    earlier = simulated.findings
    assert "look_ahead" in [finding.check for finding in earlier]
    assert replay_causally(simulated).findings[:-1] == earlier


def test_a_replay_changes_values_and_findings_alone(simulated: SensorReadings):
    replayed = replay_causally(simulated)
    changed = [
        field.name
        for field in fields(SensorReadings)
        if getattr(replayed, field.name) is not getattr(simulated, field.name)
    ]
    assert changed == ["values", "findings"]


def test_a_replay_does_not_tell_the_row_before_an_event():
    # were events dropped first, each would end a run, where no line can be seen: the row before it would move
    table = simulate_readings(rows=16_000, seed=4, interpolate=True)
    readings = check_readings(RawTable(table, "simulated", ""), ReadingsSection())
    moves = np.diff(replay_causally(readings).values, axis=0, prepend=np.nan) != 0
    events = np.flatnonzero(readings.events)
    events = events[(events > 10) & (readings.runs[events] == readings.runs[events - 10])]
    shares = [float(moves[events - back].mean()) for back in (1, 2, 5, 8)]
    assert len(events) > 60
    assert max(shares) - min(shares) < 0.05


def test_the_argument_stays_as_it_was():
    readings = replace(archived_readings(), findings=(Finding(check="time_gaps", message="none"),))
    values, findings = readings.values.copy(), readings.findings
    replay_causally(readings)
    np.testing.assert_array_equal(readings.values, values)
    assert readings.findings == findings


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_stay(rows: int):
    readings = readings_with(rows=rows)
    np.testing.assert_array_equal(replay_causally(readings).values, readings.values)


def test_replayed_values_lie_in_memory_as_checked_ones_do(simulated: SensorReadings):
    assert replay_causally(simulated).values.flags.c_contiguous
