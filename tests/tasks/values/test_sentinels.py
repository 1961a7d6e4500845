"""Values such as -9999 are found by how far and how often, and nothing of a usual sensor is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.simulators.simulate import simulate_readings
from tasks.values.sentinels import find_sentinels

NOISE = np.random.default_rng(0).normal(5, 0.015, 8_000)


def planted(value: float, rows: int, values: np.ndarray = NOISE) -> np.ndarray:
    """Put a value into rows chosen at random."""
    planted = values.copy()
    planted[np.random.default_rng(1).choice(len(values), rows, replace=False)] = value
    return planted


def found(values: np.ndarray) -> dict[float, int]:
    return find_sentinels(values[:, None]).get(0, {})


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (-9999.0, 160),
        (-9999.0, 3_000),
        (-9999.0, 1),
        (-3.4028234663852886e38, 160),
        (1e30, 1),
        (9999.99, 4),
        (32767.0, 3),
        (-777.0, 6),
        (-123.4, 6),
    ],
)
def test_a_sentinel_is_found_with_its_rows(value: float, rows: int) -> None:
    assert found(planted(value, rows)) == {value: rows}


def test_several_sentinels_of_a_sensor_are_found() -> None:
    values = NOISE.copy()
    values[:40], values[40:100], values[200:203] = -9999.0, 1e30, 9999.0
    assert found(values) == {-9999.0: 40, 1e30: 60, 9999.0: 3}


def test_a_sentinel_of_a_sensor_that_stands_still_is_found() -> None:
    assert found(planted(-9999.0, 10, np.full(8_000, 3.0))) == {-9999.0: 10}


def test_a_sentinel_of_a_sensor_with_a_wide_range_is_found() -> None:
    assert found(planted(-9999.0, 10, np.random.default_rng(2).uniform(0, 5_000, 8_000))) == {-9999.0: 10}


@pytest.mark.parametrize(
    "values",
    [
        planted(0.0, 900),  # a machine at rest
        planted(4.123, 192),  # a machine at rest, if the sensor is centred
        planted(5.1, 50),  # near the others
        planted(-777.0, 4),  # not often enough
        planted(7.0, 1),  # an outlier
        np.random.default_rng(3).choice([0.0, 100.0], 8_000),  # two levels
        np.random.default_rng(3).choice([10.0, 11.0, 800.0], 8_000, p=[0.5, 0.4, 0.1]),  # set points
        np.random.default_rng(3).pareto(1.0, 8_000),  # a heavy tail
        np.minimum(np.random.default_rng(3).pareto(0.7, 8_000).round(2), 1_000.0),  # clipped
        np.arange(8_000.0),  # a counter, through 999
        np.full(8_000, 999.0),
        np.array([1.0]),
    ],
)
def test_other_values_are_no_sentinels(values: np.ndarray) -> None:
    assert found(values) == {}


def test_simulated_readings_have_no_sentinels() -> None:
    table = simulate_readings(rows=4_000, seed=3).select_dtypes("number").drop(columns="y")
    assert find_sentinels(table.to_numpy(np.float64)) == {}
