"""Rows of a batch that wait for the next one, because later rows may belong to the same interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from schemas.scores import WaitingRows
from tasks.times.time_zones import mark_as_utc


def take_waiting_rows(rows: pd.DataFrame, times: pd.Series, section: ReadingsSection) -> WaitingRows:
    """Take rows out of a batch, with plain values that a state file can hold.

    Args:
        rows: The rows as read.
        times: Their times in UTC.
        section: Names the time column, whose name another version may change.
    """
    columns = {
        str(name): [_simplify(value) for value in rows[name].astype(object)]
        for name in rows.columns
        if name != section.time_column
    }
    return WaitingRows(times.to_numpy("datetime64[ns]"), columns)


def add_waiting_rows(
    raw: RawTable, times: pd.Series, section: ReadingsSection, waiting: WaitingRows
) -> tuple[RawTable, pd.Series]:
    """Put the rows that waited above those of a batch.

    A batch may bring them again, as a growing file does: of rows at the same time, each column keeps the last
    value that is not missing.

    Returns:
        The table with the times in UTC, and the times. Rows that waited, and only these, have the number 0.
    """
    own = raw.table.drop(columns=section.time_column)
    before = pd.DataFrame(waiting.columns, index=np.zeros(len(waiting.times), dtype=np.int64))
    before = before.reindex(columns=own.columns)
    is_again = np.isin(waiting.times, times.to_numpy())
    own = _fill_cells(own, times.to_numpy(), before[is_again], waiting.times[is_again])
    joined = pd.concat([before[~is_again], own]).infer_objects()
    for name in own.columns[own.dtypes.map(pd.api.types.is_bool_dtype)]:
        joined[name] = joined[name].astype("boolean")
    all_times = pd.Series(np.concatenate([waiting.times[~is_again], times.to_numpy()]), index=joined.index)
    joined.insert(0, section.time_column, mark_as_utc(all_times, section.time_zone))
    return replace(raw, table=joined), all_times


def are_same(rows: WaitingRows | None, others: WaitingRows | None) -> bool:
    """Return whether the same rows wait; None are none."""
    if rows is None or others is None:
        return not any(waiting is not None and len(waiting.times) for waiting in (rows, others))
    return np.array_equal(rows.times, others.times) and rows.columns == others.columns


def _fill_cells(
    table: pd.DataFrame, times: np.ndarray, before: pd.DataFrame, before_times: np.ndarray
) -> pd.DataFrame:
    """Fill the missing cells of rows that come again from the rows that waited."""
    places = [int(np.flatnonzero(times == time)[-1]) for time in before_times]
    is_filled = table.iloc[places].isna().to_numpy() & before.notna().to_numpy()
    filled = table.copy(deep=False)
    for name, is_hole in zip(table.columns, is_filled.T, strict=True):
        if is_hole.any():
            cells = table[name].astype(object).to_numpy(copy=True)
            cells[np.array(places)[is_hole]] = before[name].to_numpy()[is_hole]
            filled[name] = cells
    return filled.infer_objects()


def _simplify(value: Any) -> Any:
    """Turn a cell into a value of JSON."""
    if pd.isna(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(value) if isinstance(value, (float, np.floating)) else str(value)
