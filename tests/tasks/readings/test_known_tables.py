"""The mill's rules apply to a table with the mill's columns, and to no other."""

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.readings.known_tables import SERIES, apply_mill_rules


def table_of(columns: list[str]) -> RawTable:
    return RawTable(pd.DataFrame(columns=["time", "y", *columns]), "readings.csv", "")


@pytest.mark.parametrize("columns", [[*SERIES], [name for name in SERIES if name != "x17"]])
def test_the_mills_columns_are_recognised_and_reported(columns: list[str]) -> None:
    raw, section = apply_mill_rules(table_of(columns), ReadingsSection())
    assert section.categorical_columns == ("x28", "x61")
    assert section.complete_series
    assert [finding.check for finding in raw.findings] == ["mill_columns"]
    assert raw.found == {"readings.categorical_columns": ["x28", "x61"], "readings.complete_series": True}


@pytest.mark.parametrize("columns", [["x28", "x61"], [*SERIES[:40]], [f"s{number}" for number in range(61)]])
def test_other_columns_are_no_mill(columns: list[str]) -> None:
    raw, section = table_of(columns), ReadingsSection()
    assert apply_mill_rules(raw, section) == (raw, section)


def test_settings_that_were_made_stay() -> None:
    raw, section = apply_mill_rules(table_of([*SERIES]), ReadingsSection(categorical_columns=("x28",)))
    assert section.categorical_columns == ("x28",)
    assert raw.found == {"readings.complete_series": True}


def test_the_recognition_can_be_switched_off() -> None:
    section = ReadingsSection(complete_series=False)
    assert apply_mill_rules(table_of([*SERIES]), section)[1] is section
