"""Weekly temperatures and sequences of four numbers, as simulated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from tasks.simulators.simulate_series import draw_spells, simulate_sequences, simulate_temperatures
from tasks.times.parse import find_step_minutes, number_runs, parse_times

OUTLIERS = [93, 98, 103, 108, 113]
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def temperatures() -> pd.DataFrame:
    return simulate_temperatures()


def degrees_off_season(temperatures: pd.DataFrame) -> np.ndarray:
    """How far each week lies from a straight line and one yearly wave through all of them."""
    weeks = np.arange(len(temperatures))
    angles = 2 * np.pi * 7 * weeks / 365.25
    seasons = np.column_stack([np.ones(len(weeks)), weeks, np.sin(angles), np.cos(angles)])
    measured = temperatures["temperature"].to_numpy()
    return np.asarray(measured - seasons @ np.linalg.lstsq(seasons, measured)[0])


def runs_of(table: pd.DataFrame) -> np.ndarray:
    times = parse_times(table["time"], None).to_numpy()
    return number_runs(times, find_step_minutes(times))


def numbers(sequences: int = 116, seed: int = 0) -> np.ndarray:
    """One sequence a row, shape (sequences, 4)."""
    return simulate_sequences(sequences, seed)["value"].to_numpy().reshape(-1, 4)


def test_temperatures_have_no_label(temperatures: pd.DataFrame):
    assert temperatures.columns.tolist() == ["time", "temperature"]


def test_default_temperatures_are_520_weeks_without_a_gap(temperatures: pd.DataFrame):
    assert len(temperatures) == 520
    assert find_step_minutes(parse_times(temperatures["time"], None).to_numpy()) == 7 * 24 * 60
    assert not runs_of(temperatures).any()


def test_weeks_begin_on_mondays(temperatures: pd.DataFrame):
    assert temperatures["time"].iloc[:2].tolist() == ["2010-01-04", "2010-01-11"]
    assert set(pd.to_datetime(temperatures["time"]).dt.day_name()) == {"Monday"}


def test_julys_are_18_degrees_warmer_than_januaries():
    century = simulate_temperatures(rows=5_200)
    by_month = century["temperature"].groupby(pd.to_datetime(century["time"]).dt.month).mean()
    assert (by_month.idxmin(), by_month.idxmax()) == (1, 7)
    assert by_month[7] - by_month[1] == pytest.approx(18, abs=1)


def test_temperatures_rise_by_a_tenth_of_a_degree_a_year():
    years = simulate_temperatures(rows=5_218)["temperature"].to_numpy()[: 52 * 100].reshape(100, 52).mean(1)
    assert np.polyfit(np.arange(100), years, 1)[0] == pytest.approx(0.1, abs=0.02)


def test_ordinary_weeks_resemble_the_week_before():
    off_season = degrees_off_season(simulate_temperatures(rows=5_200))
    is_ordinary = draw_spells(5_200, np.random.default_rng(0)) == 0
    is_pair = is_ordinary[1:] & is_ordinary[:-1]
    correlation = np.corrcoef(off_season[1:][is_pair], off_season[:-1][is_pair])[0, 1]
    assert correlation == pytest.approx(0.6, abs=0.05)


def test_only_exceptional_weeks_lie_six_degrees_off_their_season(temperatures: pd.DataFrame):
    is_exceptional = draw_spells(520, np.random.default_rng(0)) != 0
    assert (np.abs(degrees_off_season(temperatures)) > 6).tolist() == is_exceptional.tolist()


def test_one_week_in_43_is_exceptional():
    spells = draw_spells(52_000, np.random.default_rng(0))
    assert np.mean(spells != 0) == pytest.approx(1 / 43, rel=0.05)
    assert np.mean(spells[spells != 0] > 0) == pytest.approx(0.5, abs=0.05)


@settings(deadline=None)
@given(rows=st.integers(104, 800), seed=seeds)
def test_spells_of_one_or_two_weeks_never_touch(rows: int, seed: int):
    is_exceptional = draw_spells(rows, np.random.default_rng(seed)) != 0
    starts = np.flatnonzero(np.diff(is_exceptional.astype(int), prepend=0) == 1)
    assert len(starts) == round(rows / 65)
    assert is_exceptional.sum() <= 2 * len(starts)
    assert not (is_exceptional[2:] & is_exceptional[1:-1] & is_exceptional[:-2]).any()


def test_sequences_have_no_label():
    table = simulate_sequences()
    assert table.columns.tolist() == ["time", "value"]
    assert pd.api.types.is_integer_dtype(table["value"])


def test_a_sequence_is_a_run_of_four_rows():
    runs = runs_of(simulate_sequences())
    assert runs.tolist() == np.repeat(np.arange(116), 4).tolist()


def test_rows_are_a_minute_apart_and_sequences_an_hour():
    times = pd.to_datetime(simulate_sequences()["time"])
    assert (np.diff(times)[:7] / np.timedelta64(1, "m")).tolist() == [1, 1, 1, 60, 1, 1, 1]


@settings(deadline=None)
@given(sequences=st.integers(50, 200), seed=seeds)
def test_outliers_are_five_of_the_last_25_sequences(sequences: int, seed: int):
    bends = np.abs(np.diff(numbers(sequences, seed), n=2)).max(axis=1)
    outliers = np.flatnonzero(bends > 4) - sequences + 116
    assert outliers.tolist() == OUTLIERS


@settings(deadline=None)
@given(seed=seeds)
def test_regular_sequences_start_within_0_to_100_and_rise(seed: int):
    regular = np.delete(numbers(seed=seed), OUTLIERS, axis=0)
    assert regular[:, 0].min() >= -1
    assert regular[:, 0].max() <= 101
    assert np.diff(regular).min() > 0
    assert np.diff(regular).max() <= 17


@settings(deadline=None)
@given(seed=seeds)
def test_the_first_middle_and_last_outlier_jump_once(seed: int):
    jumped = numbers(seed=seed)[[93, 103, 113]]
    assert (np.diff(jumped) > 60).sum(axis=1).tolist() == [1, 1, 1]


@settings(deadline=None)
@given(seed=seeds)
def test_the_other_outliers_go_down_once(seed: int):
    reversed_once = numbers(seed=seed)[[98, 108]]
    assert (np.diff(reversed_once) < 0).sum(axis=1).tolist() == [1, 1]


@pytest.mark.parametrize("simulate", [simulate_temperatures, simulate_sequences])
def test_the_same_seed_gives_the_same_table(simulate: Callable[..., pd.DataFrame]):
    pd.testing.assert_frame_equal(simulate(seed=5), simulate(seed=5))


@pytest.mark.parametrize("simulate", [simulate_temperatures, simulate_sequences])
def test_another_seed_gives_another_table(simulate: Callable[..., pd.DataFrame]):
    assert not simulate(seed=1).equals(simulate(seed=2))


def test_too_few_weeks_are_refused():
    with pytest.raises(InputError, match="`rows` must be at least 104. Received 103"):
        simulate_temperatures(rows=103)


def test_too_few_sequences_are_refused():
    with pytest.raises(InputError, match="`sequences` must be at least 50. Received 49"):
        simulate_sequences(sequences=49)


@pytest.mark.parametrize("simulate", [simulate_temperatures, simulate_sequences])
def test_a_negative_seed_is_refused(simulate: Callable[..., pd.DataFrame]):
    with pytest.raises(InputError, match="`seed` must be at least 0. Received -1"):
        simulate(seed=-1)
