"""Pandera schemas of every table that enters or leaves the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pydantic import ValidationError

from schemas.explanation import DRIVERS_TEXT

NOT_A_TIME = "not a time"
REPEATED_TIME = "same time as an earlier row"
BACKWARDS_TIME = "earlier than the row above"
NOT_A_LABEL = "neither 0 nor 1"
NOT_A_NUMBER = "text where a number is expected"
MISSING = "missing value"
# name of the check, so that labels get their own advice; its text is that of any missing value
MISSING_LABEL = "missing label"
INFINITE = "infinite value"
NEGATIVE = "negative value"
NOT_A_RUN = "not a non-negative integer"
FALLING_RUN = "lower than in the row above"
NOT_TRUE_OR_FALSE = "neither true nor false"
WRONG_ALARM = "not equal to score >= threshold"
NOT_TEXT = "not text"
WRONG_DRIVERS = "not a JSON list of drivers on an alarm, or not empty elsewhere"
TOO_LATE = "earlier than the last scored row: it arrived too late"
BETWEEN_ROWS = "below a later row, and between rows at the usual step"
AHEAD_OF_THE_CLOCK = "more than a day in the future"
WRONG_EPISODE = "not a positive integer on an alarm, or not empty elsewhere"
FALLING_EPISODE = "lower than in an earlier row"
# last column of a table of scores; outputs begun before there was one go on without it
MISSING_SENSORS = "missing_sensors"
NAMES_JOIN = ", "


def choose_free_name(name: str, taken: Iterable[str]) -> str:
    """Return a name for a column of the program's own that no column of the user has.

    Args:
        name: The usual name.
        taken: Names of the user's columns.

    Returns:
        `name`, followed by as many underscores as it takes to differ from all others.
    """
    names = set(taken)
    while name in names:
        name += "_"
    return name


def name_labelled_columns(sensors: Sequence[str]) -> tuple[str, str, str]:
    """Name the first columns of the labelled table: `time`, `run`, `label`, unless sensors are named so."""
    return (
        choose_free_name("time", sensors),
        choose_free_name("run", sensors),
        choose_free_name("label", sensors),
    )


def as_numbers(column: pd.Series, decimal: str = ".") -> pd.Series:
    """Read a column as numbers.

    Args:
        column: Values of any type, shape (rows,).
        decimal: Decimal mark of numbers stored as text; `auto` is a point, since numbers of a source with
            another mark have been rewritten.

    Returns:
        float64 with the same index, NaN where a value is missing or not a number.
    """
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_any_real_numeric_dtype(column.dtype):
        return pd.Series(column.to_numpy(np.float64, na_value=np.nan), index=column.index)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return pd.Series(np.nan, index=column.index)
    values = column.astype(object)
    if decimal == ",":
        values = values.map(lambda value: value.replace(",", ".") if isinstance(value, str) else value)
    return pd.to_numeric(values, errors="coerce").astype(np.float64)


def is_ahead_of_no_row_above(times: pd.Series) -> pd.Series:
    """Return whether each time is at or after the last known time above it; True for missing times."""
    return ~(times < times.ffill().shift())


def _check(function: Callable[..., pd.Series], error: str, name: str | None = None) -> pa.Check:
    """Make a check of every row; by default pandera drops missing values, which shifts the other rows."""
    return pa.Check(function, error=error, name=name, ignore_na=False)


def _present(name: str | None = None) -> pa.Check:
    return _check(lambda column: column.notna(), error=MISSING, name=name)


def _number(decimal: str = ".") -> pa.Check:
    return _check(lambda column: as_numbers(column, decimal).notna() | column.isna(), error=NOT_A_NUMBER)


def _finite(decimal: str = ".") -> pa.Check:
    return _check(lambda column: ~np.isinf(as_numbers(column, decimal)), error=INFINITE)


def _time_column(name: str) -> pa.Column:
    checks = [
        _check(
            lambda times: times.notna() & pd.api.types.is_datetime64_any_dtype(times.dtype),
            error=NOT_A_TIME,
        ),
        _check(lambda times: ~times.duplicated() | times.isna(), error=REPEATED_TIME),
        _check(is_ahead_of_no_row_above, error=BACKWARDS_TIME),
    ]
    return pa.Column(checks=checks, nullable=True, name=name)


def _label_column(name: str) -> pa.Column:
    is_label = _check(lambda labels: as_numbers(labels).isin([0, 1]) | labels.isna(), error=NOT_A_LABEL)
    return pa.Column(checks=[_present(MISSING_LABEL), is_label], nullable=True, name=name)


def _sensor_column(name: str, decimal: str = ".") -> pa.Column:
    return pa.Column(checks=[_present(), _number(decimal), _finite(decimal)], nullable=True, name=name)


def raw_schema(
    time_column: str, label_column: str | None, sensors: Sequence[str], *, decimal: str = "."
) -> pa.DataFrameSchema:
    """Return the schema of a raw table of readings whose times have been parsed.

    Times are strictly increasing, labels 0 or 1 (as numbers or bool), sensors finite numbers. Other columns
    are allowed.

    Args:
        time_column: Name of the time column.
        label_column: Name of the label column, or None for a table without labels.
        sensors: Names of the sensor columns.
        decimal: Decimal mark of numbers stored as text.
    """
    columns = {time_column: _time_column(time_column)}
    if label_column is not None:
        columns[label_column] = _label_column(label_column)
    columns.update({sensor: _sensor_column(sensor, decimal) for sensor in sensors})
    description = "times that increase from row to row, labels 0 or 1, and a finite number in every sensor"
    return pa.DataFrameSchema(columns, name="readings", description=description)


def labelled_schema(sensors: Sequence[str]) -> pa.DataFrameSchema:
    """Return the schema of the labelled table: `time`, `run`, `label`, then the sensors, and nothing else.

    Times are strictly increasing, runs non-negative integers that never decrease, labels 0 or 1, sensors
    finite. Where sensors have the names of the first three, `name_labelled_columns` names these.
    """
    time, run, label = name_labelled_columns(sensors)
    run_checks = [
        _check(
            lambda runs: (as_numbers(runs) >= 0) & (as_numbers(runs) % 1 == 0),
            error=NOT_A_RUN,
        ),
        _check(lambda runs: ~(as_numbers(runs).diff() < 0), error=FALLING_RUN),
    ]
    columns = {
        time: _time_column(time),
        run: pa.Column(checks=run_checks, nullable=True),
        label: _label_column(label),
        **{sensor: _sensor_column(sensor) for sensor in sensors},
    }
    description = (
        f"the columns {time}, {run}, {label} and the sensors: increasing times, labels 0 or 1, finite numbers"
    )
    return pa.DataFrameSchema(
        columns, strict=True, ordered=True, name="labelled readings", description=description
    )


def _alarm_column() -> pa.Column:
    is_true_or_false = _check(
        lambda alarms: alarms.map(lambda alarm: isinstance(alarm, (bool, np.bool_))).astype(bool),
        error=NOT_TRUE_OR_FALSE,
    )
    return pa.Column(checks=[is_true_or_false], nullable=True)


def _is_alarm_right(table: pd.DataFrame) -> pd.Series:
    if not {"score", "threshold", "alarm"} <= set(table.columns):
        return pd.Series(True, index=table.index)  # a missing column is reported as such
    due = as_numbers(table["score"]) >= as_numbers(table["threshold"])
    return as_numbers(table["alarm"]).eq(due.astype(np.float64)) | as_numbers(table["alarm"]).isna()


def _are_drivers(text: object) -> bool:
    try:
        return isinstance(text, str) and len(DRIVERS_TEXT.validate_json(text)) > 0
    except ValidationError:
        return False


def _are_drivers_right(table: pd.DataFrame) -> pd.Series:
    if not {"score", "threshold", "alarm", "drivers"} <= set(table.columns):
        return pd.Series(True, index=table.index)  # a missing column is reported as such
    due = as_numbers(table["score"]) >= as_numbers(table["threshold"])
    alarms = as_numbers(table["alarm"])
    is_right = table["drivers"].isna() | table["drivers"].eq("")
    is_right[due] = table["drivers"][due].map(_are_drivers).astype(bool)
    # a wrong alarm is reported as such
    return is_right | alarms.ne(due.astype(np.float64))


def _missing_sensors_column() -> pa.Column:
    is_text = _check(
        lambda names: names.map(lambda name: isinstance(name, str)) | names.isna(), error=NOT_TEXT
    )
    return pa.Column(checks=[is_text], nullable=True, required=False)


def scored_schema() -> pa.DataFrameSchema:
    """Return the schema of a table of scores: `time, score, threshold, alarm, top_sensors, drivers`.

    `missing_sensors` may follow: text, empty or missing where every sensor counts.

    A score is at least 0, or missing if there was too little history. A threshold is a number and may be
    infinite. `alarm` is bool and equal to `score >= threshold`, so a row without a score has no alarm.
    `top_sensors` is text, empty or missing without a score. `drivers` is JSON text: a list of
    `schemas.explanation.Driver` on an alarm, and empty or missing elsewhere.
    """
    is_text = _check(
        lambda names: names.map(lambda name: isinstance(name, str)) | names.isna(), error=NOT_TEXT
    )
    not_negative = _check(lambda scores: ~(as_numbers(scores) < 0), error=NEGATIVE)
    columns = {
        "time": _time_column("time"),
        "score": pa.Column(checks=[_number(), _finite(), not_negative], nullable=True),
        "threshold": pa.Column(checks=[_present(), _number()], nullable=True),
        "alarm": _alarm_column(),
        "top_sensors": pa.Column(checks=[is_text], nullable=True),
        "drivers": pa.Column(checks=[is_text], nullable=True),
        MISSING_SENSORS: _missing_sensors_column(),
    }
    alarm_check = _check(_is_alarm_right, name="alarm", error=WRONG_ALARM)
    drivers_check = _check(_are_drivers_right, name="drivers", error=WRONG_DRIVERS)
    return pa.DataFrameSchema(
        columns,
        checks=[alarm_check, drivers_check],
        strict=True,
        ordered=True,
        name="scores",
        description=(
            "time, score, threshold, alarm, top_sensors and drivers, with an alarm where score >= threshold"
        ),
    )


def output_schema() -> pa.DataFrameSchema:
    """Return the schema of the output of `forewarn score`: scores, alarm episodes, model version and time.

    The columns are those of `scored_schema` with `episode` after `alarm`, then `model_version` (text),
    `scored_at` (a time with a zone) and, unless an earlier release began the output, `missing_sensors`.
    `episode` is a positive integer that never decreases, and missing without an alarm.
    """
    scored = scored_schema().remove_columns([MISSING_SENSORS])
    present_text = _check(lambda texts: texts.map(lambda text: isinstance(text, str)), error=NOT_TEXT)
    zoned = _check(
        lambda times: times.notna() & isinstance(times.dtype, pd.DatetimeTZDtype), error=NOT_A_TIME
    )
    columns: dict[str, pa.Column] = {}
    for name, column in scored.columns.items():
        columns[name] = column
        if name == "alarm":
            columns["episode"] = pa.Column(checks=[_rising_episodes()], nullable=True)
    columns["model_version"] = pa.Column(checks=[present_text], nullable=True)
    columns["scored_at"] = pa.Column(checks=[zoned], nullable=True)
    columns[MISSING_SENSORS] = _missing_sensors_column()
    episode_check = _check(_is_episode_right, name="episode", error=WRONG_EPISODE)
    return pa.DataFrameSchema(
        columns,
        checks=[*scored.checks, episode_check],
        strict=True,
        ordered=True,
        name="output",
        description=f"{', '.join(columns)}, with an alarm where score >= threshold and an episode where "
        "there is an alarm",
    )


def _rising_episodes() -> pa.Check:
    def is_rising(episodes: pd.Series) -> pd.Series:
        numbers = as_numbers(episodes)
        return ~(numbers < numbers.cummax())

    return _check(is_rising, error=FALLING_EPISODE)


def _is_episode_right(table: pd.DataFrame) -> pd.Series:
    if not {"alarm", "episode"} <= set(table.columns):
        return pd.Series(True, index=table.index)  # a missing column is reported as such
    numbers = as_numbers(table["episode"])
    is_number = (numbers >= 1) & (numbers % 1 == 0)
    is_alarm = as_numbers(table["alarm"]).eq(1)
    return (is_alarm & is_number) | (~is_alarm & numbers.isna())
