"""Read times that are stored as numbers: seconds or parts of them since 1970, or Excel's days."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

EXCEL: Final = "excel"
UNITS: Final = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    EXCEL: "Excel's days since 1900",
}
# seconds in one unit, and seconds from its zero to 1970
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, EXCEL: 86_400.0}
_EXCEL_DAYS_TO_1970: Final = 25_569
_PLAUSIBLE: Final = (np.datetime64("1980-01-01"), np.datetime64("2100-01-01"))
# numbers are exact up to this part of a second
_PARTS: Final = {"s": 10**6, "ms": 10**3, "us": 10**3, "ns": 1, EXCEL: 10**3}
_ROWS_TO_FIND_THE_KIND = 200
_NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
# dates written without marks, by number of digits
_COMPACT: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def are_numbers(column: pd.Series) -> bool:
    """Return whether times are stored as numbers, or as texts of which most of the first 200 are numbers."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return False
    if pd.api.types.is_any_real_numeric_dtype(column.dtype):
        return True
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return False
    texts = column.dropna().head(_ROWS_TO_FIND_THE_KIND).astype("str").str.strip()
    return bool(len(texts)) and bool(texts.str.fullmatch(_NUMBER).mean() > 0.5)


def take_numbers(column: pd.Series) -> pd.Series:
    """Return a column of numbers, or of texts of numbers, as numbers; integers stay exact.

    Args:
        column: Numbers or text, shape (rows,).

    Returns:
        The cells that are numbers, with their index.
    """
    if pd.api.types.is_any_real_numeric_dtype(column.dtype):
        return column.dropna()
    texts = column.dropna().astype("str").str.strip()
    texts = texts[texts.str.fullmatch(_NUMBER)].str.replace(",", ".", regex=False)
    return pd.to_numeric(texts)


def find_time_unit(numbers: pd.Series) -> str | None:
    """Find the unit in which numbers are times: the one in which they lie between 1980 and 2100.

    The ranges of the five units do not overlap: 1709251200 are seconds, 1709251200000 milliseconds, and
    45352.5 days of Excel.

    Args:
        numbers: Numbers without missing ones, shape (rows,).

    Returns:
        `s`, `ms`, `us`, `ns` or `excel`, or None if the median lies in no range.
    """
    if not len(numbers):
        return None
    middle = float(np.median(numbers.to_numpy(np.float64)))
    for unit, seconds in _SECONDS.items():
        since_1970 = (middle - (_EXCEL_DAYS_TO_1970 if unit == EXCEL else 0)) * seconds
        low, high = (float((limit - np.datetime64(0, "s")) / np.timedelta64(1, "s")) for limit in _PLAUSIBLE)
        if low <= since_1970 <= high:
            return unit
    return None


def find_compact_format(numbers: pd.Series) -> str | None:
    """Find the format of dates written as one number, such as 20240301 or 202403011305, or None."""
    if not len(numbers) or not pd.api.types.is_integer_dtype(numbers.dtype):
        return None
    texts = numbers.astype("str")
    time_format = _COMPACT.get(int(texts.str.len().median()))
    if time_format is None:
        return None
    is_time = pd.to_datetime(texts, format=time_format, errors="coerce").notna()
    return time_format if is_time.mean() > 0.5 else None


def convert_numbers(column: pd.Series, unit: str) -> pd.Series:
    """Convert numbers to times.

    Args:
        column: Numbers, or texts of numbers, shape (rows,).
        unit: `s`, `ms`, `us` or `ns` since 1970, or `excel` for days since 30 December 1899.

    Returns:
        `datetime64[ns]` with the same index, NaT where there is no number; fractions of seconds are rounded
        to microseconds, and Excel's days to milliseconds.
    """
    numbers = take_numbers(column)
    values = numbers.to_numpy()
    if unit == EXCEL:
        # whole days and the rest apart: a day's number has no digits left for the milliseconds of 1970
        values = (values.astype(np.float64) - _EXCEL_DAYS_TO_1970) * _SECONDS[EXCEL]
    in_seconds = "s" if unit == EXCEL else unit
    nanoseconds = round(_SECONDS[in_seconds] * 1e9)
    longest = np.iinfo(np.int64).max // nanoseconds
    is_possible = np.isfinite(values.astype(np.float64)) & (np.abs(values.astype(np.float64)) < longest)
    values, index = values[is_possible], numbers.index[is_possible]
    if not np.issubdtype(values.dtype, np.integer):
        whole = np.floor(values)
        part = _PARTS[unit]
        rest = np.round((values - whole) * part).astype(np.int64) * (nanoseconds // part)
        moments = whole.astype(np.int64) * nanoseconds + rest
    else:
        moments = values.astype(np.int64) * nanoseconds
    times = pd.Series(moments.astype("datetime64[ns]"), index=index)
    return times.reindex(column.index)
