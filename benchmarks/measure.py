"""Timing of alternative implementations, and the rows of the result table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes:
        name: What was measured.
        ratio: Seconds of the other implementation divided by ours, for the same work; above 1 ours is faster.
        goal: Smallest acceptable ratio, or none without a goal.
        note: What was compared, with sizes and seconds.
    """

    name: str
    ratio: float
    goal: float | None
    note: str

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached, or none without a goal."""
        return None if self.goal is None else self.ratio >= self.goal

    def to_json(self) -> dict[str, Any]:
        """Convert the row to the form of `results.json`."""
        return {
            "name": self.name,
            "ratio": float(f"{self.ratio:.3g}"),
            "goal": self.goal,
            "met": self.is_met,
            "note": self.note,
        }


@dataclass(frozen=True)
class Seconds:
    """Seconds of one implementation: the median is reported, the fastest shows how noisy the machine was."""

    median: float
    fastest: float


def alternate(ways: Sequence[Callable[[], Any]], repetitions: int) -> list[Seconds]:
    """Time functions in alternation, A B A B, after one warm-up round.

    Args:
        ways: Functions without arguments.
        repetitions: Rounds to time, at least 1.

    Returns:
        Seconds of each function, in the order of `ways`.
    """
    rounds = [[take_seconds(way) for way in ways] for _ in range(repetitions + 1)]
    return [Seconds(median(times), min(times)) for times in zip(*rounds[1:], strict=True)]


def take_seconds(way: Callable[[], Any]) -> float:
    """Time one call."""
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


def count_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
