"""Times read back the same, however a table writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from tasks.times.time_units import EXCEL, find_time_unit
from tasks.times.written_times import WrittenTimes, read_times

FIRST, LAST = datetime(1990, 1, 1), datetime(2060, 1, 1)
FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %I:%M:%S %p",
    "%d-%b-%Y %H:%M:%S",
    "%-d-%b-%Y %H:%M:%S",
    "%d-%b-%y %H:%M:%S",
    "%d-%B-%Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%b %-d, %Y %-I:%M:%S %p",
    "%d%b%Y:%H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S,%f",
    "%Y%m%d%H%M%S",
]
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def read(written: pd.Series, **settings: object) -> WrittenTimes:
    return read_times(written, ReadingsSection.model_validate(settings))


@settings(max_examples=40)
@given(
    begin=st.datetimes(FIRST, LAST).map(lambda moment: moment.replace(microsecond=0)),
    time_format=st.sampled_from(FORMATS),
    seconds=st.integers(1, 7200),
    rows=st.integers(40, 60),
)
def test_times_read_back_as_they_were_written(
    begin: datetime, time_format: str, seconds: int, rows: int
) -> None:
    times = pd.Series(pd.date_range(begin, periods=rows, freq=f"{seconds}s"))
    texts = times.dt.strftime(time_format)
    # a short table may not tell whether the day or the month comes first
    order = {"day_first": "%d/%m" in time_format} if "/%Y" in time_format else {}
    found = read(texts, **order).times
    assert found.tolist() == times.tolist()


@given(
    moments=st.lists(st.integers(662_688_000 * 10**9, 3_786_912_000 * 10**9), min_size=1, max_size=30),
    unit=st.sampled_from(sorted(UNITS)),
    is_text=st.booleans(),
)
def test_numbers_since_1970_are_read_exactly_in_the_unit_found(
    moments: list[int], unit: str, is_text: bool
) -> None:
    counts = np.array(moments) // UNITS[unit]
    written = pd.Series(counts).astype(str) if is_text else pd.Series(counts)
    found = read(written)
    assert found.time_unit == unit
    assert found.times.astype(np.int64).tolist() == (counts * UNITS[unit]).tolist()


@given(begin=st.datetimes(FIRST, LAST), minutes=st.integers(1, 300))
def test_days_of_a_spreadsheet_are_read_to_the_second(begin: datetime, minutes: int) -> None:
    begin = begin.replace(microsecond=0)
    times = pd.Series(pd.date_range(begin, periods=20, freq=f"{minutes}min"))
    days = (times - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    found = read(days)
    assert found.time_unit == EXCEL
    assert found.times.dt.round("s").tolist() == times.tolist()
    assert (found.times - times).abs().max() <= pd.Timedelta(milliseconds=1)


def test_a_given_unit_holds_against_the_one_found() -> None:
    assert read(pd.Series([45_000.0, 45_060.0]), time_unit="s").times.tolist() == [
        pd.Timestamp("1970-01-01 12:30"),
        pd.Timestamp("1970-01-01 12:31"),
    ]


@pytest.mark.parametrize("numbers", [[0, 60, 120], [12.5, 13.0], [-5, 5]])
def test_numbers_that_are_no_dates_are_no_times(numbers: list[float]) -> None:
    assert find_time_unit(pd.Series(numbers)) is None
    assert read(pd.Series(numbers)).times.isna().all()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["1-Nov-2024 13:05", "1-Nov-2024 13:06"], "2024-11-01 13:05"),
        (["Nov 1, 2024 1:05 PM", "Nov 1, 2024 1:06 PM"], "2024-11-01 13:05"),
        (["01NOV2024:13:05:00", "01NOV2024:13:06:00"], "2024-11-01 13:05"),
        (["31/10/2024 12:05 AM", "31/10/2024 12:06 AM"], "2024-10-31 00:05"),
        (["20240301", "20240302"], "2024-03-01"),
        (["1709251200", "1709251260", "?"], "2024-03-01"),
        (["31.10.2024 13:05:00.5", "31.10.2024 13:05:01"], "2024-10-31 13:05:00.5"),
    ],
)
def test_what_plants_write_is_read(written: list[str], expected: str) -> None:
    assert read(pd.Series(written)).times.iloc[0] == pd.Timestamp(expected)


def test_whole_seconds_among_fractions_are_read() -> None:
    found = read(pd.Series(["31.10.2024 13:05:00,25", "31.10.2024 13:05:01"])).times
    assert found.iloc[1] == pd.Timestamp("2024-10-31 13:05:01")


def test_text_that_is_no_time_stays_missing_among_numbers() -> None:
    found = read(pd.Series(["1709251200", "1709251260", "no time"]))
    assert found.times.isna().tolist() == [False, False, True]


def test_times_with_a_zone_are_not_converted_again() -> None:
    aware = pd.Series(pd.date_range("2024-06-01", periods=3, freq="h", tz=UTC))
    found = read(aware, time_zone="Europe/Berlin").times
    assert found.iloc[0] == pd.Timestamp("2024-06-01")
    texts = pd.Series(["2024-06-01T02:00:00+02:00", "2024-06-01T03:00:00"])
    assert read(texts, time_zone="Europe/Berlin").times.tolist() == [
        pd.Timestamp("2024-06-01 00:00"),
        pd.Timestamp("2024-06-01 01:00"),
    ]


def test_numbers_since_1970_are_in_utc_and_days_of_a_spreadsheet_local() -> None:
    seconds = pd.Series([1_717_200_000, 1_717_200_060])
    assert read(seconds, time_zone="Europe/Berlin").times.iloc[0] == pd.Timestamp("2024-06-01")
    days = pd.Series([45_444.0, 45_444.5])
    assert read(days, time_zone="Europe/Berlin").times.iloc[0] == pd.Timestamp("2024-05-31 22:00")
