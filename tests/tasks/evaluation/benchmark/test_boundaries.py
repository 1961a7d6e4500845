"""Where a test begins: by time, by number of rows or by share, among all rows of the table."""

from __future__ import annotations

from datetime import datetime

import pytest

from schemas.benchmark import TablePlan
from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.configure import change_settings
from tasks.evaluation.backtest.folds import find_folds
from tasks.evaluation.benchmark.boundaries import count_rows_before, place_test
from tasks.windows.label import label_ahead
from tests.builders import readings_with

# rows 3 and 7 are events, which are dropped: rows 4 to 6 are the kept rows 3 to 5
READINGS = readings_with(rows=20, events=[3, 7])
LABELLED = label_ahead(READINGS, 2)
SETTINGS = Configuration()


def plan_with(**changes: object) -> TablePlan:
    return TablePlan.model_validate({"name": "pump", "file": "pump.csv", **changes})


@pytest.mark.parametrize(
    ("train_end", "kept"),
    [(datetime(2024, 1, 1, 0, 10), 5), (datetime(2024, 1, 1, 0, 11), 5), (6, 5), (0.3, 5), (10, 8), (0.5, 8)],
)
def test_the_test_begins_after_the_row(train_end: datetime | float, kept: int) -> None:
    settings = place_test(plan_with(train_end=train_end), READINGS, LABELLED, SETTINGS)
    (fold,) = find_folds(len(LABELLED.times), settings.evaluation)
    assert (fold.test_start, fold.test_stop) == (kept, 18)


def test_a_time_is_one_of_the_tables_own_zone() -> None:
    moment = datetime(2024, 1, 1, 1, 10)
    assert count_rows_before(moment, READINGS, None) == 20
    assert count_rows_before(moment, READINGS, "Europe/Berlin") == 6


@pytest.mark.parametrize("train_end", [20, 99, datetime(2023, 1, 1), datetime(2030, 1, 1)])
def test_a_test_without_rows_or_without_training_is_refused(train_end: datetime | int) -> None:
    with pytest.raises(InputError, match="`train_end` must leave rows for training and for the test"):
        place_test(plan_with(train_end=train_end), READINGS, LABELLED, SETTINGS)


def test_a_rolling_origin_keeps_the_folds_of_a_backtest() -> None:
    plan = plan_with(protocol="rolling_origin")
    assert place_test(plan, READINGS, LABELLED, SETTINGS) == SETTINGS


def test_a_rolling_origin_with_rows_between_its_tests_is_refused() -> None:
    settings = change_settings(SETTINGS, {"evaluation": {"fold_starts": [0.4, 0.8]}})
    with pytest.raises(InputError, match="each must begin where the one before ends"):
        place_test(plan_with(protocol="rolling_origin"), READINGS, LABELLED, settings)
