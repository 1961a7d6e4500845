"""Bring a loaded table into the shape of later steps: a row per time, in order, and a column per sensor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from schemas.scores import OpenedOutput, WaitingRows
from tasks.arrangement.long_tables import pivot_long_table
from tasks.arrangement.machines import choose_machine
from tasks.arrangement.order import find_order, require_one_sequence
from tasks.arrangement.resample import Resampled, resample_rows
from tasks.arrangement.sort_rows import sort_rows
from tasks.arrangement.waiting_rows import add_waiting_rows, take_waiting_rows
from tasks.labels.labels import mark_known_events
from tasks.tables.columns import replace_columns
from tasks.tables.format import count_rows
from tasks.times.clock import name_found
from tasks.times.parse import find_latest_time
from tasks.times.time_columns import find_time_column
from tasks.times.time_zones import mark_as_utc
from tasks.times.written_times import WrittenTimes, read_times

_PREFIX = "readings."


@dataclass(frozen=True, eq=False)
class ArrangedBatch:
    """A batch in the shape of its version's training table.

    Attributes:
        raw: The rows to score.
        waiting: Rows that wait for the next batch, because their interval may not be complete yet; None if
            the version does not resample.
    """

    raw: RawTable
    waiting: WaitingRows | None = None


def arrange_rows(raw: RawTable, section: ReadingsSection, sensors: tuple[str, ...] = ()) -> RawTable:
    """Arrange a whole table, for training, checks and reviews.

    The time column is found, the machine is chosen, a long table is pivoted, local times are converted, and
    rows are sorted; `resample_table` puts them on a regular step. What is done is in the findings. A table
    that is in this shape already stays as it is.

    Args:
        raw: The table as loaded; it is not changed. Settings in its `found` hold as if they were given.
        section: How the table is read.
        sensors: Sensors that a version needs; a table with a column for each of them is not a long one.

    Returns:
        The arranged table. Its `found` has the settings of the arrangement that were not given; later steps
        read the table by `take_found(section, found)`.

    Raises:
        InputError: If the table cannot be arranged without a setting; the message names it.
    """
    raw, section, _ = _shape(raw, section, sensors)
    if section.time_column not in raw.table.columns:
        return raw
    written = read_times(raw.table[section.time_column], section)
    _refuse_skipped_times(raw, written.times, section)
    if section.time_zone is not None:
        raw = _report_zone(_convert_local(raw, written, section), section)
    return sort_rows(raw, written.times, section)


def resample_table(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Put the rows of an arranged table on a regular step, if `readings.resample_minutes` is set.

    Its labels are 0 and 1 by now: a row with an event row in its interval is an event row.

    Args:
        raw: The arranged table.
        section: The settings given, and those found in it.

    Raises:
        InputError: If rows of the same time have different values.
    """
    if section.resample_minutes is None or section.time_column not in raw.table.columns:
        return raw
    written = read_times(raw.table[section.time_column], section)
    _refuse_repeated(raw, written.times, section)
    return resample_rows(_keep_format(raw, written, section), written.times, section).raw


def arrange_batch(
    raw: RawTable,
    section: ReadingsSection,
    detector: Detector,
    opened: OpenedOutput,
    now: datetime,
) -> ArrangedBatch:
    """Arrange a batch to score; its rows are sorted, and faulty ones found, when it is scored.

    Rows of the last interval of a regular step wait, unless a row at its end or a later one is known, and
    are added to the next batch. So any batches of a table give the same rows.

    Args:
        raw: The batch as loaded.
        section: How it is read.
        detector: What the version needs.
        opened: The output before the batch, with the rows that wait.
        now: Current time, with its zone.

    Returns:
        The arranged rows, and those that wait now.

    Raises:
        InputError: If the table cannot be arranged without a setting, or holds several machines.
    """
    raw, section, is_long = _shape(raw, section, detector.sensors)
    if section.time_column not in raw.table.columns:
        return ArrangedBatch(raw, opened.waiting)
    last = opened.times[-1] if len(opened.times) else None
    written = read_times(raw.table[section.time_column], section, last)
    raw, times = _convert_local(raw, written, section), written.times
    marked = mark_known_events(raw.table, section.label_column, detector.positive_values)
    raw = replace(raw, table=marked)
    if opened.waiting is not None and len(opened.waiting.times):
        raw, times = add_waiting_rows(raw, times, section, opened.waiting)
    if section.resample_minutes is None:
        return ArrangedBatch(raw)
    order = find_order(times.to_numpy(), times.notna().to_numpy(), None)
    require_one_sequence(raw, times, section.time_column, order)
    latest = find_latest_time(now)
    arranged: Resampled = resample_rows(raw, times, section, latest=latest, are_times_whole=not is_long)
    waiting = take_waiting_rows(raw.table[arranged.is_waiting], times[arranged.is_waiting], section)
    return ArrangedBatch(arranged.raw, waiting)


def take_found(section: ReadingsSection, raw: RawTable) -> ReadingsSection:
    """Return the settings by which an arranged table is read: those given, and those found in it."""
    found = {
        name.removeprefix(_PREFIX): value for name, value in raw.found.items() if name.startswith(_PREFIX)
    }
    return section.change(found) if found else section


def _shape(
    raw: RawTable, section: ReadingsSection, sensors: tuple[str, ...] = ()
) -> tuple[RawTable, ReadingsSection, bool]:
    """Find the time column, choose the machine, and pivot a long table.

    Returns:
        The table, the settings with those found, and whether the table was a long one.
    """
    raw = find_time_column(raw, take_found(section, raw))
    raw = choose_machine(raw, take_found(section, raw))
    wide = pivot_long_table(raw, take_found(section, raw), sensors)
    return wide, take_found(section, wide), wide is not raw


def _convert_local(raw: RawTable, written: WrittenTimes, section: ReadingsSection) -> RawTable:
    """Write the times of a table in UTC, with their zone, if they are local times."""
    column = raw.table[section.time_column]
    if section.time_zone is None or isinstance(column.dtype, pd.DatetimeTZDtype):
        return raw
    zoned = mark_as_utc(written.times, section.time_zone)
    raw = _keep_format(raw, written, section)
    table = replace_columns(raw.table, {section.time_column: zoned})
    return replace(raw, table=table)


def _report_zone(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Report that local times were converted."""
    message = (
        f"The times were converted to UTC from {section.time_zone} where they have no zone of their own."
    )
    return replace(raw, findings=(*raw.findings, Finding(check="time_zone", message=message)))


def _keep_format(raw: RawTable, written: WrittenTimes, section: ReadingsSection) -> RawTable:
    """Keep how times were written before they are converted."""
    time_format = written.time_format or written.time_unit or raw.time_format
    return replace(raw, time_format=time_format, found={**raw.found, **name_found(written, section)})


def _refuse_skipped_times(raw: RawTable, times: pd.Series, section: ReadingsSection) -> None:
    """Refuse local times in the hour that the clock skips in spring: they are not in this zone."""
    if section.time_zone is None or times.notna().all():
        return
    column = raw.table[section.time_column]
    as_written = read_times(column, section.model_copy(update={"time_zone": None})).times
    is_skipped = (times.isna() & as_written.notna()).to_numpy()
    if is_skipped.any():
        first = int(np.flatnonzero(is_skipped)[0])
        raise InputError(
            f"Expected local times of {section.time_zone} (`readings.time_zone`). {raw.source} has "
            f"{int(is_skipped.sum()):,} times in an hour that the clock skips there in spring; the first is "
            f"row {column.index[first]}, {column.iloc[first]}. Set the time zone in which the times were "
            "written, or null if they are in UTC."
        )


def _refuse_repeated(raw: RawTable, times: pd.Series, section: ReadingsSection) -> None:
    """Refuse rows of the same time with other values, which a regular step would hide."""
    is_repeated = times.duplicated().to_numpy() & times.notna().to_numpy()
    if is_repeated.any():
        first = int(np.flatnonzero(is_repeated)[0])
        raise InputError(
            f"Expected one row per time. In {raw.source}, the time of another row comes again with other "
            f"values in {count_rows(int(is_repeated.sum()))}; the first is row {raw.table.index[first]} at "
            f"{times.iloc[first]}. Keep one row per time."
        )
