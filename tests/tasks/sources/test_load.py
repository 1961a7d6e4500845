"""What files are read, and what is said about those that cannot be."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from tasks.sources.load import load_readings
from tests.mill import require_mill_file

CSV = "time,y,a,b\n5/31/99 0:00,0,1.5,2\n5/31/99 0:02,1,2.5,3\n"
DEFAULTS = ReadingsSection()


def write(folder: Path, content: str | bytes, name: str = "readings.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, section: ReadingsSection = DEFAULTS) -> str:
    """The message with which a file is refused."""
    with pytest.raises(InputError) as caught:
        load_readings(path, section)
    return str(caught.value)


def test_a_csv_file_is_read_with_its_values(tmp_path: Path) -> None:
    table = load_readings(write(tmp_path, CSV), DEFAULTS).table
    assert table.to_dict("list") == {
        "time": ["5/31/99 0:00", "5/31/99 0:02"],
        "y": [0, 1],
        "a": [1.5, 2.5],
        "b": [2, 3],
    }


def test_rows_are_numbered_as_in_a_csv_file(tmp_path: Path) -> None:
    assert load_readings(write(tmp_path, CSV), DEFAULTS).table.index.tolist() == [2, 3]


def test_the_hash_is_that_of_the_files_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(CSV.encode()), "readings.csv.gz")
    assert load_readings(path, DEFAULTS).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_source_is_the_path(tmp_path: Path) -> None:
    path = write(tmp_path, CSV)
    assert load_readings(path, DEFAULTS).source == str(path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_from_the_header(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path, CSV.replace(",", separator))
    assert load_readings(path, DEFAULTS).table.shape == (2, 4)


@pytest.mark.parametrize(("setting", "separator"), [("!", "!"), ("\\t", "\t"), ("\t", "\t")])
def test_a_configured_separator_is_used(tmp_path: Path, setting: str, separator: str) -> None:
    path = write(tmp_path, CSV.replace(",", separator))
    assert load_readings(path, ReadingsSection(separator=setting)).table.shape == (2, 4)


def test_a_decimal_comma_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, CSV.replace(",", ";").replace(".", ","))
    assert load_readings(path, ReadingsSection(decimal=",")).table["a"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(tmp_path: Path, line_end: str) -> None:
    path = write(tmp_path, CSV.replace("\n", line_end))
    assert load_readings(path, DEFAULTS).table["b"].tolist() == [2, 3]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + CSV.encode())
    assert load_readings(path, DEFAULTS).table.columns[0] == "time"


def test_blanks_around_column_names_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, CSV.replace("y,a", " y , a"))
    assert list(load_readings(path, DEFAULTS).table.columns) == ["time", "y", "a", "b"]


def test_quoted_fields_may_hold_the_separator(tmp_path: Path) -> None:
    path = write(tmp_path, CSV.replace("5/31/99 0:00", '"May 1, 1999"'))
    assert load_readings(path, DEFAULTS).table["time"].iloc[0] == "May 1, 1999"


LAST = "5/1/99 0:04,0,3.5,4"


@pytest.mark.parametrize("last", [LAST, LAST[:-3], LAST[:3], f'{LAST[:-1]}"a', " "])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_last_line_of_a_growing_file_waits_for_its_end(
    tmp_path: Path, last: str, pack: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path, pack((CSV + last).encode()))
    raw = load_readings(path, DEFAULTS, is_growing=True)
    assert raw.table.index.tolist() == [2, 3]
    (finding,) = raw.findings
    assert (finding.check, finding.details["row"]) == ("unfinished_line", 4)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\x1a"])
def test_a_finished_last_line_of_a_growing_file_is_a_row(tmp_path: Path, end: str) -> None:
    raw = load_readings(write(tmp_path, CSV + LAST + end), DEFAULTS, is_growing=True)
    assert raw.table["a"].tolist() == [1.5, 2.5, 3.5]
    assert raw.findings == ()


def test_a_growing_file_may_end_within_a_character(tmp_path: Path) -> None:
    path = write(tmp_path, (CSV + LAST + "°").encode()[:-1])
    assert len(load_readings(path, DEFAULTS, is_growing=True).table) == 2


def test_a_growing_file_may_have_no_complete_row(tmp_path: Path) -> None:
    raw = load_readings(write(tmp_path, "time,y,a,b\n5/1/"), DEFAULTS, is_growing=True)
    assert raw.table.columns.tolist() == ["time", "y", "a", "b"]
    assert (len(raw.table), len(raw.findings)) == (0, 1)


def test_a_last_line_with_all_its_fields_is_a_row_of_a_complete_file(tmp_path: Path) -> None:
    raw = load_readings(write(tmp_path, CSV + LAST), DEFAULTS)
    assert raw.table["a"].tolist() == [1.5, 2.5, 3.5]
    assert raw.findings == ()


def test_a_last_line_that_is_cut_is_left_out_of_a_complete_file(tmp_path: Path) -> None:
    raw = load_readings(write(tmp_path, CSV + LAST[:-3]), DEFAULTS)
    assert raw.table["a"].tolist() == [1.5, 2.5]
    assert "row 4, has no line end and 3 of 4 fields" in raw.findings[0].message


def test_empty_lines_at_the_end_are_no_rows(tmp_path: Path) -> None:
    assert len(load_readings(write(tmp_path, CSV + "\n\n"), DEFAULTS).table) == 2


def test_one_text_among_numbers_keeps_every_value_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, CSV.replace("2.5", "bad"))
    assert load_readings(path, DEFAULTS).table["a"].tolist() == ["1.5", "bad"]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("zst", lambda content: pa.compress(content, codec="zstd", asbytes=True)),
    ],
)
def test_compressed_files_are_read(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path, compress(CSV.encode()), f"readings.csv.{suffix}")
    assert load_readings(path, DEFAULTS).table.shape == (2, 4)


def test_a_zip_with_one_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "readings.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readings.csv", CSV)
    assert load_readings(path, DEFAULTS).table.shape == (2, 4)


def test_a_zip_without_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("empty")
    assert "It contains none" in refusal(path)


def test_a_parquet_file_is_read_with_rows_from_1(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pd.DataFrame({"time": pd.date_range("2020", periods=2), "y": [0, 1]}).to_parquet(path)
    assert load_readings(path, DEFAULTS).table.index.tolist() == [1, 2]


def test_a_named_index_in_a_parquet_file_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    index = pd.date_range("2020", periods=2, name="time")
    pd.DataFrame({"y": [0, 1]}, index=index).to_parquet(path)
    assert sorted(load_readings(path, DEFAULTS).table.columns) == ["time", "y"]


def test_an_unnamed_index_in_a_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pd.DataFrame({"time": ["a", "b"], "y": [0, 1]}, index=[9.5, 5.5]).to_parquet(path)
    assert "1 without a name; the first is column 3 of 3" in refusal(path)


def test_row_numbers_as_the_index_of_a_parquet_file_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pd.DataFrame({"time": ["a", "b"], "y": [0, 1]}, index=[5, 9]).to_parquet(path)
    raw = load_readings(path, DEFAULTS)
    assert list(raw.table.columns) == ["time", "y"]
    assert [finding.check for finding in raw.findings] == ["index_column"]


def test_a_parquet_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pd.DataFrame({"time": ["a", "b"], "y": [0, 1]}).to_parquet(whole)
    path = write(tmp_path, whole.read_bytes()[:-10], "readings.parquet")
    assert "cannot be read (" in refusal(path)


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pd.DataFrame({"time": [], "y": []}).to_parquet(path)
    assert "has columns but no rows" in refusal(path)


def test_repeated_names_in_a_parquet_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pq.write_table(pa.table([[1], [2], [3]], names=["time", "x5", "x5"]), path)
    assert "more than one column named x5" in refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nothing.csv")


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(write(tmp_path, CSV) / "readings.csv")


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "notes", "notes.md")
    assert "There is none in" in refusal(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "no permission to read" in refusal(tmp_path / "readings.csv")


def test_a_failing_file_system_is_no_fault_of_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match="Input/output error"):
        load_readings(tmp_path / "readings.csv", DEFAULTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("time,y,a\n", "has columns but no rows"),
        ("Dear all\nhere is the file\n", "'Dear all', a single column"),
        (
            "Dear all, here it is\nregards\n",
            "1 row(s) with another number; the first is row 2 with 1 field(s)",
        ),
        (CSV.replace("2.5,3", "2.5"), "1 row(s) with another number; the first is row 3 with 3 field(s)"),
        (CSV.replace("2.5,3", "2.5,3,4"), "1 row(s) with another number; the first is row 3 with 5 field(s)"),
        (CSV.replace("2\n", "2\n\n"), "1 row(s) with another number; the first is row 3 with 1 field(s)"),
        (CSV.replace("5/31/99 0:02", '"never closed'), "Expected 4 fields in every row"),
        (CSV.replace(",a,b", ",x5,x5"), "more than one column named x5"),
        (CSV.replace("time,y", ",y"), "1 without a name; the first is column 1 of 4"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is neither (zero bytes)"),
        (b"\xffa,b\n\x01,2\n", "Export the readings as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "Save it as .xlsx or as CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in refusal(write(tmp_path, content))


def test_a_field_of_endless_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, CSV.replace("5/31/99 0:02", '"' + 200_000 * "a"))
    assert "Look for an unclosed quote" in refusal(path)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip", "parquet"])
def test_a_name_that_promises_something_else_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, CSV, f"readings.{suffix}")
    assert f"The content is not {suffix}" in refusal(path)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("zst", lambda content: pa.compress(content, codec="zstd", asbytes=True)),
    ],
)
def test_a_compressed_file_that_is_cut_short_is_refused(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path, compress(os.urandom(5000))[:3000], f"readings.csv.{suffix}")
    assert "It may be truncated" in refusal(path)


def test_a_compressed_file_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    assert "is empty" in refusal(write(tmp_path, gzip.compress(b""), "readings.csv.gz"))


@pytest.mark.parametrize(("separator", "decimal"), [("||", "."), (",", ","), ("§", "."), ('"', ".")])
def test_an_impossible_separator_is_refused(tmp_path: Path, separator: str, decimal: str) -> None:
    section = ReadingsSection.model_validate({"separator": separator, "decimal": decimal})
    assert "`readings.separator` must be" in refusal(write(tmp_path, CSV), section)


def test_a_separator_that_the_header_lacks_is_refused(tmp_path: Path) -> None:
    assert "(now ;)" in refusal(write(tmp_path, CSV), ReadingsSection(separator=";"))


@pytest.mark.mill
def test_the_mill_data_is_read_whole() -> None:
    assert load_readings(require_mill_file(), DEFAULTS).table.shape == (18_398, 63)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)), [1.5, None]),
        (pa.array([Decimal("1.50"), Decimal(2)], pa.decimal256(50, 2)), [1.5, 2.0]),
        (pa.array([True, None]), [1.0, None]),
        (pa.array([True, False]), [True, False]),
        (pa.array([1, None], pa.int64()), [1.0, None]),
        (pa.array([1.5, None], pa.float64()).dictionary_encode(), [1.5, None]),
        (pa.array(["on", None]).dictionary_encode(), ["on", None]),
        (pa.array([b"1.5", b"\xff"]), ["1.5", "\\xff"]),
        (pa.array([[1.0], None]), ["[1.0]", None]),
        (pa.array([{"a": 1}, None]), ["{'a': 1}", None]),
        (pa.array([date(2024, 1, 2), None], pa.date32()), [pd.Timestamp("2024-01-02"), None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_types_that_only_parquet_has_become_those_of_a_csv_table(
    tmp_path: Path, column: pa.Array, expected: list[Any]
) -> None:
    path = tmp_path / "readings.parquet"
    pq.write_table(pa.table({"time": ["2024-01-01 00:00", "2024-01-01 00:02"], "a": column}), path)
    read = load_readings(path, ReadingsSection()).table["a"]
    assert [None if pd.isna(value) else value for value in read] == expected


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("time,y,a|b|c|d,e|f|g", "2024-01-01 00:00,0,1,2", ["time", "y", "a|b|c|d", "e|f|g"]),
        ("time;y;a,b,c;d,e,f", "2024-01-01 00:00;0;1.5;2", ["time", "y", "a,b,c", "d,e,f"]),
        ("time|y|a;b;c;d;e|f", "2024-01-01 00:00|0|1|2", ["time", "y", "a;b;c;d;e", "f"]),
        ('time,y,"a;b;c;d;e",f', "2024-01-01 00:00,0,1,2", ["time", "y", "a;b;c;d;e", "f"]),
        ("time\ty\ta,b,c\td,e", "2024-01-01 00:00\t0\t1\t2", ["time", "y", "a,b,c", "d,e"]),
        ("time,y,a,b", "2024-01-01 00:00,0,1;2;3;4,2", ["time", "y", "a", "b"]),
    ],
)
def test_the_separator_gives_header_and_rows_as_many_fields(
    tmp_path: Path, header: str, row: str, columns: list[str]
) -> None:
    table = load_readings(write(tmp_path, f"{header}\n{row}\n{row}\n"), DEFAULTS).table
    assert list(table.columns) == columns
    assert len(table) == 2


def test_a_table_that_no_separator_fits_is_refused_by_the_most_frequent_one(tmp_path: Path) -> None:
    assert "(separator '|')" in refusal(write(tmp_path, "time|y|a,b\n2024-01-01 00:00|0|1|2\n"))


@pytest.mark.parametrize("name", ["readings.csv", "readings.parquet"])
def test_a_table_without_rows_is_read_where_one_is_expected(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = pd.DataFrame({"time": ["2024-01-01"], "a": [1.0]}).head(0)
    table.to_csv(path, index=False) if name.endswith("csv") else table.to_parquet(path)
    assert load_readings(path, DEFAULTS, is_growing=True).table.shape == (0, 2)
    assert "has columns but no rows" in refusal(path)
