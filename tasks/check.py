"""From a table as it came to checked readings; every fault of a table in one message."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable, SensorReadings
from schemas.tables import (
    BACKWARDS_TIME,
    MISSING,
    NOT_A_LABEL,
    NOT_A_NUMBER,
    NOT_A_TIME,
    REPEATED_TIME,
    as_numbers,
    labelled_schema,
    raw_schema,
    scored_schema,
)
from tasks.inspect import find_quality_issues

GAP_STEPS = 1.5
SERIES_COLUMNS_AT_LEAST = 10
SERIES_MISSING_AT_MOST = 0.1
TIME_FORMATS = (
    "ISO8601",
    *(
        f"%m{mark}%d{mark}{year}{clock}"
        for mark in "/-"
        for year in ("%y", "%Y")
        for clock in (" %H:%M", " %H:%M:%S", "")
    ),
)
ROWS_TO_FIND_THE_FORMAT = 200
REMEDIES = {
    NOT_A_TIME: "give the format of the times by `readings.time_format` (known without it: month/day/year "
    "and "
    "month-day-year with H:MM or H:MM:SS, ISO 8601)",
    REPEATED_TIME: "keep one row for each time",
    BACKWARDS_TIME: "sort the rows by time (where the day comes before the month, set "
    "`readings.time_format`)",
    NOT_A_LABEL: "name the column that is 1 on event rows and 0 elsewhere by `readings.label_column`",
    NOT_A_NUMBER: "leave a column without numbers out by `readings.drop_columns` or "
    "`readings.categorical_columns`, "
    "and set `readings.decimal` where the decimal mark is a comma",
    MISSING: "hold the last value over short holes by `readings.missing_values` forward_fill and "
    "`readings.fill_rows_at_most`",
}


def check_readings(
    raw: RawTable,
    section: ReadingsSection,
    *,
    are_labels_needed: bool = True,
    sensors: Sequence[str] | None = None,
) -> SensorReadings:
    """Check a table against everything that later steps take for granted.

    A gap is a difference of more than 1.5 steps between two rows; a run of rows has none. Where labels are
    not needed, a label column that is absent or empty means no events.

    Args:
        raw: The table as it came; it is not changed. Messages name rows by its index.
        section: What is expected of the table.
        are_labels_needed: Whether labels with at least one event are required.
        sensors: The sensors that a model asks for, in its order, other columns being ignored; or none to take
            every column that is neither time, label, category nor dropped, and of these only the ones that
            vary over the table.

    Returns:
        `SensorReadings`; what was noticed and was not fatal is in its `findings`.

    Raises:
        InputError: If anything is wrong; one message names every failing column.
    """
    label_column, names = (
        choose_columns(raw, section, are_labels_needed=are_labels_needed)
        if sensors is None
        else choose_known_columns(raw, section, sensors, are_labels_needed=are_labels_needed)
    )
    times = parse_times(raw.table[section.time_column], section.time_format)
    step_minutes = section.step_minutes or find_step_minutes(times.to_numpy())
    runs = number_runs(times.to_numpy(), step_minutes)
    table, filled = _fill_table(raw.table[names], runs, section)
    table.insert(0, section.time_column, times)
    if label_column is not None:
        table.insert(1, label_column, raw.table[label_column])
    _check_raw_table(table, label_column, raw, section)
    readings = SensorReadings(
        times=times.to_numpy(),
        events=_find_events(table, label_column, raw, are_labels_needed=are_labels_needed),
        values=np.column_stack([as_numbers(table[sensor], section.decimal) for sensor in names]),
        sensors=tuple(names),
        runs=runs,
        step_minutes=_check_step(step_minutes, raw),
        source=raw.source,
        sha256=raw.sha256,
    )
    if sensors is not None:
        return readings
    return drop_constant_sensors(replace(readings, findings=find_quality_issues(readings, filled)))


def check_labelled_table(table: pd.DataFrame, sensors: Sequence[str]) -> pd.DataFrame:
    """Return `table` if it is `time`, `run`, `label` and the sensors as described by `labelled_schema`.

    Raises:
        InputError: If it is not; the message names every failing column.
    """
    _check_table(labelled_schema(sensors), table, table, "The labelled table", {})
    return table


def check_scored_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if it is `time`, `score`, `threshold`, `alarm` and `top_sensors` as in `scored_schema`.

    Raises:
        InputError: If it is not; the message names every failing column.
    """
    _check_table(scored_schema(), table, table, "The table of scores", {})
    return table


def check_column_names(names: Sequence[Any], source: str) -> None:
    """Refuse columns without a name and names that occur more than once.

    Raises:
        InputError: If a name is empty or no text, or is repeated.
    """
    unnamed = [place for place, name in enumerate(names, start=1) if not isinstance(name, str) or not name]
    if unnamed:
        raise InputError(
            f"Expected a name for every column. {source} has {len(unnamed)} without one, the first is column "
            f"{unnamed[0]} of {len(names)}. Name it; if it is the row index of a program, write the table "
            "without."
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"Expected different names for all columns. {source} has more than one {', '.join(repeated)}. "
            "Rename or remove the copies."
        )


def choose_columns(
    raw: RawTable, section: ReadingsSection, *, are_labels_needed: bool = True
) -> tuple[str | None, list[str]]:
    """Tell labels and sensors among the columns; every other column but the time is left out.

    Returns:
        The label column, or None where there are no labels, and the sensors in the table's order.

    Raises:
        InputError: If a column is missing, also from a numbered series, or no sensor is left.
    """
    columns = list(raw.table.columns)
    check_column_names(columns, raw.source)
    _check_presence(columns, raw.source, section, are_labels_needed=are_labels_needed)
    check_numbered_series(columns, section.absent_columns, raw.source)
    others = {section.time_column, section.label_column, *section.drop_columns, *section.categorical_columns}
    sensors = [column for column in columns if column not in others]
    if not sensors:
        raise InputError(
            f"Expected at least one sensor column. {raw.source} has only {_shorten(columns)}, and none is "
            "left beside "
            "time, label, `readings.drop_columns` and `readings.categorical_columns`. Shorten these lists."
        )
    return _find_label_column(raw, section, are_labels_needed=are_labels_needed), sensors


def choose_known_columns(
    raw: RawTable, section: ReadingsSection, sensors: Sequence[str], *, are_labels_needed: bool = True
) -> tuple[str | None, list[str]]:
    """Tell the label column and the sensors that a model asks for; other columns are ignored.

    Returns:
        The label column, or None where there are no labels, and the sensors in the model's order.

    Raises:
        InputError: If a column is missing or occurs more than once.
    """
    columns = list(raw.table.columns)
    wanted = [section.time_column, *sensors, *([section.label_column] if are_labels_needed else [])]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"Expected every column that the model was trained on. {raw.source} lacks {_shorten(missing)}. "
            "Restore it, or score with a model that was trained without."
        )
    check_column_names([name for name in columns if name in wanted], raw.source)
    return _find_label_column(raw, section, are_labels_needed=are_labels_needed), list(sensors)


def _find_label_column(raw: RawTable, section: ReadingsSection, *, are_labels_needed: bool) -> str | None:
    if section.label_column not in raw.table.columns:
        return None
    is_filled = are_labels_needed or bool(raw.table[section.label_column].notna().any())
    return section.label_column if is_filled else None


def _check_presence(
    columns: Sequence[str], source: str, section: ReadingsSection, *, are_labels_needed: bool
) -> None:
    wanted = [("readings.time_column", section.time_column)]
    wanted += [("readings.label_column", section.label_column)] if are_labels_needed else []
    settings = {section.time_column: "time", section.label_column: "label"}
    clashes = [name for name in section.drop_columns if name in settings]
    if clashes or len(settings) == 1:
        raise InputError(
            "The time column, the label column and `readings.drop_columns` must differ. Received time "
            f"{section.time_column}, label {section.label_column}, drop {_shorten(section.drop_columns)}."
        )
    wanted += [("readings.drop_columns", name) for name in section.drop_columns]
    missing = [f"{name} (`{setting}`)" for setting, name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"Expected the columns {', '.join(missing)}. {source} has {len(columns)} others: "
            f"{_shorten(columns)}. "
            "Change the setting to the table's own name, or check that it is the right file."
        )


def check_numbered_series(columns: Sequence[str], absent: Sequence[str], source: str) -> None:
    """Refuse a hole in a series such as x1..x61: a lost sensor must not go unnoticed.

    A series is at least 10 columns with the same beginning and a number, of which at most 10 % are missing
    between 1 and the highest.

    Args:
        columns: All columns of the table.
        absent: Columns that are known to be missing.
        source: Where the table came from.

    Raises:
        InputError: If a column is missing and not in `absent`.
    """
    for spellings in _group_series(columns).values():
        if len(spellings) < SERIES_COLUMNS_AT_LEAST:
            continue
        highest = max(spellings)
        missing = [
            _spell_like(spellings, number) for number in range(1, highest + 1) if number not in spellings
        ]
        missing = [name for name in missing if name not in absent]
        if missing and len(missing) <= SERIES_MISSING_AT_MOST * highest:
            raise InputError(
                f"Expected the whole series {_spell_like(spellings, 1)}..{spellings[highest]}. "
                f"{_shorten(missing)} is missing from it in {source}. "
                "Restore it, or name it in `readings.absent_columns`."
            )


def _group_series(columns: Sequence[str]) -> dict[str, dict[int, str]]:
    """Group columns that end in a number: beginning -> number -> name."""
    series: dict[str, dict[int, str]] = defaultdict(dict)
    for column in columns:
        match = re.fullmatch(r"(.*?)([0-9]+)", column, flags=re.DOTALL)
        if match:
            series[match[1]][int(match[2])] = column
    return series


def _spell_like(spellings: Mapping[int, str], number: int) -> str:
    """Spell a number as the series does: x7, or x07 where it has leading zeros."""
    lowest = min(spellings)
    digits = re.search(r"[0-9]+$", spellings[lowest])
    width = len(digits[0]) if digits and digits[0].startswith("0") else 1
    prefix = spellings[lowest][: digits.start()] if digits else ""
    return f"{prefix}{number:0{width}d}"


def parse_times(column: pd.Series, time_format: str | None) -> pd.Series:
    """Parse times; those with a time zone become UTC.

    Args:
        column: Text or datetimes, shape (rows,).
        time_format: strptime format, or None to take the format of `TIME_FORMATS` (month first) that fits
            most of the first 200 times.

    Returns:
        `datetime64[ns]` without a zone and with the same index; NaT where a value is no time.
    """
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        if pd.api.types.is_numeric_dtype(column.dtype) and time_format is None:
            return pd.Series(np.datetime64("NaT", "ns"), index=column.index)
        texts = column.astype("str").str.strip()
        column = _parse(texts, time_format or _find_time_format(texts))
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    is_possible = column.between(pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s"))
    return column.where(is_possible).astype("datetime64[ns]")


def _parse(texts: pd.Series, time_format: str) -> pd.Series:
    is_zoned = time_format == "ISO8601" or "%z" in time_format.lower()
    return pd.to_datetime(texts, format=time_format, errors="coerce", utc=is_zoned)


def _find_time_format(texts: pd.Series) -> str:
    sample = texts.dropna().head(ROWS_TO_FIND_THE_FORMAT)
    return max(TIME_FORMATS, key=lambda time_format: _parse(sample, time_format).notna().sum())


def find_step_minutes(times: np.ndarray) -> float:
    """Return the median of the differences between rows, in minutes; NaN where no time follows another.

    Args:
        times: `datetime64[ns]`, shape (rows,); differences of NaT or backwards do not count.
    """
    differences = np.diff(times) / np.timedelta64(1, "m")
    differences = differences[differences > 0]
    return float(np.median(differences)) if len(differences) else float("nan")


def number_runs(times: np.ndarray, step_minutes: float) -> np.ndarray:
    """Number the runs of rows without a gap; a gap is a difference of more than 1.5 steps.

    Args:
        times: `datetime64[ns]`, shape (rows,); there is a gap on both sides of a NaT.
        step_minutes: Usual minutes between two rows.

    Returns:
        int64, shape (rows,), rising from 0.
    """
    with np.errstate(invalid="ignore"):
        is_joined = np.diff(times) / np.timedelta64(1, "m") <= GAP_STEPS * step_minutes
    return np.concatenate([[0], np.cumsum(~is_joined)]).astype(np.int64)[: len(times)]


def hold_last_values(values: np.ndarray, runs: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Fill each hole with the value before it, where that lies in the same run and the hole is short.

    With rows_at_most=2, runs 0 0 0 0 1 1 and one sensor 5 - - 6 - 7, the result is 5 5 5 6 - 7.

    Args:
        values: float64 with NaN for missing, shape (rows, sensors).
        runs: Number of the run of each row, shape (rows,).
        rows_at_most: Longest hole that is filled; longer ones are left as they are.

    Returns:
        A new array, shape (rows, sensors).
    """
    rows = np.arange(len(values))[:, None]
    run_starts = np.searchsorted(runs, runs, side="left")[:, None]
    run_stops = np.searchsorted(runs, runs, side="right")[:, None]
    is_missing = np.isnan(values)
    last = np.maximum.accumulate(np.where(is_missing, -1, rows), axis=0)
    after = np.minimum.accumulate(np.where(is_missing, len(values), rows)[::-1], axis=0)[::-1]
    hole_rows = np.minimum(after, run_stops) - last - 1
    is_filled = is_missing & (last >= run_starts) & (hole_rows <= rows_at_most)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.asarray(np.where(is_filled, held, values))


def _fill_table(
    sensor_table: pd.DataFrame, runs: np.ndarray, section: ReadingsSection
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Copy the sensors' table with its short holes filled, if the section says so; count fills by sensor."""
    table = sensor_table.copy()
    filled: dict[str, int] = {}
    if section.missing_values == "refuse":
        return table, filled
    for sensor in table.columns[table.isna().any()]:
        numbers = as_numbers(table[sensor], section.decimal).to_numpy()
        held = hold_last_values(numbers[:, None], runs, section.fill_rows_at_most)[:, 0]
        is_filled = table[sensor].isna().to_numpy() & ~np.isnan(held)
        table[sensor] = table[sensor].astype(object).where(~is_filled, held).infer_objects()
        filled[sensor] = int(is_filled.sum())
    return table, filled


def _check_raw_table(
    table: pd.DataFrame, label_column: str | None, raw: RawTable, section: ReadingsSection
) -> None:
    sensors = [name for name in table.columns if name not in (section.time_column, label_column)]
    schema = raw_schema(section.time_column, label_column, sensors, decimal=section.decimal)
    if not len(table):
        raise InputError(f"Expected rows of readings. {raw.source} has none. Export the readings again.")
    remedies = dict(REMEDIES)
    if section.missing_values == "forward_fill":
        remedies[MISSING] = (
            "raise `readings.fill_rows_at_most` (what remains are holes of more than "
            f"{section.fill_rows_at_most} rows and holes at the start of a run of rows)"
        )
    _check_table(schema, table, raw.table, raw.source, remedies)


def _check_table(
    schema: pa.DataFrameSchema,
    table: pd.DataFrame,
    originals: pd.DataFrame,
    source: str,
    remedies: Mapping[str, str],
) -> None:
    """Check `table` lazily and raise one `InputError` for all failing columns.

    Args:
        schema: What is expected; its description says so in words.
        table: The table to check.
        originals: Same rows as `table`, as they came: values are shown from here.
        source: What the message calls the table.
        remedies: What to do, by the text of the failing check.
    """
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        lines = list(dict.fromkeys(_describe_failure(failure, originals) for failure in errors.schema_errors))
        checks = {str(getattr(failure.check, "error", "")) for failure in errors.schema_errors}
        advice = [f"  - {remedy}" for check, remedy in remedies.items() if check in checks]
        columns = {line.partition(": ")[0] for line in lines}
        summary = (
            f"{source} does not pass its schema ({_count(len(columns), 'column')} at fault). "
            f"Expected {schema.description}. Received (rows as numbered in the table):"
        )
        mend = "Mend the table, or:" if advice else "Mend the table."
        raise InputError("\n".join([summary, *(f"  {line}" for line in lines), mend, *advice])) from None


def _describe_failure(failure: pa.errors.SchemaError, originals: pd.DataFrame) -> str:
    """Say in one line what is wrong with one column: the check, how many rows, and the first of them."""
    if not isinstance(failure.check_output, pd.Series):
        return _describe_misfit(failure)
    is_about_table = isinstance(failure.schema, pa.DataFrameSchema)
    column = failure.check.name if is_about_table else failure.schema.name
    failing = np.flatnonzero(~failure.check_output.to_numpy(dtype=bool))
    value = originals[column].iloc[failing[0]]
    shown = "" if pd.isna(value) else f": {_show(value)}"
    first = f"first in row {originals.index[failing[0]]}{shown}"
    return f"{column}: {failure.check.error}, {_count(len(failing), 'row')}, {first}"


def _describe_misfit(failure: pa.errors.SchemaError) -> str:
    """Say what is wrong with a column as such: missing, not asked for, or out of order."""
    faults = {
        pa.errors.SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME: "missing column",
        pa.errors.SchemaErrorReason.COLUMN_NOT_IN_SCHEMA: "column that was not expected",
        pa.errors.SchemaErrorReason.COLUMN_NOT_ORDERED: "column out of order",
    }
    fault = faults.get(failure.reason_code, str(failure))
    return f"{failure.failure_cases}: {fault}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _show(value: Any) -> str:
    """Show a value as it was written: text in quotes and at most 40 characters of it."""
    text = repr(value[:40]) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _shorten(names: Sequence[str], at_most: int = 12) -> str:
    listed = ", ".join(list(names)[:at_most])
    return listed if len(names) <= at_most else f"{listed} and {len(names) - at_most} more"


def _find_events(
    table: pd.DataFrame, label_column: str | None, raw: RawTable, *, are_labels_needed: bool
) -> np.ndarray:
    if label_column is None:
        return np.zeros(len(table), dtype=bool)
    events = np.asarray(as_numbers(table[label_column]).to_numpy() == 1)
    if are_labels_needed and not events.any():
        raise InputError(
            f"Expected at least one event: a row with 1 in `{label_column}`. All {len(table)} rows of "
            f"{raw.source} "
            "have 0. Take a longer record, or check `readings.label_column`."
        )
    return events


def _check_step(step_minutes: float, raw: RawTable) -> float:
    if np.isnan(step_minutes):
        raise InputError(
            f"Expected at least two rows, to find the usual step. {raw.source} has {len(raw.table)}. "
            "Give more rows, or set `readings.step_minutes`."
        )
    return float(step_minutes)


def drop_constant_sensors(readings: SensorReadings) -> SensorReadings:
    """Leave out the sensors that a finding calls near-constant: they tell nothing and cannot be scaled.

    Raises:
        InputError: If no sensor remains.
    """
    constant = {
        name for finding in readings.findings if _is_about_constants(finding) for name in finding.columns
    }
    kept = [place for place, name in enumerate(readings.sensors) if name not in constant]
    if not kept:
        raise InputError(
            f"Expected a sensor that varies. All {len(readings.sensors)} sensors of {readings.source} are "
            "constant. "
            "Take a longer record, or check the export."
        )
    sensors = tuple(readings.sensors[place] for place in kept)
    findings = tuple(
        finding.model_copy(update={"message": f"{finding.message} Left out."})
        if _is_about_constants(finding)
        else finding
        for finding in readings.findings
    )
    values = np.ascontiguousarray(readings.values[:, kept])
    return replace(readings, sensors=sensors, values=values, findings=findings)


def _is_about_constants(finding: Finding) -> bool:
    return finding.check == "near_constant"
