"""Formats of written times: which one, and whether the day or the month comes first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InputError
from tasks.times.parse import parse_times
from tasks.times.time_formats import find_time_format, is_day_first


def write_times(
    begin: str, rows: int, time_format: str, minutes: float = 2.0, jitter_seconds: int = 0
) -> pd.Series:
    times = pd.date_range(begin, periods=rows, freq=pd.Timedelta(minutes=minutes))
    shifts = np.random.default_rng(1).integers(0, jitter_seconds + 1, rows)
    return pd.Series((times + pd.to_timedelta(shifts, unit="s")).strftime(time_format))


@pytest.mark.parametrize("time_format", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d-%m-%y %H:%M:%S"])
def test_rows_that_follow_each_other_over_midnight_tell_day_and_month_apart(time_format: str) -> None:
    texts = write_times("2024-03-01 23:50", 10, time_format)
    assert find_time_format(texts) == time_format
    assert parse_times(texts, None).iloc[[0, -1]].tolist() == [
        pd.Timestamp("2024-03-01 23:50"),
        pd.Timestamp("2024-03-02 00:08"),
    ]


@pytest.mark.parametrize("time_format", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
@pytest.mark.parametrize("begin", ["2024-11-01", "2024-11-10", "2024-11-20"])
def test_the_order_is_found_wherever_in_the_month_a_table_begins(time_format: str, begin: str) -> None:
    texts = write_times(begin, 400, time_format, minutes=60)
    assert find_time_format(texts) == time_format


@pytest.mark.parametrize("time_format", ["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"])
def test_the_order_is_found_in_irregular_rows(time_format: str) -> None:
    texts = write_times("2024-11-01", 3_000, time_format, jitter_seconds=110)
    assert find_time_format(texts) == time_format


@pytest.mark.parametrize("time_format", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_the_order_is_found_in_a_plant_that_stops_for_the_night(time_format: str) -> None:
    texts = write_times("2024-11-04", 5 * 720, time_format)
    by_day = texts[(np.arange(len(texts)) % 720) < 240]
    assert find_time_format(by_day) == time_format


@pytest.mark.parametrize("time_format", ["%d/%m/%Y", "%m/%d/%Y"])
def test_the_order_of_dates_alone_is_found(time_format: str) -> None:
    assert find_time_format(write_times("2024-11-01", 12, time_format, minutes=24 * 60)) == time_format


def test_the_order_is_found_with_the_newest_row_first() -> None:
    texts = write_times("2024-11-01", 800, "%d/%m/%Y %H:%M", minutes=10)[::-1]
    assert find_time_format(texts) == "%d/%m/%Y %H:%M"


def test_a_wrong_date_does_not_change_the_order() -> None:
    texts = write_times("2024-11-01", 400, "%m/%d/%Y %H:%M", minutes=60)
    texts.iloc[20] = "13/11/2024 20:00"
    texts.iloc[30] = "no time"
    times = parse_times(texts, None)
    assert np.flatnonzero(times.isna()).tolist() == [20, 30]
    assert times.iloc[-1] == pd.Timestamp("2024-11-17 15:00")


def test_dates_with_dots_have_the_day_first() -> None:
    assert parse_times(pd.Series(["01.03.2024 00:02"]), None).tolist() == [pd.Timestamp("2024-03-01 00:02")]


@pytest.mark.parametrize("text", ["1/3/2024 0:02", "01-03-24 00:02:00", "13/1/24"])
def test_dates_that_the_rows_do_not_settle_are_refused_with_the_setting(text: str) -> None:
    with pytest.raises(InputError, match=r"readings\.day_first") as caught:
        parse_times(pd.Series(["no time", text]), None)
    assert text in str(caught.value)


@pytest.mark.parametrize(("day_first", "month"), [(True, 3), (False, 1)])
@pytest.mark.parametrize("text", ["01/03/2024 00:02", "1-3-24 0:02:00", "01.03.2024 00:02"])
def test_the_setting_settles_day_and_month(text: str, day_first: bool, month: int) -> None:
    day = 4 - month
    times = parse_times(pd.Series([text]), None, day_first)
    assert times.tolist() == [pd.Timestamp(2024, month, day, 0, 2)]


def test_a_date_that_contradicts_the_setting_is_no_time() -> None:
    assert parse_times(pd.Series(["13/11/2024 0:02"]), None, False).isna().all()


@pytest.mark.parametrize("day_first", [True, False])
def test_the_setting_leaves_dates_with_the_year_first_alone(day_first: bool) -> None:
    times = parse_times(pd.Series(["2024-03-01 00:02"]), None, day_first)
    assert times.tolist() == [pd.Timestamp("2024-03-01 00:02")]


def test_two_digits_of_the_year_first_are_not_taken_for_the_day() -> None:
    with pytest.raises(InputError, match=r"readings\.time_format"):
        parse_times(write_times("2024-03-01", 1_000, "%y/%m/%d %H:%M"), None)


@pytest.mark.parametrize(
    ("time_format", "expected"),
    [
        ("%d/%m/%Y %H:%M", True),
        ("%m-%d-%y", False),
        ("%d.%m.%Y", True),
        ("%y/%m/%d", None),
        ("%Y-%m-%d", None),
        ("%d %b %Y", None),
        ("ISO8601", None),
        (None, None),
    ],
)
def test_a_format_says_whether_the_day_comes_first(time_format: str | None, expected: bool | None) -> None:
    assert is_day_first(time_format) is expected


def test_stored_times_and_numbers_have_no_format() -> None:
    assert find_time_format(pd.Series(pd.to_datetime(["2024-03-01"]))) is None
    assert find_time_format(pd.Series([20240301])) is None
