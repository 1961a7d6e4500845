"""Find how a CSV file is laid out: its separator, the lines above its header, and lines of comment."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from schemas.configuration import ReadingsSection
from schemas.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
HEADER_CHARACTERS = 1_000_000
ROWS_TO_FIND_THE_SEPARATOR = 20
COMMENT = "#"
# lines above the header, at most
_LINES_ABOVE_AT_MOST = 100
# what begins like a number or a date is no name, in a line that need not be the header
_NUMBER = re.compile(r"[+-]?[.,]?\d[\d.,' \u00a0\u202f]*([eE][+-]?\d+)?")
_DIGITS_OF_A_TIME = 6


@dataclass(frozen=True)
class Layout:
    """Where the header of a file is, and what separates its fields.

    Attributes:
        separator: The separator.
        names: Fields of the header line, without blanks around them.
        start: Position of the header line in the text.
        body: Position of the first line below the header.
        line: Number of the header line, from 1.
        skipped: The lines above it.
    """

    separator: str
    names: tuple[str, ...]
    start: int
    body: int
    line: int
    skipped: tuple[str, ...]


def find_layout(text: str, path: str, section: ReadingsSection) -> Layout:
    """Find the header: the first line from which the lines have equal fields, with one separator.

    Of several such lines it is the first with the name of the time column; a line below the first one is a
    header only if it holds no number. If no line fits, it is the first one that is no comment.

    Args:
        text: The file.
        path: Its name in messages.
        section: Separator and lines to skip, as far as they are set, and the name of the time column.

    Raises:
        InputError: If the separator is impossible, or the header holds a single name.
    """
    lines, is_whole = _cut_lines(text)
    places = _list_places(lines, section.skip_lines)
    fitting = next(_find_fitting(lines, places, section, is_whole=is_whole), None)
    if fitting is not None and not has_time_column(fitting[2], section):
        wanted = section.time_column.split(",")[0].strip()
        others = [place for place in places[1:] if wanted in lines[place]]
        found = _find_fitting(lines, [places[0], *others], section, is_whole=is_whole)
        fitting = next((each for each in found if has_time_column(each[2], section)), fitting)
    place = places[0] if fitting is None else fitting[0]
    separator = _list_separators(lines[place], section)[0] if fitting is None else fitting[1]
    _require_separator(separator, lines[place], path, section)
    layout = _lay_out(text, lines, place, separator, path)
    has_row_numbers = fitting is not None and len(fitting[2]) == len(layout.names) + 1
    return replace(layout, names=("", *layout.names)) if has_row_numbers else layout


def has_time_column(names: Sequence[str], section: ReadingsSection) -> bool:
    """Return whether all names of the time column are among the names of a header."""
    return all(name.strip() in names for name in section.time_column.split(","))


def read_records(text: str, separator: str, path: str) -> list[list[str]]:
    """Split a text into records of fields, quoted or not.

    Raises:
        InputError: If a quote is never closed.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return list(reader)
    except csv.Error as error:
        raise InputError(
            f"Expected a table. {path} cannot be parsed at line {reader.line_num} ({error}). "
            "Look for an unclosed quote."
        ) from error


def looks_like_reading(cell: str) -> bool:
    """Return whether a cell looks like a number or a time."""
    cell = cell.strip()
    return bool(_NUMBER.fullmatch(cell)) or sum(map(str.isdigit, cell)) >= _DIGITS_OF_A_TIME


def count_named(names: Sequence[str]) -> int:
    """Count the fields of a header up to its last name; those after it come from separators at its end."""
    return next((place for place in range(len(names), 0, -1) if names[place - 1]), 0)


def _cut_lines(text: str) -> tuple[list[str], bool]:
    """Cut the first lines off a text, each with its line end; return whether they are all there are."""
    at_most = _LINES_ABOVE_AT_MOST + ROWS_TO_FIND_THE_SEPARATOR + 2
    head = text[:HEADER_CHARACTERS]
    parts = head.split("\n", at_most)
    is_whole = len(head) == len(text) and len(parts) <= at_most
    lines = [f"{part}\n" for part in parts[:-1]]
    if len(parts) <= at_most and parts[-1]:
        lines.append(parts[-1])
    return lines, is_whole


def _list_places(lines: Sequence[str], skip_lines: int | None) -> list[int]:
    """List the lines that may be the header, by their positions."""
    first = min(skip_lines or 0, len(lines) - 1)
    places = [
        place
        for place in range(first, len(lines))
        if lines[place].strip() and not lines[place].startswith(COMMENT)
    ]
    return places[: 1 if skip_lines is not None else _LINES_ABOVE_AT_MOST] or [first]


def _find_fitting(
    lines: Sequence[str], places: Sequence[int], section: ReadingsSection, *, is_whole: bool
) -> Iterator[tuple[int, str, list[str]]]:
    """Find the lines that fit as the header: position, separator and names of each.

    The first line may hold numbers as names, unless the comment directly above it fits as the header.
    """
    first = places[0]
    tried = [(first, True)]
    if first and lines[first - 1].startswith(COMMENT):
        tried.append((first - 1, True))
    tried += [(first, False), *((place, True) for place in places[1:])]
    for place, must_be_names in tried:
        line = lines[place].removeprefix(COMMENT)
        rest = [each for each in lines[place + 1 :] if not each.startswith(COMMENT)]
        for separator in _list_separators(line, section):
            if must_be_names and not _are_names(line.split(separator)):
                continue
            names = _fit(line, rest, separator, is_whole=is_whole)
            if names is not None:
                yield place, separator, names


def _list_separators(line: str, section: ReadingsSection) -> list[str]:
    if section.separator != "auto":
        return ["\t" if section.separator == "\\t" else section.separator]
    # the decimal mark of training comes last: this table may be written with another one
    return sorted(SEPARATORS, key=lambda mark: (mark == section.decimal, -line.count(mark)))


def _fit(line: str, rest: Sequence[str], separator: str, *, is_whole: bool) -> list[str] | None:
    """Return the names of a header line if the rows below it have equal fields, as many as it, else None.

    There may be more fields than names, or fewer, if those are empty: separators at the end of lines.
    """
    below = list(itertools.islice(rest, ROWS_TO_FIND_THE_SEPARATOR + 1))
    try:
        records = list(csv.reader([line, *below], delimiter=separator))
    except (csv.Error, TypeError):
        return None
    names, rows = [name.strip() for name in records[0]], records[1:]
    is_end = is_whole and len(below) == len(rest)
    while is_end and rows and not any(map(str.strip, rows[-1])) and len(rows[-1]) < 2:
        rows.pop()
    if not is_end or (len(rows) > 1 and len(rows[-1]) < len(rows[0]) and not below[-1].endswith("\n")):
        # the last one may be cut
        rows = rows[:-1]
    counts, named = {len(row) for row in rows} or {len(names)}, count_named(names)
    fields = max(counts)
    if len(counts) > 1 or fields == 1 or not named <= fields:
        return None
    if fields == len(names) + 1 and rows and all(row[0].strip().isdigit() for row in rows):
        # row numbers without a field in the header, as R writes them
        return ["", *names]
    are_empty = all(not field.strip() for row in rows for field in row[len(names) :])
    return names if are_empty else None


def _are_names(names: Sequence[str]) -> bool:
    """Return whether a line can be a header: no number, no time, and a name in most of its fields."""
    filled = sum(bool(name.strip()) for name in names)
    return 2 * filled > len(names) and not any(looks_like_reading(name) for name in names)


def _require_separator(separator: str, header: str, path: str, section: ReadingsSection) -> None:
    is_possible = len(separator) == 1 and separator.isascii() and separator not in ('"', "\n")
    if not is_possible or (section.separator != "auto" and separator == section.decimal):
        raise InputError(
            "`readings.separator` must be `auto` or one ASCII character other than the decimal mark. "
            f"Received {separator!r} with `readings.decimal` {section.decimal!r}."
        )
    if separator not in header:
        raise InputError(
            f"Expected a header line with several column names. The first line of {path} is "
            f"{header.rstrip()[:60]!r}, a single column. Set `readings.separator` (now {section.separator}) "
            "or `readings.skip_lines`, or check that this is the right file."
        )


def _lay_out(text: str, lines: Sequence[str], place: int, separator: str, path: str) -> Layout:
    """Measure where the header begins and ends; a quoted name may hold a line end."""
    start = sum(len(line) for line in lines[:place])
    start += len(COMMENT) if lines[place].startswith(COMMENT) else 0
    reader = csv.reader(io.StringIO(text[start : start + HEADER_CHARACTERS], newline=""), delimiter=separator)
    try:
        names = next(reader)
    except csv.Error as error:
        raise InputError(
            f"Expected a table. {path} cannot be parsed at line {place + reader.line_num} ({error}). "
            "Look for an unclosed quote."
        ) from error
    body = start
    for _ in range(reader.line_num):
        end = text.find("\n", body)
        body = len(text) if end < 0 else end + 1
    return Layout(
        separator=separator,
        names=tuple(name.strip() for name in names),
        start=start,
        body=body,
        line=place + 1,
        skipped=tuple(line.strip() for line in lines[:place]),
    )
