"""Folders, patterns, archives and partitioned data sets as one table."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from tasks.sources.load import load_readings

TABLE = pd.DataFrame(
    {
        "time": pd.date_range("2024-03-01", periods=12, freq="2min").astype(str),
        "y": 0,
        "s1": [place / 8 for place in range(12)],
    }
)


def write(folder: Path, **parts: pd.DataFrame) -> Path:
    for name, table in parts.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def refusal(source: str | Path, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_readings(source, ReadingsSection(**settings))
    return str(caught.value)


def test_files_follow_each_other_by_their_first_times(tmp_path: Path) -> None:
    raw = load_readings(write(tmp_path, a=TABLE[6:], b=TABLE[:6]), ReadingsSection())
    assert raw.table["time"].tolist() == TABLE["time"].tolist()
    assert raw.table.index.tolist()[5:7] == ["b.csv:7", "a.csv:2"]
    assert "in the order of their first times: b.csv, a.csv" in raw.findings[0].message


def test_files_whose_times_need_a_setting_follow_each_other_by_name(tmp_path: Path) -> None:
    times = [f"{day}/3/24 10:00" for day in range(1, 13)]
    table = TABLE.assign(time=times)
    raw = load_readings(write(tmp_path, day10=table[9:], day9=table[:9]), ReadingsSection())
    assert raw.table["time"].tolist() == times


def test_rows_that_two_files_hold_are_read_once(tmp_path: Path) -> None:
    raw = load_readings(write(tmp_path, a=TABLE[:8], b=TABLE[5:]), ReadingsSection())
    assert raw.table["s1"].tolist() == TABLE["s1"].tolist()
    assert raw.findings[0].details == {"files": 2, "rows": 12, "repeated_rows": 3}


def test_rows_are_equal_whatever_another_cell_of_the_file_is(tmp_path: Path) -> None:
    part = TABLE[5:].astype({"s1": object})
    part.iloc[-1, 2] = "Bad"
    raw = load_readings(write(tmp_path, a=TABLE[:8], b=part), ReadingsSection())
    assert raw.table["s1"].tolist() == [*TABLE["s1"].tolist()[:-1], "Bad"]


def test_rows_that_repeat_within_a_file_are_kept(tmp_path: Path) -> None:
    part = pd.concat([TABLE[:6], TABLE[5:6]])
    assert len(load_readings(write(tmp_path, a=part, b=TABLE[6:]), ReadingsSection()).table) == 13


def test_equal_times_with_other_values_are_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, a=TABLE[:8], b=TABLE[5:].assign(s1=9)))
    assert (
        "a.csv and b.csv have different values at 2024-03-01 00:10:00 (rows a.csv:7 and b.csv:2)" in message
    )


def test_machines_are_told_apart_by_their_column(tmp_path: Path) -> None:
    folder = write(tmp_path, a=TABLE.assign(machine="P1"), b=TABLE.assign(machine="P2", s1=9))
    assert "`readings.machine_column`" in refusal(folder)
    assert len(load_readings(folder, ReadingsSection(machine_column="machine")).table) == 24


def test_other_columns_are_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, a=TABLE[:6], b=TABLE[6:].rename(columns={"s1": "s2"})))
    assert "b.csv lacks s1 and also has s2" in message


def test_a_pattern_chooses_files(tmp_path: Path) -> None:
    write(tmp_path, a1=TABLE[:6], a2=TABLE[6:], b=TABLE.rename(columns={"s1": "s2"}))
    raw = load_readings(str(tmp_path / "a*.csv"), ReadingsSection())
    assert (len(raw.table), raw.source) == (12, str(tmp_path / "a*.csv"))
    assert "There is none in" in refusal(str(tmp_path / "c*.csv"))


def test_other_files_of_a_folder_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, a=TABLE)
    for name in (".hidden.csv", "_SUCCESS", "~$a.xlsx", "notes.md"):
        (tmp_path / name).write_text("nothing")
    assert len(load_readings(tmp_path, ReadingsSection()).table) == 12


def test_the_hash_is_that_of_contents_and_names(tmp_path: Path) -> None:
    hashes = []
    for name, parts in {
        "one": {"a": TABLE[:6], "b": TABLE[6:]},
        "same": {"a": TABLE[:6], "b": TABLE[6:]},
        "renamed": {"a": TABLE[:6], "c": TABLE[6:]},
        "changed": {"a": TABLE[:6], "b": TABLE[7:]},
    }.items():
        (tmp_path / name).mkdir()
        hashes.append(load_readings(write(tmp_path / name, **parts), ReadingsSection()).sha256)
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_marks_that_one_file_leaves_open_are_those_of_the_others(tmp_path: Path) -> None:
    for name, table in {"a": TABLE[:6].assign(s1="1,234"), "b": TABLE[6:].assign(s1="1,5")}.items():
        table.to_csv(tmp_path / f"{name}.csv", sep=";", index=False)
    raw = load_readings(tmp_path, ReadingsSection())
    assert raw.table["s1"].tolist() == [1.234] * 6 + [1.5] * 6
    (tmp_path / "b.csv").unlink()
    assert "may be 1.234 or 1234" in refusal(tmp_path)


def test_the_same_finding_of_several_files_is_reported_once(tmp_path: Path) -> None:
    for name, part in {"a": TABLE[:4], "b": TABLE[4:8], "c": TABLE[8:]}.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False, encoding="utf-16")
    messages = [finding.message for finding in load_readings(tmp_path, ReadingsSection()).findings]
    assert messages[1:] == ["a.csv is read as utf-16 (`readings.encoding`). 2 other files likewise."]


def test_only_the_file_that_was_changed_last_is_growing(tmp_path: Path) -> None:
    write(tmp_path, a=TABLE[:6], b=TABLE[6:])
    for name, seconds in (("a", 1), ("b", 2)):
        path = tmp_path / f"{name}.csv"
        path.write_text(path.read_text().rstrip())
        os.utime(path, (seconds, seconds))
    raw = load_readings(tmp_path, ReadingsSection(), is_growing=True)
    assert raw.table["s1"].tolist() == TABLE["s1"].tolist()[:-1]
    (tmp_path / "c.csv").touch()
    assert len(load_readings(tmp_path, ReadingsSection(), is_growing=True).table) == 12


def test_words_of_partitions_are_columns_and_numbers_are_not(tmp_path: Path) -> None:
    for machine, value in (("P1", 1.5), ("P2", 2.5)):
        folder = tmp_path / "year=2024" / f"machine={machine}"
        folder.mkdir(parents=True)
        TABLE.assign(s1=value).to_parquet(folder / "part-0.parquet", index=False)
    raw = load_readings(tmp_path, ReadingsSection(machine_column="machine"))
    assert list(raw.table.columns) == ["time", "y", "s1", "machine"]
    assert raw.table["machine"].value_counts().to_dict() == {"P1": 12, "P2": 12}


def test_an_archive_of_several_files_is_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "days.zip", "w") as archive:
        archive.writestr("b.csv", TABLE[:6].to_csv(index=False))
        archive.writestr("a.csv", TABLE[6:].to_csv(index=False))
    raw = load_readings(tmp_path / "days.zip", ReadingsSection())
    assert raw.table["s1"].tolist() == TABLE["s1"].tolist()
    assert raw.table.index[0] == "b.csv:2"
