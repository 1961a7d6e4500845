"""The column with the times is found, or one sentence asks for it."""

from __future__ import annotations

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.times.time_columns import find_time_column, join_time_columns

TIMES = pd.date_range("2024-03-01 22:00", periods=200, freq="2min")
DATES, CLOCKS = TIMES.strftime("%Y-%m-%d"), TIMES.strftime("%H:%M:%S")


def find(columns: dict[str, object], **settings: object) -> RawTable:
    table = pd.DataFrame({**columns, "s1": range(200)})
    return find_time_column(RawTable(table, "new.csv", ""), ReadingsSection.model_validate(settings))


def test_a_table_with_the_configured_column_stays_as_it_is() -> None:
    found = find({"time": TIMES.astype(str), "other": TIMES})
    assert list(found.table.columns) == ["time", "other", "s1"]
    assert (found.found, found.findings) == ({}, ())


def test_the_only_column_of_times_is_used_and_reported() -> None:
    found = find({"Timestamp": TIMES.astype(str), "y": 0})
    assert found.found == {"readings.time_column": "Timestamp"}
    (finding,) = found.findings
    assert finding.message == "The times were read from `Timestamp`, because the column `time` is missing."


def test_numbers_since_1970_are_a_column_of_times_and_a_counter_is_none() -> None:
    seconds = TIMES.astype("datetime64[s]").astype("int64")
    found = find({"counter": range(40_000, 40_200), "epoch": seconds})
    assert found.found == {"readings.time_column": "epoch"}


def test_two_columns_of_times_are_asked_about() -> None:
    with pytest.raises(
        InputError, match="has start, end, which hold dates or times. Set `readings.time_column`"
    ):
        find({"start": TIMES.astype(str), "end": (TIMES + pd.Timedelta("1min")).astype(str)})


def test_a_table_without_times_is_left_to_the_schema_check() -> None:
    found = find({"label": ["a", "b"] * 100})
    assert list(found.table.columns) == ["label", "s1"]


@pytest.mark.parametrize("names", [("date", "time"), ("Day", "Clock")])
def test_columns_of_dates_and_times_of_day_are_found(names: tuple[str, str]) -> None:
    found = find({names[0]: DATES, names[1]: CLOCKS})
    assert found.found == {"readings.time_column": ",".join(names)}
    assert list(found.table.columns) == [",".join(names), "s1"]
    assert found.table.iloc[0, 0] == "2024-03-01 22:00:00"


@pytest.mark.parametrize("setting", ["date,time", "date, time"])
def test_two_columns_that_are_named_are_joined_under_the_name_of_the_setting(setting: str) -> None:
    found = find({"date": DATES, "time": CLOCKS}, time_column=setting)
    assert list(found.table.columns) == [setting, "s1"]
    assert (found.found, found.findings) == ({}, ())


def test_dates_and_times_of_day_of_a_spreadsheet_are_joined() -> None:
    table = pd.DataFrame({"date": TIMES.normalize(), "time": TIMES.time})
    joined = join_time_columns(table, ReadingsSection(time_column="date,time"))
    assert joined["date,time"].tolist() == TIMES.strftime("%Y-%m-%d %H:%M:%S").tolist()


def test_a_column_whose_name_has_a_comma_is_one_column() -> None:
    table = pd.DataFrame({"Time, UTC": TIMES, "Time": 1, "UTC": 2})
    assert join_time_columns(table, ReadingsSection(time_column="Time, UTC")) is table


def test_a_missing_part_leaves_the_table_as_it_is() -> None:
    table = pd.DataFrame({"date": DATES, "s1": 1})
    assert join_time_columns(table, ReadingsSection(time_column="date,time")) is table
