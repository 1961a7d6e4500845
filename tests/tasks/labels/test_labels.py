"""Labels: words become 0 and 1, and a table may have none."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.configuration import LabelsSection, ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.labels.labels import mark_known_events, read_labels


def table_with(labels: list[Any] | None, name: str = "y") -> RawTable:
    rows = 4 if labels is None else len(labels)
    table = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=rows, freq="2min"), "a": range(rows)})
    if labels is not None:
        table[name] = labels
    table.index = pd.RangeIndex(2, rows + 2)
    return RawTable(table, "readings.csv", "")


def read(raw: RawTable, **labels: Any) -> RawTable:
    return read_labels(raw, ReadingsSection(), LabelsSection.model_validate(labels))[0]


@pytest.mark.parametrize(
    ("written", "positive"),
    [
        (["run", "Trip ", "run", "fault"], "trip, FAULT"),
        ([0, 2, 0, 3], "2,3"),
        ([0.0, 2.0, 1.0, 3.0], [2, 3]),
        (["0", "2.0", "0", "2.0"], "2.0"),
    ],
)
def test_positive_values_mark_event_rows(written: list[Any], positive: Any) -> None:
    assert read(table_with(written), positive_values=positive).table["y"].tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_missing_labels_stay_missing() -> None:
    read_back = read(table_with(["run", None, "trip", None]), positive_values="trip").table["y"]
    assert read_back.isna().tolist() == [False, True, False, True]
    assert read_back.iloc[2]


def test_labels_of_0_and_1_stay_as_they_are() -> None:
    raw = table_with([0, 1, None, 0])
    assert read(raw) is raw


@pytest.mark.parametrize(
    ("written", "word"),
    [(["normal", "Anomaly"], "anomaly"), (["No", "YES"], "yes"), (["ok", "fault"], "fault")],
)
def test_words_that_leave_no_doubt_are_found(written: list[str], word: str) -> None:
    found = read(table_with(written))
    assert found.table["y"].tolist() == [False, True]
    assert found.found == {"labels.positive_values": [word]}
    [finding] = found.findings
    assert finding.check == "label_values"
    assert f"1 event rows by {word}" in finding.message


def test_other_words_are_refused_with_their_counts_and_the_setting() -> None:
    with pytest.raises(InputError, match=r"run \(3 rows\), trip \(1 rows\), first run in row 2") as refusal:
        read(table_with(["run", "run", "trip", "run"]))
    assert "labels.positive_values=trip" in str(refusal.value)


def test_other_numbers_are_refused_with_their_counts() -> None:
    with pytest.raises(InputError, match=r"0 \(2 rows\), 2 \(1 rows\), first 2 in row 3") as refusal:
        read(table_with([0, 2, 0]))
    assert "labels.positive_values=2`" in str(refusal.value)


def test_a_value_that_does_not_occur_is_reported() -> None:
    [finding] = read(table_with(["run", "run"]), positive_values="trip").findings
    assert "marks 0 event rows since none of trip occurs; its values are run (2 rows)" in finding.message


def test_a_table_without_the_default_column_has_no_labels() -> None:
    raw, section = read_labels(table_with([0, 1, 0, 0], "valve"), ReadingsSection(), LabelsSection())
    assert section.label_column is None
    [finding] = raw.findings
    assert finding.check == "no_labels"


def test_a_column_that_is_probably_the_label_is_not_read_as_a_sensor() -> None:
    with pytest.raises(InputError, match=r"set `readings.label_column=anomaly`"):
        read_labels(table_with([0, 1, 0, 0], "anomaly"), ReadingsSection(), LabelsSection())


def test_a_named_column_that_is_missing_is_left_to_the_schema_check() -> None:
    section = ReadingsSection(label_column="breaks")
    assert read_labels(table_with(None), section, LabelsSection())[1] is section


def test_bools_cannot_mark_events_by_false() -> None:
    with pytest.raises(InputError, match=r"Expected true on event rows in `y`"):
        read(table_with([True, False]), positive_values="false")


def test_a_later_table_is_marked_by_the_words_of_the_version() -> None:
    table = table_with(["run", "trip", "start"]).table
    marked = mark_known_events(table, "y", ("trip",))
    assert marked["y"].tolist() == [False, True, False]
    assert mark_known_events(marked, "y", ("trip",))["y"].tolist() == [False, True, False]
    assert mark_known_events(table, None, ("trip",)) is table


def test_a_later_table_of_0_and_1_stays_as_it_is() -> None:
    table = table_with([0, 1, np.nan]).table
    assert mark_known_events(table, "y", ()) is table
