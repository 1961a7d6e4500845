"""Sensor readings in three stages: as read from a file, checked, and labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict

# what names a source of readings, as text: path, pattern, address of a database, or `-`
Source = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]
# check of a finding: the last line of a file is left out, since it has no line end
UNFINISHED_LINE: Final = "unfinished_line"
# settings found in the training table by which a version reads cells and times of every later table; how a
# file is laid out is found for each file
KEPT_WITH_A_VERSION: Final = frozenset(
    {
        "readings.categorical_columns",
        "readings.day_first",
        "readings.decimal",
        "readings.label_column",
        "readings.layout",
        "readings.machine",
        "readings.tag_column",
        "readings.text_values",
        "readings.thousands",
        "readings.time_column",
        "readings.time_unit",
        "readings.value_column",
    }
)


class Finding(BaseModel):
    """A data-quality issue that is worth reporting but does not stop the run.

    Attributes:
        check: Name of the check.
        message: What was found, and what to do about it.
        columns: The columns that it is about.
        details: Its figures.
        proposed: Settings that the message proposes, by full name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    message: str
    columns: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    proposed: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as read from a file; its content has not been checked.

    Attributes:
        table: All columns as read.
        source: Path of the file or folder, or address of the database without its password.
        sha256: Hash of the file's bytes, of the hashes of several files, or of the rows of a query.
        findings: What reading the file has shown, such as a last line that is not complete.
        found: Settings that were not given and were found in the file, by full name, such as
            `readings.decimal`; settings of the defaults are not among them.
        units: Units by column, from a line of units.
        time_format: How the times were written, as `SensorReadings` has it, if they have been converted
            since.
        events_sha256: Hash of the bytes of `labels.events_file`, or None.
    """

    table: pd.DataFrame
    source: str
    sha256: str
    findings: tuple[Finding, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    events_sha256: str | None = None

    @property
    def identity(self) -> str:
        """Hash of everything that was read: of the table, and of the file of events if there is one."""
        return self.sha256 if self.events_sha256 is None else f"{self.sha256}+{self.events_sha256}"


@dataclass(frozen=True, eq=False)
class SensorReadings:
    """Checked readings in time order, event rows included.

    Attributes:
        times: `datetime64[ns]`, shape (rows,), strictly increasing.
        events: Whether a row is an event, bool, shape (rows,).
        values: Sensor values, finite float64 or NaN where a sensor has no value, C order, shape (rows,
            sensors). In training only incomplete rows and events that are left out have NaN.
        sensors: Names of the columns of `values`.
        categories: Names of the categorical columns.
        category_values: Code of the category in each row, int64, shape (rows, categories).
        runs: Number of the run of rows without a time gap, int64, shape (rows,), never decreasing, from 0.
        step_minutes: Usual interval between rows, in minutes.
        source: Path of the file.
        sha256: Hash of the file's bytes.
        findings: Data-quality issues that do not stop the run.
        time_format: strptime format in which the times were written, `ISO8601`, or for numbers their unit as
            in `readings.time_unit`; None if they were stored as times.
        found: Settings that were not given and were found in the table, by full name; see `RawTable.found`.
        is_incomplete: Whether a row misses so many values that it is left out and has no score, bool, shape
            (rows,); None if there is no such row.
        units: Units by column, from a line of units.
        bridged_minutes: Longest gap between two event rows of one event, in minutes.
    """

    times: np.ndarray
    events: np.ndarray
    values: np.ndarray
    sensors: tuple[str, ...]
    categories: tuple[str, ...]
    category_values: np.ndarray
    runs: np.ndarray
    step_minutes: float
    source: str
    sha256: str
    findings: tuple[Finding, ...] = field(default=())
    time_format: str | None = None
    found: Mapping[str, Any] = field(default_factory=dict)
    is_incomplete: np.ndarray | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    bridged_minutes: float = 0.0


@dataclass(frozen=True, eq=False)
class LabelledReadings:
    """Rows labelled by whether an event follows; event rows are dropped unless they are the positives.

    Incomplete rows are dropped too.

    Attributes:
        times: `datetime64[ns]`, shape (rows,).
        labels: Whether a row is positive, bool, shape (rows,).
        values: Sensor values, float64, NaN where a dead sensor has none at scoring time, shape (rows,
            sensors).
        sensors: Names of the columns of `values`.
        categories: Names of the categorical columns.
        category_values: Code of the category in each row, int64, shape (rows, categories).
        runs: Number of the run of rows without a gap and without a dropped row, shape (rows,).
        event_times: Time of each event's first row, `datetime64[ns]`, shape (events,).
        event_stops: For each event, the number of kept rows before its end: rows below this
            position come before the event (or belong to it, where event rows are kept).
        event_starts: For each event, the number of kept rows before its first row.
        event_runs: For each event, the run that it ends, or -1 if a gap or another event comes directly
            before it.
        rows_ahead: Rows before an event that are positive.
        step_minutes: Usual interval between rows, in minutes.
        source_rows: Position of each row in the checked readings, shape (rows,).
    """

    times: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    sensors: tuple[str, ...]
    categories: tuple[str, ...]
    category_values: np.ndarray
    runs: np.ndarray
    event_times: np.ndarray
    event_starts: np.ndarray
    event_stops: np.ndarray
    event_runs: np.ndarray
    rows_ahead: int
    step_minutes: float
    source_rows: np.ndarray
