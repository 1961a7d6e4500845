"""Irregular rows are put on a regular step, and no row sees a later reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.arrangement.resample import Resampled, propose_step, resample_rows

BEGIN = pd.Timestamp("2024-03-01")


def resample(
    seconds: Sequence[float], columns: dict[str, object] | None = None, **settings: object
) -> Resampled:
    times = pd.Series(BEGIN + pd.to_timedelta(np.array(seconds) * 1e9, unit="ns"))
    table = pd.DataFrame({"time": times, **(columns or {"s1": np.arange(len(seconds), dtype=float)})})
    section = ReadingsSection.model_validate({"resample_minutes": 1, **settings})
    return resample_rows(RawTable(table, "new.csv", ""), times, section)


def list_rows(found: Resampled, name: str = "s1") -> list[tuple[float, object]]:
    table = found.raw.table
    return list(
        zip(((table["time"] - BEGIN) / pd.Timedelta("1min")).tolist(), table[name].tolist(), strict=True)
    )


def test_a_row_holds_the_last_reading_up_to_its_time() -> None:
    found = resample([3, 59, 60, 61, 120, 300, 301])
    assert list_rows(found) == [(1, 2), (2, 4), (5, 5)]
    assert found.is_waiting.tolist() == [False] * 6 + [True]
    assert found.raw.table.index.tolist() == [2, 4, 5]


def test_a_row_may_hold_the_mean_of_its_interval() -> None:
    found = resample([3, 59, 60, 61, 120], resample_by="mean")
    assert list_rows(found) == [(1, 1.0), (2, 3.5)]


def test_a_sensor_without_a_value_in_an_interval_has_none() -> None:
    values = [1.0, np.nan, np.nan, np.nan, 5.0]
    found = resample([3, 59, 61, 119, 180], {"s1": values})
    assert np.array_equal(found.raw.table["s1"].to_numpy(), [1.0, np.nan, 5.0], equal_nan=True)


def test_words_for_no_value_are_cleared_and_counted_before() -> None:
    found = resample([3, 59, 120], {"s1": ["5", "Bad", "7"]})
    assert list_rows(found) == [(1, 5), (2, 7)]
    assert found.raw.findings[0].details == {"words": {"s1": {"Bad": 1}}}


def test_an_interval_with_an_event_row_is_an_event() -> None:
    found = resample([3, 30, 59, 61, 120, 150], {"y": [0, 1, 0, 0, 0, np.nan], "s1": range(6)})
    assert list_rows(found, "y") == [(1, 1), (2, 0)]


@pytest.mark.parametrize("by", ["last", "mean"])
def test_text_that_is_no_number_is_kept_for_later_steps_to_judge(by: str) -> None:
    found = resample([3, 59, 61, 120], {"s1": ["1", "x", "2", "4"]}, resample_by=by)
    assert list_rows(found) == [(1, "x"), (2, 3.0 if by == "mean" else "4")]


@given(
    seconds=st.lists(st.integers(0, 2_000), min_size=1, max_size=60, unique=True).map(sorted),
    cut=st.integers(0, 2_000),
    minutes=st.sampled_from([0.5, 1, 3]),
    by=st.sampled_from(["last", "mean"]),
)
def test_later_readings_change_no_row(seconds: list[int], cut: int, minutes: float, by: str) -> None:
    values = np.random.default_rng(len(seconds)).normal(size=len(seconds))
    whole = resample(seconds, {"s1": values}, resample_minutes=minutes, resample_by=by).raw.table
    before = [second for second in seconds if second <= cut]
    part = resample(before, {"s1": values[: len(before)]}, resample_minutes=minutes, resample_by=by).raw.table
    assert whole.head(len(part)).equals(part)
    # and a row holds readings of its own interval alone
    for time, value in zip(whole["time"], whole["s1"], strict=True):
        end = (time - BEGIN).total_seconds()
        is_own = [end - 60 * minutes < second <= end for second in seconds]
        own = values[is_own]
        assert value == pytest.approx(own[-1] if by == "last" else own.mean())


def test_rows_on_the_step_stay_as_they_are() -> None:
    found = resample([60, 120, 240])
    assert list_rows(found) == [(1, 0), (2, 1), (4, 2)]
    assert not found.is_waiting.any()


def test_rows_without_a_time_come_last_and_rows_far_ahead_complete_nothing() -> None:
    times = pd.Series([BEGIN + pd.Timedelta("30s"), pd.NaT, BEGIN + pd.Timedelta("9000D")])
    table = pd.DataFrame({"time": times, "s1": [1.0, 2.0, 3.0]})
    found = resample_rows(
        RawTable(table, "new.csv", ""),
        times,
        ReadingsSection(resample_minutes=1),
        latest=BEGIN.to_datetime64() + np.timedelta64(1, "D"),
    )
    assert found.is_waiting.tolist() == [True, False, False]
    assert found.raw.table["s1"].tolist() == [3.0, 2.0]


def test_in_a_long_table_a_row_at_the_end_of_an_interval_may_not_be_the_last_one() -> None:
    times = pd.Series(BEGIN + pd.to_timedelta([30, 60], unit="s"))
    raw = RawTable(pd.DataFrame({"time": times, "s1": [1.0, np.nan]}), "new.csv", "")
    section = ReadingsSection(resample_minutes=1)
    assert resample_rows(raw, times, section, are_times_whole=False).is_waiting.all()


def test_times_of_a_zone_are_marked_as_utc() -> None:
    found = resample([3, 60], time_zone="Europe/Berlin").raw.table
    assert found["time"].tolist() == [pd.Timestamp("2024-03-01 00:01", tz="UTC")]


@pytest.mark.parametrize(("longest", "step"), [(59, 1), (90, 2), (600, 10)])
def test_the_step_proposed_leaves_hardly_any_gap(longest: int, step: float) -> None:
    seconds = np.cumsum(np.random.default_rng(0).integers(1, longest + 1, 2_000))
    times = BEGIN.to_datetime64() + seconds.astype("timedelta64[s]")
    assert propose_step(times) == step
