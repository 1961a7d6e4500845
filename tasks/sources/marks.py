"""Find the decimal mark and the mark between thousands of numbers that are written as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable

SPACES = " \u00a0\u202f\u2009"
APOSTROPHES = "'\u2019"
# cells written with the other mark may be slips, if they are as few as this
STRAY_SHARE_AT_MOST = 0.05
_SIGN, _POWER = r"^\s*[+-]?", r"(?:[eE][+-]?[0-9]+)?\s*$"
_THOUSANDS = {".": r"\.", ",": ",", " ": f"[{SPACES}]", "'": f"[{APOSTROPHES}]"}
_NAMES = {".": "a point", ",": "a comma", " ": "a space", "'": "an apostrophe", "none": "no mark"}


class AmbiguousMarksError(InputError):
    """The numbers of a file allow more than one reading; another file of the same source may settle it."""


@dataclass(frozen=True)
class Marks:
    """How numbers are written.

    Attributes:
        decimal: Decimal mark, `.` or `,`.
        thousands: Mark between thousands, or None.
        findings: What a user should know about them.
        found: Settings found, by full name.
    """

    decimal: str
    thousands: str | None = None
    findings: tuple[Finding, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Evidence:
    """Cells that show how a mark is used, and the first of each kind with its column."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, kind: str, cells: int, example: tuple[str, str]) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + cells
        self.examples.setdefault(kind, example)

    def count(self, kind: str) -> int:
        return self.counts.get(kind, 0)


def list_text_columns(table: pd.DataFrame, section: ReadingsSection) -> list[str]:
    """List the columns of text in which numbers may be written, neither times nor dropped columns."""
    others = {name.strip() for name in section.time_column.split(",")} | set(section.drop_columns)
    return [name for name in table.columns if name not in others and is_text(table[name])]


def is_text(column: pd.Series) -> bool:
    """Return whether a column may hold text."""
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def has_marked_numbers(table: pd.DataFrame, names: Sequence[str]) -> bool:
    """Return whether a cell is a number that is written with a comma, or with marks between thousands."""
    return any(_count(_as_texts(table[name]), _MARKED) for name in names)


def is_point_in_doubt(table: pd.DataFrame) -> bool:
    """Return whether every point in a number may as well stand between thousands."""
    has_fraction = False
    for name in table.columns[table.dtypes == np.float64]:
        numbers = table[name].to_numpy()
        fractions = numbers[np.isfinite(numbers) & (numbers % 1 != 0)]
        has_fraction |= bool(len(fractions))
        thousandths = fractions * 1000
        sizes = np.abs(fractions)
        if not (
            (sizes >= 1) & (sizes < 1000) & np.isclose(thousandths, np.rint(thousandths), atol=1e-9)
        ).all():
            return False
    return has_fraction


def find_marks(table: pd.DataFrame, section: ReadingsSection, path: str) -> Marks:
    """Find the marks of the numbers that a table holds as text.

    `1,5` shows a decimal comma, `1,234,567` a comma between thousands, and `1.234,5` both. `1,234` may be
    either: another cell must settle it.

    Args:
        table: The table, with its numbers as text as far as they are.
        section: The marks, as far as they are set.
        path: Name of the source in messages.

    Raises:
        AmbiguousMarksError: If the cells allow more than one reading.
        InputError: If they contradict each other.
    """
    evidence = _collect(table, list_text_columns(table, section))
    decimal = _choose_decimal(evidence, section, path)
    thousands = _choose_thousands(evidence, decimal, section, path)
    return Marks(decimal, thousands, *_report(evidence, decimal, thousands, section, path))


def settle_marks(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Rewrite the numbers that a typed source, such as Parquet or a sheet, holds as text."""
    names = list_text_columns(raw.table, section)
    if not names or (section.decimal == "." and section.thousands == "none"):
        return raw
    marks = find_marks(raw.table, section, raw.source)
    return replace(
        raw,
        table=write_plainly(raw.table, marks, names),
        findings=(*raw.findings, *marks.findings),
        found={**raw.found, **marks.found},
    )


def write_plainly(table: pd.DataFrame, marks: Marks, names: Sequence[str]) -> pd.DataFrame:
    """Rewrite numbers with a decimal point and without marks between thousands; other text stays as it is.

    Args:
        table: The table, which is not changed.
        marks: How its numbers are written.
        names: Columns of text; those that hold nothing but numbers then become numbers.
    """
    if marks.decimal == "." and marks.thousands is None:
        return table
    rewritten = table.copy(deep=False)
    for name in names:
        rewritten[name] = _rewrite(table[name], marks)
    return rewritten


def _rewrite(column: pd.Series, marks: Marks) -> pd.Series:
    decimal = re.escape(marks.decimal)
    fraction = f"(?:{decimal}[0-9]*)?"
    whole = "[0-9]+"
    if marks.thousands is not None:
        whole = f"(?:[0-9]{{1,3}}(?:{_THOUSANDS[marks.thousands]}[0-9]{{3}})+|[0-9]+)"
    is_number = re.compile(f"{_SIGN}(?:{whole}{fraction}|{decimal}[0-9]+){_POWER}")
    between = None if marks.thousands is None else re.compile(_THOUSANDS[marks.thousands])

    def rewrite(cell: Any) -> Any:
        if not isinstance(cell, str) or not is_number.match(cell):
            return cell
        plain = cell.strip() if between is None else between.sub("", cell.strip())
        return plain.replace(marks.decimal, ".")

    cells = column.astype(object).map(rewrite)
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().sum() == cells.notna().sum() else cells


def _as_texts(column: pd.Series) -> pa.ChunkedArray | pa.Array:
    if column.dtype == object:
        column = column.where(column.map(lambda cell: isinstance(cell, str)), None)
    return pa.array(column, pa.large_string(), from_pandas=True)


def _count(texts: pa.Array, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0)


def _grouped(mark: str, times: str = "+") -> str:
    return f"[1-9][0-9]{{0,2}}(?:{_THOUSANDS[mark]}[0-9]{{3}}){times}"


def _proves_decimal(mark: str, other: str) -> str:
    """Write the pattern of cells in which a mark must be the decimal mark."""
    point = _THOUSANDS[mark]
    grouped = "|".join(_grouped(thousands) for thousands in (other, " ", "'"))
    plain = rf"[0-9]*{point}(?:[0-9]{{1,2}}|[0-9]{{4,}})|(?:0[0-9]*|[0-9]{{4,}}|){point}[0-9]+"
    power = rf"[0-9]+{point}[0-9]+[eE][+-]?[0-9]+"
    return rf"{_SIGN}(?:(?:{plain}|(?:{grouped}){point}[0-9]+){_POWER}|{power}\s*$)"


def _proves_thousands(mark: str, other: str) -> str:
    """Write the pattern of cells in which a mark must stand between thousands."""
    point = _THOUSANDS[other]
    return rf"{_SIGN}(?:{_grouped(mark, '{2,}')}(?:{point}[0-9]*)?|{_grouped(mark)}{point}[0-9]+){_POWER}"


_EITHER = {mark: rf"{_SIGN}{_grouped(mark, '')}{_POWER}" for mark in (",", ".")}
_OTHER = {",": ".", ".": ","}
_PATTERNS = {
    **{f"decimal {mark}": _proves_decimal(mark, other) for mark, other in _OTHER.items()},
    **{f"thousands {mark}": _proves_thousands(mark, other) for mark, other in _OTHER.items()},
    **{f"thousands {mark}": rf"{_SIGN}{_grouped(mark)}(?:[.,][0-9]*)?{_POWER}" for mark in (" ", "'")},
    **{f"either {mark}": pattern for mark, pattern in _EITHER.items()},
}
# a number with a comma, with several points, or with blanks or apostrophes between thousands
_MARKED = "|".join(
    [
        rf"{_SIGN}[0-9.]*,[0-9][0-9,.]*{_POWER}",
        rf"{_SIGN}[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}}){{2,}}\s*$",
        rf"{_SIGN}[1-9][0-9]{{0,2}}(?:[{SPACES}{APOSTROPHES}][0-9]{{3}})+(?:[.,][0-9]*)?\s*$",
    ]
)


def _collect(table: pd.DataFrame, names: Sequence[str]) -> _Evidence:
    evidence = _Evidence()
    for name in names:
        texts = _as_texts(table[name])
        for kind, pattern in _PATTERNS.items():
            is_match = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
            cells = int(pc.sum(is_match).as_py() or 0)
            if cells:
                first = texts[pc.index(is_match, True).as_py()].as_py()
                evidence.add(kind, cells, (str(name), first.strip()))
    return evidence


def _choose_decimal(evidence: _Evidence, section: ReadingsSection, path: str) -> str:
    commas, points = evidence.count("decimal ,"), evidence.count("decimal .")
    is_mixed = min(commas, points) > STRAY_SHARE_AT_MOST * max(commas, points)
    if is_mixed and section.decimal != ".":
        raise InputError(
            f"Expected one decimal mark. {path} has {_show(evidence, 'decimal ,')} and "
            f"{_show(evidence, 'decimal .')}. Export all numbers with the same mark, or leave a column out "
            "by `readings.drop_columns`."
        )
    if section.decimal == ",":
        # a batch may be written otherwise than the training table, whose mark was kept
        return "." if points > commas else ","
    if section.decimal == "." or points > commas:
        return "."
    if commas:
        return ","
    if evidence.count("thousands ,"):
        return "."
    if evidence.count("thousands ."):
        return ","
    if evidence.count("either ,") and section.thousands != ",":
        raise AmbiguousMarksError(
            f"Expected numbers that show whether their comma is the decimal mark. {path} has "
            f"{_show(evidence, 'either ,')}, which may be {_tell(evidence)}. Set `readings.decimal` to `,` "
            "if it is the decimal mark, or `readings.thousands` to `,` if it stands between thousands."
        )
    return "."


def _choose_thousands(evidence: _Evidence, decimal: str, section: ReadingsSection, path: str) -> str | None:
    if section.thousands is not None:
        is_possible = section.thousands not in ("none", decimal)
        return section.thousands if is_possible else None
    other = _OTHER[decimal]
    marks = [mark for mark in (other, " ", "'") if evidence.count(f"thousands {mark}")]
    if len(marks) > 1:
        shown = " and ".join(_show(evidence, f"thousands {mark}") for mark in marks)
        raise InputError(
            f"Expected one mark between thousands. {path} has {shown}. Set `readings.thousands`, or export "
            "the numbers without such marks."
        )
    if marks:
        return marks[0]
    if not evidence.count(f"either {other}"):
        return None
    if evidence.count(f"decimal {decimal}"):
        return other
    if decimal == "." and section.decimal == ".":
        return None
    raise AmbiguousMarksError(
        f"Expected numbers that show what their marks mean. {path} has {_show(evidence, f'either {other}')} "
        f"and no number with {_NAMES[decimal]} before its decimals. Set `readings.decimal` to `{other}` if "
        f"{_NAMES[other]} is the decimal mark, or `readings.thousands` to `{other}` if it stands between "
        "thousands."
    )


def _report(
    evidence: _Evidence, decimal: str, thousands: str | None, section: ReadingsSection, path: str
) -> tuple[tuple[Finding, ...], dict[str, Any]]:
    findings, found = [], {}
    if decimal == "," and section.decimal == "auto":
        found["readings.decimal"] = decimal
        example = evidence.examples.get("decimal ,")
        shown = "" if example is None else f", as in {example[1]} of {example[0]}"
        message = f"The decimal mark of {path} is a comma{shown} (`readings.decimal`)."
        findings.append(Finding(check="decimal", message=message, details={"decimal": decimal}))
    if (
        decimal == "."
        and section.decimal == "auto"
        and evidence.count("either .")
        and not evidence.count("decimal .")
    ):
        message = (
            f"The point of {path} is read as the decimal mark, as in {_show(evidence, 'either .')}. Set "
            "`readings.decimal` to `,` if it stands between thousands."
        )
        findings.append(Finding(check="decimal", message=message, details={"decimal": decimal}))
    if decimal == "." and section.decimal == ",":
        message = (
            f"The numbers of {path} are written with a point, as {_show(evidence, 'decimal .')}, although "
            "`readings.decimal` is a comma: they are read with a point."
        )
        findings.append(Finding(check="decimal", message=message, details={"decimal": decimal}))
    if thousands is not None and section.thousands is None:
        found["readings.thousands"] = thousands
        kinds = [f"thousands {thousands}", f"either {thousands}"]
        example = next((evidence.examples[kind] for kind in kinds if kind in evidence.examples), ("", ""))
        message = (
            f"{_NAMES[thousands].capitalize()} stands between the thousands of {path}, as in {example[1]} of "
            f"{example[0]} (`readings.thousands`)."
        )
        findings.append(Finding(check="thousands", message=message, details={"thousands": thousands}))
    return tuple(findings), found


def _show(evidence: _Evidence, kind: str) -> str:
    column, cell = evidence.examples[kind]
    return f"{cell!r} in {column}"


def _tell(evidence: _Evidence) -> str:
    _, cell = evidence.examples["either ,"]
    return f"{cell.replace(',', '.')} or {cell.replace(',', '')}"
