"""Put the rows of a batch in time order, and refuse a table that holds several sequences of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.errors import InputError
from schemas.readings import RawTable

# below this share, or this number, rows at a time that repeats are faults of single rows
CLASHING_SHARE_AT_MOST = 0.1
CLASHING_ROWS_AT_LEAST = 3
# rows of one sequence lie at least this part of the usual step apart, whatever the jitter of their clock
_APART = 0.75


@dataclass(frozen=True, eq=False)
class Order:
    """How the rows of a table lie in time; all arrays have shape (rows,).

    Attributes:
        is_below_later: Whether a row stands below a row with a later time.
        is_between: Whether a row stands below a later row and lies between rows that are in order, less than
            the usual step from one of them: the clock was set back, or it belongs to another machine.
    """

    is_below_later: np.ndarray
    is_between: np.ndarray


def find_order(times: np.ndarray, is_known: np.ndarray, step_minutes: float | None) -> Order:
    """Find the rows that are not in time order, and those that lie between the rows of another sequence.

    A table with the newest row first has no row between others, nor has a shuffled one with a regular step.
    With a row every 2 minutes, times 00, 02, 04, 06 followed by 03, 05, 08 have two: 03 and 05.

    Args:
        times: `datetime64[ns]`, shape (rows,).
        is_known: Whether a row has a time that can be right, bool, shape (rows,); others are left out.
        step_minutes: Usual minutes between two rows, or None if it is not known.
    """
    places = np.flatnonzero(is_known)
    moments = times[places].astype("datetime64[ns]").astype(np.int64)
    latest = np.maximum.accumulate(moments)
    is_below, is_between = np.zeros(len(times), bool), np.zeros(len(times), bool)
    is_moved = moments < latest
    is_below[places] = is_moved
    if is_moved.any() and step_minutes is not None:
        apart = _measure_distances(moments[is_moved], moments[~is_moved])
        is_near = (apart > 0) & (apart < _APART * step_minutes * 60e9)
        is_between[places[is_moved]] = is_near
    return Order(is_below, is_between)


def _measure_distances(moments: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Measure how far each moment is from the nearest of some rising others, at least one."""
    after = np.searchsorted(others, moments)
    before = np.abs(moments - others[np.maximum(after - 1, 0)])
    return np.minimum(before, np.abs(others[np.minimum(after, len(others) - 1)] - moments))


def require_one_sequence(raw: RawTable, times: pd.Series, time_column: str, order: Order) -> None:
    """Refuse a table of several sequences of rows, of which only one could be scored.

    A row clashes if its time repeats that of a row above with other values, or if it lies between others.

    Args:
        raw: The raw table.
        times: Its times, shape (rows,); NaT where a value is not a time.
        time_column: Column with the times.
        order: How the rows lie in time.

    Raises:
        InputError: If a tenth of the rows, and at least three, clash with others.
    """
    is_repeated = times.duplicated().to_numpy() & times.notna().to_numpy()
    is_clashing = is_repeated | order.is_between
    if is_clashing.sum() >= CLASHING_ROWS_AT_LEAST:
        is_clashing &= ~raw.table.duplicated().to_numpy()
    clashing = int(is_clashing.sum())
    if clashing < CLASHING_ROWS_AT_LEAST or clashing < CLASHING_SHARE_AT_MOST * len(times):
        return
    first = int(np.flatnonzero(is_clashing)[0])
    column = _find_machine_column(raw.table, times, time_column)
    machines = (
        "set `readings.machine_column` to the column that names them"
        if column is None
        else f"set `readings.machine_column={column}`"
    )
    raise InputError(
        f"Expected the rows of one machine, each time once. In {raw.source}, {clashing:,} of {len(times):,} "
        f"rows have the time of a row above with other values, or lie between rows at the usual step; the "
        f"first is row {raw.table.index[first]} at {times.iloc[first]}. If the table holds several machines, "
        f"{machines}. If the clock was set back, as for the repeated hour in autumn, set "
        "`readings.time_zone`, or export times in UTC. Nothing was written."
    )


def _find_machine_column(table: pd.DataFrame, times: pd.Series, time_column: str) -> str | None:
    """Find the first column with few values, of which each occurs once at most at any time."""
    # some machines may be silent, but a column with many more values than rows of one time is a sensor
    machines_at_most = 2 * int(times.value_counts().max())
    # a text is more likely to be a machine's name than a number is
    for name in sorted(table.columns, key=lambda name: pd.api.types.is_numeric_dtype(table[name])):
        values = 0 if name == time_column else table[name].nunique()
        if 1 < values <= machines_at_most:
            is_unique = not pd.DataFrame({"time": times, "value": table[name]}).duplicated().any()
            if is_unique:
                return str(name)
    return None
