"""Fill short stretches of missing sensor values, never across a time gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.tables import as_numbers


def hold_last_values(values: np.ndarray, runs: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Fill each short stretch of missing values with the value before it in the same run.

    With rows_at_most=2, runs 0 0 0 0 1 1 and one sensor 5 - - 6 - 7, the result is 5 5 5 6 - 7.

    Args:
        values: float64 with NaN for missing, shape (rows, sensors).
        runs: Number of the run of each row, shape (rows,).
        rows_at_most: Longest stretch that is filled; longer ones stay missing.

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
    """Return a copy of the table, short stretches filled if configured, and the number filled by sensor."""
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
