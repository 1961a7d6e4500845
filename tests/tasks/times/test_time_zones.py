"""Local times become UTC, and the hour that a clock repeats stays in the order of the rows."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.times.time_zones import convert_to_utc

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]


def write_local(times: pd.DatetimeIndex, zone: str) -> pd.Series:
    return pd.Series(times.tz_localize("UTC").tz_convert(zone).tz_localize(None))


@example(begin=datetime(2006, 2, 9), minutes=30, zone="Australia/Lord_Howe", is_reversed=False)
@given(
    begin=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    minutes=st.sampled_from([1, 2, 7, 20, 30]),
    zone=st.sampled_from(ZONES),
    is_reversed=st.booleans(),
)
def test_local_times_of_regular_rows_read_back(
    begin: datetime, minutes: int, zone: str, is_reversed: bool
) -> None:
    begin = begin.replace(minute=0, second=0, microsecond=0)
    times = pd.date_range(begin, begin + pd.Timedelta(days=200), periods=5)
    near = [pd.date_range(time, periods=100, freq=f"{minutes}min") for time in times]
    for stretch in near:
        local = write_local(stretch, zone)
        # a stretch that begins in the repeated hour does not tell in which pass
        is_clear = len(set(local.head(120 // minutes))) == len(local.head(120 // minutes))
        written = local[::-1] if is_reversed else local
        found = convert_to_utc(written, zone)
        expected = stretch[::-1] if is_reversed else stretch
        if is_clear and found.iloc[-1 if is_reversed else 0] == stretch[0]:
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("minutes", [1, 2, 10, 20, 30, 60])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_repeated_hour_is_read_in_the_order_of_the_rows(minutes: int, is_reversed: bool) -> None:
    times = pd.date_range("2024-10-26 20:00", "2024-10-27 06:00", freq=f"{minutes}min")
    times = times[::-1] if is_reversed else times
    found = convert_to_utc(write_local(times, "Europe/Berlin"), "Europe/Berlin")
    assert found.tolist() == times.tolist()


def test_rows_that_come_twice_stay_in_their_pass() -> None:
    times = pd.date_range("2024-10-26 23:30", "2024-10-27 02:00", freq="2min").repeat(2)
    found = convert_to_utc(write_local(times, "Europe/Berlin"), "Europe/Berlin")
    assert found.tolist() == times.tolist()


def test_times_that_the_clock_skips_are_none() -> None:
    local = pd.Series(pd.to_datetime(["2024-03-31 01:58", "2024-03-31 02:30", "2024-03-31 03:00"]))
    found = convert_to_utc(local, "Europe/Berlin")
    assert found.isna().tolist() == [False, True, False]
    assert found.iloc[2] - found.iloc[0] == pd.Timedelta(minutes=2)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (None, "2024-10-27 00:10"),
        ("2024-10-27 00:08", "2024-10-27 00:10"),
        ("2024-10-27 00:58", "2024-10-27 01:10"),
        ("2024-10-27 03:00", "2024-10-27 00:10"),
    ],
)
def test_a_batch_that_begins_in_the_repeated_hour_follows_the_row_before(
    after: str | None, expected: str
) -> None:
    local = pd.Series(pd.to_datetime(["2024-10-27 02:10", "2024-10-27 02:12"]))
    before = None if after is None else np.datetime64(after)
    found = convert_to_utc(local, "Europe/Berlin", before)
    assert found.tolist() == [pd.Timestamp(expected), pd.Timestamp(expected) + pd.Timedelta(minutes=2)]
