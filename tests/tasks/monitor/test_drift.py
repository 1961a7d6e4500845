"""Sensors whose level has moved: a test of window means, corrected for many sensors."""

import numpy as np

from schemas.monitoring import FeatureDrift
from tasks.monitor.drift import correct_for_many, find_feature_drift
from tasks.monitor.measure import cut_windows
from tests.tasks.monitor.rows import SECTION, watched_with

SENSORS, TRAINING, ROWS = 20, 400, 500
LONG = SECTION.model_copy(update={"windows": 6})


def find(values: np.ndarray, training_rows: int = TRAINING) -> tuple[tuple[FeatureDrift, ...], str]:
    watched = watched_with(len(values), start=TRAINING, values=values)
    return find_feature_drift(watched, cut_windows(watched, LONG.window_hours), training_rows, LONG)


def draw(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((ROWS, SENSORS))


def test_a_sensor_that_has_moved_is_found_with_its_shift() -> None:
    values = draw()
    values[TRAINING:, 7] -= 2.0
    (found,), tested = find(values)
    assert (tested, found.sensor, found.p_value < 0.01) == ("tested", "x8", True)
    assert -2.3 < found.shift < -1.7


def test_among_many_steady_sensors_none_is_found() -> None:
    assert [find(draw(seed))[0] for seed in range(20)] == [()] * 20


def test_rows_that_hang_together_are_not_taken_for_independent() -> None:
    # a slow walk within each window: rows differ little from their neighbours, window means a lot
    random = np.random.default_rng(2)
    levels = np.repeat(random.standard_normal((ROWS // 10, SENSORS)), 10, axis=0)
    assert find(levels + 0.01 * draw())[0] == ()


def test_a_table_without_training_rows_is_not_tested() -> None:
    assert find(draw(), training_rows=0) == ((), "no training rows")


def test_too_few_windows_for_so_many_sensors_are_not_tested() -> None:
    assert find(draw(), training_rows=40) == ((), "too few rows")


def test_a_sensor_that_never_moves_is_not_found() -> None:
    values = draw()
    values[:, 3] = 5.0
    assert find(values)[0] == ()


def test_a_sensor_that_stood_still_in_training_takes_nothing_from_the_others() -> None:
    values = draw()
    values[:TRAINING, 3] = 5.0
    values[TRAINING:, 7] -= 2.0
    values = values[: TRAINING + 40]
    assert "x8" in [found.sensor for found in find(values)[0]]


def test_the_correction_is_that_of_holm() -> None:
    corrected = correct_for_many(np.array([0.01, 0.04, 0.03, 0.005]))
    assert np.allclose(corrected, [0.03, 0.06, 0.06, 0.02])
