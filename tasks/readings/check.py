"""Check a raw table of readings; all problems are reported in one message."""

from __future__ import annotations

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
    MISSING_LABEL,
    NOT_A_LABEL,
    NOT_A_NUMBER,
    NOT_A_TIME,
    REPEATED_TIME,
    as_numbers,
    labelled_schema,
    output_schema,
    raw_schema,
    scored_schema,
)
from tasks.labels.events import find_dropped_events, read_events
from tasks.labels.late_labels import fill_late_labels
from tasks.readings.inspect import find_quality_issues
from tasks.readings.known_tables import apply_mill_rules
from tasks.tables.columns import choose_columns, choose_known_columns
from tasks.times.clock import read_clock
from tasks.values.cells import Cells, read_cells, read_training_cells
from tasks.values.incomplete import (
    add_absent_sensors,
    count_missing_at_most,
    excuse_missing,
    find_incomplete_rows,
    report_incomplete_rows,
    require_complete_rows,
)
from tasks.values.missing import describe_words, name_word_settings

REMEDIES = {
    NOT_A_TIME: "set `readings.time_format` (detected automatically: ISO 8601, day, month and year with "
    "/ - or . between them or with the month's name, with or without AM and PM), `readings.time_unit` for "
    "numbers, or `readings.time_column` (`date,time` for two columns), or correct `readings.day_first` if it "
    "is set",
    REPEATED_TIME: "keep one row per time",
    BACKWARDS_TIME: "sort the rows by time (if day and month were taken for each other, set "
    "`readings.day_first`)",
    NOT_A_LABEL: "set `readings.label_column` to the column that is 1 on event rows and 0 elsewhere",
    NOT_A_NUMBER: "exclude non-numeric columns with `readings.drop_columns` or "
    "`readings.categorical_columns`, list words for no value in `readings.missing_words`, and set "
    "`readings.decimal` if the decimal mark is a comma",
    MISSING_LABEL: "label every row up to the last one with a label (only the newest rows may have none), or "
    "set `readings.label_column` to null for a table without labels",
    MISSING: "fill short stretches with the last value by setting `readings.missing_values` to forward_fill "
    "and `readings.fill_rows_at_most`, or leave such rows out by setting it to no_score",
}


def check_readings(
    raw: RawTable,
    section: ReadingsSection,
    *,
    are_labels_needed: bool = True,
    are_event_rows_kept: bool = False,
    sensors: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
) -> SensorReadings:
    """Check a table against everything that later steps rely on.

    A gap is a difference of more than 1.5 steps between two rows; a run of rows has none. If labels are
    not needed, a missing or empty label column means no events, as do empty labels after the last one.
    `readings.missing_values` says what becomes of a missing value; event rows that are left out need none,
    and in a table for a model `readings.dead_sensors_at_most` sensors of a row may have none.

    Args:
        raw: The raw table; it is not changed. Messages identify rows by its index.
        section: How the table is parsed and what it must contain.
        are_labels_needed: Whether every row must have a label, of an event or not; ignored if
            `readings.label_column` is None.
        are_event_rows_kept: Whether event rows are used as other rows are, and need values as they do.
        sensors: The sensors that a model requires, in its order; other columns are ignored. If None, every
            column that is not time, label, categorical or dropped, except those that are constant.
        categories: The categorical columns that a model requires. If None, those of
            `readings.categorical_columns` that exist and are not dropped.

    Returns:
        `SensorReadings`; data-quality issues that do not stop the run are in its `findings`.

    Raises:
        InputError: If anything is wrong; one message lists every failing column.
    """
    are_labels_needed = are_labels_needed and section.label_column is not None
    if not are_labels_needed:
        raw = fill_late_labels(raw, section)
    is_live = sensors is not None
    if not is_live:
        raw, section = apply_mill_rules(raw, section)
    if categories is None:
        categories = _find_categories(raw, section)
    if sensors is None:
        label_column, names = choose_columns(raw, section, are_labels_needed=are_labels_needed)
    else:
        raw = add_absent_sensors(raw, section, sensors)
        label_column, names = choose_known_columns(
            raw, section, sensors, categories, are_labels_needed=are_labels_needed
        )
    clock = read_clock(raw, section)
    cells = (read_cells if is_live else read_training_cells)(raw, names, section, clock.runs)
    table, names = cells.table, list(cells.table.columns)
    categories = (*categories, *cells.categories)
    table.insert(0, section.time_column, clock.times)
    if label_column is not None:
        table.insert(1, label_column, raw.table[label_column])
    labels = None if label_column is None else table[label_column]
    is_left_out = find_dropped_events(labels, len(table), are_event_rows_kept=are_event_rows_kept)
    missing_at_most = count_missing_at_most(section, len(names), is_live=is_live)
    checked = excuse_missing(table, names, is_left_out, section, missing_at_most)
    # for a few live rows the schema check takes longer than scoring
    if not (is_live and is_plainly_right(checked, section.time_column, label_column)):
        _check_raw_table(checked, label_column, raw, section, cells.words)
    values = np.column_stack([as_numbers(table[sensor], section.decimal) for sensor in names])
    readings = SensorReadings(
        times=clock.times.to_numpy(),
        events=read_events(table, label_column),
        values=values,
        sensors=tuple(names),
        categories=tuple(categories),
        category_values=number_categories(raw.table, categories),
        runs=clock.runs,
        step_minutes=_check_step(clock.step_minutes, raw),
        source=raw.source,
        sha256=raw.sha256,
        time_format=clock.time_format or raw.time_format,
        found={**raw.found, **clock.found, **cells.found},
        is_incomplete=find_incomplete_rows(values, is_left_out, missing_at_most),
        units={name: raw.units[name] for name in names if name in raw.units},
    )
    if is_live:
        return readings
    return _judge_training_rows(readings, cells, (*raw.findings, *clock.findings))


def _find_categories(raw: RawTable, section: ReadingsSection) -> list[str]:
    """Find the configured categorical columns that a table has."""
    wanted = [name for name in section.categorical_columns if name not in section.drop_columns]
    return [name for name in wanted if name in raw.table.columns]


def _judge_training_rows(
    readings: SensorReadings, cells: Cells, findings: tuple[Finding, ...]
) -> SensorReadings:
    """Add what a user should know before training to the findings, and drop constant sensors.

    Raises:
        InputError: If no row or no sensor can be used.
    """
    require_complete_rows(readings)
    found = (
        *findings,
        *cells.findings,
        *report_incomplete_rows(readings),
        *find_quality_issues(readings, cells.filled),
    )
    return drop_constant_sensors(replace(readings, findings=found))


def number_categories(table: pd.DataFrame, categories: Sequence[str]) -> np.ndarray:
    """Number the categories of each column in order of appearance; a missing value is -1.

    Returns:
        int64, shape (rows, categories).
    """
    numbers = [pd.factorize(table[name])[0].astype(np.int64) for name in categories]
    return np.column_stack(numbers) if numbers else np.zeros((len(table), 0), dtype=np.int64)


def check_labelled_table(table: pd.DataFrame, sensors: Sequence[str]) -> pd.DataFrame:
    """Return `table` if it satisfies `labelled_schema`.

    Raises:
        InputError: If it does not; the message lists every failing column.
    """
    _check_table(labelled_schema(sensors), table, table, "The labelled table", {})
    return table


def check_scored_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if it satisfies `scored_schema`.

    Raises:
        InputError: If it does not; the message lists every failing column.
    """
    _check_table(scored_schema(), table, table, "The table of scores", {})
    return table


def check_output_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if it satisfies `output_schema`.

    Raises:
        InputError: If it does not; the message lists every failing column.
    """
    _check_table(output_schema(), table, table, "The table of scores", {})
    return table


def find_failing_rows(schema: pa.DataFrameSchema, table: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
    """Find which rows fail which check of a schema; missing columns are not reported.

    Returns:
        For each failing check of a column: the column, the text of the check, and whether each row fails,
        bool, shape (rows,).
    """
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return [
            (
                str(failure.schema.name),
                str(failure.check.error),
                ~failure.check_output.to_numpy(dtype=bool),
            )
            for failure in errors.schema_errors
            if isinstance(failure.check_output, pd.Series)
        ]
    return []


def is_plainly_right(table: pd.DataFrame, time_column: str, label_column: str | None) -> bool:
    """Check quickly whether a table obviously passes its schema.

    Args:
        table: Readings with parsed times.
        time_column: Name of the time column.
        label_column: Name of the label column, or None.

    Returns:
        True only for finite numbers at strictly increasing times, with labels 0 or 1. False is inconclusive:
        the table may still pass.
    """
    times, others = table[time_column], table.drop(columns=time_column)
    are_numbers = all(pd.api.types.is_any_real_numeric_dtype(kind) for kind in set(others.dtypes))
    if not len(table) or not are_numbers or not pd.api.types.is_datetime64_any_dtype(times.dtype):
        return False
    if label_column is not None and not table[label_column].isin([0, 1]).all():
        return False
    is_finite = np.isfinite(others.to_numpy(np.float64, na_value=np.nan)).all()
    return bool(is_finite and times.notna().all() and (times.diff().iloc[1:] > pd.Timedelta(0)).all())


def _check_raw_table(
    table: pd.DataFrame,
    label_column: str | None,
    raw: RawTable,
    section: ReadingsSection,
    words: Mapping[str, Mapping[str, int]],
) -> None:
    sensors = [name for name in table.columns if name not in (section.time_column, label_column)]
    schema = raw_schema(section.time_column, label_column, sensors, decimal=section.decimal)
    if not len(table):
        raise InputError(f"Expected rows of readings. {raw.source} has no rows. Export the readings again.")
    remedies = dict(REMEDIES)
    if section.missing_values == "forward_fill":
        remedies[MISSING] = (
            "increase `readings.fill_rows_at_most` (values are still missing in stretches of more than "
            f"{section.fill_rows_at_most} rows or at the start of a run of rows), or leave such rows out by "
            "setting `readings.missing_values` to no_score"
        )
    if words:
        settings = name_word_settings(section)
        remedies[MISSING] += f"; cells are missing by {settings}: {describe_words(words)}"
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
        schema: The schema; the message quotes its description.
        table: The table to check.
        originals: The same rows before parsing; the message shows their values.
        source: Name of the table in the message.
        remedies: Advice for the user, by the fault that `_name_fault` returns.
    """
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        lines = list(dict.fromkeys(_describe_failure(failure, originals) for failure in errors.schema_errors))
        checks = {_name_fault(failure) for failure in errors.schema_errors}
        advice = [f"  - {remedy}" for check, remedy in remedies.items() if check in checks]
        columns = {line.partition(": ")[0] for line in lines}
        summary = (
            f"{source} does not satisfy its schema ({_count(len(columns), 'invalid column')}). "
            f"Expected {schema.description}. Received (row numbers as in the table):"
        )
        remedy = "Correct the table, or:" if advice else "Correct the table."
        raise InputError("\n".join([summary, *(f"  {line}" for line in lines), remedy, *advice])) from None


def _name_fault(failure: pa.errors.SchemaError) -> str:
    """Return the text of the failing check, or for a missing label the name of its check."""
    is_label = getattr(failure.check, "name", None) == MISSING_LABEL
    return MISSING_LABEL if is_label else str(getattr(failure.check, "error", ""))


def _describe_failure(failure: pa.errors.SchemaError, originals: pd.DataFrame) -> str:
    """Describe the problem with one column in one line: the check, the number of rows, and the first one."""
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
    """Describe a problem with the set of columns: one is missing, unexpected or out of order."""
    faults = {
        pa.errors.SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME: "missing column",
        pa.errors.SchemaErrorReason.COLUMN_NOT_IN_SCHEMA: "unexpected column",
        pa.errors.SchemaErrorReason.COLUMN_NOT_ORDERED: "column out of order",
    }
    fault = faults.get(failure.reason_code, str(failure))
    return f"{failure.failure_cases}: {fault}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _show(value: Any) -> str:
    """Format a value for a message: text in quotes, shortened to 40 characters."""
    text = repr(value[:40]) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _check_step(step_minutes: float, raw: RawTable) -> float:
    if np.isnan(step_minutes):
        raise InputError(
            f"Expected at least two rows to determine the usual step. {raw.source} has {len(raw.table)}. "
            "Provide more rows, or set `readings.step_minutes`."
        )
    return float(step_minutes)


def drop_constant_sensors(readings: SensorReadings) -> SensorReadings:
    """Drop the sensors reported as near-constant: they carry no information and cannot be scaled.

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
            "constant. Use a longer record, or check the export."
        )
    sensors = tuple(readings.sensors[place] for place in kept)
    findings = tuple(
        finding.model_copy(update={"message": f"{finding.message} Dropped."})
        if _is_about_constants(finding)
        else finding
        for finding in readings.findings
    )
    values = np.ascontiguousarray(readings.values[:, kept])
    is_incomplete = readings.is_incomplete
    if is_incomplete is not None:
        is_incomplete = is_incomplete & np.isnan(values).any(axis=1)
    return replace(readings, sensors=sensors, values=values, findings=findings, is_incomplete=is_incomplete)


def _is_about_constants(finding: Finding) -> bool:
    return finding.check == "near_constant"
