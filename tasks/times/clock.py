"""Read the times of a table: their format, the usual step, and the runs of rows without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable
from tasks.times.parse import find_step_minutes, number_runs
from tasks.times.time_formats import is_day_first
from tasks.times.written_times import WrittenTimes, read_times


@dataclass(frozen=True, eq=False)
class Clock:
    """The times of a table, and what was found about them.

    Attributes:
        times: `datetime64[ns]` with the index of the table, NaT where a value is not a time, shape (rows,).
        time_format: strptime format, `ISO8601`, the unit of numbers, or None if the table holds times.
        step_minutes: Usual interval between rows in minutes; NaN if there are too few rows.
        runs: Number of the run of each row, int64, shape (rows,).
        findings: What a user should know about them.
        found: Settings found, by full name.
    """

    times: pd.Series
    time_format: str | None
    step_minutes: float
    runs: np.ndarray
    findings: tuple[Finding, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)


def read_clock(raw: RawTable, section: ReadingsSection) -> Clock:
    """Read the times of a table, in the table's order.

    Args:
        raw: The raw table; it has the time column.
        section: Format, unit and zone of the times, and usual step, as far as they are set.

    Raises:
        InputError: If the times fit more than one reading equally well.
    """
    written = read_times(raw.table[section.time_column], section)
    times = written.times
    step_minutes = section.step_minutes or find_step_minutes(times.to_numpy())
    runs = number_runs(times.to_numpy(), step_minutes)
    found = name_found(written, section)
    return Clock(times, written.time_format or written.time_unit, step_minutes, runs, found=found)


def name_found(written: WrittenTimes, section: ReadingsSection) -> dict[str, Any]:
    """Return the settings that were found in written times and were not given, by full name."""
    found: dict[str, Any] = {}
    day_first = is_day_first(written.time_format)
    if section.time_format is None and section.day_first is None and day_first is not None:
        found["readings.day_first"] = day_first
    if section.time_unit is None and written.time_unit is not None:
        found["readings.time_unit"] = written.time_unit
    return found
