"""Separate new readings, in time order, into rows that can be scored and rows set aside, with the reasons."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.scores import KnownRows, OpenedOutput, SortedRows
from schemas.tables import (
    AHEAD_OF_THE_CLOCK,
    BACKWARDS_TIME,
    BETWEEN_ROWS,
    MISSING,
    REPEATED_TIME,
    as_numbers,
    raw_schema,
)
from tasks.arrangement.order import find_order, require_one_sequence
from tasks.labels.events import find_dropped_events
from tasks.labels.labels import mark_known_events
from tasks.readings.check import find_failing_rows
from tasks.scoring.known_rows import (
    find_changed,
    find_remembered,
    hash_rows,
    remember_rows,
    require_same_zones,
)
from tasks.scoring.walk import Problems, Walk, walk_rows
from tasks.tables.columns import choose_known_columns
from tasks.tables.format import format_times, format_values
from tasks.times.parse import find_latest_time
from tasks.times.sampling import refuse_other_interval
from tasks.times.time_zones import mark_as_utc
from tasks.times.written_times import parse_column
from tasks.values.incomplete import add_absent_sensors
from tasks.values.missing import WordCounts, blank_missing_words

# number of reasons listed in the error message
_REASONS_SHOWN = 10


def set_rows_aside(
    raw: RawTable, detector: Detector, section: ReadingsSection, opened: OpenedOutput, now: datetime
) -> SortedRows:
    """Separate new rows in time order; later times do not influence the result for earlier ones.

    The rows are sorted by time first; rows of the same time keep their order. A row can be scored if it
    satisfies the schema of the readings, its time is later than that of every row scored before it (in this
    table or an earlier one), and its time is at most a day in the future. A value is not missing if scoring
    will fill it with the last value of the run, for at most `fill_rows_at_most` rows in succession;
    `dead_sensors_at_most` sensors may have none, and any number under `missing_values=no_score`. A row that
    is set aside leaves a time gap. A missing label means that no event is known.

    Args:
        raw: The raw table; its index contains the row numbers.
        detector: What the version requires.
        section: How the table is parsed.
        opened: Rows scored and set aside before.
        now: Current time, with its time zone.

    Returns:
        The rows to score, in time order, and those set aside, in the order of the table.

    Raises:
        InputError: If a column is missing, none of the rows can be used (though a table may have no rows), so
            many rows share a time with others that the table must hold several machines, some times have a
            zone and others none, or the new rows come at another interval than those of training.
    """
    absent = tuple(name for name in detector.sensors if name not in raw.table.columns)
    full = add_absent_sensors(raw, section, detector.sensors)
    label_column, sensors = choose_known_columns(
        full, section, detector.sensors, detector.categories, are_labels_needed=False
    )
    times = parse_column(raw.table[section.time_column], section)
    marked = mark_known_events(raw.table, label_column, detector.positive_values)
    labels = None if label_column is None else marked[label_column].astype(object).fillna(0)
    table, words = _clear_missing_words(full, section, detector)
    numbers = _read_numbers(table, section, detector)
    problems = _find_problems(table, section, sensors, times, labels)
    known = KnownRows() if opened.bookmark is None else opened.bookmark.known
    are_zoned = require_same_zones(raw, section.time_column, times, section.time_format, known)
    is_ahead = _find_rows_ahead(times, now)
    _note(problems, is_ahead, f"{section.time_column}: {AHEAD_OF_THE_CLOCK}")
    is_scored = times.isin(opened.times).to_numpy()
    is_known = times.notna().to_numpy() & ~is_ahead
    order = find_order(times.to_numpy(), is_known, detector.readings.step_minutes)
    require_one_sequence(raw, times, section.time_column, order)
    _refuse_other_interval(times[~is_ahead], detector, opened, raw.source)
    _note(problems, order.is_between & ~is_scored, f"{section.time_column}: {BETWEEN_ROWS}")
    recognised = _recognise_rows(raw, times, numbers, detector, opened)
    is_left_out = find_dropped_events(labels, len(table), are_event_rows_kept=detector.are_event_rows_kept)
    walk = Walk(opened.bookmark, detector, section)
    accepted = walk_rows(walk, times, numbers, is_scored, is_left_out, problems)
    if len(raw.table) and not (walk.sound_rows or is_scored.any()):
        raise InputError(_refuse(raw, problems))
    faulty = {row: found for row, found in problems.items() if found and not is_scored[row]}
    described = _describe_rows(raw, times, faulty)
    is_new = ~described["values"].isin(opened.rows_set_aside)
    return SortedRows(
        usable=_lay_out_rows(raw, detector, times, labels, numbers).iloc[accepted],
        held_rows=walk.held_rows,
        set_aside=described[is_new],
        reasons=dict(Counter(reason for found in described["reasons"][is_new] for reason in found)),
        skipped=int(is_scored.sum()),
        skipped_set_aside=int((~is_new).sum()),
        sorted_rows=int((order.is_below_later & ~is_scored).sum()),
        changed=int(recognised.is_changed.sum()),
        first_changed=_name_first(raw, times, recognised.is_changed),
        known=remember_rows(known, recognised.columns, recognised.hashes[accepted], are_zoned=are_zoned),
        dead=walk.dead,
        incomplete=walk.incomplete,
        absent=absent,
        words={name: words[name] for name in walk.dead if name in words},
    )


@dataclass(frozen=True, eq=False)
class _Recognised:
    """The hash of each row that is new or remembered, and whether a remembered row has other values now."""

    columns: tuple[str, ...]
    hashes: np.ndarray
    is_changed: np.ndarray


def _recognise_rows(
    raw: RawTable, times: pd.Series, numbers: pd.DataFrame, detector: Detector, opened: OpenedOutput
) -> _Recognised:
    """Hash rows as read, and compare them with the rows of the same times that were scored before."""
    columns = tuple(sorted([*detector.sensors, *detector.categories]))
    places = find_remembered(times.to_numpy(), opened, columns)
    is_hashed = (places >= 0) | ~times.isin(opened.times).to_numpy()
    table = raw.table[is_hashed]
    categories = {name: format_values(table[name]) for name in detector.categories}
    hashes, is_changed = np.zeros(len(times), dtype=np.uint64), np.zeros(len(times), dtype=bool)
    hashes[is_hashed] = hash_rows(
        numbers.loc[is_hashed, list(detector.sensors)],
        pd.DataFrame(categories, index=table.index, dtype=object),
    )
    if opened.bookmark is not None and (is_remembered := places >= 0).any():
        is_changed[is_remembered] = find_changed(
            places[is_remembered], hashes[is_remembered], opened.bookmark.known.hashes
        )
    return _Recognised(columns, hashes, is_changed)


def _name_first(raw: RawTable, times: pd.Series, is_chosen: np.ndarray) -> str | None:
    """Name the first of some rows, as `row 7 at 2024-05-01 00:10:00`."""
    if not is_chosen.any():
        return None
    first = int(np.flatnonzero(is_chosen)[0])
    return f"row {raw.table.index[first]} at {format_times(times.iloc[[first]].to_numpy())[0]}"


def _refuse_other_interval(times: pd.Series, detector: Detector, opened: OpenedOutput, source: str) -> None:
    """Compare the interval between the rows that follow those scored before with that of training."""
    moments, before = times.to_numpy(), opened.times
    new = moments[moments > before[-1]] if len(before) else moments
    refuse_other_interval(new, detector.interval_minutes, source, before)


def _list_numeric_columns(table: pd.DataFrame, section: ReadingsSection, detector: Detector) -> list[str]:
    """List the columns that may be sensors, of this version or of a later one."""
    others = {section.time_column, section.label_column, *detector.categories}
    others |= {detector.readings.time_column, detector.readings.label_column} - {*detector.sensors}
    return [name for name in table.columns if name not in others]


def _clear_missing_words(
    raw: RawTable, section: ReadingsSection, detector: Detector
) -> tuple[pd.DataFrame, WordCounts]:
    """Return the table with missing values where a cell stands for no value, and the words there."""
    names = _list_numeric_columns(raw.table, section, detector)
    return blank_missing_words(raw.table, names, section)


def _read_numbers(table: pd.DataFrame, section: ReadingsSection, detector: Detector) -> pd.DataFrame:
    """Read every numeric column, since a later version may need other columns than this one.

    Returns:
        float64, NaN where there is no finite number, shape (rows, columns).
    """
    names = _list_numeric_columns(table, section, detector)
    numbers = {name: as_numbers(table[name], section.decimal) for name in names}
    finite = {name: column.where(np.isfinite(column)) for name, column in numbers.items()}
    kept = {name: column for name, column in finite.items() if name in detector.sensors or column.any()}
    return pd.DataFrame(kept, index=table.index)


def _find_problems(
    received: pd.DataFrame,
    section: ReadingsSection,
    sensors: list[str],
    times: pd.Series,
    labels: pd.Series | None,
) -> Problems:
    """Find the problems of each single row; the order of rows and missing values are checked elsewhere."""
    table = received[sensors].copy()
    table.insert(0, section.time_column, times)
    if labels is not None:
        table.insert(1, str(labels.name), labels)
    label_column = None if labels is None else str(labels.name)
    schema = raw_schema(section.time_column, label_column, sensors, decimal=section.decimal)
    failures = [
        (column, error, np.flatnonzero(is_failing))
        for column, error, is_failing in find_failing_rows(schema, table)
        if error not in {REPEATED_TIME, BACKWARDS_TIME}
    ]
    faulty = {row for _, error, rows in failures for row in rows.tolist() if error != MISSING}
    is_refused = section.missing_values == "refuse"
    problems: Problems = defaultdict(list)
    for column, error, rows in failures:
        for row in rows.tolist():
            if error != MISSING or (is_refused and row in faulty):
                problems[row].append(f"{column}: {error}")
    return problems


def _find_rows_ahead(times: pd.Series, now: datetime) -> np.ndarray:
    """Find rows far in the future: if one were accepted, all following rows would be too late.

    Returns:
        Bool, shape (rows,).
    """
    return np.asarray((times > find_latest_time(now)).to_numpy())


def _note(problems: Problems, is_failing: np.ndarray, reason: str) -> None:
    """Add a problem to rows."""
    for row in np.flatnonzero(is_failing).tolist():
        problems[row].append(reason)


def _refuse(raw: RawTable, problems: Problems) -> str:
    counts = Counter(reason for reasons in problems.values() for reason in reasons)
    listed = [f"  {reason}, {rows} rows" for reason, rows in counts.most_common(_REASONS_SHOWN)]
    more = len(counts) - len(listed)
    return "\n".join(
        [
            f"Expected at least one row that can be scored. {raw.source} has {len(raw.table)} rows, and "
            "each of them has a problem:",
            *listed,
            *([f"  and {more} more"] if more > 0 else []),
            "Nothing was written. Check that this is the right file, or correct the rows.",
        ]
    )


def _lay_out_rows(
    raw: RawTable, detector: Detector, times: pd.Series, labels: pd.Series | None, numbers: pd.DataFrame
) -> pd.DataFrame:
    """Arrange columns under the version's names: time, label (1 on known events), numbers, categories."""
    zoned = mark_as_utc(times, detector.readings.time_zone)
    table = pd.DataFrame({detector.readings.time_column: zoned}, index=raw.table.index)
    if detector.readings.label_column is not None:
        is_event = np.zeros(len(table), bool) if labels is None else as_numbers(labels).eq(1).to_numpy()
        table[detector.readings.label_column] = is_event
    categories = {name: format_values(raw.table[name]) for name in detector.categories}
    return pd.concat([table, numbers, pd.DataFrame(categories, index=table.index, dtype=object)], axis=1)


def _describe_rows(raw: RawTable, times: pd.Series, problems: Problems) -> pd.DataFrame:
    """Describe the rows with problems: `row`, `time`, `reasons` (a list of texts) and `values`, as JSON."""
    places = sorted(problems)
    chosen = raw.table.iloc[places]
    texts = {str(name): format_values(chosen[name]) for name in chosen.columns}
    values = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
    columns = {
        "row": [str(number) for number in chosen.index],
        "time": format_times(times.iloc[places].to_numpy()),
        "reasons": [problems[row] for row in places],
        "values": [json.dumps(of_row, ensure_ascii=False) for of_row in values],
    }
    return pd.DataFrame(columns, dtype=object)
