"""CSV files as plants export them: what is found, what is left out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.csv_table import parse_csv

HEADER = "time,y,s1,s2\n"
TIMES = [f"2024-03-01 00:{2 * number:02d}:00" for number in range(8)]


def write_rows(write: Callable[[int], str], separator: str = ",") -> str:
    """Write eight rows: a time, a label, and what is given for the sensors."""
    return "".join(
        separator.join([time, str(number % 2), write(number)]) + "\n" for number, time in enumerate(TIMES)
    )


POINTS = write_rows(lambda number: f"{10.4 + number},{number}.25")
EUROPEAN = HEADER.replace(",", ";") + write_rows(lambda number: f"{10 + number},4;{number},25", ";")


def parse(text: str, *, is_growing: bool = False, **settings: Any) -> RawTable:
    section = ReadingsSection.model_validate(settings)
    return parse_csv(text.encode(), "readings.csv", section, is_growing=is_growing)


def assert_sound(raw: RawTable) -> None:
    assert list(raw.table.columns) == ["time", "y", "s1", "s2"]
    assert raw.table["time"].tolist() == TIMES
    assert [round(value, 1) for value in raw.table["s1"]] == [10.4 + number for number in range(8)]
    assert raw.table["s2"].tolist() == [number + 0.25 for number in range(8)]


@pytest.mark.parametrize(
    ("text", "first_row", "checks"),
    [
        ("Export;;;\nSite north;;;\n" + EUROPEAN, 4, ["skipped_lines", "decimal"]),
        ("sep=;\n" + EUROPEAN, 3, ["skipped_lines", "decimal"]),
        ("Site,north,1,2\n" + HEADER + POINTS, 3, ["skipped_lines"]),
        ("Unit,7\n\n" + HEADER + POINTS, 4, ["skipped_lines"]),
        ("# export\n#" + HEADER + POINTS, 3, ["skipped_lines"]),
        (HEADER + POINTS + "# end\n", 2, ["skipped_lines"]),
        (HEADER + POINTS + "\nEnd of export\n(8 rows)\n", 2, ["skipped_lines"]),
        (HEADER + "[UTC],[-],[bar],[°C]\n" + POINTS, 3, ["units_row"]),
        (HEADER + "yyyy-mm-dd,,bar,%\n" + POINTS, 3, ["units_row"]),
        (HEADER + "Time,Event,Pressure behind pump,Drive\n,,bar,degC\n" + POINTS, 4, ["units_row"]),
        (HEADER.replace("\n", ",\n") + POINTS, 2, ["trailing_separator"]),
        (HEADER + POINTS.replace("\n", ",\n"), 2, ["trailing_separator"]),
        (HEADER.replace("\n", ",,\n") + POINTS.replace("\n", ",,\n"), 2, ["trailing_separator"]),
        (HEADER + "".join(f"{n},{row}\n" for n, row in enumerate(POINTS.split())), 2, None),
        (EUROPEAN.replace(";", "\t"), 2, ["decimal"]),
        ('"' + EUROPEAN.replace(";", '","').strip().replace("\n", '"\n"') + '"\n', 2, ["decimal"]),
        (EUROPEAN + "2024-03-01 00:1", 2, ["decimal", "unfinished_line"]),
    ],
)
def test_the_table_in_a_file_is_found(text: str, first_row: int, checks: list[str] | None) -> None:
    if checks is None:
        rows = [f"{number},{row}" for number, row in enumerate(POINTS.strip().split("\n"))]
        text, checks = HEADER + "\n".join(rows) + "\n", ["index_column"]
    raw = parse(text)
    assert_sound(raw)
    assert raw.table.index.tolist() == list(range(first_row, first_row + 8))
    assert [finding.check for finding in raw.findings] == checks


def test_lines_that_are_skipped_are_quoted() -> None:
    raw = parse("# Export of line 3\n" + HEADER + POINTS + "# end\n")
    assert "'# Export of line 3', '# end'; its header is row 2" in raw.findings[0].message


def test_a_line_of_comment_between_rows_keeps_the_numbers_of_the_rows() -> None:
    lines = (HEADER + POINTS).split("\n")
    raw = parse("\n".join([*lines[:3], "# restart, by hand, at noon, all", *lines[3:]]))
    assert_sound(raw)
    assert raw.table.index.tolist() == [2, 3, *range(5, 11)]


def test_names_that_begin_like_a_comment_are_no_comments() -> None:
    rows = "".join(f"#{number},{time},1.5\n" for number, time in enumerate(TIMES))
    assert parse("pump,time,s1\n" + rows).table["pump"].tolist() == [f"#{number}" for number in range(8)]


def test_a_first_row_of_words_with_a_time_is_a_row() -> None:
    raw = parse(HEADER + f"{TIMES[0]},0,Bad,Bad\n" + POINTS.split("\n", 1)[1])
    assert raw.table["s1"].iloc[0] == "Bad"
    assert raw.units == {}


def test_a_line_of_units_can_be_denied_and_claimed() -> None:
    text = HEADER + ",,1,1\n" + POINTS
    assert parse(text).units == {}
    assert parse(text, units_row=True).units == {"s1": "1", "s2": "1"}
    assert len(parse(HEADER + ",,bar,%\n" + POINTS, units_row=False).table) == 9


def test_a_growing_file_may_have_units_and_no_row_yet() -> None:
    raw = parse(HEADER + ",,bar,%\n", is_growing=True)
    assert (len(raw.table), raw.units) == (0, {"s1": "bar", "s2": "%"})


def test_lines_above_the_header_can_be_counted() -> None:
    raw = parse("a,b,c,d\n1,2,3,4\n" + HEADER + POINTS, skip_lines=2)
    assert_sound(raw)
    assert raw.findings == ()


@pytest.mark.parametrize(
    ("cells", "expected", "found"),
    [
        (lambda n: f"1 23{n},5;{n},25", 1230.5, {"readings.decimal": ",", "readings.thousands": " "}),
        (lambda n: f"1'23{n}.5;{n}.25", 1230.5, {"readings.thousands": "'"}),
        (lambda n: f"1.234.56{n};{n},25", 1_234_560, {"readings.decimal": ",", "readings.thousands": "."}),
        (lambda n: f"1,234,56{n};{n}.25", 1_234_560, {"readings.thousands": ","}),
        (lambda n: f"-1.00{n},2;1", -1000.2, {"readings.decimal": ",", "readings.thousands": "."}),
        (lambda n: f"1,23{n};{n}.5", 1230, {"readings.thousands": ","}),
        (lambda n: f"{n + 1},5E-03;1", 0.0015, {"readings.decimal": ","}),
        (lambda n: f"0,12{n};1", 0.12, {"readings.decimal": ","}),
        (lambda n: f"1.23{n};{n}.5", 1.23, {}),
        (lambda n: f"12{n};1", 120, {}),
    ],
)
def test_the_marks_of_numbers_are_found(
    cells: Callable[[int], str], expected: float, found: dict[str, str]
) -> None:
    raw = parse(HEADER.replace(",", ";") + write_rows(cells, ";"))
    assert raw.table["s1"].iloc[0] == expected
    assert raw.found == found


@pytest.mark.parametrize(
    ("cells", "settings", "message"),
    [
        (lambda n: f"1,23{n};2,34{n}", {}, "'1,230' in s1, which may be 1.230 or 1230"),
        (lambda n: f"1.23{n};2.34{n}", {"decimal": ","}, "no number with a comma before its decimals"),
        (lambda n: f"{n},5;{n}.5", {}, "'0,5' in s1 and '0.5' in s2"),
        (lambda n: f"1 23{n};1'23{n}", {}, "Set `readings.thousands`"),
    ],
)
def test_marks_that_may_be_either_are_refused(
    cells: Callable[[int], str], settings: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match="Expected") as caught:
        parse(HEADER.replace(",", ";") + write_rows(cells, ";"), **settings)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "expected"), [({"decimal": ","}, 1.23), ({"thousands": ","}, 1230), ({"decimal": "."}, None)]
)
def test_a_setting_settles_what_a_comma_is(settings: dict[str, str], expected: float | None) -> None:
    raw = parse(HEADER.replace(",", ";") + write_rows(lambda n: f"1,23{n};2,34{n}", ";"), **settings)
    assert raw.table["s1"].iloc[0] == ("1,230" if expected is None else expected)


def test_a_point_that_may_stand_between_thousands_is_reported() -> None:
    raw = parse(HEADER.replace(",", ";") + write_rows(lambda n: f"1.23{n};2.34{n}", ";"))
    assert raw.table["s1"].iloc[0] == 1.23
    assert "'1.230' in s1. Set `readings.decimal` to `,`" in raw.findings[0].message


def test_a_table_with_another_mark_than_that_of_training_is_read_by_its_own() -> None:
    raw = parse(HEADER + POINTS, decimal=",", thousands=".")
    assert_sound(raw)
    assert "although `readings.decimal` is a comma" in raw.findings[0].message


def test_a_single_cell_with_the_other_mark_stays_text() -> None:
    rows = "".join(f"{time},0,{number}.5,1.25\n" for number in range(30) for time in TIMES)
    raw = parse(HEADER + rows + f'{TIMES[0]},0,"1,5",1.25\n')
    assert raw.table["s1"].iloc[-1] == "1,5"
    assert raw.found == {}


def test_words_among_numbers_with_a_comma_stay_words() -> None:
    raw = parse(HEADER.replace(",", ";") + write_rows(lambda n: f"{'Bad' if n == 3 else f'{n},5'};1,5", ";"))
    assert raw.table["s1"].tolist()[2:5] == ["2.5", "Bad", "4.5"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be", "shift_jis"])
def test_a_given_encoding_is_used(encoding: str) -> None:
    text = (HEADER + POINTS).replace("s1", "µ1" if encoding != "shift_jis" else "温度")
    section = ReadingsSection(encoding=encoding)
    raw = parse_csv(text.encode(encoding), "readings.csv", section, is_growing=False)
    assert raw.table.columns[2] in ("µ1", "温度")
    assert raw.findings == ()


def test_a_wrong_encoding_is_refused() -> None:
    section = ReadingsSection(encoding="ascii")
    with pytest.raises(InputError, match="Set `readings.encoding`"):
        parse_csv("time,µ\n".encode(), "readings.csv", section, is_growing=False)


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13"])
def test_an_unknown_encoding_is_no_setting(encoding: str) -> None:
    with pytest.raises(ValueError, match="name of a text encoding"):
        ReadingsSection(encoding=encoding)
