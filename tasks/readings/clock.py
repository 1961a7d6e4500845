"""Read the times of a table: their format, the usual step, and the runs of rows without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable
from tasks.readings.parse import find_step_minutes, number_runs, parse_times
from tasks.readings.time_formats import find_time_format, is_day_first


@dataclass(frozen=True, eq=False)
class Clock:
    """The times of a table, and what was found about them.

    Attributes:
        times: `datetime64[ns]` with the index of the table, NaT where a value is not a time, shape (rows,).
        time_format: strptime format, `ISO8601`, or None if the table holds times.
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
        section: Format of the times and usual step, as far as they are set.

    Raises:
        InputError: If the times fit more than one reading equally well.
    """
    written = raw.table[section.time_column]
    time_format = section.time_format or find_time_format(written, section.day_first)
    times = parse_times(written, time_format)
    step_minutes = section.step_minutes or find_step_minutes(times.to_numpy())
    runs = number_runs(times.to_numpy(), step_minutes)
    day_first = is_day_first(time_format)
    is_found = section.time_format is None and section.day_first is None and day_first is not None
    found = {"readings.day_first": day_first} if is_found else {}
    return Clock(times, time_format, step_minutes, runs, found=found)
