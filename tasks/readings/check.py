"""From a table as it came to checked readings; every fault of a table in one message."""

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
from tasks.readings.columns import choose_columns, choose_known_columns
from tasks.readings.fill import fill_table
from tasks.readings.inspect import find_quality_issues
from tasks.readings.parse import find_step_minutes, number_runs, parse_times

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
    categories: Sequence[str] | None = None,
) -> SensorReadings:
    """Check a table against everything that later steps take for granted.

    A gap is a difference of more than 1.5 steps between two rows; a run of rows has none. Where labels are
    not needed, a label column that is absent or empty means no events.

    Args:
        raw: The table as it came; it is not changed. Messages name rows by its index.
        section: What is expected of the table.
        are_labels_needed: Whether labels with at least one event are required; never where
            `readings.label_column` is none.
        sensors: The sensors that a model asks for, in its order, other columns being ignored; or none to take
            every column that is neither time, label, category nor dropped, and of these only the ones that
            vary over the table.
        categories: The columns with categories that a model asks for; or none to take those of
            `readings.categorical_columns` that there are and that are not dropped.

    Returns:
        `SensorReadings`; what was noticed and was not fatal is in its `findings`.

    Raises:
        InputError: If anything is wrong; one message names every failing column.
    """
    are_labels_needed = are_labels_needed and section.label_column is not None
    if categories is None:
        wanted = [name for name in section.categorical_columns if name not in section.drop_columns]
        categories = [name for name in wanted if name in raw.table.columns]
    label_column, names = (
        choose_columns(raw, section, are_labels_needed=are_labels_needed)
        if sensors is None
        else choose_known_columns(raw, section, sensors, categories, are_labels_needed=are_labels_needed)
    )
    times = parse_times(raw.table[section.time_column], section.time_format)
    step_minutes = section.step_minutes or find_step_minutes(times.to_numpy())
    runs = number_runs(times.to_numpy(), step_minutes)
    table, filled = fill_table(raw.table[names], runs, section)
    table.insert(0, section.time_column, times)
    if label_column is not None:
        table.insert(1, label_column, raw.table[label_column])
    # live rows are few at a time, and the schema takes longer than their score
    is_live = sensors is not None
    if not (is_live and is_plainly_right(table, section.time_column, label_column)):
        _check_raw_table(table, label_column, raw, section)
    readings = SensorReadings(
        times=times.to_numpy(),
        events=_find_events(table, label_column, raw, are_labels_needed=are_labels_needed),
        values=np.column_stack([as_numbers(table[sensor], section.decimal) for sensor in names]),
        sensors=tuple(names),
        categories=tuple(categories),
        category_values=number_categories(raw.table, categories),
        runs=runs,
        step_minutes=_check_step(step_minutes, raw),
        source=raw.source,
        sha256=raw.sha256,
    )
    if sensors is not None:
        return readings
    return drop_constant_sensors(replace(readings, findings=find_quality_issues(readings, filled)))


def number_categories(table: pd.DataFrame, categories: Sequence[str]) -> np.ndarray:
    """Number the categories of each column in the order in which they come; a missing one is -1.

    Returns:
        int64, shape (rows, categories).
    """
    numbers = [pd.factorize(table[name])[0].astype(np.int64) for name in categories]
    return np.column_stack(numbers) if numbers else np.zeros((len(table), 0), dtype=np.int64)


def check_labelled_table(table: pd.DataFrame, sensors: Sequence[str]) -> pd.DataFrame:
    """Return `table` if it is `time`, `run`, `label` and the sensors as described by `labelled_schema`.

    Raises:
        InputError: If it is not; the message names every failing column.
    """
    _check_table(labelled_schema(sensors), table, table, "The labelled table", {})
    return table


def check_scored_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if it is a table of scores as `scored_schema` describes it.

    Raises:
        InputError: If it is not; the message names every failing column.
    """
    _check_table(scored_schema(), table, table, "The table of scores", {})
    return table


def check_output_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if it is what `forewarn score` may write, as in `output_schema`.

    Raises:
        InputError: If it is not; the message names every failing column.
    """
    _check_table(output_schema(), table, table, "The table of scores", {})
    return table


def find_failing_rows(schema: pa.DataFrameSchema, table: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
    """Find which rows fail which check of a schema; a column that is missing fails in no row.

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
    """Tell at a glance that a table passes its schema; where that is not plain, the schema says.

    Args:
        table: Readings with parsed times.
        time_column: Name of the column of times.
        label_column: Name of the column of labels, or none.

    Returns:
        True only for rows of plain, finite numbers at times that rise, with labels 0 or 1; False says
        nothing.
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
