"""Separate new readings into rows that can be scored and rows that are set aside, with the reasons."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime

import numpy as np
import pandas as pd

from schemas.configuration import Configuration, ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.scores import Bookmark, OpenedOutput, SortedRows
from schemas.tables import (
    AHEAD_OF_THE_CLOCK,
    BACKWARDS_TIME,
    MISSING,
    REPEATED_TIME,
    TOO_LATE,
    as_numbers,
    raw_schema,
)
from tasks.readings.check import find_failing_rows
from tasks.readings.columns import choose_known_columns
from tasks.readings.format import format_times, format_values
from tasks.readings.missing import blank_missing_words
from tasks.readings.parse import number_runs, parse_times

# a sensor's clock may be in any time zone
HOURS_AHEAD_AT_MOST = 24
# number of reasons listed in the error message
_REASONS_SHOWN = 10
# settings of the table that the command may override; the version determines all others
_TABLE_SETTINGS = (
    "time_column",
    "label_column",
    "separator",
    "decimal",
    "time_format",
    "missing_words",
    "limits",
    "missing_values",
    "fill_rows_at_most",
)
# problems of each row, by position
Problems = dict[int, list[str]]


def choose_reading_settings(detector: Detector, configuration: Configuration) -> ReadingsSection:
    """Return the settings for reading a new table: those of training, with explicitly configured overrides.

    Raises:
        InputError: If a causal replay is requested, which is only for historical files.
    """
    configured = configuration.readings
    if configured.replay != "none":
        raise InputError(
            "`readings.replay` must be none for scoring, because a replay would change rows that have "
            f"already been scored. Received {configured.replay}. Remove the setting."
        )
    explicit = {
        name: getattr(configured, name) for name in _TABLE_SETTINGS if name in configured.model_fields_set
    }
    return detector.readings.model_copy(update=explicit)


def set_rows_aside(
    raw: RawTable, detector: Detector, section: ReadingsSection, opened: OpenedOutput, now: datetime
) -> SortedRows:
    """Separate new rows in order; later rows of the table do not influence the result for earlier ones.

    A row can be scored if it satisfies the schema of the readings, its time is later than that of every row
    scored before it (in this table or an earlier one), and its time is at most a day in the future. If
    configured, missing values are first filled with the last value of the run, for at most
    `fill_rows_at_most` rows in succession. A row that is set aside leaves a time gap. A missing label means
    that no event is known.

    Args:
        raw: The raw table; its index contains the row numbers.
        detector: What the version requires.
        section: How the table is parsed.
        opened: Rows scored and set aside before.
        now: Current time, with its time zone.

    Returns:
        The rows to score, and those set aside.

    Raises:
        InputError: If a column is missing, or no row of the table can be used.
    """
    label_column, sensors = choose_known_columns(
        raw, section, detector.sensors, detector.categories, are_labels_needed=False
    )
    times = parse_times(raw.table[section.time_column], section.time_format)
    labels = None if label_column is None else raw.table[label_column].astype(object).fillna(0)
    table = _clear_missing_words(raw, section, detector)
    numbers = _read_numbers(table, section, detector)
    problems = _find_problems(table, section, sensors, times, labels)
    _note_rows_ahead(problems, times, section.time_column, now)
    is_scored = times.isin(opened.times).to_numpy()
    walk = _Walk(opened.bookmark, sensors, section, detector.readings.step_minutes)
    accepted = _walk_rows(walk, times, numbers, is_scored, problems)
    if not (walk.sound_rows or is_scored.any()):
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
    )


class _Walk:
    """The last usable row so far, and the number of rows for which each sensor's value has been held."""

    def __init__(
        self,
        bookmark: Bookmark | None,
        sensors: list[str],
        section: ReadingsSection,
        step_minutes: float | None,
    ) -> None:
        self.sound_rows = 0
        self.sensors, self._section = sensors, section
        self._step_minutes = step_minutes or np.nan
        self._begin: np.datetime64 = np.datetime64("NaT", "ns")
        self._last_time: np.datetime64 = self._begin
        self._times: set[np.datetime64] = set()
        self._values = np.full(len(sensors), np.nan)
        self._held = np.zeros(len(sensors), dtype=np.int64)
        if bookmark is not None:
            self._begin = self._last_time = bookmark.carried.times[-1]
            self._values = bookmark.carried.values.reindex(columns=sensors).to_numpy()[-1]
            self._held = np.array([bookmark.held_rows.get(name, 0) for name in sensors], dtype=np.int64)

    @property
    def held_rows(self) -> dict[str, int]:
        """By sensor, the number of rows up to the last one in which a missing value was filled, if any."""
        return {name: int(rows) for name, rows in zip(self.sensors, self._held, strict=True) if rows}

    def judge_time(self, time: np.datetime64) -> str | None:
        """Return why a time is not later than all earlier ones, or None if it is."""
        if not time <= self._last_time:
            return None
        if time <= self._begin:
            return TOO_LATE
        return REPEATED_TIME if time in self._times else BACKWARDS_TIME

    def take(self, time: np.datetime64, values: np.ndarray) -> list[str]:
        """Fill the missing values of a later row in place and accept it, unless a value cannot be filled.

        Returns:
            The sensors whose value cannot be filled; if there are any, the row is not accepted.
        """
        is_hole = np.isnan(values)
        if is_hole.any():
            is_joined = number_runs(np.array([self._last_time, time]), self._step_minutes)[-1] == 0
            is_held = self._held < self._section.fill_rows_at_most
            is_lost = is_hole & ~(is_joined & is_held & ~np.isnan(self._values))
            if is_lost.any():
                return [self.sensors[place] for place in np.flatnonzero(is_lost)]
            values[is_hole] = self._values[is_hole]
        self._last_time, self._values = time, values
        self._held = np.where(is_hole, self._held + 1, 0)
        self._times.add(time)
        return []


def _list_numeric_columns(table: pd.DataFrame, section: ReadingsSection, detector: Detector) -> list[str]:
    """List the columns that may be sensors, of this version or of a later one."""
    others = {section.time_column, section.label_column, *detector.categories}
    others |= {detector.readings.time_column, detector.readings.label_column} - {*detector.sensors}
    return [name for name in table.columns if name not in others]


def _clear_missing_words(raw: RawTable, section: ReadingsSection, detector: Detector) -> pd.DataFrame:
    """Return the table with missing values where a cell stands for no value."""
    names = _list_numeric_columns(raw.table, section, detector)
    return blank_missing_words(raw.table, names, section)[0]


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
    """Find the problems of each single row; the order of rows and values to fill are checked elsewhere."""
    table = received[sensors].copy()
    table.insert(0, section.time_column, times)
    if labels is not None:
        table.insert(1, str(labels.name), labels)
    label_column = None if labels is None else str(labels.name)
    schema = raw_schema(section.time_column, label_column, sensors, decimal=section.decimal)
    elsewhere = {REPEATED_TIME, BACKWARDS_TIME}
    if section.missing_values == "forward_fill":
        elsewhere.add(MISSING)
    problems: Problems = defaultdict(list)
    for column, error, is_failing in find_failing_rows(schema, table):
        for row in np.flatnonzero(is_failing) if error not in elsewhere else ():
            problems[int(row)].append(f"{column}: {error}")
    return problems


def _note_rows_ahead(problems: Problems, times: pd.Series, time_column: str, now: datetime) -> None:
    """Add a problem to rows far in the future: if one were accepted, all following rows would be too late."""
    latest = np.datetime64(int(now.timestamp()) + HOURS_AHEAD_AT_MOST * 3600, "s")
    for row in np.flatnonzero((times > latest).to_numpy()):
        problems[int(row)].append(f"{time_column}: {AHEAD_OF_THE_CLOCK}")


def _walk_rows(
    walk: _Walk, times: pd.Series, numbers: pd.DataFrame, is_scored: np.ndarray, problems: Problems
) -> list[int]:
    """Go through the unscored rows in order; fill missing values in `numbers` and add to `problems`.

    Returns:
        Positions of the usable rows.
    """
    sensors = walk.sensors
    moments, values = times.to_numpy(), numbers[sensors].to_numpy(copy=True)
    accepted: list[int] = []
    for row in np.flatnonzero(~is_scored).tolist():
        order = walk.judge_time(moments[row])
        is_sound = row not in problems
        if order is not None:
            problems[row].append(f"{times.name}: {order}")
            walk.sound_rows += is_sound
        elif is_sound:
            lost = walk.take(moments[row], values[row])
            if lost:
                problems[row] += [f"{sensor}: {MISSING}" for sensor in lost]
            else:
                accepted.append(row)
                walk.sound_rows += 1
    numbers[sensors] = values
    return accepted


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
    table = pd.DataFrame({detector.readings.time_column: times}, index=raw.table.index)
    if detector.readings.label_column is not None:
        is_event = np.zeros(len(table), bool) if labels is None else as_numbers(labels).eq(1).to_numpy()
        table[detector.readings.label_column] = is_event.astype(np.int64)
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
