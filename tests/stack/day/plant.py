"""The plant of the simulated day: a table that grows hour by hour, with sensors that become noisy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.simulators.simulate import simulate_readings

FAULT_HOUR = 8.0
_ROWS_BEFORE, _ROWS_OF_THE_DAY = 9_000, 1_500
_SEED = 5
# every third sensor becomes noisy; the noise is in standard deviations of the sensor
_NOISY_ONE_IN, _NOISE = 3, 0.7


@dataclass(frozen=True, eq=False)
class Plant:
    """All readings of the plant, and the file that holds those up to the current hour.

    Attributes:
        readings: Readings, beyond the end of the day.
        times: Times of the readings.
        begin: Time at which the day begins.
        table: The file.
    """

    readings: pd.DataFrame
    times: pd.Series[pd.Timestamp]
    begin: pd.Timestamp
    table: Path

    def grow(self, hour: float) -> None:
        """Write the readings up to an hour of the day, atomically."""
        until = self.begin + pd.Timedelta(hours=hour)
        part = self.table.with_suffix(".part")
        self.table.parent.mkdir(parents=True, exist_ok=True)
        self.readings[self.times <= until].to_csv(part, index=False)
        part.replace(self.table)


def make_plant(table: Path) -> Plant:
    """Simulate the plant; from `FAULT_HOUR` on, transmitters of a third of its sensors are noisy.

    Args:
        table: The file for its readings.
    """
    readings = simulate_readings(rows=_ROWS_BEFORE + _ROWS_OF_THE_DAY, seed=_SEED)
    times = pd.to_datetime(readings["time"], format="%m/%d/%y %H:%M")
    begin = times.iloc[_ROWS_BEFORE]
    is_late = (times >= begin + pd.Timedelta(hours=FAULT_HOUR)).to_numpy()
    rng = np.random.default_rng(_SEED)
    sensors = [name for name in readings.columns if name not in {"time", "y", "x28", "x61"}]
    for name in sensors[::_NOISY_ONE_IN]:
        values = readings[name].to_numpy(dtype=float, copy=True)
        values[is_late] += rng.normal(0.0, _NOISE * values.std(), int(is_late.sum()))
        readings[name] = values
    return Plant(readings, times, begin, table)
