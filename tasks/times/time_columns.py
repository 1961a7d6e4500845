"""Find the column with the times: the configured one, two that belong together, or the only one."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.tables.columns import shorten_list
from tasks.times.time_units import EXCEL, are_numbers, find_time_unit, take_numbers
from tasks.times.written_times import parse_column

SETTING = "readings.time_column"
# a column holds times if this share of its first cells does
_SHARE_AT_LEAST = 0.9
_ROWS_TRIED = 200
_CLOCK = r"(?i)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]m)?"


def list_time_columns(section: ReadingsSection) -> tuple[str, ...]:
    """List the columns that hold the times together: one, or two for a setting such as `date,time`."""
    parts = tuple(part.strip() for part in section.time_column.split(","))
    return parts if len(parts) == 2 and all(parts) else (section.time_column,)


def join_time_columns(table: pd.DataFrame, section: ReadingsSection) -> pd.DataFrame:
    """Join a column of dates and one of times of day, if the setting names both.

    Args:
        table: Columns as read.
        section: Its `time_column` may be `date,time`.

    Returns:
        The table with one column in place of the two, named as the setting; the table itself if the setting
        names one column, or the table lacks one of the two.
    """
    names = list_time_columns(section)
    if len(names) == 1 or section.time_column in table.columns or not set(names) <= set(table.columns):
        return table
    dates, clocks = (table[name] for name in names)
    joined = _write_dates(dates).str.strip() + " " + clocks.astype("str").str.strip()
    place = min(list(table.columns).index(name) for name in names)
    rest = table.drop(columns=list(names))
    rest.insert(place, section.time_column, joined.where(dates.notna() & clocks.notna()))
    return rest


def _write_dates(dates: pd.Series) -> pd.Series:
    """Write dates as text; a spreadsheet's or a data base's come as midnight of their day."""
    if pd.api.types.is_datetime64_any_dtype(dates.dtype):
        return dates.dt.strftime("%Y-%m-%d").astype("str")
    return dates.astype("str").str.replace(r"[T ]00:00:00(?:\.0+)?$", "", regex=True)


def find_time_column(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Find the column with the times, and join it if the times are in two columns.

    The configured column is used if the table has it, unless it holds times of day alone. Otherwise the only
    column of times is, or the only column of dates together with the only one of times of day.

    Args:
        raw: The table as loaded.
        section: Its `time_column` is what was configured.

    Returns:
        The table with a column of the name `readings.time_column`, given or in `found`; the table itself if
        no column holds times, which the schema check reports.

    Raises:
        InputError: If several columns could be meant.
    """
    table = join_time_columns(raw.table, section)
    if section.time_column in table.columns and not _holds(_CLOCK, table[section.time_column]):
        return raw if table is raw.table else replace(raw, table=table)
    dates, clocks, others = _sort_columns(table, section)
    if len(dates) == len(clocks) == 1 and not others:
        name = f"{dates[0]},{clocks[0]}"
        chosen = section.model_copy(update={"time_column": name})
        joined = replace(raw, table=join_time_columns(table, chosen))
        return _report(joined, name, section, has_clock=section.time_column in table.columns)
    candidates = [*others, *dates]
    if len(candidates) == 1 and not (dates and clocks):
        return _report(raw, candidates[0], section, has_clock=section.time_column in table.columns)
    if candidates:
        raise InputError(_ask(raw, section, candidates, dates, clocks))
    return raw


def _sort_columns(table: pd.DataFrame, section: ReadingsSection) -> tuple[list[str], list[str], list[str]]:
    """Sort the columns that have to do with time: dates alone, times of day alone, and dates with times."""
    dates: list[str] = []
    clocks: list[str] = []
    others: list[str] = []
    for name in table.columns:
        if name == section.label_column or name in section.drop_columns:
            continue
        column = table[name]
        if _holds(_CLOCK, column):
            clocks.append(name)
        elif _holds_times(column, section):
            times = parse_column(column, section)
            is_date = len(times) > 1 and bool((times.dropna() == times.dropna().dt.normalize()).all())
            (dates if is_date and times.duplicated().any() else others).append(name)
    return dates, clocks, others


def _holds(pattern: str, column: pd.Series) -> bool:
    """Return whether the first cells of a column of text fit a pattern."""
    if not (pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)):
        return False
    texts = column.dropna().head(_ROWS_TRIED).astype("str").str.strip()
    return bool(len(texts)) and bool(texts.str.fullmatch(pattern).mean() >= _SHARE_AT_LEAST)


def _holds_times(column: pd.Series, section: ReadingsSection) -> bool:
    """Return whether a column holds times; numbers are times if they are since 1970, and rise or fall."""
    first = column.dropna().head(_ROWS_TRIED)
    if not len(first) or pd.api.types.is_bool_dtype(column.dtype):
        return False
    if are_numbers(first):
        numbers = take_numbers(column)
        unit = find_time_unit(numbers)
        is_steady = numbers.is_monotonic_increasing or numbers.is_monotonic_decreasing
        return unit not in (None, EXCEL) and bool(is_steady)
    try:
        times = parse_column(first, section.model_copy(update={"time_zone": None}))
    except InputError:
        # dates, though the first ones do not say whether the day comes first
        return True
    return bool(times.notna().mean() >= _SHARE_AT_LEAST)


def _report(raw: RawTable, name: str, section: ReadingsSection, *, has_clock: bool) -> RawTable:
    """Report which column was taken, since the configured one is missing or holds times of day alone."""
    reason = "holds times of day alone" if has_clock else "is missing"
    message = f"The times were read from `{name}`, because the column `{section.time_column}` {reason}."
    finding = Finding(check="time_column", message=message, columns=(name,))
    return replace(raw, findings=(*raw.findings, finding), found={**raw.found, SETTING: name})


def _ask(
    raw: RawTable, section: ReadingsSection, candidates: list[str], dates: list[str], clocks: list[str]
) -> str:
    pairs = [f"{date},{clock}" for date in dates for clock in clocks]
    return (
        f"Expected the time of each row in the column `{section.time_column}`. {raw.source} has "
        f"{shorten_list(candidates + clocks)}, which hold dates or times. Set `{SETTING}` to one of them"
        f"{f', or to two that belong together, such as {pairs[0]}' if pairs else ''}."
    )
