"""A long table becomes a wide one: pivoting inverts melting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.arrangement.long_tables import pivot_long_table


def pivot(table: pd.DataFrame, sensors: tuple[str, ...] = (), **given_settings: object) -> RawTable:
    return pivot_long_table(
        RawTable(table, "new.csv", ""), ReadingsSection.model_validate(given_settings), sensors
    )


def make_wide(rows: int = 6, sensors: int = 3, step: str = "2min") -> pd.DataFrame:
    values = np.arange(rows * sensors, dtype=np.float64).reshape(rows, sensors)
    table = pd.DataFrame(values, columns=[f"s{number}" for number in range(1, sensors + 1)])
    table.insert(0, "time", pd.date_range("2024-03-01", periods=rows, freq=step))
    return table


def melt(wide: pd.DataFrame) -> pd.DataFrame:
    return wide.melt("time", var_name="tag", value_name="value")


@settings(max_examples=40)
@given(
    rows=st.integers(2, 30),
    sensors=st.integers(2, 6),
    seed=st.integers(0, 1000),
    is_shuffled=st.booleans(),
)
def test_pivoting_inverts_melting(rows: int, sensors: int, seed: int, is_shuffled: bool) -> None:
    wide = make_wide(rows, sensors)
    long = melt(wide)
    long = long.sample(frac=1, random_state=seed, ignore_index=True) if is_shuffled else long
    found = pivot(long)
    pd.testing.assert_frame_equal(
        found.table[list(wide.columns)].reset_index(drop=True), wide, check_dtype=False
    )
    assert found.found == {
        "readings.layout": "long",
        "readings.tag_column": "tag",
        "readings.value_column": "value",
    }


def test_a_row_number_is_that_of_the_first_row_of_a_time() -> None:
    long = melt(make_wide(rows=3)).sort_values("time", kind="stable").set_axis(range(2, 11), axis=0)
    assert pivot(long).table.index.tolist() == [2, 5, 8]


def test_values_may_be_words() -> None:
    long = melt(make_wide())
    long["value"] = long["value"].astype(str).replace("7.0", "Bad")
    assert pivot(long).table["s2"].tolist() == ["1.0", "4.0", "Bad", "10.0", "13.0", "16.0"]


def test_other_columns_are_left_out_by_setting_and_reported() -> None:
    long = melt(make_wide(rows=20)).assign(quality=192, state=["good", "bad"] * 30, unit=["bar", "C"] * 30)
    with pytest.raises(
        InputError, match="sensors named in `tag` and values in `value`: set `readings.layout=long`"
    ):
        pivot(long)
    found = pivot(long, layout="long")
    assert list(found.table.columns) == ["time", "s1", "s2", "s3"]
    assert [finding.check for finding in found.findings] == ["long_table", "ignored_columns"]
    assert found.findings[1].columns == ("quality", "state", "unit")


def test_the_machines_of_a_wide_table_are_no_sensors() -> None:
    wide = make_wide()
    both = pd.concat([wide.assign(machine="A"), wide.assign(machine="B")], ignore_index=True)
    assert pivot(both).table is both
    assert pivot(both[["time", "s1", "machine"]].assign(y=0)).findings == ()


@pytest.mark.parametrize("layout", [{"layout": "wide"}, {"time_column": "other"}])
def test_a_wide_table_stays_as_it_is(layout: dict[str, object]) -> None:
    long = melt(make_wide())
    assert pivot(long, **layout).table is long
    assert pivot(make_wide().assign(grade=["a", "b"] * 3)).findings == ()


def test_a_table_with_the_sensors_of_a_version_is_wide_whatever_is_set() -> None:
    wide = make_wide()
    assert pivot(wide, ("s1", "s2"), layout="long", tag_column="tag").table is wide


def test_columns_that_cannot_be_found_are_asked_for() -> None:
    with pytest.raises(InputError, match=r"names \(`readings.tag_column`; found: none\)"):
        pivot(make_wide(), layout="long")


def test_repeated_rows_are_dropped_and_other_values_refused() -> None:
    long = melt(make_wide())
    found = pivot(pd.concat([long, long.head(3)], ignore_index=True))
    assert len(found.table) == 6
    assert found.findings[1].message.startswith("3 rows of the long table are left out")
    again = pd.concat([long, long.head(3).assign(value=99.0)], ignore_index=True)
    with pytest.raises(InputError, match="one value per sensor and time.*3 rows.*row 18, s1 at 2024-03-01"):
        pivot(again)


def test_sensors_read_at_different_times_need_a_common_step() -> None:
    long = melt(make_wide(rows=20))
    seconds = long["tag"].map({"s1": 0, "s2": 20, "s3": 40})
    long["time"] += pd.to_timedelta(seconds, unit="s")
    with pytest.raises(InputError, match="67% of the cells.*`readings.resample_minutes=2`"):
        pivot(long, layout="long")
    assert pivot(long, layout="long", resample_minutes=2).table["s2"].notna().sum() == 20
