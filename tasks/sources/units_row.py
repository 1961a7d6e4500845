"""Find a line of units between the header and the readings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from schemas.readings import Finding

# lines below the header that may hold no reading: units and descriptions
LINES_AT_MOST = 3
_UNITS_SHOWN = 6
_NUMBER = re.compile(r"[+-]?(\d[\d.,' \u00a0\u202f]*|[.,]\d+)([eE][+-]?\d+)?")
_ZONE = re.compile(r"(utc|gmt)?\s*[+-]\d{1,2}:?\d{0,2}", re.IGNORECASE)
_DIGITS_OF_A_TIME = 4


def count_lines_of_words(records: Sequence[Sequence[str]], *, units_row: bool | None) -> int:
    """Count the lines directly below the header that are units or descriptions, not readings.

    Such a line holds words, and no number in any column that is numeric below it, nor a time in a column that
    holds times below it.

    Args:
        records: Fields of the first lines below the header.
        units_row: Setting `readings.units_row`; True is at least one line, False is none.
    """
    if units_row is False or not records:
        return 0
    if len(records) == 1 < len(records[0]) and not any(
        _is_number(cell.strip()) or _is_time(cell) for cell in records[0]
    ):
        # a reading has a time: the file has no row yet
        return 1
    found = 0
    while found < min(LINES_AT_MOST, len(records) - 1) and _holds_words(records[found], records[found + 1 :]):
        found += 1
    return max(found, 1) if units_row else found


def choose_units(lines: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, str]:
    """Take the units from the shortest of the lines below the header: descriptions are longer."""
    if not lines:
        return {}
    shortest = min(lines, key=lambda line: sum(len(cell.strip()) for cell in line))
    return {name: cell.strip() for name, cell in zip(names, shortest, strict=False) if name and cell.strip()}


def report_units(
    lines: Sequence[Sequence[str]], units: Mapping[str, str], path: str, row: int
) -> tuple[Finding, ...]:
    """Report the lines of words below the header, if there are any.

    Args:
        lines: Fields of these lines.
        units: Units by column.
        path: Name of the file.
        row: Number of the first of these lines in the file.
    """
    if not lines:
        return ()
    shown = ", ".join(f"{name} in {unit}" for name, unit in list(units.items())[:_UNITS_SHOWN])
    more = f" and {len(units) - _UNITS_SHOWN} more" if len(units) > _UNITS_SHOWN else ""
    others = "" if len(lines) == 1 else f", the best of {len(lines)} lines without readings"
    message = (
        f"Row {row} of {path} holds units and no reading{others}: {shown}{more}. They are kept as units of "
        "the columns (`readings.units_row`)."
    )
    details = {"row": row, "rows": len(lines), "units": dict(units)}
    return (Finding(check="units_row", message=message, columns=tuple(units), details=details),)


def _holds_words(line: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    has_word = is_above_numbers = False
    for place, field in enumerate(line):
        cell = field.strip()
        cells = [record[place].strip() for record in below if place < len(record)]
        if any(_is_number(each) for each in cells):
            is_above_numbers = True
            has_word |= bool(cell)
            if _is_number(cell):
                return False
        elif any(_is_time(each) for each in cells) and _is_time(cell):
            return False
    return has_word and is_above_numbers


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell))


def _is_time(cell: str) -> bool:
    digits = sum(map(str.isdigit, _ZONE.sub("", cell)))
    return digits >= _DIGITS_OF_A_TIME
