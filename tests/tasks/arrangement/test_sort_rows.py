"""Rows are put in time order, each once, and what cannot be is refused with the setting to use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.arrangement.sort_rows import sort_rows


def sort(minutes: Sequence[float], values: Sequence[float] | None = None, **settings: object) -> RawTable:
    times = pd.Timestamp("2024-10-27") + pd.to_timedelta(np.array(minutes) * 60e9, unit="ns")
    table = pd.DataFrame({"time": times, "s1": range(len(minutes)) if values is None else values})
    raw = RawTable(table.set_axis(range(2, len(table) + 2), axis=0), "new.csv", "")
    return sort_rows(raw, raw.table["time"], ReadingsSection.model_validate(settings))


@given(st.permutations(list(range(0, 40, 2))))
def test_any_order_becomes_the_order_of_time(minutes: list[int]) -> None:
    found = sort(minutes)
    assert found.table["time"].is_monotonic_increasing
    assert found.table["s1"].tolist() == np.argsort(minutes).tolist()
    assert bool(found.findings) == (minutes != sorted(minutes))


def test_the_newest_row_first_is_reported() -> None:
    found = sort([6, 4, 2, 0])
    assert found.table.index.tolist() == [5, 4, 3, 2]
    (finding,) = found.findings
    assert finding.message == "The table has its newest row first: the rows were sorted by time."
    assert finding.details == {"rows": 3}


def test_rows_in_order_stay_as_they_are() -> None:
    assert sort([0, 2, 4]).findings == ()


def test_repeated_rows_are_used_once_and_reported() -> None:
    found = sort([0, 2, 2, 4, 0], [7, 8, 8, 9, 7])
    assert found.table["s1"].tolist() == [7, 8, 9]
    (finding,) = found.findings
    assert (
        finding.message == "2 rows repeat another row in every column, the first is row 4: each is used once."
    )


def test_a_repeated_time_with_other_values_is_left_to_the_schema_check() -> None:
    found = sort([0, 2, 2, *range(4, 80, 2)])
    assert found.table["time"].duplicated().sum() == 1


@pytest.mark.parametrize("step", [1, 2, 10, 20])
def test_a_repeated_hour_is_refused_with_the_time_zone_to_set(step: int) -> None:
    minutes = [*range(0, 180, step), *range(120, 600, step)]
    with pytest.raises(InputError, match=r"02:00:00 follows .*in autumn: set `readings.time_zone`"):
        sort(minutes)
    with pytest.raises(InputError, match="set `readings.time_zone`"):
        sort(minutes[::-1])


def test_a_late_row_is_no_repeated_hour() -> None:
    assert sort([0, 2, 4, 8, 6, 10]).findings[0].check == "rows_sorted"


def test_two_machines_are_refused_with_the_column_to_set() -> None:
    table = pd.DataFrame(
        {
            "time": [*pd.date_range("2024-03-01", periods=20, freq="2min")] * 2,
            "s1": range(40),
            "press": ["A"] * 20 + ["B"] * 20,
        }
    )
    with pytest.raises(InputError, match="set `readings.machine_column=press`"):
        sort_rows(RawTable(table, "new.csv", ""), table["time"], ReadingsSection())
