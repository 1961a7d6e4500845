"""Read the times of a column, however they are written: as text, as numbers, in local time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from tasks.times.parse import parse_times
from tasks.times.time_formats import ISO_FORMAT, clean_texts, find_time_format
from tasks.times.time_units import (
    EXCEL,
    are_numbers,
    convert_numbers,
    find_compact_format,
    find_time_unit,
    take_numbers,
)
from tasks.times.time_zones import convert_to_utc, find_zones


@dataclass(frozen=True, eq=False)
class WrittenTimes:
    """The times of a column, and how they were written.

    Attributes:
        times: `datetime64[ns]` without a zone, in UTC if the zone is known, with the index of the column; NaT
            where a value is not a time.
        time_format: strptime format, `ISO8601`, or None if the column holds times or numbers.
        time_unit: Unit of numbers, as `readings.time_unit` has it; None if the column holds no numbers.
    """

    times: pd.Series
    time_format: str | None = None
    time_unit: str | None = None


def read_times(
    column: pd.Series, section: ReadingsSection, after: np.datetime64 | None = None
) -> WrittenTimes:
    """Read times by the settings that are given, and find those that are not.

    Args:
        column: Text, datetimes or numbers, shape (rows,), in the table's order.
        section: Format, unit and zone of the times.
        after: Time in UTC of the row before the first one, if it is known; see `convert_to_utc`.

    Raises:
        InputError: If the times fit more than one reading equally well.
    """
    found = _read_as_written(column, section)
    if section.time_zone is None:
        return found
    is_utc = _find_utc(column, section, found.time_unit)
    if is_utc.all():
        return found
    times = found.times.copy()
    times[~is_utc] = convert_to_utc(times[~is_utc], section.time_zone, after)
    return WrittenTimes(times, found.time_format, found.time_unit)


def parse_column(column: pd.Series, section: ReadingsSection) -> pd.Series:
    """Return the times of a column alone; see `read_times`."""
    return read_times(column, section).times


def _read_as_written(column: pd.Series, section: ReadingsSection) -> WrittenTimes:
    """Read times without regard to the time zone of those that have none."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return WrittenTimes(parse_times(column, None))
    if section.time_format is None and are_numbers(column):
        numbers = take_numbers(column)
        unit = section.time_unit or find_time_unit(numbers)
        if unit is not None:
            return WrittenTimes(convert_numbers(column, unit), time_unit=unit)
        compact = find_compact_format(numbers)
        if compact is None:
            return WrittenTimes(pd.Series(np.datetime64("NaT", "ns"), index=column.index))
        texts = numbers.astype("str").reindex(column.index)
        return WrittenTimes(parse_times(texts, compact), compact)
    texts = clean_texts(column)
    time_format = section.time_format or find_time_format(texts, section.day_first)
    return WrittenTimes(parse_times(texts, time_format or ISO_FORMAT), time_format)


def _find_utc(column: pd.Series, section: ReadingsSection, time_unit: str | None) -> np.ndarray:
    """Find the times that are in UTC already: those with a zone, and numbers since 1970."""
    if time_unit is not None:
        return np.full(len(column), time_unit != EXCEL)
    return find_zones(column, section.time_format)
