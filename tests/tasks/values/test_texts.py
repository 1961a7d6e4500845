"""Sensors of words: which become numbers, which categories, and that a version reads them as training did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable, SensorReadings
from tasks.readings.check import check_readings
from tasks.values.missing import blank_missing_words
from tasks.values.texts import find_texts
from tests.plant_tables import make_plant_table

SECTION = ReadingsSection(categorical_columns=())


def find(cells: Sequence[Any]) -> tuple[dict[str, float], list[str]]:
    """The numbers of the words of a column, and its categories."""
    texts = find_texts(pd.DataFrame({"a": pd.Series(list(cells))}), ".")
    return dict(texts.values.get("a", {})), list(texts.categories.get("a", []))


def read(column: Sequence[Any], section: ReadingsSection = SECTION, **options: Any) -> SensorReadings:
    table = make_plant_table(rows=len(column), events=4).assign(pump=list(column))
    return check_readings(RawTable(table, "readings.csv", "0" * 64), section, **options)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("Off", "On"),
        ("False", "True"),
        ("no", "yes"),
        ("CLOSED", "OPEN"),
        ("Stopped", "Running"),
        ("Stopped", "Started"),
        ("Heating", "On"),
        ("Off", "Cooling"),
    ],
)
def test_two_words_are_0_and_1(low: str, high: str) -> None:
    assert find([high, low] * 50) == ({low: 0.0, high: 1.0}, [])
    assert find([low, None, high.lower(), high] * 50)[0][low] == 0.0


def test_truth_values_are_0_and_1_however_they_are_stored() -> None:
    section = SECTION.model_copy(update={"missing_values": "no_score"})
    for cells in ([True, False, False], [True, None, False]):
        readings = read([*cells] * 60, section)
        expected = [np.nan if cell is None else float(cell) for cell in cells]
        np.testing.assert_array_equal(readings.values[:3, readings.sensors.index("pump")], expected)
        assert readings.found["readings.text_values"] == {"pump": {"False": 0.0, "True": 1.0}}


def test_a_few_words_are_categories() -> None:
    assert find(["A4", "A5", "kraft"] * 50) == ({}, ["A4", "A5", "kraft"])
    # words that name no state
    assert find(["A4", "kraft"] * 50) == ({}, ["A4", "kraft"])


def test_numbers_and_free_text_are_left_as_they_are() -> None:
    assert find(["1.5", "2.5", "3"] * 50) == ({}, [])
    assert find([*["1.5", "2.5"] * 50, "stuck"]) == ({}, [])
    assert find([f"comment {number}" for number in range(150)]) == ({}, [])


def test_two_words_are_read_as_numbers_and_reported() -> None:
    readings = read(["On", "on ", "Off"] * 100)
    pump = readings.values[:, readings.sensors.index("pump")]
    assert pump[:3].tolist() == [1.0, 1.0, 0.0]
    (finding,) = [one for one in readings.findings if one.check == "two_valued_text"]
    assert "pump (Off = 0, On = 1)" in finding.message
    assert readings.found == {"readings.text_values": {"pump": {"Off": 0.0, "On": 1.0}}}
    assert "looks_categorical" not in [one.check for one in readings.findings]


def test_a_column_of_a_few_words_is_used_as_a_category_and_reported() -> None:
    readings = read(["A4", "A5", "kraft"] * 100)
    assert readings.categories == ("pump",)
    assert "pump" not in readings.sensors
    assert readings.found == {"readings.categorical_columns": ("pump",)}
    assert [one.columns for one in readings.findings if one.check == "text_categories"] == [("pump",)]


def test_a_column_of_many_words_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"pump: text where a number is expected") as caught:
        read([f"comment {number}" for number in range(300)])
    assert "`readings.drop_columns`" in str(caught.value)


@given(st.lists(st.sampled_from(["On", "OFF", " off ", "1", "0", None]), min_size=1, max_size=20))
def test_a_version_reads_words_as_training_did_whatever_a_batch_holds(cells: list[str | None]) -> None:
    section = SECTION.model_copy(update={"text_values": {"a": {"Off": 0.0, "On": 1.0}}})
    table, counts = blank_missing_words(pd.DataFrame({"a": pd.Series(cells, dtype=object)}), ["a"], section)
    meanings = {"On": 1.0, "OFF": 0.0, " off ": 0.0, "1": 1.0, "0": 0.0}
    expected = [np.nan if cell is None else meanings[cell] for cell in cells]
    np.testing.assert_array_equal(table["a"].to_numpy(dtype=float), expected)
    assert counts == {}


def test_a_word_that_training_did_not_know_is_a_missing_value_and_counted() -> None:
    section = SECTION.model_copy(update={"text_values": {"a": {"Off": 0.0, "On": 1.0}}})
    table, counts = blank_missing_words(pd.DataFrame({"a": ["On", "Standby", "Bad"]}), ["a"], section)
    assert table["a"].isna().tolist() == [False, True, True]
    assert counts == {"a": {"Bad": 1, "Standby": 1}}


def test_sensors_that_hardly_have_values_are_left_out_and_reported() -> None:
    half = [1.0, None, None, 2.5, None] * 60
    readings = read(half)
    assert "pump" not in readings.sensors
    (finding,) = [one for one in readings.findings if one.check == "mostly_missing"]
    assert (finding.columns, finding.details) == (("pump",), {"shares": {"pump": 0.6}})
    assert "pump" not in read([None] * 300).sensors
    assert "pump" not in read(["Bad"] * 300).sensors


def test_a_table_of_sensors_without_values_is_refused() -> None:
    table = make_plant_table(300, 4)[["time", "y"]].assign(a=None, b=np.nan)
    with pytest.raises(InputError, match="Expected a sensor with a value in at least half of the rows"):
        check_readings(RawTable(table, "readings.csv", "0" * 64), SECTION)
