"""Times, steps and runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.times.parse import find_step_minutes, number_runs, parse_times


@pytest.mark.parametrize(
    "text",
    [
        "5/31/99 0:02",
        "5-31-99 0:02",
        "05/31/99 00:02",
        "5/31/1999 0:02",
        "5-31-1999 0:02:00",
        "1999-05-31 00:02",
        "1999-05-31T00:02:00",
        "1999-05-31T00:02:00.000",
        "1999-05-31T00:02:00Z",
        "1999-05-31 02:02:00+02:00",
        " 5/31/99 0:02 ",
    ],
)
def test_known_spellings_of_a_time_are_found(text: str) -> None:
    assert parse_times(pd.Series([text]), None).tolist() == [pd.Timestamp("1999-05-31 00:02")]


def test_a_date_alone_is_a_time() -> None:
    assert parse_times(pd.Series(["5/31/99"]), None).tolist() == [pd.Timestamp("1999-05-31")]


def test_a_given_format_is_used() -> None:
    times = parse_times(pd.Series(["13.05.1999 00:02"]), "%d.%m.%Y %H:%M")
    assert times.tolist() == [pd.Timestamp("1999-05-13 00:02")]


def test_a_given_format_reads_numbers() -> None:
    assert parse_times(pd.Series([19990513]), "%Y%m%d").tolist() == [pd.Timestamp("1999-05-13")]


def test_a_given_format_with_a_zone_becomes_utc() -> None:
    times = parse_times(pd.Series(["1999-05-01 02:02 +0200"]), "%Y-%m-%d %H:%M %z")
    assert times.tolist() == [pd.Timestamp("1999-05-01 00:02")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetimes_stay_what_they_are(unit: str) -> None:
    times = pd.Series(np.array(["1999-05-01 00:02"], dtype=f"datetime64[{unit}]"))
    assert parse_times(times, None).tolist() == [pd.Timestamp("1999-05-01 00:02")]


def test_datetimes_with_a_zone_become_utc() -> None:
    times = pd.Series(pd.to_datetime(["1999-05-01 02:02"]).tz_localize("Europe/Berlin"))
    assert parse_times(times, None).tolist() == [pd.Timestamp("1999-05-01 00:02")]


def test_a_time_beyond_what_can_be_kept_is_no_time() -> None:
    assert parse_times(pd.Series(["1234-05-01T00:02:00"]), None).isna().all()


def test_a_missing_time_ends_a_run() -> None:
    times = pd.to_datetime(pd.Series(["2020-01-01 00:00", None, "2020-01-01 00:02"])).to_numpy()
    assert number_runs(times, 2.0).tolist() == [0, 1, 2]


def test_there_is_no_step_where_no_time_follows_another() -> None:
    assert np.isnan(find_step_minutes(np.array(["2020-01-01", "2020-01-01"], dtype="datetime64[ns]")))
