"""Make the rows of the output files: with episodes numbered over all batches, version and time of scoring."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.scores import Bookmark, PinnedVersion
from schemas.tables import MISSING_SENSORS
from tasks.alarms.episodes import count_episodes
from tasks.readings.check import check_output_table
from tasks.times.parse import number_runs


def make_output_rows(
    scored: pd.DataFrame, detector: Detector, version: PinnedVersion, bookmark: Bookmark | None, now: datetime
) -> pd.DataFrame:
    """Add the number of each alarm's episode, the version and the time of scoring; check the schema.

    Args:
        scored: The new rows, as `tasks.scoring.score.score_readings` describes them.
        detector: Detector, for the usual step between rows.
        version: The version that scored the rows.
        bookmark: State of scoring before these rows, or none.
        now: Time of scoring, with a time zone.

    Returns:
        The table as in `schemas.tables.output_schema`; the columns of `scored` keep their order, besides
        `missing_sensors`, which comes last or, in an output that was begun without it, is left out.

    Raises:
        InputError: If the table fails its schema.
    """
    table = scored.copy()
    episodes = number_episodes(
        table["time"].to_numpy(),
        table["alarm"].to_numpy(dtype=bool),
        detector.readings.step_minutes,
        bookmark,
    )
    table.insert(
        list(table.columns).index("alarm") + 1, "episode", pd.Series(episodes, table.index, dtype="Int64")
    )
    missing_sensors = table.pop(MISSING_SENSORS)
    table["model_version"] = version.number
    table["scored_at"] = pd.Timestamp(now.replace(microsecond=0)).tz_convert("UTC").as_unit("us")
    if bookmark is None or MISSING_SENSORS in bookmark.columns:
        table[MISSING_SENSORS] = missing_sensors
    return check_output_table(table)


def number_episodes(
    times: np.ndarray, is_alarm: np.ndarray, step_minutes: float | None, bookmark: Bookmark | None
) -> list[int | None]:
    """Number the episodes, stretches of alarms in one run of rows, over all batches.

    Suppose episodes 1 to 3 exist and the last row before was an alarm. Then new rows - - x x - x of the same
    run, where x is an alarm, get none, none, 4, 4, none, 5; new rows x - x get 3, none, 4.

    Args:
        times: Time of each new row, `datetime64[ns]`, shape (rows,).
        is_alarm: Whether each new row is an alarm, bool, shape (rows,).
        step_minutes: Usual minutes between two rows.
        bookmark: State of scoring before these rows, or none.

    Returns:
        From 1 upwards, or None where there is no alarm, shape (rows,).
    """
    before = 0
    if bookmark is not None:
        before = bookmark.episodes - bookmark.is_alarm
        times = np.concatenate([bookmark.carried.times[-1:], times])
        is_alarm = np.concatenate([[bookmark.is_alarm], is_alarm])
    begins = count_episodes(is_alarm, number_runs(times, step_minutes or math.nan), 1.0, math.inf)
    numbers = before + np.cumsum(begins)
    listed = [int(number) if alarm else None for number, alarm in zip(numbers, is_alarm, strict=True)]
    return listed if bookmark is None else listed[1:]


def make_set_aside_rows(rows: pd.DataFrame, source: str, now: datetime) -> pd.DataFrame:
    """Make the rows of the file of rows set aside, with all reasons in one text, the time and the source.

    Args:
        rows: Rows as in `schemas.scores.SortedRows.set_aside`.
        source: The table that the rows came from.
        now: Time when they were set aside, with a time zone.
    """
    return pd.DataFrame(
        {
            "row": rows["row"],
            "time": rows["time"],
            "reasons": ["; ".join(reasons) for reasons in rows["reasons"]],
            "set_aside_at": pd.Timestamp(now.replace(microsecond=0)).tz_convert("UTC").as_unit("us"),
            "data": source,
            "values": rows["values"],
        }
    )
