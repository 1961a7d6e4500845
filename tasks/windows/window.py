"""Temporalize: cut windows of consecutive rows, as positions and never as copies."""

from __future__ import annotations

from typing import Literal

import numpy as np

from schemas.errors import InputError
from schemas.readings import LabelledReadings
from schemas.windows import Windows
from tasks.windows.label import count_rows_in_run


def make_windows(
    labelled: LabelledReadings,
    lookback: int,
    convention: Literal["within_runs", "published"] = "within_runs",
) -> Windows:
    """Tell the windows of `lookback` rows by their last rows.

    `within_runs`: every window whose rows lie in one run, so that none bridges a gap or an event.
    `published`: windows over all rows whatever lies between them. The published `temporalize`
    makes `rows - lookback - 1` of them and leaves out the first two; with one row to a window the
    published code does not call it, and every row is a window.

    Args:
        labelled: Rows with labels and runs.
        lookback: Rows in a window, at least 1.
        convention: Which windows are made.

    Returns:
        The windows; window `i` ends at row `end_rows[i]`, included, and has that row's label.

    Raises:
        InputError: If no run, or for `published` the table, is long enough for a window.
    """
    end_rows = find_end_rows(labelled.runs, lookback, convention)
    if len(end_rows) == 0:
        longest = int(count_rows_in_run(labelled.runs).max(initial=-1)) + 1
        raise InputError(
            "`windows.lookback` must not exceed the longest run of rows without a gap or an event, nor, "
            "with the published convention, the table less two rows. "
            f"Received lookback={lookback}, longest run={longest}, {len(labelled.runs)} rows in all. "
            "Shorten `windows.lookback`, give more rows, or check the table for gaps."
        )
    return Windows(
        end_rows=end_rows, labels=labelled.labels[end_rows], lookback=lookback, rows=len(labelled.labels)
    )


def find_end_rows(
    runs: np.ndarray, lookback: int, convention: Literal["within_runs", "published"] = "within_runs"
) -> np.ndarray:
    """Find the last row of every window; there may be none.

    Args:
        runs: Run of each row, shape (rows,).
        lookback: Rows in a window, at least 1.
        convention: As for `make_windows`.

    Returns:
        int64, rising, shape (windows,).
    """
    if convention == "published":
        return np.arange(lookback + 1 if lookback > 1 else 0, len(runs))
    return np.flatnonzero(count_rows_in_run(runs) >= lookback - 1)


def view_windows(rows: np.ndarray, lookback: int) -> np.ndarray:
    """View every stretch of `lookback` rows without copying any.

    Args:
        rows: Shape (rows, sensors).
        lookback: Rows in a window.

    Returns:
        A read-only view, shape (rows - lookback + 1, lookback, sensors); the window that ends at
        row `e` is at `e - lookback + 1`.
    """
    return np.lib.stride_tricks.sliding_window_view(rows, lookback, axis=0).transpose(0, 2, 1)
