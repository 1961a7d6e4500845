"""What the pandera schemas accept and refuse."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from schemas.tables import WRONG_DRIVERS, as_numbers, labelled_schema, raw_schema, scored_schema


def raw_table() -> pd.DataFrame:
    times = pd.date_range("2020-01-01", periods=4, freq="2min")
    return pd.DataFrame({"time": times, "y": [0, 0, 1, 0], "a": [1.0, 2.0, 3.0, 4.0]})


def labelled_table() -> pd.DataFrame:
    return raw_table().rename(columns={"y": "label"}).assign(run=[0, 0, 1, 1])[["time", "run", "label", "a"]]


DRIVER = (
    '{"sensor":"b","share":0.7,"column":"b volatility","group":"volatility","direction":"above",'
    '"last":[1.5,2.5],"expected":[null,2.25]}'
)


def scored_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.date_range("2020-01-01", periods=3, freq="2min"),
            "score": [np.nan, 1.0, 2.0],
            "threshold": [2.0, 2.0, 2.0],
            "alarm": [False, False, True],
            "top_sensors": [None, "a, b", "b, a"],
            "drivers": [None, "", f"[{DRIVER}]"],
        }
    )


def failing_checks(schema: pa.DataFrameSchema, table: pd.DataFrame) -> list[tuple[str, str]]:
    """Column and check of every failure."""
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return [
            (str(error.schema.name), str(getattr(error.check, "error", error.check)))
            for error in errors.schema_errors
        ]
    return []


def test_a_sound_raw_table_passes() -> None:
    assert failing_checks(raw_schema("time", "y", ["a"]), raw_table()) == []


def test_a_raw_table_needs_no_labels_where_there_are_none() -> None:
    assert failing_checks(raw_schema("time", None, ["a"]), raw_table().drop(columns="y")) == []


@pytest.mark.parametrize("labels", [[0, 0, 1, 0], [0.0, 0.0, 1.0, 0.0], [False, False, True, False]])
def test_labels_may_be_integers_floats_or_bools(labels: Any) -> None:
    assert failing_checks(raw_schema("time", "y", ["a"]), raw_table().assign(y=labels)) == []


@pytest.mark.parametrize(
    ("column", "values", "check"),
    [
        ("time", pd.to_datetime(["2020-01-01", "", "2020-01-03", "2020-01-04"]), "not a time"),
        (
            "time",
            pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"]),
            "same time as an earlier row",
        ),
        (
            "time",
            pd.to_datetime(["2020-01-01", "2020-01-03", "2020-01-02", "2020-01-04"]),
            "earlier than the row above",
        ),
        ("y", [0, 2, 1, 0], "neither 0 nor 1"),
        ("y", [0, 0.5, 1, 0], "neither 0 nor 1"),
        ("y", ["no", "no", "yes", "no"], "neither 0 nor 1"),
        ("y", [0, None, 1, 0], "missing value"),
        ("a", [1.0, None, 3.0, 4.0], "missing value"),
        ("a", [1.0, np.inf, 3.0, 4.0], "infinite value"),
        ("a", [1.0, -np.inf, 3.0, 4.0], "infinite value"),
        ("a", ["1", "bad", "3", "4"], "text where a number is expected"),
        ("a", pd.date_range("2020-01-01", periods=4), "text where a number is expected"),
    ],
)
def test_a_raw_table_fails_for_one_fault(column: str, values: Any, check: str) -> None:
    table = raw_table().assign(**{column: values})
    assert failing_checks(raw_schema("time", "y", ["a"]), table) == [(column, check)]


def test_times_that_are_still_text_are_no_times() -> None:
    table = raw_table().assign(time=["a", "b", "c", "d"])
    assert failing_checks(raw_schema("time", "y", ["a"]), table) == [("time", "not a time")]


def test_all_faults_of_a_raw_table_are_reported_at_once() -> None:
    table = raw_table().assign(y=[0, 0, 3, 0], a=[1.0, np.inf, np.nan, 4.0])
    assert failing_checks(raw_schema("time", "y", ["a"]), table) == [
        ("y", "neither 0 nor 1"),
        ("a", "missing value"),
        ("a", "infinite value"),
    ]


def test_a_sound_labelled_table_passes() -> None:
    assert failing_checks(labelled_schema(["a"]), labelled_table()) == []


def test_a_labelled_table_has_no_other_columns() -> None:
    table = labelled_table().assign(b=1.0)
    assert failing_checks(labelled_schema(["a"]), table) == [("labelled readings", "column_in_schema")]


def test_a_labelled_table_keeps_its_order_of_columns() -> None:
    table = labelled_table()[["run", "time", "label", "a"]]
    assert ("labelled readings", "column_ordered") in failing_checks(labelled_schema(["a"]), table)


@pytest.mark.parametrize(
    ("runs", "check"),
    [
        ([-1, 0, 0, 0], "not a non-negative integer"),
        ([0.5, 1, 1, 1], "not a non-negative integer"),
        ([0, np.nan, 1, 1], "not a non-negative integer"),
        ([0, 1, 0, 1], "lower than in the row above"),
    ],
)
def test_runs_of_a_labelled_table_are_numbered_upwards(runs: list[float], check: str) -> None:
    assert failing_checks(labelled_schema(["a"]), labelled_table().assign(run=runs)) == [("run", check)]


def test_a_sound_scored_table_passes() -> None:
    assert failing_checks(scored_schema(), scored_table()) == []


@pytest.mark.parametrize(
    ("column", "values", "failure"),
    [
        ("score", [np.nan, -1.0, 2.0], ("score", "negative value")),
        ("threshold", [np.nan, 2.0, 2.0], ("threshold", "missing value")),
        ("alarm", [False, False, False], ("scores", "not equal to score >= threshold")),
        ("alarm", [True, False, True], ("scores", "not equal to score >= threshold")),
        ("alarm", [0, 0, 1], ("alarm", "neither true nor false")),
        ("top_sensors", [1, "a", "b"], ("top_sensors", "not text")),
        ("drivers", ["", "", ""], ("scores", WRONG_DRIVERS)),
        ("drivers", ["", "", None], ("scores", WRONG_DRIVERS)),
        ("drivers", ["", "", "[]"], ("scores", WRONG_DRIVERS)),
        ("drivers", ["", "", '[{"sensor":"b"}]'], ("scores", WRONG_DRIVERS)),
        ("drivers", ["", f"[{DRIVER}]", f"[{DRIVER}]"], ("scores", WRONG_DRIVERS)),
    ],
)
def test_a_scored_table_fails_for_one_fault(column: str, values: Any, failure: tuple[str, str]) -> None:
    assert failing_checks(scored_schema(), scored_table().assign(**{column: values})) == [failure]


def test_a_score_equal_to_the_threshold_is_an_alarm() -> None:
    table = scored_table().assign(score=[np.nan, 2.0, 2.0], alarm=[False, True, True])
    table["drivers"] = ["", f"[{DRIVER}]", f"[{DRIVER}]"]
    assert failing_checks(scored_schema(), table) == []


def test_a_scored_table_without_alarms_fails_for_that_alone() -> None:
    assert failing_checks(scored_schema(), scored_table().drop(columns="alarm")) == [
        ("scores", "column_in_dataframe")
    ]


def test_a_decimal_comma_is_read_where_it_is_the_decimal_mark() -> None:
    assert as_numbers(pd.Series(["1,5", "bad"]), decimal=",").iloc[0] == 1.5


def test_decimals_of_a_database_are_numbers() -> None:
    assert as_numbers(pd.Series([decimal.Decimal("1.5")])).tolist() == [1.5]


def test_nullable_numbers_keep_their_holes() -> None:
    assert as_numbers(pd.Series([1, None], dtype="Int64")).isna().tolist() == [False, True]
