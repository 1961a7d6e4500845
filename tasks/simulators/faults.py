"""The list of planted faults: where each lies in a table, and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.simulation import Simulation

# no fault is planted in this first share of the rows
NORMAL_SHARE = 0.6


@dataclass(frozen=True)
class Fault:
    """A planted fault.

    Attributes:
        start: Its first row.
        stop: The row after its last one.
        kind: What happens, such as `shift`.
        sensors: The columns in which it shows.
        size: How large it is, in the unit that docs/simulator.md gives for its kind.
    """

    start: int
    stop: int
    kind: str
    sensors: tuple[str, ...]
    size: float


def lay_out_simulation(
    times: np.ndarray, sensors: dict[str, np.ndarray], faults: Sequence[Fault]
) -> Simulation:
    """Arrange simulated values as a table with labels, and the faults as a table of intervals.

    Args:
        times: Time of each row as it is written, shape (rows,).
        sensors: Values by column, each of shape (rows,).
        faults: The planted faults, in order of time, without overlap.
    """
    table = pd.DataFrame({"time": times, "y": mark_fault_rows(faults, len(times)), **sensors})
    return Simulation(table, list_faults(times, faults))


def list_faults(times: np.ndarray, faults: Sequence[Fault]) -> pd.DataFrame:
    """List faults as a table of intervals; see `Simulation.faults`."""
    return pd.DataFrame(
        {
            "start": [times[fault.start] for fault in faults],
            "end": [times[fault.stop - 1] for fault in faults],
            "kind": [fault.kind for fault in faults],
            "sensors": [" ".join(fault.sensors) for fault in faults],
            "size": [round(fault.size, 3) for fault in faults],
        }
    )


def mark_fault_rows(faults: Sequence[Fault], rows: int) -> np.ndarray:
    """Return 1 for the rows of faults and 0 for others, int64, shape (rows,)."""
    labels = np.zeros(rows, dtype=np.int64)
    for fault in faults:
        labels[fault.start : fault.stop] = 1
    return labels


def draw_kinds_and_grades(
    kinds: Sequence[str], count: int, random: np.random.Generator
) -> list[tuple[str, float]]:
    """Draw the kind of each fault, and how large it is among those of its kind.

    The kinds take turns in random order, so that every stretch of the table has faults of all kinds. The
    grades of a kind, from 0 (hardly visible) to 1 (clear), are evenly spread, in random order.

    Returns:
        A kind and a grade within 0 and 1 for each of `count` faults.
    """
    rounds = -(-count // len(kinds))
    turns = np.concatenate([random.permutation(len(kinds)) for _ in range(rounds)])
    grades = np.stack([random.permutation(rounds) for _ in kinds], axis=1)
    places = (grades + random.random(grades.shape)) / rounds
    return [
        (kinds[kind], float(places[number // len(kinds), kind])) for number, kind in enumerate(turns[:count])
    ]


def scale_grade(grade: float, limits: tuple[float, float]) -> float:
    """Return the size between two limits that a grade of 0 to 1 stands for, evenly spread in logarithms."""
    low, high = limits
    return float(low * (high / low) ** grade)


def draw_sign(is_free: bool, random: np.random.Generator) -> int:
    """Draw 1 or -1 where a fault may go either way; else return 1."""
    return int(random.choice([-1, 1])) if is_free else 1
