"""Planted faults as they show: beside the same rows of the same plant without faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.simulation import Simulation


class PlantedFault(NamedTuple):
    """A fault: the rows with it, the same rows without it, and the row before; `scales` are by sensor."""

    sensors: list[str]
    size: float
    faulty: pd.DataFrame
    normal: pd.DataFrame
    before: pd.Series
    scales: Mapping[str, float]

    def change(self, sensor: str) -> np.ndarray:
        """Change of a sensor in its scale."""
        return np.asarray((self.faulty[sensor] - self.normal[sensor]) / self.scales[sensor])

    @property
    def first_change(self) -> np.ndarray:
        """Change of the first sensor in its scale."""
        return self.change(self.sensors[0])


FaultsByKind = dict[str, list[PlantedFault]]


def list_planted_faults(
    simulation: Simulation, normal: pd.DataFrame, kinds: Iterable[str], scales: Mapping[str, float]
) -> FaultsByKind:
    """List the faults of a simulation by kind; `normal` is the table of the same seed without faults."""
    table, faults = simulation
    by_kind: FaultsByKind = {kind: [] for kind in kinds}
    rows = {time: row for row, time in enumerate(table["time"])}
    for fault in faults.itertuples():
        chosen = slice(rows[fault.start], rows[fault.end] + 1)
        parts = (table.iloc[chosen], normal.iloc[chosen], table.iloc[chosen.start - 1])
        by_kind[fault.kind].append(PlantedFault(fault.sensors.split(), fault.size, *parts, scales))
    return by_kind
