"""What is noticed about readings that can be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.readings import Finding, SensorReadings
from tasks.readings.inspect import (
    find_interpolated_share,
    find_near_constant,
    find_quality_issues,
    find_rounding,
    find_straight_cells,
)
from tasks.readings.replay import replay_causally

ROWS = 2000


def noise(columns: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, columns))


def archived(rows: int = ROWS, every: int = 10) -> np.ndarray:
    """One sensor that is known every tenth row and interpolated between, shape (rows, 1)."""
    points = np.random.default_rng(1).normal(size=rows // every + 2)
    return np.interp(np.arange(rows), every * np.arange(len(points)), points)[:, None]


def readings_of(values: np.ndarray, minutes: np.ndarray | None = None) -> SensorReadings:
    rows = len(values)
    minutes = 2.0 * np.arange(rows) if minutes is None else minutes
    times = np.datetime64("2020-01-01", "ns") + (minutes * 60e9).astype("timedelta64[ns]")
    return SensorReadings(
        times=times,
        events=np.zeros(rows, dtype=bool),
        values=values,
        sensors=tuple(f"s{place}" for place in range(values.shape[1])),
        categories=(),
        category_values=np.zeros((rows, 0), dtype=np.int64),
        runs=np.concatenate([[0], np.cumsum(np.diff(minutes) > 3)]),
        step_minutes=2.0,
        source="test",
        sha256="",
    )


def finding(readings: SensorReadings, check: str, filled: dict[str, int] | None = None) -> Finding | None:
    """The finding of one kind, if there is one."""
    found = [issue for issue in find_quality_issues(readings, filled) if issue.check == check]
    return found[0] if found else None


def test_noise_without_gaps_gives_no_finding() -> None:
    assert find_quality_issues(readings_of(noise(columns=3))) == ()


@pytest.mark.parametrize(("events", "is_found"), [(0, False), (ROWS // 2, False), (ROWS // 2 + 1, True)])
def test_a_table_of_which_most_rows_are_events_is_noticed(events: int, is_found: bool) -> None:
    readings = replace(readings_of(noise()), events=np.arange(ROWS) < events)
    assert (finding(readings, "mostly_events") is not None) == is_found


def test_every_message_is_one_line() -> None:
    values = np.column_stack([archived(), np.zeros(ROWS), np.arange(ROWS) % 3, noise()])
    values[: ROWS // 2, 3] = 0
    minutes = 2.0 * np.arange(ROWS)
    minutes[5:] += 1
    minutes[9:] += 7
    found = find_quality_issues(readings_of(values, minutes), {"s0": 2})
    assert [issue.message.count("\n") for issue in found] == [0] * 7


def test_gaps_are_counted_and_measured() -> None:
    readings = readings_of(noise()[:6], np.array([0, 2, 12, 14, 44, 46.0]))
    readings = replace(readings, events=np.array([False, True, False, False, False, False]))
    found = finding(readings, "time_gaps")
    assert found is not None
    assert found.details == {"gaps": 2, "median_minutes": 20.0, "longest_minutes": 30.0, "after_events": 1}


def test_rows_off_the_step_are_counted() -> None:
    found = finding(readings_of(noise()[:6], np.array([0, 2, 4.5, 6.5, 7, 27.0])), "irregular_steps")
    assert found is not None
    assert found.details["rows"] == 2


def test_a_gap_of_whole_steps_is_no_irregular_step() -> None:
    assert finding(readings_of(noise()[:4], np.array([0, 2, 22, 24.0])), "irregular_steps") is None


def test_filled_values_are_counted_by_sensor() -> None:
    found = finding(readings_of(noise(columns=2)), "filled_values", {"s0": 3, "s1": 0})
    assert found is not None
    assert found.details == {"filled": {"s0": 3}}


@pytest.mark.parametrize("level", [0.0, 5.0, -1e6])
def test_a_constant_is_near_constant(level: float) -> None:
    assert find_near_constant(np.full((50, 1), level)).tolist() == [True]


def test_float32_rounding_is_near_constant() -> None:
    values = np.full((50, 1), 1000.0)
    values[::2] = np.nextafter(np.float32(1000), np.float32(2000))
    assert find_near_constant(values).tolist() == [True]


def test_one_other_row_of_two_thousand_is_near_constant() -> None:
    values = np.zeros((ROWS, 1))
    values[7] = 1
    assert find_near_constant(values).tolist() == [True]


def test_a_rare_state_is_not_near_constant() -> None:
    values = np.zeros((ROWS, 1))
    values[:10] = 1
    assert find_near_constant(values).tolist() == [False]


def test_a_constant_sensor_is_found_by_name() -> None:
    found = finding(readings_of(np.column_stack([noise(), np.ones(ROWS)])), "near_constant")
    assert found is not None
    assert found.columns == ("s1",)


def test_a_sensor_that_is_constant_at_the_start_is_found_with_its_share() -> None:
    values = noise()
    values[: ROWS // 2] = 3.0
    found = finding(readings_of(values), "constant_at_start")
    assert found is not None
    assert found.details == {"shares": {"s0": 0.5}}


def test_a_sensor_that_is_constant_in_the_first_third_is_no_finding() -> None:
    values = noise()
    values[: ROWS // 3] = 3.0
    assert finding(readings_of(values), "constant_at_start") is None


def test_whole_numbers_of_few_kinds_look_like_categories() -> None:
    found = finding(readings_of(np.column_stack([noise(), np.arange(ROWS) % 3 + 51.0])), "looks_categorical")
    assert found is not None
    assert found.details == {"distinct_values": {"s1": 3}}


def test_whole_numbers_of_many_kinds_do_not_look_like_categories() -> None:
    values = np.random.default_rng(0).integers(0, 50, size=(ROWS, 1)).astype(float)
    assert finding(readings_of(values), "looks_categorical") is None


@pytest.mark.parametrize("grid", [1e-6, 0.01, 1.0, 2.0**-12])
def test_the_grid_of_the_values_is_found(grid: float) -> None:
    values = grid * np.round(noise() * 1000)
    assert find_rounding(values)[0] == pytest.approx(grid)


def test_the_grid_is_found_below_a_shift_that_was_rounded_finer() -> None:
    values = np.round(2.0**-12 * np.round(noise() * 1000) - 1.2345678, 6)
    assert find_rounding(values)[0] == 2.0**-12


@pytest.mark.parametrize(
    "values",
    [
        archived(),
        np.round(archived(), 6),
        np.round(archived(), 3),
        (archived() + 100).astype(np.float32).astype(float),
        archived().astype(np.float32).astype(float),
        1e6 * archived(),
    ],
    ids=["as computed", "six decimals", "three decimals", "float32 of a high level", "float32", "large"],
)
def test_interpolated_values_are_found_however_they_were_stored(values: np.ndarray) -> None:
    share = find_straight_cells(values, np.zeros(ROWS, dtype=int)).mean()
    assert share == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    "values",
    [
        noise(),
        np.round(noise(), 8),
        np.round(noise(), 2),
        noise().astype(np.float32).astype(float),
        np.cumsum(noise(), axis=0),
        np.round(np.cumsum(noise(), axis=0), 3),
        np.random.default_rng(0).integers(0, 10_000, size=(ROWS, 1)).astype(float),
        np.cumsum(np.random.default_rng(0).integers(-30, 31, size=(ROWS, 1)), axis=0).astype(float),
        np.full((ROWS, 1), 3.3),
        np.sin(np.arange(ROWS) / 150)[:, None],
        np.round(np.sin(np.arange(ROWS) / 150), 4)[:, None],
        0.1 * np.arange(ROWS)[:, None],
    ],
    ids=[
        "noise",
        "noise of eight decimals",
        "noise of two decimals",
        "noise of float32",
        "walk",
        "walk of three decimals",
        "whole numbers",
        "walk of whole numbers",
        "constant",
        "sine",
        "coarse sine",
        "ramp",
    ],
)
def test_values_that_were_not_interpolated_lie_on_no_lines(values: np.ndarray) -> None:
    assert find_straight_cells(values, np.zeros(ROWS, dtype=int)).mean() < 0.01


def test_a_line_does_not_reach_over_a_gap() -> None:
    runs = np.arange(ROWS) // 3
    assert not find_straight_cells(archived(), runs).any()


@settings(deadline=None)
@given(shift=st.floats(-1e3, 1e3), factor=st.floats(0.01, 100))
def test_interpolation_is_found_on_any_scale(shift: float, factor: float) -> None:
    values = shift + factor * archived(rows=400)
    assert find_straight_cells(values, np.zeros(400, dtype=int)).mean() > 0.85


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_few_rows_lie_on_no_lines(rows: int) -> None:
    assert not find_straight_cells(archived()[:rows], np.zeros(rows, dtype=int)).any()


def test_look_ahead_names_the_worst_sensors_with_their_shares() -> None:
    found = finding(readings_of(np.column_stack([noise(), archived()])), "look_ahead")
    assert found is not None
    assert list(found.details["shares"]) == ["s1"]


def test_the_share_that_looks_ahead_is_that_of_the_finding() -> None:
    readings = readings_of(np.column_stack([noise(), archived()]))
    assert find_interpolated_share(readings) == 0
    findings = find_quality_issues(readings)
    share = {finding.check: finding.details for finding in findings}["look_ahead"]["share"]
    checked = replace(readings, findings=findings)
    assert find_interpolated_share(checked) == share > 0
    assert find_interpolated_share(replay_causally(checked)) == 0
