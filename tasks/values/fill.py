"""Fill missing sensor values for a few rows with the value before them, never across a time gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.tables import as_numbers


def hold_last_values(values: np.ndarray, runs: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Fill the first rows of each stretch of missing values with the value before it in the same run.

    With rows_at_most=2, runs 0 0 0 0 0 1 1 and one sensor 5 - - - 6 - 7, the result is 5 5 5 - 6 - 7. What is
    filled does not depend on later rows.

    Args:
        values: float64 with NaN for missing, shape (rows, sensors).
        runs: Number of the run of each row, shape (rows,).
        rows_at_most: Rows of a stretch that are filled.

    Returns:
        A new array, shape (rows, sensors).
    """
    rows = np.arange(len(values))[:, None]
    run_starts = np.searchsorted(runs, runs, side="left")[:, None]
    is_missing = np.isnan(values)
    last = np.maximum.accumulate(np.where(is_missing, -1, rows), axis=0)
    is_filled = is_missing & (last >= run_starts) & (rows - last <= rows_at_most)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.asarray(np.where(is_filled, held, values))


def bridge_missing(values: np.ndarray) -> np.ndarray:
    """Fill all missing values with the value before them, for statistics that need one in every cell.

    With one sensor - 5 - 6, the result is 5 5 5 6; a sensor without any value becomes 0.

    Args:
        values: float64 with NaN for missing, shape (rows, sensors).

    Returns:
        A new array, shape (rows, sensors).
    """
    rows = np.arange(len(values))[:, None]
    is_known = ~np.isnan(values)
    first = np.where(is_known.any(axis=0), is_known.argmax(axis=0), 0)
    last = np.maximum(np.maximum.accumulate(np.where(is_known, rows, -1), axis=0), first)
    return np.nan_to_num(np.take_along_axis(values, last, axis=0), nan=0.0)


def fill_table(
    sensor_table: pd.DataFrame, runs: np.ndarray, section: ReadingsSection
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return a copy of the table, missing values filled if configured, and the number filled by sensor."""
    table = sensor_table.copy()
    filled: dict[str, int] = {}
    if section.missing_values != "forward_fill":
        return table, filled
    for sensor in table.columns[table.isna().any()]:
        numbers = as_numbers(table[sensor], section.decimal).to_numpy()
        held = hold_last_values(numbers[:, None], runs, section.fill_rows_at_most)[:, 0]
        is_filled = table[sensor].isna().to_numpy() & ~np.isnan(held)
        table[sensor] = table[sensor].astype(object).where(~is_filled, held).infer_objects()
        filled[sensor] = int(is_filled.sum())
    return table, filled
