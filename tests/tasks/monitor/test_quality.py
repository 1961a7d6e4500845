"""Sensors that behave as they never did in training."""

import numpy as np
import pandas as pd
import pytest

from schemas.monitoring import SensorIssue
from tasks.monitor.measure import cut_windows
from tasks.monitor.quality import count_still_rows, count_training_rows, find_unusual_sensors
from tests.builders import readings_with
from tests.tasks.monitor.rows import SECTION, version_with, watched_with

ROWS, TRAINING = 60, 30
QUICK = SECTION.model_copy(update={"frozen_hours": 0.2})


def wander() -> np.ndarray:
    """Two sensors that go to and fro between 0 and 3."""
    return np.stack([np.arange(ROWS) % 4, np.arange(ROWS) % 4], axis=1).astype(np.float64)


def find(values: np.ndarray, training_rows: int = TRAINING, missing: int = 0) -> dict[str, SensorIssue]:
    watched = watched_with(ROWS, start=TRAINING, values=values)
    table = pd.DataFrame(values, columns=["x1", "x2"])
    table.iloc[ROWS - missing :, 1] = np.nan
    parts = cut_windows(watched, SECTION.window_hours)
    issues = find_unusual_sensors(watched, parts, table, training_rows, QUICK)
    return {f"{issue.sensor} {issue.kind}": issue for issue in issues}


def test_sensors_that_go_on_as_in_training_are_no_issue() -> None:
    assert find(wander()) == {}


def test_a_sensor_that_stands_still_is_an_issue_of_its_windows() -> None:
    values = wander()
    values[40:49, 1] = 3.0
    found = find(values)
    # row 39 has the same value, so that ten rows of two minutes are alike
    assert list(found) == ["x2 frozen"]
    assert (found["x2 frozen"].windows, found["x2 frozen"].worst) == ((2,), pytest.approx(1 / 3, abs=1e-4))


def test_a_sensor_may_stand_still_for_as_long_as_it_did_in_training() -> None:
    values = wander()
    values[5:17, 1] = 3.0
    values[40:49, 1] = 3.0
    assert find(values) == {}


def test_a_value_far_from_training_is_out_of_range_and_so_is_the_step_to_it() -> None:
    values = wander()
    values[50:, 0] += 40.0
    found = find(values)
    assert list(found) == ["x1 out_of_range", "x1 step"]
    assert (found["x1 out_of_range"].windows, found["x1 out_of_range"].worst) == ((3,), 1.0)


def test_a_sensor_that_stood_still_in_training_leaves_its_range_by_moving() -> None:
    values = wander()
    values[:TRAINING, 0] = 1.0
    assert "x1 out_of_range" in find(values)


def test_missing_values_are_counted_in_the_table_as_it_came() -> None:
    found = find(wander(), missing=4)
    assert found["x2 missing"].windows == (3,)
    assert found["x2 missing"].worst == 0.4


def test_without_training_rows_ranges_and_steps_are_not_judged() -> None:
    values = wander()
    values[50:, 0] += 40.0
    values[40:49, 1] = 3.0
    assert list(find(values, training_rows=0)) == ["x2 frozen"]


def test_a_stand_still_ends_with_its_run() -> None:
    still = count_still_rows(np.array([[5.0], [5.0], [6.0], [6.0], [6.0]]), np.array([0, 0, 0, 1, 1]))
    assert still.ravel().tolist() == [1, 2, 1, 1, 2]


def test_training_rows_are_those_until_the_end_of_training() -> None:
    readings = readings_with(20)
    assert count_training_rows(readings, version_with()) == 10
    assert count_training_rows(readings, version_with(last_seen=None)) == 0
