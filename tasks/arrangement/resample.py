"""Put irregular rows on a regular step, without any reading from the future."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable
from schemas.tables import as_numbers
from tasks.labels.labels import are_marked
from tasks.tables.columns import replace_columns
from tasks.tables.format import count_rows
from tasks.times.time_formats import GAP_STEPS
from tasks.times.time_zones import mark_as_utc
from tasks.values.missing import blank_missing_words, report_missing_words

# steps that people choose, in minutes
STEPS = (0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 360, 720, 1440)
# on a sensible step hardly any interval between the rows is empty
_EMPTY_SHARE_AT_MOST = 0.005


@dataclass(frozen=True, eq=False)
class Resampled:
    """A table on a regular step, and the rows whose interval may not be complete yet.

    Attributes:
        raw: The table; a row at time t holds the readings after t less the step and up to t.
        is_waiting: Whether a row of the table before belongs to the last interval, and a later row may
            belong to it too, bool, shape (rows before,).
    """

    raw: RawTable
    is_waiting: np.ndarray


def resample_rows(
    raw: RawTable,
    times: pd.Series,
    section: ReadingsSection,
    *,
    latest: np.datetime64 | None = None,
    are_times_whole: bool = True,
) -> Resampled:
    """Put rows on a regular step, aligned to multiples of the step since midnight of 1 January 1970 (UTC).

    A row at time t holds the last value of each sensor after t less the step and up to t, or the mean of its
    values. An interval without readings has no row. The last interval is complete once a row at its end, or a
    later one, is known; until then its rows wait. With a step of 2 minutes, rows at 00:00:30, 00:01:10 and
    00:02:20 become one row at 00:02:00, and the last one waits for the interval up to 00:04:00.

    Args:
        raw: The table, in any order of its rows; of rows at the same time the lower one is the later one.
        times: Its times in UTC, `datetime64[ns]`, shape (rows,). Rows without one are kept as they are,
            below the others and without a time.
        section: Step, and how the values of an interval become one. Words for no value are cleared before.
        latest: Latest time that can be right; a row after it completes no interval.
        are_times_whole: Whether no further row can come at the time of the last row; in a long table one may.

    Returns:
        The table with the time column in UTC, and which rows wait. Row numbers are those of the last row of
        each interval.
    """
    step = round(float(section.resample_minutes or 1) * 60e9)
    moments = times.to_numpy("datetime64[ns]").astype(np.int64)
    is_known = times.notna().to_numpy()
    ends = -(-moments // step) * step
    is_possible = is_known if latest is None else is_known & (times <= latest).to_numpy()
    newest = moments[is_possible].max(initial=np.iinfo(np.int64).min + 1)
    is_complete = ends <= newest if are_times_whole else ends < newest
    is_waiting = is_possible & ~is_complete
    is_used = is_known & ~is_waiting
    cleared, words = blank_missing_words(raw.table, list_sensors(raw.table, section), section)
    order = np.flatnonzero(is_used)[np.argsort(moments[is_used], kind="stable")]
    table = _merge_intervals(cleared.iloc[order], ends[order], section)
    unread = cleared[~is_known]
    if len(unread):
        nothing = pd.Series(pd.NaT, index=unread.index, dtype=table[section.time_column].dtype)
        table = pd.concat([table, replace_columns(unread, {section.time_column: nothing})])
    finding = _report(
        section,
        int(is_used.sum()),
        len(table) - len(unread),
        int(is_waiting.sum()),
        is_batch=latest is not None,
    )
    findings = (*raw.findings, *report_missing_words(words, section), finding)
    return Resampled(replace(raw, table=table, findings=findings), is_waiting)


def list_sensors(table: pd.DataFrame, section: ReadingsSection) -> list[str]:
    """List the columns that may be sensors."""
    others = {section.time_column, section.label_column, *section.categorical_columns}
    return [name for name in table.columns if name not in others]


def propose_step(times: np.ndarray) -> float | None:
    """Propose a step on which a table of irregular rows has hardly any empty interval.

    Args:
        times: `datetime64[ns]`, shape (rows,), increasing.

    Returns:
        The shortest usual step with at most one gap per 200 rows, in minutes; None if there is none.
    """
    if len(times) < 2:
        return None
    moments = times.astype("datetime64[ns]").astype(np.int64)
    median = float(np.median(np.diff(moments))) / 60e9
    for minutes in STEPS:
        if minutes < median:
            continue
        step = round(minutes * 60e9)
        rows = np.unique(-(-moments // step))
        gaps = int((np.diff(rows) > GAP_STEPS).sum())
        if gaps <= _EMPTY_SHARE_AT_MOST * len(rows):
            return minutes
    return None


def choose_step(minutes: float) -> float:
    """Choose the shortest usual step that is at least as long."""
    return next((step for step in STEPS if step >= minutes), float(np.ceil(minutes)))


def _merge_intervals(rows: pd.DataFrame, ends: np.ndarray, section: ReadingsSection) -> pd.DataFrame:
    """Make one row of the rows of each interval.

    Args:
        rows: Rows in time order.
        ends: End of each row's interval, nanoseconds since 1970, shape (rows,).
        section: How values become one.
    """
    moments, starts = np.unique(ends, return_index=True)
    stops = np.append(starts[1:], len(rows))
    index = rows.index[stops - 1] if len(rows) else rows.index
    times = pd.Series(moments.astype("datetime64[ns]"), index=index)
    columns = {}
    for name in rows.columns:
        if name == section.time_column:
            columns[name] = mark_as_utc(times, section.time_zone)
            continue
        merged = _merge_column(rows[name], ends, section, is_label=name == section.label_column)
        columns[name] = merged.set_axis(index)
    return pd.DataFrame(columns, index=index)


def _merge_column(
    column: pd.Series, ends: np.ndarray, section: ReadingsSection, *, is_label: bool
) -> pd.Series:
    last = column.groupby(ends).last()
    is_mean = section.resample_by == "mean" and column.name not in section.categorical_columns
    if not is_label and not is_mean:
        return last
    numbers = as_numbers(column, section.decimal)
    # what is text in an interval stays text, for later steps to judge
    is_number = (numbers.notna() | column.isna()).groupby(ends).all()
    grouped = numbers.groupby(ends)
    merged = grouped.max() if is_label else grouped.mean()
    if is_label and are_marked(column):
        is_event = merged.eq(1)
        return is_event if merged.notna().all() else is_event.astype("boolean").mask(merged.isna())
    if is_number.all():
        return merged
    return last.astype(object).where(~is_number, merged)


def _report(section: ReadingsSection, rows: int, merged: int, waiting: int, *, is_batch: bool) -> Finding:
    """Report the step, and the rows of the last interval: those of a batch wait for the next one."""
    minutes = section.resample_minutes
    values = "the last values" if section.resample_by == "last" else "the means"
    message = (
        f"{count_rows(rows)} were put on a step of {minutes:g} minute{'s' * (minutes != 1)}: "
        f"{count_rows(merged)}, each with {values} of its interval."
    )
    if waiting:
        fate = "waits for the next batch" if is_batch else "is left out"
        message += (
            f" The last interval, of {count_rows(waiting)}, {fate}: it is complete once a row at its end, or "
            "a later one, is known."
        )
    details = {"rows": rows, "resampled_rows": merged, "waiting": waiting, "minutes": minutes}
    return Finding(check="resampled", message=message, details=details)
