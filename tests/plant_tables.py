"""A small table as plants export it, and the same table written in other ways."""

import numpy as np
import pandas as pd

SENSORS = tuple(f"s{number}" for number in range(1, 9))
FIRST_TIME = "2024-03-01"


def make_plant_table(rows: int = 1500, events: int = 24, seed: int = 0) -> pd.DataFrame:
    """Make readings of 8 sensors every 2 minutes, with events that two sensors announce faintly.

    Args:
        rows: Number of rows.
        events: Number of events, one row each, at equal distances.
        seed: Seed of the values.

    Returns:
        Columns `time`, `y` and `s1` to `s8`, shape (rows, 10); values have three decimals.
    """
    generator = np.random.default_rng(seed)
    steps = generator.normal(size=(rows, len(SENSORS)))
    values = 0.1 * np.cumsum(steps, axis=0) + generator.normal(size=steps.shape)
    event_rows = np.linspace(0, rows, events + 2)[1:-1].astype(int)
    for row in event_rows:
        values[max(row - 4, 0) : row, :2] += 2.5
    table = pd.DataFrame(np.round(10 * np.arange(1, 9) + values, 3), columns=list(SENSORS))
    table.insert(0, "time", pd.date_range(FIRST_TIME, periods=rows, freq="2min"))
    table.insert(1, "y", np.isin(np.arange(rows), event_rows).astype(int))
    return table
