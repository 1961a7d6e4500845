"""The newest rows may have no label yet; a label that is missing before the last one is not late."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.labels.late_labels import (
    drop_late_rows,
    fill_late_labels,
    find_labelled_stop,
    report_late_labels,
)
from tasks.readings.check import check_readings

SECTION = ReadingsSection()
UNLABELLED = ReadingsSection(label_column=None)


def raw_with(labels: list[Any]) -> RawTable:
    """A row every two minutes for each label, numbered as in a CSV file."""
    rows = len(labels)
    times = [f"2024-05-01 00:{2 * row:02d}" for row in range(rows)]
    values = [float(row % 3) for row in range(rows)]
    table = pd.DataFrame({"time": times, "y": labels, "a": values}, index=range(2, rows + 2))
    return RawTable(table, "readings.csv", "0" * 64)


@pytest.mark.parametrize(
    ("labels", "stop"),
    [
        ([0, 1, 0, None, None], 3),
        ([0, None, 1, 0, None], 4),
        ([0, 1, 0], 3),
        ([None, None], 2),
        ([True, False, None], 2),
    ],
)
def test_the_labelled_rows_end_with_the_last_label(labels: list[Any], stop: int) -> None:
    assert find_labelled_stop(raw_with(labels), SECTION) == stop


def test_without_a_label_column_no_row_is_late() -> None:
    raw = raw_with([0, None, None])
    assert find_labelled_stop(raw, UNLABELLED) == 3
    assert drop_late_rows(raw, UNLABELLED) is raw
    assert fill_late_labels(raw, UNLABELLED) is raw


def test_rows_after_the_last_label_are_left_out() -> None:
    raw = raw_with([0, 1, 0, None, None])
    assert drop_late_rows(raw, SECTION).table.index.tolist() == [2, 3, 4]
    assert len(raw.table) == 5


def test_late_labels_are_filled_and_others_are_not() -> None:
    raw = raw_with([0, None, 1, None, None])
    filled = fill_late_labels(raw, SECTION).table["y"]
    assert filled.isna().tolist() == [False, True, False, False, False]
    assert filled.tolist()[2:] == [1, 0, 0]
    assert raw.table["y"].isna().sum() == 3


def test_the_finding_counts_the_rows_left_out() -> None:
    raw = raw_with([0, 1, 0, None, None])
    readings = check_readings(drop_late_rows(raw, SECTION), SECTION)
    finding = report_late_labels(readings, raw, SECTION).findings[-1]
    assert (finding.check, finding.columns) == ("late_labels", ("y",))
    assert finding.details == {"rows": 2, "first_row": 5}
    assert "last 2 rows have no label in `y` yet, from row 5 (2024-05-01 00:06) on" in finding.message


def test_a_table_with_all_labels_has_no_such_finding() -> None:
    raw = raw_with([0, 1, 0])
    readings = check_readings(raw, SECTION)
    assert report_late_labels(readings, raw, SECTION) is readings
