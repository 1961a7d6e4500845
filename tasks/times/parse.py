"""Parse times, and find the usual step and the runs of rows without a time gap."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from tasks.times.time_formats import GAP_STEPS, ISO_FORMAT, find_time_format, parse_texts

# a sensor's clock may be in any time zone
HOURS_AHEAD_AT_MOST = 24


def parse_times(column: pd.Series, time_format: str | None, day_first: bool | None = None) -> pd.Series:
    """Parse times; times with a zone are converted to UTC.

    Args:
        column: Text or datetimes, shape (rows,).
        time_format: strptime format or `ISO8601`, or None to use the one that `find_time_format` finds.
        day_first: Whether the day comes before the month in dates such as 1/3/2024; None to find out.

    Returns:
        `datetime64[ns]` without a zone and with the same index; NaT where a value is not a time.

    Raises:
        InputError: If the format is to be found, and the times fit more than one reading equally well.
    """
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        if pd.api.types.is_numeric_dtype(column.dtype) and time_format is None:
            return pd.Series(np.datetime64("NaT", "ns"), index=column.index)
        texts = column.astype("str").str.strip()
        column = parse_texts(texts, time_format or find_time_format(texts, day_first) or ISO_FORMAT)
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    is_possible = column.between(pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s"))
    return column.where(is_possible).astype("datetime64[ns]")


def find_latest_time(now: datetime) -> np.datetime64:
    """Return the latest time that a reading may have.

    Args:
        now: Current time, with its zone.
    """
    return np.datetime64(int(now.timestamp()) + HOURS_AHEAD_AT_MOST * 3600, "s")


def find_step_minutes(times: np.ndarray) -> float:
    """Return the median time difference between rows in minutes; NaN if no time is later than the one before.

    Args:
        times: `datetime64[ns]`, shape (rows,); differences with NaT and negative ones are ignored.
    """
    differences = np.diff(times) / np.timedelta64(1, "m")
    differences = differences[differences > 0]
    return float(np.median(differences)) if len(differences) else float("nan")


def count_nanoseconds(times: np.ndarray | np.datetime64) -> np.ndarray:
    """Count the nanoseconds since 1970, int64, shape as `times`."""
    return np.asarray(times).astype("datetime64[ns]").astype(np.int64)


def number_runs(times: np.ndarray, step_minutes: float) -> np.ndarray:
    """Number the runs of rows without a gap; a gap is a difference of more than 1.5 steps.

    Args:
        times: `datetime64[ns]`, shape (rows,); there is a gap on both sides of a NaT.
        step_minutes: Usual interval between rows, in minutes.

    Returns:
        int64, shape (rows,), never decreasing, from 0.
    """
    with np.errstate(invalid="ignore"):
        is_joined = np.diff(times) / np.timedelta64(1, "m") <= GAP_STEPS * step_minutes
    return np.concatenate([[0], np.cumsum(~is_joined)]).astype(np.int64)[: len(times)]
