"""Where the test of a table begins: one fold for `train_end`, those of a backtest for a rolling origin."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd

from schemas.benchmark import TablePlan
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.readings import LabelledReadings, SensorReadings
from tasks.configuration.configure import change_settings
from tasks.evaluation.backtest.folds import find_folds
from tasks.times.time_zones import convert_to_utc


def place_test(
    plan: TablePlan, readings: SensorReadings, labelled: LabelledReadings, settings: Configuration
) -> Configuration:
    """Return the settings whose folds are those of a table's plan.

    Args:
        plan: The table's plan.
        readings: All rows, for the time or number of the last one before the test.
        labelled: The rows without dropped ones, which folds count.
        settings: Settings of the table.

    Raises:
        InputError: If there is no row before the test, or none in it, or the tests of a rolling origin do not
            follow one another.
    """
    if plan.train_end is None:
        _require_adjacent_folds(labelled, settings)
        return settings
    before = count_rows_before(plan.train_end, readings, settings.readings.time_zone)
    kept, rows = int(np.searchsorted(labelled.source_rows, before)), len(labelled.times)
    if not 0 < kept < rows:
        first, last = (str(time.astype("datetime64[s]")) for time in readings.times[[0, -1]])
        raise InputError(
            "`train_end` must leave rows for training and for the test. Received "
            f"{plan.train_end} for {len(readings.times):,} rows from {first} to {last}. Choose a time, a "
            "number of rows or a share of the rows between the first and the last."
        )
    share = kept / rows
    folds = {"fold_starts": [share], "fold_test_fraction": 1 - share}
    return change_settings(settings, {"evaluation": folds})


def count_rows_before(
    train_end: datetime | int | float, readings: SensorReadings, time_zone: str | None
) -> int:
    """Count the rows up to and including the last one before the test.

    Args:
        train_end: Time of that row, number of rows, or share of the rows.
        readings: All rows.
        time_zone: Zone of a time; None for UTC.
    """
    if isinstance(train_end, datetime):
        moment = pd.Series([np.datetime64(train_end, "ns")])
        if time_zone is not None:
            moment = convert_to_utc(moment, time_zone)
        return int(np.searchsorted(readings.times, moment.to_numpy()[0], side="right"))
    if isinstance(train_end, int):
        return train_end
    return round(train_end * len(readings.times))


def _require_adjacent_folds(labelled: LabelledReadings, settings: Configuration) -> None:
    """Check that each fold's test begins where the one before ends; rounding may shift it by a row."""
    folds = find_folds(len(labelled.times), settings.evaluation)
    shifts = [abs(after.test_start - fold.test_stop) for fold, after in pairwise(folds)]
    if max(shifts, default=0) > 1:
        raise InputError(
            "`protocol: rolling_origin` pools the tests of all folds, so each must begin where the one "
            f"before ends. Received evaluation.fold_starts={settings.evaluation.fold_starts}, "
            f"evaluation.fold_test_fraction={settings.evaluation.fold_test_fraction}. Make the distance "
            "between two starts the length of a test."
        )
