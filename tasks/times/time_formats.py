"""Find the format of written times, and whether the day or the month comes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from schemas.errors import InputError

ISO_FORMAT: Final = "ISO8601"
GAP_STEPS: Final = 1.5
ROWS_TO_FIND_THE_FORMAT = 200
# of two readings of the same dates the right one has gaps far shorter than the other's
_TIMES_SHORTER = 5.0
_CLOCKS = (" %H:%M", " %H:%M:%S", "", " %H:%M:%S.%f")
_TWELVE_HOURS = (" %I:%M %p", " %I:%M:%S %p", " %I:%M:%S.%f %p", " %I:%M%p", " %I:%M:%S%p", " %I %p")
# dates with dots are written with the day first; another order must be set
_MARKS = ("/", "-", ".")
_LAYOUTS = tuple(
    (mark, year, clock) for mark in _MARKS for year in ("%y", "%Y") for clock in (*_CLOCKS, *_TWELVE_HOURS)
)
# dates of one meaning only: with the name of the month, or with the year first
_NAMED_DATES = tuple(
    date.replace("%b", month).replace("%Y", year)
    for date in (
        "%d-%b-%Y",
        "%d %b %Y",
        "%b %d, %Y",
        "%b %d %Y",
        "%d/%b/%Y",
        "%d.%b.%Y",
        "%d. %b %Y",
        "%d%b%Y",
    )
    for month in ("%b", "%B")
    for year in ("%Y", "%y")
)
_NAMED_FORMATS = tuple(
    date + clock
    for date in _NAMED_DATES
    for clock in (*_CLOCKS, *_TWELVE_HOURS, ":%H:%M:%S", ":%H:%M", ":%H:%M:%S.%f", ", %H:%M:%S", ", %H:%M")
)
_YEAR_FIRST_FORMATS = tuple(
    f"%Y{mark}%m{mark}%d{clock}" for mark in ("-", "/", ".") for clock in (*_TWELVE_HOURS, *_CLOCKS)
)
_TWELVE_HOUR_TEXT = r"[AaPp][Mm]$"
_MONTH_TEXT = r"(?i)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
# of the parts of a date in a format such as %d/%m/%Y, the second begins here
_SECOND_PART = 3


def list_formats(mark: str, year: str, clock: str, day_first: bool | None) -> list[str]:
    """List the formats that dates of one layout may have, the month first unless it must not be.

    Args:
        mark: Mark between day, month and year.
        year: `%y` or `%Y`.
        clock: Format of the time of day, with the blank before it; empty for dates alone.
        day_first: Whether the day comes before the month; None if both are possible, and with two digits for
            the year also the year before both.
    """
    month_before, day_before = f"%m{mark}%d{mark}{year}{clock}", f"%d{mark}%m{mark}{year}{clock}"
    if day_first is not None:
        return [day_before if day_first else month_before]
    orders = [day_before] if mark == "." else [month_before, day_before]
    return [*orders, f"{year}{mark}%m{mark}%d{clock}"] if year == "%y" else orders


_KNOWN = frozenset(
    time_format
    for layout in _LAYOUTS
    for day_first in (None, True, False)
    for time_format in list_formats(*layout, day_first)
)


def find_time_format(column: pd.Series, day_first: bool | None = None) -> str | None:
    """Find the format in which the times of a column are written.

    The format fits most of the first 200 times. Where these fit both with the day and with the month first,
    all times of the column decide: under the right reading they follow each other in steps, under the wrong
    one there is a leap of a month wherever there should be a step to the next day.

    Args:
        column: Text or datetimes, shape (rows,).
        day_first: Whether the day comes before the month in dates such as 1/3/2024; None to find out.

    Returns:
        `ISO8601`, or a strptime format; None if the column holds datetimes or numbers.

    Raises:
        InputError: If the times fit more than one reading equally well.
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return None
    texts = clean_texts(column).dropna()
    best, most = [ISO_FORMAT], _count_times(texts, ISO_FORMAT)
    sample = min(len(texts), ROWS_TO_FIND_THE_FORMAT)
    for formats in _list_candidates(texts.head(sample), day_first):
        if most == sample:
            break
        counts = [_count_times(texts, time_format) for time_format in formats]
        if max(counts) > most:
            best, most = formats, max(counts)
    return best[0] if len(best) == 1 or not most else _choose_order(texts, best)


def clean_texts(column: pd.Series) -> pd.Series:
    """Return times as text without blanks around them, and with a point before fractions of a second."""
    texts = column.astype("str").str.strip()
    return texts.str.replace(r"(:\d{2}),(\d{1,9})\b", r"\1.\2", regex=True)


def _list_candidates(sample: pd.Series, day_first: bool | None) -> Iterator[list[str]]:
    """List the formats that some texts may have; those that differ in the order of a date together."""
    has_names = bool(sample.str.contains(_MONTH_TEXT).any())
    has_halves = bool(sample.str.contains(_TWELVE_HOUR_TEXT).any())
    if has_names:
        yield from ([time_format] for time_format in _NAMED_FORMATS if ("%p" in time_format) == has_halves)
        return
    for mark in _MARKS:
        if sample.str.contains(mark, regex=False).any():
            yield from (
                list_formats(*layout, day_first)
                for layout in _LAYOUTS
                if layout[0] == mark and ("%p" in layout[2]) == has_halves
            )
    yield from ([time_format] for time_format in _YEAR_FIRST_FORMATS if ("%p" in time_format) == has_halves)


def is_day_first(time_format: str | None) -> bool | None:
    """Return whether a format has the day before the month; None if it is no format of day and month."""
    places = [(time_format or "").find(part) for part in ("%d", "%m")]
    return None if min(places) < 0 or max(places) > _SECOND_PART else places[0] < places[1]


def parse_texts(texts: pd.Series, time_format: str) -> pd.Series:
    """Parse texts in one format; NaT where it does not fit. Times with a zone are in UTC, and keep it."""
    if ".%f" in time_format:
        return _parse_fractions(texts, time_format)
    date_format, blank, clock_format = time_format.partition(" ")
    if len(texts) and blank and time_format in _KNOWN:
        return _parse_distinct(texts, date_format, clock_format)
    is_zoned = time_format == ISO_FORMAT or "%z" in time_format.lower()
    return pd.to_datetime(texts, format=time_format, errors="coerce", utc=is_zoned)


def _parse_fractions(texts: pd.Series, time_format: str) -> pd.Series:
    """Parse texts with fractions of a second, which whole seconds may lack."""
    times = pd.to_datetime(texts, format=time_format, errors="coerce", utc="%z" in time_format.lower())
    whole = texts[times.isna()]
    if not len(whole):
        return times
    return times.fillna(parse_texts(whole, time_format.replace(".%f", "")).reindex(texts.index))


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


def _count_times(texts: pd.Series, time_format: str) -> int:
    """Count the times among the first 200 texts that a format fits."""
    return int(parse_texts(texts.head(ROWS_TO_FIND_THE_FORMAT), time_format).notna().sum())


def _choose_order(texts: pd.Series, formats: list[str]) -> str:
    """Choose the reading of the dates that fits better than every other.

    Raises:
        InputError: If none does.
    """
    parsed = {time_format: parse_texts(texts, time_format).to_numpy() for time_format in formats}
    possible = {time_format: times for time_format, times in parsed.items() if not np.isnat(times).all()}
    best = [
        time_format
        for time_format, times in possible.items()
        if all(
            _fits_better(times, others)
            for other_format, others in possible.items()
            if other_format != time_format
        )
    ]
    if len(best) == 1 and is_day_first(best[0]) is not None:
        return best[0]
    raise InputError(_explain_ambiguity(texts, possible))


def _fits_better(times: np.ndarray, others: np.ndarray) -> bool:
    """Return whether one reading of the same texts fits better than another.

    It must have fewer breaks, or as many that are far shorter. The order of the rows does not matter: in a
    table that begins with the newest row, or with two machines, both readings suffer alike.

    Args:
        times: `datetime64[ns]`, shape (rows,); NaT where the reading is impossible.
        others: The same rows by the other reading.
    """
    differences, other_differences = _measure_differences(times), _measure_differences(others)
    is_known = ~np.isnan(differences) & ~np.isnan(other_differences)
    path, other_path = differences[is_known].sum(), other_differences[is_known].sum()
    breaks, other_breaks = _count_breaks(differences), _count_breaks(other_differences)
    if breaks == other_breaks:
        return bool(_TIMES_SHORTER * path < other_path)
    return breaks < other_breaks and bool(path <= _TIMES_SHORTER * other_path)


def _measure_differences(times: np.ndarray) -> np.ndarray:
    """Measure the time between neighbouring rows, forwards or backwards, in minutes; NaN next to a NaT."""
    return np.asarray(np.abs(np.diff(times) / np.timedelta64(1, "m")))


def _count_breaks(differences: np.ndarray) -> int:
    """Count the differences that are not known, or longer than a gap may be."""
    known = differences[differences > 0]
    step = float(np.median(known)) if len(known) else np.inf
    return int((~(differences <= GAP_STEPS * step)).sum())


def _explain_ambiguity(texts: pd.Series, readings: dict[str, np.ndarray]) -> str:
    place = int(np.argmax(~np.any([np.isnat(times) for times in readings.values()], axis=0)))
    meanings = [
        f"{np.datetime_as_string(times[place], unit='D')} by {time_format}"
        for time_format, times in readings.items()
    ]
    return (
        "Expected times that say whether the day or the month comes first, by a day after the 12th or by the "
        f"steps between the rows. Received {texts.iloc[place]!r}, which may be {' or '.join(meanings)}. Set "
        "`readings.day_first` to true if the day comes first, or to false if the month does (or set "
        "`readings.time_format`)."
    )
