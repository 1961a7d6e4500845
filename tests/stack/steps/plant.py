"""The plant of the steps: a simulated table, and settings that train a champion in seconds."""

from __future__ import annotations

from tasks.simulators.simulate import simulate_readings
from tests.stack.instance import StackUnderTest

ROWS_AT_FIRST, ROWS = 8_000, 10_000
SETTINGS = {"model": {"family": "logistic"}, "training": {"tensorboard": False}}


def write_table(stack: StackUnderTest, rows: int) -> None:
    """Write the first rows of the table atomically."""
    part = stack.table.with_suffix(".part")
    simulate_readings(rows=ROWS).head(rows).to_csv(part, index=False)
    part.replace(stack.table)
