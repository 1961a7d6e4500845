"""Read which rows are events from the labels of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.tables import as_numbers


def read_events(
    table: pd.DataFrame, label_column: str | None, raw: RawTable, *, are_labels_needed: bool
) -> np.ndarray:
    """Return whether each row is an event, bool, shape (rows,).

    Args:
        table: The checked columns.
        label_column: Column that is 1 on event rows, or None for a table without labels.
        raw: The table as received, for messages.
        are_labels_needed: Whether there must be an event.

    Raises:
        InputError: If an event is needed and there is none.
    """
    if label_column is None:
        return np.zeros(len(table), dtype=bool)
    events = np.asarray(as_numbers(table[label_column]).to_numpy() == 1)
    if are_labels_needed and not events.any():
        raise InputError(
            f"Expected at least one event: a row with 1 in `{label_column}`. All {len(table)} rows of "
            f"{raw.source} have 0. Use a longer record, or check `readings.label_column`."
        )
    return events


def find_dropped_events(
    raw: RawTable, label_column: str | None, *, are_event_rows_kept: bool = False
) -> np.ndarray:
    """Return whether each row is an event row that is left out, bool, shape (rows,).

    Args:
        raw: The table as received.
        label_column: Column that is 1 on event rows, or None for a table without labels.
        are_event_rows_kept: Whether event rows are used as other rows are.
    """
    if label_column is None or are_event_rows_kept:
        return np.zeros(len(raw.table), dtype=bool)
    return np.asarray(as_numbers(raw.table[label_column]).to_numpy() == 1)
