"""Kinds of simulated tables, and what a simulation returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    import pandas as pd

PlantKind = Literal["mill", "steady", "batch"]
SimulatedKind = Literal["mill", "steady", "batch", "temperature", "sequences"]
PLANT_KINDS: tuple[str, ...] = get_args(PlantKind)


class Simulation(NamedTuple):
    """A simulated table, and the list of the events in it.

    Attributes:
        table: Columns `time`, `y` (1 on the rows of an event, 0 elsewhere) and the sensors, in order of time.
        faults: Columns `start` and `end` (times of the first and the last row), `kind`, `sensors` (names
            separated by blanks) and `size`, in order of time. `labels.events_file` reads this table.
    """

    table: pd.DataFrame
    faults: pd.DataFrame
