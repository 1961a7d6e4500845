"""The same readings, written in every way, read back as the same readings."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.sources.csv_table import parse_csv
from tasks.sources.load import load_readings
from tests.builders import readings_with

ROWS = 30
SENSORS = ("Druck [bar]", "Temp °C", "flow", "power")
UNITS = ("bar", "°C", "m3/h", "W")


@dataclass(frozen=True)
class Way:
    """A way to write a table as CSV."""

    encoding: str = "utf-8"
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    above: tuple[str, ...] = ()
    has_units: bool = False
    has_trailing: bool = False
    has_index: bool = False
    line_end: str = "\n"

    def write_cell(self, value: object) -> str:
        if not isinstance(value, float):
            return str(value)
        return f"{value:,.2f}".translate({ord(","): self.thousands, ord("."): self.decimal})


@st.composite
def any_way(draw: st.DrawFn) -> Way:
    """Draw a way in which thousands and decimals have different marks."""
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", ".", ",", " ", "\u00a0", "'"]).filter(lambda mark: mark != decimal))
    above = ("# Export from historian", "Site;north", "", "Unit, 1, paper machine", "Werk Süd")
    return Way(
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])),
        separator=draw(st.sampled_from(",;\t|")),
        decimal=decimal,
        thousands=thousands,
        above=draw(st.lists(st.sampled_from(above), max_size=3).map(tuple)),
        has_units=draw(st.booleans()),
        has_trailing=draw(st.booleans()),
        has_index=draw(st.booleans()),
        line_end=draw(st.sampled_from(["\n", "\r\n"])),
    )


def make_table() -> pd.DataFrame:
    """A table whose sensors lie between a hundredth and a million."""
    generator = np.random.default_rng(3)
    sizes = 10.0 ** np.array([0, 1, 3, 5])
    values = np.round(generator.normal(3, 1, (ROWS, len(SENSORS))) * sizes, 2)
    readings = readings_with(ROWS, events=[7, 8], values=values)
    table = pd.DataFrame(values, columns=list(SENSORS))
    table.insert(0, "time", pd.Series(readings.times).dt.strftime("%Y-%m-%d %H:%M:%S"))
    table.insert(1, "y", readings.events.astype(int))
    return table


TABLE = make_table()


def write_csv(table: pd.DataFrame, way: Way) -> bytes:
    """Write a table as CSV in the given way."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=way.separator, lineterminator=way.line_end)
    head: list[list[str]] = [list(table.columns)]
    if way.has_units:
        head.append(["", "", *UNITS])
    rows = [*head, *([way.write_cell(value) for value in row] for row in table.itertuples(index=False))]
    for place, row in enumerate(rows):
        index = [] if not way.has_index else ["" if place < len(head) else str(place - len(head))]
        writer.writerow([*index, *row, *([""] if way.has_trailing else [])])
    above = "".join(f"{line}{way.line_end}" for line in way.above)
    return (above + file.getvalue()).encode(way.encoding)


def require_equal(raw: RawTable, table: pd.DataFrame = TABLE) -> None:
    """Compare names, times, labels and values, all exactly."""
    assert list(raw.table.columns) == list(table.columns)
    times = pd.to_datetime(raw.table["time"]).to_numpy("datetime64[ns]")
    assert (times == pd.to_datetime(table["time"]).to_numpy("datetime64[ns]")).all()
    for name in table.columns[1:]:
        assert raw.table[name].to_numpy(np.float64).tolist() == table[name].tolist(), name


def list_checks(raw: RawTable) -> set[str]:
    return {finding.check for finding in raw.findings}


@given(any_way())
def test_a_table_written_in_any_way_reads_back_as_the_same(way: Way) -> None:
    raw = parse_csv(write_csv(TABLE, way), "readings.csv", ReadingsSection(), is_growing=False)
    require_equal(raw)
    assert raw.units == (dict(zip(SENSORS, UNITS, strict=True)) if way.has_units else {})
    expected = {
        "encoding": way.encoding not in ("utf-8", "utf-8-sig"),
        "skipped_lines": any(way.above),
        "units_row": way.has_units,
        "trailing_separator": way.has_trailing,
        "index_column": way.has_index,
        "decimal": way.decimal == ",",
        "thousands": way.thousands != "",
    }
    assert list_checks(raw) == {check for check, is_expected in expected.items() if is_expected}
    first_row = len(way.above) + 2 + way.has_units
    assert raw.table.index.tolist() == list(range(first_row, first_row + ROWS))


@settings(max_examples=50)
@given(any_way(), st.integers(min_value=1, max_value=60))
def test_a_growing_file_loses_only_its_last_line(way: Way, cut: int) -> None:
    begin = write_csv(TABLE, way)[:-cut]
    raw = parse_csv(begin, "readings.csv", ReadingsSection(), is_growing=True)
    kept = len(raw.table)
    assert 0 <= ROWS - kept <= 3
    require_equal(raw, TABLE.head(kept))
    is_finished = begin.decode(way.encoding, errors="ignore").endswith(("\r", "\n"))
    assert ("unfinished_line" in list_checks(raw)) is not is_finished


def test_settings_that_were_given_are_used_and_not_reported() -> None:
    way = Way("utf-16-le", ";", ",", ".", ("Site;north",), has_units=True)
    section = ReadingsSection.model_validate(
        {
            "encoding": "utf-16-le",
            "separator": ";",
            "decimal": ",",
            "thousands": ".",
            "skip_lines": 1,
            "units_row": True,
        }
    )
    raw = parse_csv(write_csv(TABLE, way), "readings.csv", section, is_growing=False)
    require_equal(raw)
    assert (list_checks(raw), raw.found) == ({"units_row"}, {})


def write_sheet(path: Path) -> Path:
    TABLE.assign(time=pd.to_datetime(TABLE["time"])).to_excel(path, index=False)
    return path


def write_parquet(path: Path) -> Path:
    TABLE.assign(time=pd.to_datetime(TABLE["time"])).to_parquet(path)
    return path


def write_texts(path: Path) -> Path:
    texts = {name: TABLE[name].map(Way(decimal=",", thousands=".").write_cell) for name in SENSORS}
    TABLE.assign(**texts).to_parquet(path)
    return path


def write_folder(path: Path) -> Path:
    path.mkdir()
    for name, start, stop in (("b.csv", 0, 12), ("a.csv", 10, 20), ("c.csv", 20, ROWS)):
        part = TABLE.iloc[start:stop]
        part[list(part.columns[:: -1 if name == "a.csv" else 1])].to_csv(path / name, index=False)
    return path


def write_archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, start in enumerate(range(0, ROWS, 3)):
            part = TABLE.iloc[start : start + 3]
            archive.writestr(f"day-{number}.csv", write_csv(part, Way(separator=";", decimal=",")))
    return path


def write_partitions(path: Path) -> Path:
    times = pd.to_datetime(TABLE["time"])
    TABLE.assign(time=times, year=times.dt.year, minute=times.dt.minute // 20).to_parquet(
        path, partition_cols=["year", "minute"], index=False
    )
    return path


@pytest.mark.parametrize(
    "write",
    [write_sheet, write_parquet, write_texts, write_folder, write_archive, write_partitions],
    ids=lambda write: write.__name__,
)
def test_every_kind_of_file_gives_the_same_readings(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    suffix = {"write_sheet": ".xlsx", "write_archive": ".zip"}.get(write.__name__, "")
    require_equal(load_readings(write(tmp_path / f"readings{suffix}"), ReadingsSection()))


def test_a_query_gives_the_same_readings(tmp_path: Path) -> None:
    path = tmp_path / "plant.db"
    connection = sqlite3.connect(path)
    TABLE.to_sql("readings", connection, index=False)
    connection.close()
    section = ReadingsSection(query="SELECT * FROM readings ORDER BY time")
    require_equal(load_readings(f"sqlite:///{path}", section))
