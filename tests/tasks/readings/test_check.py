"""What a table must be to become readings, and what is said about one that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable, SensorReadings
from schemas.tables import raw_schema
from tasks.readings.check import (
    check_labelled_table,
    check_readings,
    check_scored_table,
    is_plainly_right,
    number_categories,
)
from tasks.sources.load import load_readings
from tests.mill import require_mill_file

SECTION = ReadingsSection()
FILL = ReadingsSection(missing_values="forward_fill", fill_rows_at_most=2)


def table_with(**columns: Any) -> pd.DataFrame:
    """Six sound rows two minutes apart, with some columns replaced or added."""
    table = {
        "time": [f"5/31/99 0:{minute:02d}" for minute in range(0, 12, 2)],
        "y": [0, 0, 0, 1, 0, 0],
        "a": [1.0, 2.5, 2.0, 4.0, 3.0, 6.0],
        "b": [5.0, 2.0, 7.0, 1.0, 0.0, 3.5],
    }
    return pd.DataFrame({**table, **columns}, index=range(2, 8))


def check(table: pd.DataFrame, section: ReadingsSection = SECTION, **options: Any) -> SensorReadings:
    return check_readings(RawTable(table, "readings.csv", "0" * 64), section, **options)


def refusal(table: pd.DataFrame, section: ReadingsSection = SECTION, **options: Any) -> str:
    """The message with which a table is refused."""
    with pytest.raises(InputError) as caught:
        check(table, section, **options)
    return str(caught.value)


def test_readings_hold_what_the_table_holds() -> None:
    readings = check(table_with())
    assert readings.sensors == ("a", "b")
    assert readings.values.tolist() == table_with()[["a", "b"]].to_numpy().tolist()


def test_arrays_have_the_promised_types() -> None:
    readings = check(table_with(a=[1, 2, 3, 4, 5, 7]))
    types = [str(array.dtype) for array in (readings.times, readings.events, readings.values, readings.runs)]
    assert types == ["datetime64[ns]", "bool", "float64", "int64"]


@pytest.mark.parametrize("b", [[5.0, 2.0, 7.0, 1.0, 0.0, 3.5], [1.0] * 6])
def test_values_are_in_c_order(b: list[float]) -> None:
    assert check(table_with(b=b)).values.flags.c_contiguous


def test_events_are_the_rows_with_label_1() -> None:
    assert np.flatnonzero(check(table_with()).events).tolist() == [3]


def test_source_and_hash_are_kept() -> None:
    readings = check(table_with())
    assert (readings.source, readings.sha256) == ("readings.csv", "0" * 64)


@pytest.mark.parametrize("section", [SECTION, FILL])
def test_the_table_is_not_changed(section: ReadingsSection) -> None:
    table = table_with(c=[1.0, 2.0, None, 4.0, 5.0, 7.0] if section is FILL else [1, 2, 3, 4, 5, 7])
    before = table.copy(deep=True)
    check(table, section)
    pd.testing.assert_frame_equal(table, before)


def test_the_step_is_the_median_difference() -> None:
    assert check(table_with()).step_minutes == 2.0


def test_a_configured_step_is_kept() -> None:
    assert check(table_with(), ReadingsSection(step_minutes=1.0)).runs.tolist() == [0, 1, 2, 3, 4, 5]


def test_runs_end_at_gaps_alone() -> None:
    times = ["5/31/99 0:00", "5/31/99 0:02", "5/31/99 0:20", "5/31/99 0:22", "5/31/99 0:25", "5/31/99 0:29"]
    readings = check(table_with(time=times), ReadingsSection(step_minutes=2.0))
    assert readings.runs.tolist() == [0, 0, 1, 1, 1, 2]


# columns


@pytest.mark.parametrize(
    ("column", "setting"), [("time", "`readings.time_column`"), ("y", "`readings.label_column`")]
)
def test_a_missing_column_is_refused(column: str, setting: str) -> None:
    assert f"Expected the columns {column} ({setting})" in refusal(table_with().drop(columns=column))


def test_all_missing_columns_are_named_at_once() -> None:
    message = refusal(table_with().drop(columns=["time", "y"]), ReadingsSection(drop_columns=("c",)))
    assert (
        "time (`readings.time_column`), y (`readings.label_column`), c (`readings.drop_columns`)" in message
    )


def test_a_missing_label_column_means_no_events_where_none_are_needed() -> None:
    assert not check(table_with().drop(columns="y"), are_labels_needed=False).events.any()


def test_an_empty_label_column_means_no_events_where_none_are_needed() -> None:
    assert not check(table_with(y=np.nan), are_labels_needed=False).events.any()


def test_labels_are_used_where_they_are_not_needed() -> None:
    assert check(table_with(), are_labels_needed=False).events.any()


def test_labels_are_checked_where_they_are_not_needed() -> None:
    assert "neither 0 nor 1" in refusal(table_with(y=[0, 0, 0, 2, 0, 0]), are_labels_needed=False)


UNLABELLED = ReadingsSection(label_column=None)


def test_without_a_label_column_there_are_no_events() -> None:
    assert not check(table_with().drop(columns="y"), UNLABELLED).events.any()


def test_without_a_label_column_every_column_of_numbers_is_a_sensor() -> None:
    assert check(table_with(), UNLABELLED).sensors == ("y", "a", "b")


def test_without_a_label_column_the_other_columns_are_still_checked() -> None:
    table = table_with(a=[1.0, 2.0, np.nan, 3.0, 4.0, 5.0]).drop(columns="y")
    assert "  a: missing value, 1 row, first in row 4" in refusal(table, UNLABELLED).splitlines()


def test_without_a_label_column_the_time_is_still_needed() -> None:
    message = refusal(table_with().drop(columns=["time", "y"]), UNLABELLED)
    assert "Expected the columns time (`readings.time_column`)" in message


def test_without_a_label_column_a_model_needs_none() -> None:
    readings = check(table_with().drop(columns="y"), UNLABELLED, sensors=("b", "a"), categories=())
    assert (readings.sensors, bool(readings.events.any())) == (("b", "a"), False)


def test_dropped_columns_are_no_sensors() -> None:
    assert check(table_with(), ReadingsSection(drop_columns=("b",))).sensors == ("a",)


@pytest.mark.parametrize("column", ["time", "y"])
def test_time_and_label_cannot_be_dropped(column: str) -> None:
    assert "must differ" in refusal(table_with(), ReadingsSection(drop_columns=(column,)))


def test_time_and_label_cannot_be_one_column() -> None:
    assert "must differ" in refusal(table_with(), ReadingsSection(label_column="time"))


def test_categorical_columns_are_no_sensors_and_may_be_text() -> None:
    section = ReadingsSection(categorical_columns=("grade", "x28"))
    assert check(table_with(grade=list("aabbcc")), section).sensors == ("a", "b")


def test_categories_are_numbered_in_the_order_in_which_they_come() -> None:
    section = ReadingsSection(categorical_columns=("grade", "x28"))
    readings = check(table_with(grade=list("bbacab")), section)
    assert readings.categories == ("grade",)
    assert readings.category_values[:, 0].tolist() == [0, 0, 1, 2, 1, 0]


def test_categories_may_be_numbers() -> None:
    section = ReadingsSection(categorical_columns=("grade",))
    assert check(table_with(grade=[9.5, 2, 2, 9.5, 9.5, 3]), section).category_values[:, 0].tolist() == [
        *(0, 1, 1, 0, 0, 2)
    ]


def test_a_missing_category_is_numbered_minus_1() -> None:
    table = pd.DataFrame({"grade": ["b", None, "b"], "code": [7.0, 7.0, np.nan]})
    assert number_categories(table, ["grade", "code"]).tolist() == [[0, 0], [-1, 0], [0, -1]]


def test_dropped_columns_are_no_categories() -> None:
    section = ReadingsSection(categorical_columns=("grade",), drop_columns=("grade",))
    assert check(table_with(grade=list("aabbcc")), section).categories == ()


def test_without_categories_there_is_a_column_of_none() -> None:
    readings = check(table_with())
    assert (readings.categories, readings.category_values.shape) == ((), (6, 0))


def test_the_categories_are_those_that_a_model_asks_for() -> None:
    table = table_with(grade=list("aabbcc"), shift=list("abcabc"))
    readings = check(table, ReadingsSection(), sensors=("a",), categories=("shift",))
    assert (readings.sensors, readings.categories) == (("a",), ("shift",))
    assert readings.category_values[:, 0].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_category_that_a_model_asks_for_must_be_there() -> None:
    message = refusal(table_with(), sensors=("a",), categories=("grade",))
    assert "Expected every column that the model was trained on. readings.csv lacks grade." in message


def test_a_table_without_sensors_is_refused() -> None:
    section = ReadingsSection(categorical_columns=("a",), drop_columns=("b",))
    assert "Expected at least one sensor column" in refusal(table_with(), section)


def test_repeated_column_names_are_refused() -> None:
    assert "more than one column named a" in refusal(table_with().rename(columns={"b": "a"}))


def test_columns_named_by_numbers_are_refused() -> None:
    table = table_with().rename(columns={"b": 7})
    assert "Expected a name for every column" in refusal(table)


COMPLETE = ReadingsSection(complete_series=True)


def series_with(names: list[str]) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(6, len(names)))
    return pd.concat([table_with(), pd.DataFrame(values, index=range(2, 8), columns=names)], axis="columns")


def test_a_hole_in_a_numbered_series_is_refused() -> None:
    names = [f"x{number}" for number in range(1, 21) if number != 17]
    assert "x1..x20. readings.csv lacks x17." in refusal(series_with(names), COMPLETE)


def test_a_hole_is_spelled_like_its_series() -> None:
    names = [f"x{number:02d}" for number in range(1, 21) if number != 7]
    assert "x01..x20. readings.csv lacks x07." in refusal(series_with(names), COMPLETE)


def test_a_hole_that_is_known_is_accepted() -> None:
    names = [f"x{number}" for number in range(1, 21) if number != 17]
    section = ReadingsSection(absent_columns=("x17",), complete_series=True)
    assert "x16" in check(series_with(names), section).sensors


def test_a_categorical_column_closes_its_series() -> None:
    names = [f"x{number}" for number in range(1, 21)]
    assert (
        "x17"
        not in check(
            series_with(names), ReadingsSection(categorical_columns=("x17",), complete_series=True)
        ).sensors
    )


def test_a_hole_in_a_numbered_series_of_another_table_is_none() -> None:
    names = [f"x{number}" for number in range(1, 21) if number != 17]
    assert len(check(series_with(names)).sensors) == 19 + len(check(table_with()).sensors)


@pytest.mark.parametrize(
    "numbers", [range(101, 113), [1, 2, 3, 5, 6, 7, 8, 9], [*range(1, 10), 11, 14, 15, 16, 20]]
)
def test_other_numbered_columns_are_no_series(numbers: list[int]) -> None:
    assert "x1" in "".join(check(series_with([f"x{number}" for number in numbers]), COMPLETE).sensors)


# times


def test_rows_without_a_readable_time_are_refused_with_the_first_of_them() -> None:
    times = ["5/31/99 0:00", "5/31/99 0:02", "noon", "5/31/99 0:06", "5/31/99 0:08", None]
    assert "  time: not a time, 2 rows, first in row 4: 'noon'" in refusal(table_with(time=times))


def test_numbers_are_no_times() -> None:
    assert "  time: not a time, 6 rows, first in row 2: 0" in refusal(table_with(time=range(6)))


def test_repeated_times_are_refused() -> None:
    times = table_with()["time"].replace("5/31/99 0:04", "5/31/99 0:02")
    assert "  time: same time as an earlier row, 1 row, first in row 4" in refusal(table_with(time=times))


def test_times_that_run_backwards_are_refused() -> None:
    times = ["5/31/99 0:00", "5/31/99 0:04", "5/31/99 0:02", "5/31/99 0:06", "5/31/99 0:08", "5/31/99 0:10"]
    message = refusal(table_with(time=times))
    assert "  time: earlier than the row above, 1 row, first in row 4: '5/31/99 0:02'" in message


def test_one_row_has_no_step() -> None:
    message = refusal(table_with().head(1), are_labels_needed=False)
    assert "Expected at least two rows" in message


def test_one_row_is_enough_where_the_step_is_known() -> None:
    readings = check(
        table_with().head(1),
        ReadingsSection(step_minutes=2.0),
        are_labels_needed=False,
        sensors=("a", "b"),
    )
    assert readings.values.shape == (1, 2)


def test_a_table_without_rows_is_refused() -> None:
    assert "Expected rows of readings" in refusal(table_with().head(0), are_labels_needed=False)


# words and numbers for no value


def test_a_word_for_no_value_is_refused_as_a_missing_value_with_its_count() -> None:
    message = refusal(table_with(a=["1", "Bad Input", "2", "4", "Bad", "6"]))
    assert "  a: missing value, 2 rows, first in row 3: 'Bad Input'" in message.splitlines()
    assert "cells are missing by `readings.missing_words`: a: 1 Bad Input, 1 Bad" in message


def test_words_for_no_value_are_filled_and_counted_as_configured() -> None:
    readings = check(table_with(a=["1", "Bad Input", "2", "4", "5", "6"]), FILL)
    assert readings.values[:, 0].tolist() == [1.0, 1.0, 2.0, 4.0, 5.0, 6.0]
    assert [finding.check for finding in readings.findings][:2] == ["missing_words", "filled_values"]


def test_a_model_reads_such_words_as_training_did() -> None:
    table = table_with(a=["1", "Bad Input", "2", "4", "5", "6"])
    readings = check(table, FILL, are_labels_needed=False, sensors=("a", "b"), categories=())
    assert readings.values[:, 0].tolist() == [1.0, 1.0, 2.0, 4.0, 5.0, 6.0]


def test_a_value_beyond_its_limits_is_filled_and_counted_as_configured() -> None:
    section = FILL.model_copy(update={"limits": {"a": (0.0, 5.0)}})
    readings = check(table_with(), section)
    assert readings.values[:, 0].tolist() == [1.0, 2.5, 2.0, 4.0, 3.0, 3.0]
    assert readings.findings[0].details == {"words": {"a": {"above 5": 1}}}
    assert "(`readings.missing_words`, `readings.limits`)" in readings.findings[0].message


def test_limits_of_a_sensor_that_is_not_there_are_refused() -> None:
    section = ReadingsSection(limits={"c": (0.0, 5.0)})
    assert "Expected the columns c (`readings.limits`)" in refusal(table_with(), section)


def test_a_sentinel_is_a_finding_until_it_is_listed() -> None:
    table = table_with(a=[1.0, 2.5, -9999.0, 4.0, 3.0, 6.0])
    (finding,) = (each for each in check(table).findings if each.check == "likely_sentinels")
    assert (finding.columns, finding.details) == (("a",), {"values": {"a": {"-9999": 1}}})
    assert "set `readings.missing_words` to default,-9999" in finding.message
    filled = check(table, FILL.model_copy(update={"missing_words": ("-9999",)}))
    assert filled.values[:, 0].tolist() == [1.0, 2.5, 2.5, 4.0, 3.0, 6.0]
    assert "likely_sentinels" not in {each.check for each in filled.findings}


# labels


@pytest.mark.parametrize(
    "labels", [[0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [False, False, False, True, False, False], list("000100")]
)
def test_labels_may_be_floats_bools_or_digits(labels: list[Any]) -> None:
    assert np.flatnonzero(check(table_with(y=labels)).events).tolist() == [3]


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ([0, 2, 0, 1, 0, 0], "  y: neither 0 nor 1, 1 row, first in row 3: 2"),
        ([0, 0.5, 0, 1, 0, -1], "  y: neither 0 nor 1, 2 rows, first in row 3: 0.5"),
        (["no", "no", "no", "yes", "no", "no"], "  y: neither 0 nor 1, 6 rows, first in row 2: 'no'"),
        ([0, None, 0, 1, 0, 0], "  y: missing value, 1 row, first in row 3"),
    ],
)
def test_other_labels_are_refused(labels: list[Any], line: str) -> None:
    assert line in refusal(table_with(y=labels)).splitlines()


def test_the_advice_about_a_missing_label_is_about_labels() -> None:
    message = refusal(table_with(y=[0, None, 0, 1, 0, 0]))
    assert "label every row up to the last one with a label" in message
    assert "forward_fill" not in message


def test_the_advice_about_a_missing_value_is_about_sensors() -> None:
    message = refusal(table_with(a=[1.0, None, 2.0, 4.0, 3.0, 6.0]))
    assert "forward_fill" in message
    assert "last one with a label" not in message


def test_without_any_label_the_advice_is_to_train_without_them() -> None:
    assert "set `readings.label_column` to null" in refusal(table_with(y=np.nan))


def test_late_labels_mean_no_events_where_none_are_needed() -> None:
    readings = check(table_with(y=[0, 1, 0, 1, None, None]), are_labels_needed=False)
    assert np.flatnonzero(readings.events).tolist() == [1, 3]


def test_other_missing_labels_are_refused_where_none_are_needed() -> None:
    message = refusal(table_with(y=[0, None, 0, 1, None, None]), are_labels_needed=False)
    assert "  y: missing value, 1 row, first in row 3" in message.splitlines()


def test_a_table_without_events_is_right() -> None:
    assert not check(table_with(y=0)).events.any()


# sensors


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1, "open", 2, 3, 4, 5], "  a: text where a number is expected, 1 row, first in row 3: 'open'"),
        ([1.0, 2.0, np.nan, 3.0, np.nan, 5.0], "  a: missing value, 2 rows, first in row 4"),
        ([1.0, 2.0, np.inf, 3.0, -np.inf, 5.0], "  a: infinite value, 2 rows, first in row 4: inf"),
    ],
)
def test_sensor_values_that_are_no_finite_numbers_are_refused(values: list[Any], line: str) -> None:
    assert line in refusal(table_with(a=values)).splitlines()


def test_every_failing_column_is_in_one_message() -> None:
    table = table_with(
        time=["x", *table_with()["time"].iloc[1:]],
        y=[0, 0, 0, 2, 0, 0],
        a=["1", "2", "open", "4", "5", "6"],
        b=[1.0, np.nan, np.inf, 4.0, 5.0, 6.0],
    )
    assert refusal(table).splitlines()[:6] == [
        "readings.csv does not satisfy its schema (4 invalid columns). Expected times that increase from row "
        "to row, labels 0 or 1, and a finite number in every sensor. "
        "Received (row numbers as in the table):",
        "  time: not a time, 1 row, first in row 2: 'x'",
        "  y: neither 0 nor 1, 1 row, first in row 5: 2",
        "  a: text where a number is expected, 1 row, first in row 4: 'open'",
        "  b: missing value, 1 row, first in row 3",
        "  b: infinite value, 1 row, first in row 4: inf",
    ]


def test_a_message_says_what_to_do_about_its_faults_alone() -> None:
    message = refusal(table_with(a=[1.0, 2.0, np.nan, 3.0, 4.0, 5.0]))
    assert message.partition("Correct the table, or:\n")[2].count("  - ") == 1


def test_long_text_is_shortened() -> None:
    assert len(refusal(table_with(a=[1000 * "a" + str(row) for row in range(6)])).splitlines()[1]) < 120


@settings(deadline=None)
@given(faults=st.lists(st.sampled_from(["number", "text", "missing", "infinite"]), min_size=6, max_size=6))
def test_failures_are_counted_right(faults: list[str]) -> None:
    values = {"number": 1.5, "text": "open", "missing": None, "infinite": float("inf")}
    table = table_with(a=pd.Series([values[fault] for fault in faults], dtype=object, index=range(2, 8)))
    # the event row, the fourth, needs no value
    faults = [*faults[:3], "number" if faults[3] == "missing" else faults[3], *faults[4:]]
    reports = {"text": "text where a number is expected", "missing": "missing value", "infinite": "infinite"}
    section = SECTION.model_copy(update={"dead_sensors_at_most": 0})
    message = refusal(table, section, sensors=("a", "b")) if set(faults) != {"number"} else ""
    for fault, report in reports.items():
        rows = "1 row," if faults.count(fault) == 1 else f"{faults.count(fault)} rows,"
        lines = [line for line in message.splitlines() if line.startswith(f"  a: {report}")]
        assert [f" {rows} first in row {faults.index(fault) + 2}" in line for line in lines] == (
            [True] if fault in faults else []
        )


# filling


def test_short_holes_are_filled_with_the_value_before() -> None:
    readings = check(table_with(a=[1.0, np.nan, np.nan, 4.0, np.nan, 6.0]), FILL)
    assert readings.values[:, 0].tolist() == [1.0, 1.0, 1.0, 4.0, 4.0, 6.0]


def test_filled_values_are_a_finding() -> None:
    readings = check(table_with(a=[1.0, np.nan, np.nan, 4.0, np.nan, 6.0]), FILL)
    filled = [finding.details for finding in readings.findings if finding.check == "filled_values"]
    assert filled == [{"filled": {"a": 3}}]


def test_long_holes_remain_and_are_counted() -> None:
    section = FILL.model_copy(update={"fill_rows_at_most": 1})
    message = refusal(table_with(a=[1.0, np.nan, np.nan, np.nan, 5.0, 6.0]), section)
    # the first missing value is filled, and the third is that of an event
    assert "  a: missing value, 1 row, first in row 4" in message.splitlines()


def test_a_hole_at_the_start_remains() -> None:
    message = refusal(table_with(a=[np.nan, 2.0, 3.0, 4.0, 5.0, 6.0]), FILL)
    assert "  a: missing value, 1 row, first in row 2" in message.splitlines()


def test_a_hole_after_a_gap_remains() -> None:
    times = [f"5/31/99 {hour}:{minute:02d}" for hour in (0, 1) for minute in (0, 2, 4)]
    table = table_with(time=times, y=[0, 0, 0, 0, 1, 0], a=[1.0, 2.0, np.nan, np.nan, 5.0, 6.0])
    assert "  a: missing value, 1 row, first in row 5" in refusal(table, FILL).splitlines()


def test_text_among_holes_stays_a_fault_of_its_own() -> None:
    message = refusal(table_with(a=["1", None, "open", "4", "5", "6"]), FILL)
    assert message.splitlines()[1:-1] == [
        "  a: text where a number is expected, 1 row, first in row 4: 'open'",
        "Correct the table, or:",
    ]


# constants and runs


def test_a_constant_sensor_is_left_out_with_a_finding() -> None:
    readings = check(table_with(b=1.0))
    assert readings.sensors == ("a",)
    assert [finding.columns for finding in readings.findings if finding.check == "near_constant"] == [("b",)]


def test_a_constant_sensor_is_kept_where_a_model_asks_for_it() -> None:
    assert check(table_with(b=1.0), sensors=("a", "b")).sensors == ("a", "b")


def test_a_table_of_constants_is_refused() -> None:
    assert "Expected a sensor that varies" in refusal(table_with(a=1.0, b=2.0))


# the tables that leave

DRIVERS = (
    '[{"sensor":"a","share":1.0,"column":"a","group":"level","direction":"below","last":[2],"expected":[3]}]'
)


def test_a_sound_scored_table_is_returned() -> None:
    table = pd.DataFrame(
        {
            "time": pd.date_range("2020", periods=2),
            "score": [1.0, 2.0],
            "threshold": 2.0,
            "alarm": [False, True],
            "top_sensors": ["a", "a"],
            "drivers": ["", DRIVERS],
        }
    )
    assert check_scored_table(table) is table


def test_a_wrong_alarm_is_refused_with_its_row() -> None:
    table = pd.DataFrame(
        {
            "time": pd.date_range("2020", periods=2),
            "score": [1.0, 2.0],
            "threshold": 2.0,
            "alarm": [False, False],
            "top_sensors": ["a", "a"],
            "drivers": ["", DRIVERS],
        }
    )
    with pytest.raises(
        InputError, match="alarm: not equal to score >= threshold, 1 row, first in row 1: False"
    ):
        check_scored_table(table)


def test_a_labelled_table_without_runs_is_refused() -> None:
    table = pd.DataFrame({"time": pd.date_range("2020", periods=2), "label": [0, 1], "a": [1.0, 2.0]})
    with pytest.raises(InputError, match="run: missing column"):
        check_labelled_table(table, ["a"])


def test_a_last_line_that_is_cut_is_a_finding(tmp_path: Path) -> None:
    rows = [f"2024-05-01 00:{2 * row:02},{row == 4:d},{row % 3},{row % 4}.5" for row in range(10)]
    (tmp_path / "growing.csv").write_text("\n".join(["time,y,a,b", *rows])[:-4])
    readings = check_readings(load_readings(tmp_path / "growing.csv", SECTION), SECTION)
    assert len(readings.times) == 9
    assert readings.findings[0].check == "unfinished_line"


# the real file


@pytest.fixture(scope="module")
def mill_readings() -> SensorReadings:
    return check_readings(load_readings(require_mill_file(), SECTION), SECTION)


def test_the_mill_data_has_its_published_size(mill_readings: SensorReadings) -> None:
    assert (mill_readings.values.shape, int(mill_readings.events.sum())) == ((18_398, 59), 124)


def test_the_mill_data_has_its_measured_gaps(mill_readings: SensorReadings) -> None:
    details = {finding.check: finding.details for finding in mill_readings.findings}["time_gaps"]
    assert (details["gaps"], details["after_events"], details["longest_minutes"]) == (107, 103, 834.0)


def test_the_mill_data_looks_ahead_as_measured(mill_readings: SensorReadings) -> None:
    details = {finding.check: finding.details for finding in mill_readings.findings}["look_ahead"]
    assert details["share"] == pytest.approx(0.25, abs=0.03)
    measured = {"x15": 0.88, "x48": 0.83, "x5": 0.81}
    assert {name: details["shares"][name] for name in measured} == pytest.approx(measured, abs=0.02)


FAULTS = st.sampled_from([1.0, 2.5, -1.0, np.nan, np.inf, None, "text", True])
MINUTES = st.lists(st.sampled_from([0, 1, 2, 3, 4, None]), min_size=1, max_size=4)


@given(minutes=MINUTES, values=st.lists(FAULTS, min_size=4, max_size=4), labels=st.lists(FAULTS, min_size=4))
def test_what_is_plainly_right_passes_the_schema(minutes: list, values: list, labels: list) -> None:
    rows = len(minutes)
    times = pd.to_datetime([None if minute is None else minute * 60_000_000_000 for minute in minutes])
    table = pd.DataFrame({"time": times, "y": labels[:rows], "a": values[:rows]})
    if is_plainly_right(table, "time", "y"):
        raw_schema("time", "y", ["a"]).validate(table)


@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], [False, True]])
def test_whole_numbers_at_rising_times_are_plainly_right(labels: list) -> None:
    table = pd.DataFrame({"time": pd.to_datetime([0, 1]), "y": labels, "a": [1, 2], "b": [0.5, -3.0]})
    assert is_plainly_right(table, "time", "y") == (labels[0] is not False)
    assert is_plainly_right(table.drop(columns="y"), "time", None)
