"""Fill short holes in sensors, never across a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.tables import as_numbers


def hold_last_values(values: np.ndarray, runs: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Fill each hole with the value before it, where that lies in the same run and the hole is short.

    With rows_at_most=2, runs 0 0 0 0 1 1 and one sensor 5 - - 6 - 7, the result is 5 5 5 6 - 7.

    Args:
        values: float64 with NaN for missing, shape (rows, sensors).
        runs: Number of the run of each row, shape (rows,).
        rows_at_most: Longest hole that is filled; longer ones are left as they are.

    Returns:
        A new array, shape (rows, sensors).
    """
    rows = np.arange(len(values))[:, None]
    run_starts = np.searchsorted(runs, runs, side="left")[:, None]
    run_stops = np.searchsorted(runs, runs, side="right")[:, None]
    is_missing = np.isnan(values)
    last = np.maximum.accumulate(np.where(is_missing, -1, rows), axis=0)
    after = np.minimum.accumulate(np.where(is_missing, len(values), rows)[::-1], axis=0)[::-1]
    hole_rows = np.minimum(after, run_stops) - last - 1
    is_filled = is_missing & (last >= run_starts) & (hole_rows <= rows_at_most)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.asarray(np.where(is_filled, held, values))


def fill_table(
    sensor_table: pd.DataFrame, runs: np.ndarray, section: ReadingsSection
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Copy the sensors' table with its short holes filled, if the section says so; count fills by sensor."""
    table = sensor_table.copy()
    filled: dict[str, int] = {}
    if section.missing_values == "refuse":
        return table, filled
    for sensor in table.columns[table.isna().any()]:
        numbers = as_numbers(table[sensor], section.decimal).to_numpy()
        held = hold_last_values(numbers[:, None], runs, section.fill_rows_at_most)[:, 0]
        is_filled = table[sensor].isna().to_numpy() & ~np.isnan(held)
        table[sensor] = table[sensor].astype(object).where(~is_filled, held).infer_objects()
        filled[sensor] = int(is_filled.sum())
    return table, filled
