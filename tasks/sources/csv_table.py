"""Parse the bytes of a CSV file as a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.sources.columns import leave_out_unnamed
from tasks.sources.decode import decode, report_encoding
from tasks.sources.layout import Layout, find_layout, read_records
from tasks.sources.lines import (
    Lines,
    cut_unfinished_line,
    report_lines,
    report_unfinished_line,
    take_lines,
)
from tasks.sources.marks import (
    Marks,
    find_marks,
    has_marked_numbers,
    is_point_in_doubt,
    list_text_columns,
    write_plainly,
)
from tasks.sources.names import check_column_names
from tasks.sources.units_row import choose_units, report_units


def parse_csv(plain: bytes, path: str, section: ReadingsSection, *, is_growing: bool) -> RawTable:
    """Parse a CSV file whatever its encoding, layout and marks; what is found is reported.

    A last line without a line end may still be being written. It is left out, with a finding, if the file is
    growing or ends within a character, or the line has fewer fields than the line above.

    Args:
        plain: The bytes, not compressed.
        path: Name of the file in messages.
        section: What is set about the file.
        is_growing: Whether rows may be added while the file is read; its table may then have no rows yet.

    Returns:
        `RawTable` without a hash. Its index is the number of the line in the file, from 1.

    Raises:
        InputError: If the file cannot be parsed as a table with a name for each column.
    """
    decoded = decode(plain, path, section.encoding)
    text, last = cut_unfinished_line(decoded.text) if is_growing or decoded.is_cut else (decoded.text, None)
    layout = find_layout(text, path, section)
    lines = take_lines(text, layout, path, units_row=section.units_row, is_cut=last is not None)
    unfinished = lines if last is None else _keep_last(lines, last)
    content = lines.text.encode()
    names = _fit_names(layout, _count_fields(lines.text, content, layout.separator, path), lines, path)
    check_column_names([name for name in names if name], path)
    table, marks = _read_table(content, names, layout.separator, path, section)
    table, left_out = leave_out_unnamed(table.set_axis(lines.rows, axis=0), path)
    units = choose_units(lines.words, names)
    findings = (
        *report_encoding(decoded.encoding, section.encoding, path),
        *report_lines(lines, layout, path, is_found=section.skip_lines is None),
        *report_units(lines.words, units, path, layout.line + 1),
        *_report_empty_names(layout, names, path),
        *left_out,
        *marks.findings,
        *report_unfinished_line(unfinished, layout, path),
    )
    return RawTable(table, path, "", findings, marks.found, units)


def _report_empty_names(layout: Layout, names: Sequence[str], path: str) -> tuple[Finding, ...]:
    """Report separators at the end of the header alone."""
    if len(layout.names) <= len(names):
        return ()
    message = f"The header of {path} ends in a separator: fields without a name and a column left out."
    details = {"columns": len(layout.names) - len(names)}
    return (Finding(check="trailing_separator", message=message, details=details),)


def _keep_last(lines: Lines, last: str) -> Lines:
    return Lines(lines.text, lines.rows, lines.words, lines.comments, last)


def _count_fields(text: str, content: bytes, separator: str, path: str) -> np.ndarray:
    """Count the fields of each line; shape (lines,)."""
    if not text:
        return np.zeros(0, dtype=np.int64)
    if '"' in text:
        return np.array([len(record) for record in read_records(text, separator, path)])
    characters = np.frombuffer(content, dtype=np.uint8)
    line_ends = np.append(np.flatnonzero(characters == ord("\n")), len(characters))
    separators = np.flatnonzero(characters == ord(separator))
    return np.diff(np.searchsorted(separators, line_ends), prepend=0) + 1


def _fit_names(layout: Layout, fields: np.ndarray, lines: Lines, path: str) -> list[str]:
    """Fit the names of the header to the fields of the rows; pandas would silently pad or cut some of them.

    Returns:
        A name for each field, the empty string where there is none: those at the end may be empty columns.

    Raises:
        InputError: If rows have another number of fields than the others, or fewer than there are names.
    """
    names = list(layout.names)
    named = next((place for place in range(len(names), 0, -1) if names[place - 1]), len(names))
    common = int(np.bincount(fields).argmax()) if len(fields) else len(names)
    is_longer = common == len(names) + 1 and _ends_each_line(lines.text, layout.separator, len(fields))
    columns = common if named <= common <= len(names) or is_longer else len(names)
    ragged = np.flatnonzero(fields != columns)
    if len(ragged):
        row = lines.rows[ragged[0]] if ragged[0] < len(lines.rows) else int(ragged[0]) + layout.line + 1
        raise InputError(
            f"Expected {columns} fields in every row, as in the header (separator {layout.separator!r}). "
            f"{path} has {len(ragged)} row(s) with another number; the first is row {row} with "
            f"{fields[ragged[0]]} field(s). Correct the rows, set `readings.separator`, or check that "
            "this is a table of readings."
        )
    return [*names, ""][:columns]


def _ends_each_line(text: str, separator: str, lines: int) -> bool:
    ends = text.count(f"{separator}\n") + text.count(f"{separator}\r\n") + text.endswith(separator)
    return ends == lines


def _read_table(
    content: bytes, names: Sequence[str], separator: str, path: str, section: ReadingsSection
) -> tuple[pd.DataFrame, Marks]:
    """Read the rows, and find the marks of their numbers if these are more than decimal points."""
    decimal = "," if section.decimal == "," else "."
    table = _read(content, names, separator, path, decimal=decimal)
    is_plain = section.decimal == "." and section.thousands == "none"
    if is_plain or not len(table):
        return table, Marks(decimal)
    if decimal == "." and not has_marked_numbers(table, list_text_columns(table, section)):
        is_clear = separator == "," or section.decimal == "." or not is_point_in_doubt(table)
        if is_clear:
            return table, Marks(decimal)
    texts = _read(content, names, separator, path, dtype="str")
    marks = find_marks(texts, section, path)
    if marks.decimal != decimal:
        table = _read(content, names, separator, path, decimal=marks.decimal)
    return write_plainly(table, marks, list_text_columns(table, section)), marks


def _read(
    content: bytes,
    names: Sequence[str],
    separator: str,
    path: str,
    *,
    decimal: str = ".",
    dtype: Literal["str"] | None = None,
) -> pd.DataFrame:
    """Read the rows; a column without a name has its position as its label."""
    labels: list[Any] = [name or place for place, name in enumerate(names)]
    if not content:
        return pd.DataFrame({label: pd.Series(dtype=object) for label in labels})
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            sep=separator,
            decimal=decimal,
            header=None,
            names=range(len(labels)),
            dtype=dtype,
            na_filter=dtype is None,
            index_col=False,
            low_memory=False,
            skip_blank_lines=False,
        )
    except ValueError as error:
        raise InputError(
            f"Expected a table. {path} cannot be parsed ({error}). Check `readings.separator` and the quotes "
            "in the file."
        ) from error
    return table.set_axis(labels, axis=1)
