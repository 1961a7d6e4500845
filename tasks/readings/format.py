"""Spell values as text, each by itself, so that what is appended fits what is there."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np
import pandas as pd


def format_times(times: np.ndarray) -> list[str]:
    """Spell times as `2024-05-01 00:02:00`, with nine decimals where there are parts of a second.

    Args:
        times: `datetime64[ns]`, shape (rows,); NaT becomes the empty text.
    """
    is_whole = times == times.astype("datetime64[s]")
    spelled = np.where(
        is_whole, np.datetime_as_string(times, unit="s"), np.datetime_as_string(times, unit="ns")
    )
    return ["" if text == "NaT" else text.replace("T", " ") for text in spelled.tolist()]


def format_number(number: float) -> str:
    """Spell a number by the fewest digits that give the very same number back; whole ones without a point."""
    return repr(number).removesuffix(".0")


def format_values(column: pd.Series) -> list[str | None]:
    """Spell values so that 5, 5.0 and the text "5" are alike; missing ones are None."""
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
    """Spell a table as lines of CSV; missing values are empty, bools `true` and `false`, times UTC with `Z`.

    Args:
        table: Numbers, bools, texts, and times with or without a zone.
        has_header: Whether the first line names the columns.
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
