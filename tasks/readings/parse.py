"""Parse times, and find the usual step and the runs of rows without a time gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

GAP_STEPS = 1.5
TIME_FORMATS = (
    "ISO8601",
    *(
        f"%m{mark}%d{mark}{year}{clock}"
        for mark in "/-"
        for year in ("%y", "%Y")
        for clock in (" %H:%M", " %H:%M:%S", "")
    ),
)
ROWS_TO_FIND_THE_FORMAT = 200


def parse_times(column: pd.Series, time_format: str | None) -> pd.Series:
    """Parse times; times with a zone are converted to UTC.

    Args:
        column: Text or datetimes, shape (rows,).
        time_format: strptime format, or None to use the format of `TIME_FORMATS` (month first) that fits
            most of the first 200 times.

    Returns:
        `datetime64[ns]` without a zone and with the same index; NaT where a value is not a time.
    """
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        if pd.api.types.is_numeric_dtype(column.dtype) and time_format is None:
            return pd.Series(np.datetime64("NaT", "ns"), index=column.index)
        texts = column.astype("str").str.strip()
        column = _parse(texts, time_format or _find_time_format(texts))
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    is_possible = column.between(pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s"))
    return column.where(is_possible).astype("datetime64[ns]")


def _parse(texts: pd.Series, time_format: str) -> pd.Series:
    date_format, blank, clock_format = time_format.partition(" ")
    if len(texts) and blank and time_format in TIME_FORMATS:
        return _parse_distinct(texts, date_format, clock_format)
    is_zoned = time_format == "ISO8601" or "%z" in time_format.lower()
    return pd.to_datetime(texts, format=time_format, errors="coerce", utc=is_zoned)


def _parse_distinct(texts: pd.Series, date_format: str, clock_format: str) -> pd.Series:
    """Parse each distinct date and time of day only once: there are far fewer of them than rows."""
    parts = texts.str.partition(" ")
    dates, distinct_dates = pd.factorize(parts[0])
    clocks, distinct_clocks = pd.factorize(parts[2])
    days = pd.to_datetime(pd.Series(distinct_dates, dtype="str"), format=date_format, errors="coerce")
    moments = "1970-01-01 " + pd.Series(distinct_clocks, dtype="str")
    times = pd.to_datetime(moments, format=f"%Y-%m-%d {clock_format}", errors="coerce")
    # a missing text has the code -1, which indexes the NaT at the end
    since_epoch = np.append(days.to_numpy("datetime64[ns]"), np.datetime64("NaT"))
    since_midnight = np.append(times.to_numpy("datetime64[ns]"), np.datetime64("NaT"))
    times_of_rows = since_epoch[dates] + (since_midnight[clocks] - np.datetime64(0, "ns"))
    return pd.Series(times_of_rows, index=texts.index)


def _find_time_format(texts: pd.Series) -> str:
    """Return the first format that fits every time of a sample, or else the one that fits most of them."""
    sample = texts.dropna().head(ROWS_TO_FIND_THE_FORMAT)
    counts: dict[str, int] = {}
    for time_format in TIME_FORMATS:
        counts[time_format] = int(_parse(sample, time_format).notna().sum())
        if counts[time_format] == len(sample):
            break
    return max(counts, key=lambda time_format: counts[time_format])


def find_step_minutes(times: np.ndarray) -> float:
    """Return the median time difference between rows in minutes; NaN if no time is later than the one before.

    Args:
        times: `datetime64[ns]`, shape (rows,); differences with NaT and negative ones are ignored.
    """
    differences = np.diff(times) / np.timedelta64(1, "m")
    differences = differences[differences > 0]
    return float(np.median(differences)) if len(differences) else float("nan")


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
