"""Read which rows are events from the labels of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.tables import as_numbers


def read_events(table: pd.DataFrame, label_column: str | None) -> np.ndarray:
    """Return whether each row is an event, bool, shape (rows,).

    Args:
        table: The checked columns.
        label_column: Column that is 1 on event rows, or None for a table without labels.
    """
    if label_column is None:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(as_numbers(table[label_column]).to_numpy() == 1)
