"""Put the rows of a whole table in time order, each time once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.arrangement.order import find_order, require_one_sequence
from tasks.tables.format import format_times
from tasks.times.parse import find_step_minutes
from tasks.times.time_zones import find_zones

_HOUR = np.timedelta64(1, "h")
_SET_BACK_A_YEAR_AT_MOST = 2


def sort_rows(raw: RawTable, times: pd.Series, section: ReadingsSection) -> RawTable:
    """Sort rows by time, and drop rows that repeat another one in full.

    Args:
        raw: The table.
        times: Its times, `datetime64[ns]`, shape (rows,).
        section: Names the time column and, if it is set, the time zone.

    Returns:
        The table itself if its times rise. Rows without a readable time come last. Rows of the same time with
        other values stay, for the schema check to report.

    Raises:
        InputError: If the clock was set back in autumn, or the table holds the rows of several machines.
    """
    moments = times.to_numpy()
    differences = np.diff(moments)
    if not len(moments) or (differences > np.timedelta64(0)).all() or times.isna().all():
        return raw
    _refuse_repeated_hour(raw, times, section)
    raw, times, repeated = _drop_repeated(raw, times)
    order = find_order(times.to_numpy(), times.notna().to_numpy(), _find_usual_step(times))
    require_one_sequence(raw, times, section.time_column, order)
    moved = int(order.is_below_later.sum())
    if not moved:
        return replace(raw, findings=(*raw.findings, *repeated))
    by_time = np.argsort(times.to_numpy(), kind="stable")
    is_reversed = bool((np.diff(times.to_numpy()) < np.timedelta64(0)).all())
    how = "The table has its newest row first" if is_reversed else f"{moved:,} rows came after a later one"
    finding = Finding(
        check="rows_sorted", message=f"{how}: the rows were sorted by time.", details={"rows": moved}
    )
    return replace(raw, table=raw.table.iloc[by_time], findings=(*raw.findings, *repeated, finding))


def _drop_repeated(raw: RawTable, times: pd.Series) -> tuple[RawTable, pd.Series, tuple[Finding, ...]]:
    """Drop rows that equal another row in every column."""
    is_again = times.duplicated().to_numpy() & times.notna().to_numpy()
    if is_again.any():
        is_again &= raw.table.duplicated().to_numpy()
    count = int(is_again.sum())
    if not count:
        return raw, times, ()
    first = raw.table.index[np.flatnonzero(is_again)[0]]
    which = "1 row repeats" if count == 1 else f"{count:,} rows repeat"
    message = f"{which} another row in every column, the first is row {first}: each is used once."
    finding = Finding(check="repeated_rows", message=message, details={"rows": count})
    return replace(raw, table=raw.table[~is_again]), times[~is_again], (finding,)


def _find_usual_step(times: pd.Series) -> float | None:
    """Find the usual step, whatever the order of the rows; None if there are too few."""
    step = find_step_minutes(np.unique(times.dropna().to_numpy()))
    return None if np.isnan(step) else step


def _refuse_repeated_hour(raw: RawTable, times: pd.Series, section: ReadingsSection) -> None:
    """Refuse local times in which an hour comes twice: a table that rises, but for falls of about an hour.

    Raises:
        InputError: If there are such falls, and no time zone to read them by.
    """
    is_zoned = find_zones(raw.table[section.time_column], section.time_format).any()
    if section.time_zone is not None or is_zoned:
        return
    moments = times.dropna().to_numpy()
    if len(moments) > 1 and moments[0] > moments[-1]:
        moments = moments[::-1]
    differences = np.diff(moments)
    falls = -differences[differences < np.timedelta64(0)]
    rises = differences[differences > np.timedelta64(0)]
    if not len(falls) or not len(rises):
        return
    years = float((moments[-1] - moments[0]) / np.timedelta64(365, "D"))
    step = np.median(rises)
    are_hours = bool((falls <= _HOUR).all() and (falls >= _HOUR - 2 * step).all())
    if not are_hours or len(falls) > _SET_BACK_A_YEAR_AT_MOST * (years + 1):
        return
    place = int(np.flatnonzero(differences < np.timedelta64(0))[0])
    before, after = format_times(moments[[place, place + 1]])
    raise InputError(
        f"Expected times that rise from row to row. In {raw.source}, {after} follows {before}, as where the "
        "clock is set back in autumn: set `readings.time_zone` to the plant's time zone, such as "
        "Europe/Berlin, or export times in UTC."
    )
