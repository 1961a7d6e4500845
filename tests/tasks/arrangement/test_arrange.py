"""A loaded table is brought into the shape of later steps, and what was found is kept."""

from __future__ import annotations

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.arrangement.arrange import arrange_rows, resample_table, take_found
from tests.plant_tables import make_plant_table


def arrange(table: pd.DataFrame, **settings: object) -> tuple[RawTable, ReadingsSection]:
    section = ReadingsSection.model_validate(settings)
    raw = arrange_rows(RawTable(table, "new.csv", ""), section)
    return raw, take_found(section, raw)


def test_a_plain_table_stays_as_it_is() -> None:
    table = make_plant_table(rows=50).astype({"time": str})
    raw, section = arrange(table)
    assert raw.table is table
    assert (raw.findings, section) == ((), ReadingsSection())


def test_everything_at_once_reads_as_the_plain_table() -> None:
    plain = make_plant_table(rows=120).drop(columns="y")
    long = plain.melt("time", var_name="tag", value_name="value")
    long.insert(0, "Zeit", long.pop("time").dt.strftime("%d.%m.%Y %H:%M"))
    both = pd.concat([long.assign(press="A"), long.assign(press="B", value=0.0)])
    shuffled = both.sample(frac=1, random_state=0, ignore_index=True)
    raw, section = arrange(shuffled, machine_column="press", machine="A", day_first=True)
    found = raw.table.rename(columns={"Zeit": "time"})[list(plain.columns)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, plain, check_dtype=False)
    assert section.time_column == "Zeit"
    assert raw.time_format == "%d.%m.%Y %H:%M"
    assert {finding.check for finding in raw.findings} == {"time_column", "other_machines", "long_table"}


def test_the_order_of_day_and_month_is_kept_when_times_are_converted() -> None:
    table = make_plant_table(rows=50)
    table["time"] = (table["time"] + pd.Timedelta(hours=23)).dt.strftime("%d/%m/%Y %H:%M")
    raw, section = arrange(table, time_zone="Europe/Berlin", resample_minutes=2)
    resampled = resample_table(raw, section)
    assert raw.found == {"readings.day_first": True}
    assert resampled.time_format == "%d/%m/%Y %H:%M"
    assert resampled.table["time"].iloc[0] == pd.Timestamp("2024-03-01 22:00", tz="UTC")


def test_times_that_the_clock_skips_are_refused_for_training() -> None:
    table = make_plant_table(rows=50)
    table["time"] = pd.date_range("2024-03-31 01:30", periods=50, freq="2min")
    with pytest.raises(InputError, match="30 times in an hour that the clock skips.*first is row 15"):
        arrange(table, time_zone="Europe/Berlin")


def test_repeated_times_with_other_values_are_not_hidden_by_a_step() -> None:
    table = make_plant_table(rows=100)
    table.loc[50, "time"] = table.loc[49, "time"]
    raw, section = arrange(table, resample_minutes=2)
    with pytest.raises(InputError, match="comes again with other values in 1 row; the first is row 50"):
        resample_table(raw, section)
