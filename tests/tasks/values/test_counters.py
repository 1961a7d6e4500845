"""Sensors whose level says little: counters and angles, and none where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.readings import SensorReadings
from tasks.values.counters import report_counters_and_angles
from tests.builders import readings_with
from tests.detectors import simulated_table
from tests.plant_tables import SENSORS, make_plant_table

ROWS = 600


def checks(values: np.ndarray) -> list[str]:
    return [one.check for one in report_counters_and_angles(readings_of(values))]


def readings_of(values: np.ndarray) -> SensorReadings:
    values = values if values.ndim == 2 else values[:, None]
    return readings_with(len(values), values=values)


def amounts(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2.0, ROWS)


def test_a_counter_is_found_with_and_without_resets() -> None:
    counter = 5_000 + np.cumsum(amounts())
    assert checks(counter) == ["looks_like_counter"]
    daily = np.concatenate([np.cumsum(amounts(part)[:300]) for part in range(2)])
    assert checks(daily) == ["looks_like_counter"]
    # it stands still while the machine does
    assert checks(np.cumsum(amounts() * (np.arange(ROWS) % 4 > 1))) == ["looks_like_counter"]


@pytest.mark.parametrize("begin", [0.0, -180.0])
def test_an_angle_is_found(begin: float) -> None:
    turned = np.cumsum(np.random.default_rng(0).normal(5.0, 10.0, ROWS))
    readings = readings_of((turned % 360.0) + begin)
    (finding,) = report_counters_and_angles(readings)
    assert (finding.check, finding.columns) == ("looks_like_angle", ("x1",))
    assert "sine and cosine" in finding.message


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), drift=st.floats(0.0, 0.5))
def test_noise_with_a_trend_is_no_counter_and_no_angle(seed: int, drift: float) -> None:
    noise = np.random.default_rng(seed).normal(size=ROWS)
    assert checks(1_000 + np.cumsum(drift + noise)) == []
    assert checks(180 + 50 * noise + drift * np.arange(ROWS)) == []


def test_a_setpoint_that_was_only_raised_and_a_valve_that_opens_and_closes_are_neither() -> None:
    assert checks(np.repeat([10.0, 12.0, 15.0, 20.0], ROWS // 4)) == []
    assert checks(np.where(np.arange(ROWS) % 50 < 25, 0.0, 360.0)) == []


def test_simulated_tables_have_neither() -> None:
    mill = simulated_table().select_dtypes("number").drop(columns="y").to_numpy(float)
    assert checks(mill) == []
    assert checks(make_plant_table()[list(SENSORS)].to_numpy(float)) == []
    days = pd.Series(20 + 5 * np.sin(np.arange(ROWS) / 40))
    assert checks(days.to_numpy()) == []
