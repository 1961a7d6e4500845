"""Format values as text, each independently of the others, so that appended rows match existing ones."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np
import pandas as pd


def format_times(times: np.ndarray) -> list[str]:
    """Format times as `2024-05-01 00:02:00`, with nine decimals if there are fractions of a second.

    Args:
        times: `datetime64[ns]`, shape (rows,); NaT becomes the empty string.
    """
    is_whole = times == times.astype("datetime64[s]")
    texts = np.where(
        is_whole, np.datetime_as_string(times, unit="s"), np.datetime_as_string(times, unit="ns")
    )
    return ["" if text == "NaT" else text.replace("T", " ") for text in texts.tolist()]


def count_rows(rows: int) -> str:
    """Write a number of rows, as `1 row` or `1,234 rows`."""
    return count_things(rows, "row")


def count_things(number: int, noun: str) -> str:
    """Write a number with its noun, as `1 event` or `1,234 events`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def format_number(number: float) -> str:
    """Format a number with the fewest digits that restore it exactly; integers without a decimal point."""
    return repr(number).removesuffix(".0")


def format_values(column: pd.Series) -> list[str | None]:
    """Format values so that 5, 5.0 and the text "5" are equal; missing values become None."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        numbers = np.full(len(column), np.nan)
    else:
        numbers = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(np.float64)
    pairs = zip(column, numbers.tolist(), strict=True)
    return [_format_either(value, number) for value, number in pairs]


def _format_either(value: Any, number: float) -> str | None:
    if not math.isnan(number):
        return format_number(number)
    return None if pd.isna(value) else str(value).strip()


def format_csv(table: pd.DataFrame, *, has_header: bool) -> bytes:
    """Format a table as CSV: missing values empty, bools `true` or `false`, zoned times as UTC with `Z`.

    Args:
        table: Numbers, bools, text, and times with or without a zone.
        has_header: Whether the first line contains the column names.
    """
    columns = [_format_column(table[name]) for name in table.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if has_header:
        writer.writerow(table.columns)
    writer.writerows(zip(*columns, strict=True))
    return file.getvalue().encode()


def _format_column(column: pd.Series) -> list[str]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[s]")
        return [f"{text}Z" for text in np.datetime_as_string(moments).tolist()]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return format_times(column.to_numpy("datetime64[ns]"))
    if pd.api.types.is_bool_dtype(column.dtype):
        return ["true" if value else "false" for value in column]
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan).tolist()
        return ["" if math.isnan(number) else format_number(number) for number in numbers]
    return ["" if pd.isna(value) else str(value) for value in column]
