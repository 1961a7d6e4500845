"""Temporalize: cut windows of consecutive rows, represented by positions instead of copies."""

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
    """Cut windows of `lookback` rows.

    `within_runs`: all windows whose rows are in one run, so that no window crosses a gap or an event.
    `published`: windows over all rows, across gaps and events. The published `temporalize` returns
    `rows - lookback - 1` windows, omitting the first two; for windows of one row the published code does
    not call it, and every row is a window.

    Args:
        labelled: Rows with labels and runs.
        lookback: Rows in a window, at least 1.
        convention: Window convention.

    Returns:
        The windows; window `i` ends at row `end_rows[i]`, included, and has that row's label.

    Raises:
        InputError: If no run (for `published`, the table) is long enough for a window.
    """
    end_rows = find_end_rows(labelled.runs, lookback, convention)
    if len(end_rows) == 0:
        longest = int(count_rows_in_run(labelled.runs).max(initial=-1)) + 1
        if _are_most_rows_left_out(labelled):
            raise InputError(
                f"Expected events to be rare. Only {len(labelled.runs):,} of the rows are not labelled as "
                f"events, in runs of at most {longest} rows, and a window needs {lookback}. If 1 marks "
                "normal operation in the label column, export it the other way round, or set "
                "`readings.label_column` to another column."
            )
        raise InputError(
            "`windows.lookback` must not exceed the longest run of rows without a gap or an event or, with "
            "the published convention, the number of rows minus two. "
            f"Received lookback={lookback}, longest run={longest}, {len(labelled.runs)} rows in all. "
            "Reduce `windows.lookback`, provide more rows, or check the table for gaps."
        )
    return Windows(
        end_rows=end_rows, labels=labelled.labels[end_rows], lookback=lookback, rows=len(labelled.labels)
    )


def _are_most_rows_left_out(labelled: LabelledReadings) -> bool:
    """Return whether more rows were left out as events than are left; True without any row."""
    rows = int(labelled.source_rows[-1]) + 1 if len(labelled.source_rows) else 1
    return len(labelled.source_rows) < rows / 2


def find_end_rows(
    runs: np.ndarray, lookback: int, convention: Literal["within_runs", "published"] = "within_runs"
) -> np.ndarray:
    """Find the last row of every window; there may be none.

    Args:
        runs: Run of each row, shape (rows,).
        lookback: Rows in a window, at least 1.
        convention: As for `make_windows`.

    Returns:
        int64, increasing, shape (windows,).
    """
    if convention == "published":
        return np.arange(lookback + 1 if lookback > 1 else 0, len(runs))
    return np.flatnonzero(count_rows_in_run(runs) >= lookback - 1)


def view_windows(rows: np.ndarray, lookback: int) -> np.ndarray:
    """Return a view of all windows of `lookback` consecutive rows, without copying them.

    Args:
        rows: Shape (rows, sensors).
        lookback: Rows in a window.

    Returns:
        A read-only view, shape (rows - lookback + 1, lookback, sensors); the window that ends at
        row `e` is at `e - lookback + 1`.
    """
    return np.lib.stride_tricks.sliding_window_view(rows, lookback, axis=0).transpose(0, 2, 1)
