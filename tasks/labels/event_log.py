"""Merge a table of events, such as a maintenance log, with the rows of readings by time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import LabelsSection, ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from schemas.tables import as_numbers
from tasks.sources.load import load_readings
from tasks.tables.columns import replace_columns, shorten_list
from tasks.times.clock import read_clock
from tasks.times.parse import find_step_minutes
from tasks.times.time_formats import GAP_STEPS
from tasks.times.written_times import parse_column

START_NAMES = (
    "start",
    "begin",
    "from",
    "start_time",
    "begin_time",
    "start time",
    "timestamp",
    "time",
    "date",
)
END_NAMES = ("end", "stop", "to", "end_time", "stop_time", "end time", "until")
KIND_NAMES = ("kind", "type", "event", "cause", "reason", "category")
MACHINE_NAMES = ("machine", "unit", "asset", "line", "equipment")
LABEL_NAME = "event"
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class EventLog:
    """Events of a log.

    Attributes:
        starts: `datetime64[ns]`, shape (events,).
        ends: The same; NaT for an instant.
        kinds: Kind of each event, "" where it has none, shape (events,).
        rows: Row number of each event in its file, shape (events,).
        source: Path of the file.
        sha256: Hash of its bytes.
    """

    starts: np.ndarray
    ends: np.ndarray
    kinds: np.ndarray
    rows: np.ndarray
    source: str
    sha256: str


def merge_events_file(
    raw: RawTable, readings: ReadingsSection, labels: LabelsSection
) -> tuple[RawTable, ReadingsSection]:
    """Mark the rows of a table that lie in events of `labels.events_file`.

    Rows from start to end, both included, are event rows. An instant marks the first row at or after it,
    within one step. If no row was recorded during an event, it marks the last row before it, within one
    step: the rows before that one still come before the event. Other events are reported.

    Labels that the table has itself are kept: a row is an event row by either.

    Args:
        raw: The readings.
        readings: How times are written, and the name of the label column.
        labels: The file of events and the kinds that count.

    Returns:
        The table with a column of labels, and the settings that name it; both unchanged without a file.

    Raises:
        InputError: If the file cannot be read, or has no column of starts, or events of several machines.
    """
    if labels.events_file is None or not len(raw.table):
        return raw, readings
    clock = read_clock(raw, readings)
    log = load_event_log(labels, readings.model_copy(update=_keep_day_first(clock.found)), clock.times)
    is_event, is_matched = mark_rows(
        clock.times.to_numpy(), log.starts, log.ends, _find_step(clock.times.to_numpy(), readings)
    )
    column = readings.label_column or choose_free_name(LABEL_NAME, list(raw.table.columns))
    own = raw.table[column] if column in raw.table.columns else None
    if own is not None:
        is_event = is_event | (as_numbers(own).to_numpy() == 1)
    table = replace_columns(raw.table, {column: is_event})
    found = dict(raw.found)
    if column != readings.label_column:
        found["readings.label_column"] = column
    merged = replace(
        raw,
        table=table,
        events_sha256=log.sha256,
        findings=(*raw.findings, *_report(log, is_matched, is_event, own is not None, column)),
        found=found,
    )
    return merged, readings.model_copy(update={"label_column": column})


def load_event_log(labels: LabelsSection, readings: ReadingsSection, times: pd.Series) -> EventLog:
    """Load a table of events.

    Args:
        labels: The file, and the kinds that count.
        readings: How times are written in the readings; the log may write them in another format.
        times: Times of the readings, which tell day and month apart where the log does not.

    Raises:
        InputError: If the file cannot be read, has no column of starts, or holds events of several machines.
    """
    raw = _load(str(labels.events_file), readings)
    names = {str(name).strip().casefold(): name for name in raw.table.columns}
    start, end, kind, machine = (
        next((names[name] for name in known if name in names), None)
        for known in (START_NAMES, END_NAMES, KIND_NAMES, MACHINE_NAMES)
    )
    if start is None:
        raise InputError(
            "Expected a column `start` with the time at which each event begins. "
            f"{raw.source} has the columns {shorten_list(list(raw.table.columns))}. Rename the column in "
            "`labels.events_file`."
        )
    table = raw.table[raw.table[start].notna()]
    if machine is not None and len(table[machine].dropna().unique()) > 1:
        counts = ", ".join(f"{name} ({rows})" for name, rows in table[machine].value_counts().items())
        raise InputError(
            f"Expected the events of one machine. {raw.source} has events of {counts} in `{machine}`. Keep "
            "those of the machine that the readings come from."
        )
    kinds = pd.Series("", index=table.index) if kind is None else table[kind].astype(object).fillna("")
    kinds = kinds.map(lambda value: str(value).strip())
    if labels.kinds:
        kinds, table = _choose_kinds(kinds, table, labels.kinds, raw.source)
    starts = _read_times(table[start], readings, times, raw.source)
    ends = (
        pd.Series(np.datetime64("NaT", "ns"), index=table.index)
        if end is None
        else _read_times(table[end], readings, times, raw.source)
    )
    return EventLog(
        starts.to_numpy(), ends.to_numpy(), kinds.to_numpy(), table.index.to_numpy(), raw.source, raw.sha256
    )


def mark_rows(
    times: np.ndarray, starts: np.ndarray, ends: np.ndarray, step: np.timedelta64
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the rows in events; see `merge_events_file`.

    Args:
        times: `datetime64[ns]` in any order, shape (rows,); NaT for rows without a time.
        starts: Shape (events,).
        ends: Shape (events,); NaT for instants.
        step: Usual interval between rows.

    Returns:
        Whether each row is an event row, bool, shape (rows,); and whether each event has a row, bool, shape
        (events,).
    """
    order = np.argsort(times, kind="stable")
    known = times[order][: int((~np.isnat(times)).sum())]
    order, near = order[: len(known)], step * GAP_STEPS
    first = np.searchsorted(known, starts, side="left")
    stop = np.where(np.isnat(ends), first, np.searchsorted(known, ends, side="right"))
    is_event, is_matched = np.zeros(len(times), dtype=bool), np.zeros(len(starts), dtype=bool)
    for number in np.flatnonzero(~(ends < starts)):
        begin, end = int(first[number]), int(stop[number])
        if end <= begin:
            begin, end = _anchor(known, starts[number], begin, near)
        is_event[order[begin:end]] = True
        is_matched[number] = end > begin
    return is_event, is_matched


def choose_free_name(name: str, taken: Sequence[str]) -> str:
    """Choose a name that no column has: `event`, `event_2`, `event_3`, ..."""
    numbered = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 3))]
    return next(each for each in numbered if each not in taken)


def _find_step(times: np.ndarray, readings: ReadingsSection) -> np.timedelta64:
    """Find the usual interval between rows in any order; 0 for a single row."""
    minutes = readings.step_minutes or find_step_minutes(np.sort(times))
    return np.timedelta64(round(np.nan_to_num(minutes) * 60e9), "ns")


def _anchor(known: np.ndarray, start: np.datetime64, place: int, near: np.timedelta64) -> tuple[int, int]:
    """Find the row of an event without a row inside: the next one, or the last one before a gap; or none."""
    is_recorded = place < len(known) and (place == 0 or known[place] - known[place - 1] <= near)
    if is_recorded and known[place] - start <= near:
        return place, place + 1
    if place > 0 and start - known[place - 1] <= near:
        return place - 1, place
    if place < len(known) and known[place] - start <= near:
        return place, place + 1
    return place, place


def _load(path: str, readings: ReadingsSection) -> RawTable:
    """Load the log by the loader of readings; a log with a single column has no separator to be found."""
    # how its file is laid out is found anew
    section = ReadingsSection(missing_words=readings.missing_words)
    try:
        return load_readings(path, section)
    except InputError as error:
        try:
            content = Path(path).read_bytes()
            header = content.decode("utf-8-sig").partition("\n")[0]
        except (OSError, UnicodeDecodeError):
            header = ""
        if not header.strip() or any(mark in header for mark in ",;\t|"):
            raise InputError(f"`labels.events_file`: {error}") from error
        table = pd.read_csv(io.BytesIO(content), sep="\x1f", engine="python", encoding="utf-8-sig")
        rows = pd.RangeIndex(2, len(table) + 2)
        return RawTable(table.set_axis(rows, axis=0), path, hashlib.sha256(content).hexdigest())


def _choose_kinds(
    kinds: pd.Series, table: pd.DataFrame, chosen: Sequence[str], source: str
) -> tuple[pd.Series, pd.DataFrame]:
    wanted = {name.strip().casefold() for name in chosen}
    is_chosen = kinds.str.casefold().isin(wanted)
    if not is_chosen.any():
        known = ", ".join(f"{name} ({rows})" for name, rows in kinds.value_counts().items())
        raise InputError(
            f"`labels.kinds` must name kinds of events in {source}. Received {', '.join(chosen)}; there are "
            f"{known}."
        )
    return kinds[is_chosen], table[is_chosen]


def _read_times(written: pd.Series, readings: ReadingsSection, times: pd.Series, source: str) -> pd.Series:
    """Read the times of a log: in the format of the readings if it fits, or in the one found."""
    parsed = _read_by(written, readings, times)
    if readings.time_format is not None and (parsed.isna() & written.notna()).any():
        parsed = _read_by(written, readings.model_copy(update={"time_format": None}), times)
    is_wrong = parsed.isna() & written.notna()
    if is_wrong.any():
        first = int(np.flatnonzero(is_wrong.to_numpy())[0])
        raise InputError(
            f"Expected times in `{written.name}` of {source}. Received {written.iloc[first]!r} in row "
            f"{written.index[first]} ({int(is_wrong.sum())} such rows). Write them as the times of the "
            "readings, or as 2024-03-01 02:40:00."
        )
    return parsed


def _read_by(written: pd.Series, readings: ReadingsSection, times: pd.Series) -> pd.Series:
    """Read times; where day and month are in doubt, the order that puts more events into the table holds."""
    try:
        return parse_column(written, readings)
    except InputError:
        first, last = times.min(), times.max()
        orders = [
            parse_column(written, readings.model_copy(update={"day_first": order})) for order in (True, False)
        ]
        inside = [int(parsed.between(first, last).sum()) for parsed in orders]
        if inside[0] == inside[1]:
            raise
        return orders[0] if inside[0] > inside[1] else orders[1]


def _keep_day_first(found: Mapping[str, Any]) -> dict[str, Any]:
    name = "readings.day_first"
    return {"day_first": found[name]} if name in found else {}


def _report(
    log: EventLog, is_matched: np.ndarray, is_event: np.ndarray, has_labels: bool, column: str
) -> list[Finding]:
    """Report what the log holds, and the events that no row belongs to."""
    kinds = {str(kind): int(rows) for kind, rows in pd.Series(log.kinds).value_counts().items() if kind}
    by_kind = f" ({', '.join(f'{kind} {rows:,}' for kind, rows in kinds.items())})" if kinds else ""
    also = f", besides the labels in `{column}`" if has_labels else ""
    message = (
        f"{int(is_matched.sum()):,} of {len(log.starts):,} events of {log.source}{by_kind} mark event "
        f"rows{also}: {int(is_event.sum()):,} event rows in all."
    )
    details = {"events": len(log.starts), "matched": int(is_matched.sum()), "kinds": kinds}
    findings = [Finding(check="events_file", message=message, details=details)]
    lost = np.flatnonzero(~is_matched)
    if len(lost):
        listed = [
            f"row {log.rows[place]}: {str(log.starts[place].astype('datetime64[s]')).replace('T', ' ')}"
            for place in lost[:_SHOWN]
        ]
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        message = (
            f"{len(lost):,} events of {log.source} belong to no row of the table "
            f"({'; '.join(listed)}{more}): they lie outside its times or in a gap, or end before they start."
        )
        findings.append(
            Finding(check="unmatched_events", message=message, details={"events": len(lost), "first": listed})
        )
    return findings
