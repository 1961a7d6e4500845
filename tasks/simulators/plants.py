"""Simulate a plant of a given kind: its table, and the list of its events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from schemas.errors import InputError
from schemas.simulation import PlantKind, SimulatedKind, Simulation
from tasks.files.write import write_table
from tasks.simulators.batch import simulate_batches
from tasks.simulators.faults import Fault, list_faults
from tasks.simulators.simulate import simulate_readings
from tasks.simulators.simulate_series import simulate_sequences, simulate_temperatures
from tasks.simulators.steady import simulate_steady


def simulate_plant(
    kind: PlantKind = "mill", rows: int | None = None, seed: int = 0, *, interpolate: bool = False
) -> Simulation:
    """Simulate a plant.

    Args:
        kind: `mill` for a paper machine that drifts, with rare breaks and faint precursors; `steady` for a
            column at constant levels, and `batch` for a reactor that repeats recipes, both with faults.
        rows: Rows of the table; None for as many as are usual for the kind.
        seed: At least 0; the same seed gives the same table.
        interpolate: Whether the historian of the mill interpolates; see `simulate_readings`.

    Returns:
        The table and the list of its events.

    Raises:
        InputError: If `rows` or `seed` is too small, or `interpolate` is asked of another kind.
    """
    if interpolate and kind != "mill":
        raise InputError(
            f"Only readings of the kind `mill` can be interpolated. Received the kind `{kind}`. Leave "
            "`interpolate` out."
        )
    simulations: dict[str, Callable[..., Simulation]] = {
        "mill": _simulate_mill,
        "steady": simulate_steady,
        "batch": simulate_batches,
    }
    sizes = {} if rows is None else {"rows": rows}
    options = {"interpolate": True} if interpolate else {}
    return simulations[kind](**sizes, seed=seed, **options)


def simulate_file(path: Path, kind: SimulatedKind = "mill") -> Path:
    """Write a simulated table of the default size and seed, unless the file already exists.

    Args:
        path: File to write; its folder is created. An existing file is kept, whatever it contains.
        kind: Readings of a plant, weekly temperatures, or sequences of four numbers.

    Returns:
        The same path.
    """
    simulations: dict[str, Callable[[], pd.DataFrame]] = {
        "mill": simulate_readings,
        "steady": lambda: simulate_steady().table,
        "batch": lambda: simulate_batches().table,
        "temperature": simulate_temperatures,
        "sequences": simulate_sequences,
    }
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(simulations[kind](), path)
    return path


def _simulate_mill(**options: int) -> Simulation:
    """Simulate the mill; each break is an event of one row."""
    table = simulate_readings(**options)  # type: ignore[arg-type]
    breaks = [Fault(row, row + 1, "break", (), 1.0) for row in np.flatnonzero(table["y"]).tolist()]
    return Simulation(table, list_faults(table["time"].to_numpy(), breaks))
