"""Convert local times to UTC, with the hour that a clock repeats in autumn in the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

# a time of day followed by a zone
_ZONE = r"[T ]\d{1,2}[^T ]*\s*(?:Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"


def find_zones(column: pd.Series, time_format: str | None) -> np.ndarray:
    """Find which times are written with a time zone, bool, shape (rows,).

    Args:
        column: Times as read.
        time_format: strptime format, or None if it is detected.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return np.ones(len(column), dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return np.zeros(len(column), dtype=bool)
    if time_format not in (None, "ISO8601"):
        return np.full(len(column), "%z" in str(time_format).lower())
    return column.astype("str").str.strip().str.contains(_ZONE, regex=True).fillna(False).to_numpy(dtype=bool)


def convert_to_utc(local: pd.Series, zone: str, after: np.datetime64 | None = None) -> pd.Series:
    """Convert local times to UTC.

    The clock shows an hour twice when it is set back. A row in that hour belongs to the first pass, unless
    that would put it before the row above it; in a table with the newest row first, the row below. With a
    row every 20 minutes, 02:00 02:20 02:40 02:00 02:20 02:40 03:00 are seven rows 20 minutes apart.

    Args:
        local: `datetime64[ns]` without a zone, shape (rows,), in the table's order.
        zone: IANA name, such as Europe/Berlin.
        after: Time in UTC of the row before the first one, if there was one: a table that begins in the
            repeated hour begins with its second pass if the first one would not follow this row.

    Returns:
        `datetime64[ns]` in UTC, without a zone and with the same index; NaT for times that the clock skips in
        spring.
    """
    first, second = (_localise(local, zone, is_first=is_first) for is_first in (True, False))
    moments = first.copy()
    differences = np.diff(local.to_numpy())
    is_falling = (differences < np.timedelta64(0)).sum() > (differences > np.timedelta64(0)).sum()
    moved = np.abs(differences[differences != np.timedelta64(0)])
    step = np.median(moved) if len(moved) else np.timedelta64(0)
    places = np.flatnonzero((first != second) & ~np.isnat(first))
    for place in places[::-1] if is_falling else places:
        before = place + 1 if is_falling else place - 1
        if not 0 <= before < len(moments):
            follows_second = after is not None and first[place] <= after < second[place]
            moments[place] = second[place] if follows_second else first[place]
            continue
        is_taken = moments[before] > first[place]
        # where a step is as long as the clock is set back, the same time again is no repeated row
        is_long = step >= second[place] - first[place]
        is_taken |= is_long and moments[before] == first[place]
        moments[place] = second[place] if is_taken else first[place]
    return pd.Series(moments, index=local.index)


def _localise(local: pd.Series, zone: str, *, is_first: bool) -> np.ndarray:
    is_summer = np.full(len(local), is_first)
    zoned = local.dt.tz_localize(zone, ambiguous=is_summer, nonexistent="NaT")
    return zoned.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]")


def mark_as_utc(times: pd.Series, zone: str | None) -> pd.Series:
    """Give times in UTC their zone if a version would take times without one as local.

    Args:
        times: `datetime64[ns]` in UTC, without a zone.
        zone: The version's `readings.time_zone`; None if it takes times as they are.
    """
    return times if zone is None else times.dt.tz_localize("UTC")
