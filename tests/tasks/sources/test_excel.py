"""Sheets of Excel workbooks: which one is read, and where its table begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.load import load_readings

HEADER = ["time", "y", "s1", "s2"]
ROWS: list[list[Any]] = [
    [datetime(2024, 3, 1) + timedelta(minutes=2 * n), n % 2, n + 0.25, None if n == 2 else n]
    for n in range(6)
]


def write(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(path: Path, **settings: Any) -> RawTable:
    return load_readings(path, ReadingsSection.model_validate(settings))


def refusal(path: Path, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **settings)
    return str(caught.value)


def test_a_sheet_is_read_with_its_times_and_rows(tmp_path: Path) -> None:
    raw = read(write(tmp_path / "readings.xlsx", Data=[HEADER, *ROWS]))
    assert raw.table.index.tolist() == list(range(2, 8))
    assert raw.table["time"].tolist() == [pd.Timestamp(row[0]) for row in ROWS]
    assert raw.table["s1"].tolist() == [row[2] for row in ROWS]
    assert np.isnan(raw.table["s2"].iloc[2])
    assert raw.findings == ()


def test_rows_above_the_header_units_and_row_numbers_are_left_out(tmp_path: Path) -> None:
    rows = [[None, "Export of line 3"], [], [None, *HEADER], [None, None, None, "bar", "%"]]
    rows += [[n, *row] for n, row in enumerate(ROWS)]
    raw = read(write(tmp_path / "readings.xlsx", Data=rows))
    assert list(raw.table.columns) == HEADER
    assert raw.table.index.tolist() == list(range(5, 11))
    assert raw.units == {"s1": "bar", "s2": "%"}
    assert [finding.check for finding in raw.findings] == ["skipped_lines", "units_row", "index_column"]


def test_the_only_sheet_with_a_table_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "readings.xlsx", Notes=[["see sheet 2"]], Data=[HEADER, *ROWS], Empty=[])
    assert "that of sheet 'Data', of 3" in read(path).findings[0].message


def test_of_two_tables_that_with_the_time_column_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "readings.xlsx", Tags=[["tag", "unit"], ["s1", "bar"]], Data=[HEADER, *ROWS])
    assert list(read(path).table.columns) == HEADER


def test_the_sheet_must_be_named_where_several_could_be_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "readings.xlsx", May=[HEADER, *ROWS], June=[HEADER, *ROWS])
    assert "2 of its sheets do: May, June. Set `readings.sheet`" in refusal(path)
    assert len(read(path, sheet="June").table) == 6
    assert "a sheet of" in refusal(path, sheet="July")


def test_cells_of_text_dates_and_words_are_read(tmp_path: Path) -> None:
    rows = [[date(2024, 3, n + 1), n % 2, "Bad" if n == 3 else f"{n},5", True] for n in range(6)]
    raw = read(write(tmp_path / "readings.xlsx", Data=[HEADER, *rows]))
    assert raw.table["time"].iloc[1] == pd.Timestamp("2024-03-02")
    assert raw.table["s1"].tolist()[2:4] == ["2.5", "Bad"]
    assert raw.found == {"readings.decimal": ","}


def test_a_workbook_that_is_cut_short_or_empty_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "readings.xlsx", Data=[HEADER, *ROWS])
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(path.read_bytes()[:-40])
    assert "cut.xlsx cannot be read" in refusal(cut)
    assert "none of its sheets does" in refusal(write(tmp_path / "empty.xlsx", Data=[]))


def test_a_sheet_without_rows_is_refused(tmp_path: Path) -> None:
    assert "none of its sheets does" in refusal(write(tmp_path / "readings.xlsx", Data=[HEADER]))
