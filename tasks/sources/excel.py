"""Parse a sheet of an Excel workbook as a table."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.sources.columns import leave_out_unnamed
from tasks.sources.decompress import BROKEN
from tasks.sources.layout import count_named, has_time_column, looks_like_reading
from tasks.sources.marks import settle_marks
from tasks.sources.names import check_column_names
from tasks.sources.units_row import choose_units, count_lines_of_words, report_units

_ROWS_TO_FIND_THE_HEADER = 100
_ROWS_TO_FIND_UNITS = 20
_ROWS_SHOWN = 3
_FIELDS_AT_LEAST = 2
Rows = list[tuple[Any, ...]]


def parse_excel(plain: bytes, path: str, section: ReadingsSection) -> RawTable:
    """Parse the sheet `readings.sheet`, or the only one that holds a table.

    Times are read as times and formulas as their last result. Rows above the header and a row of units are
    left out and reported.

    Args:
        plain: The bytes of the workbook.
        path: Its name in messages.
        section: The sheet and its layout, as far as they are set.

    Returns:
        `RawTable` without a hash. Its index is the number of the row in the sheet, from 1.

    Raises:
        InputError: If the workbook is broken, or it is not clear which sheet holds the table.
    """
    sheets = _read_sheets(plain, path)
    sheet = _choose_sheet(sheets, path, section)
    rows = sheets[sheet]
    header = _find_header(rows, path, section)
    texts = [[_write(cell) for cell in row] for row in rows[header + 1 : header + 1 + _ROWS_TO_FIND_UNITS]]
    words = texts[: count_lines_of_words(texts, units_row=section.units_row)]
    labels = [_write(cell).strip() or place for place, cell in enumerate(rows[header])]
    names = [label for label in labels if isinstance(label, str)]
    check_column_names(names, path)
    first = header + 1 + len(words)
    table = pd.DataFrame(
        {label: _make_column([row[place] for row in rows[first:]]) for place, label in enumerate(labels)}
    )
    table, left_out = leave_out_unnamed(table.set_axis(range(first + 1, len(rows) + 1), axis=0), path)
    units = choose_units(words, [label if isinstance(label, str) else "" for label in labels])
    findings = (
        *_report_sheet(sheet, sheets, path, section),
        *_report_rows_above(rows[:header], path, section),
        *report_units(words, units, path, header + 2),
        *left_out,
    )
    return settle_marks(RawTable(table, path, "", findings, units=units), section)


def _read_sheets(plain: bytes, path: str) -> dict[str, Rows]:
    """Read the rows of every sheet by its name, all equally long, without empty rows at the end."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"Expected the package openpyxl, which reads Excel files such as {path}. It is not installed. "
            "Run `pip install openpyxl`, or save the table as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(plain), read_only=True, data_only=True)
        sheets = {sheet.title: _square(list(sheet.iter_rows(values_only=True))) for sheet in book.worksheets}
    except (*BROKEN, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise InputError(
            f"Expected an Excel workbook. {path} cannot be read ({error}). Save it again as .xlsx, or as CSV."
        ) from error
    return sheets


def _square(rows: Rows) -> Rows:
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    widths = [
        max((place + 1 for place, cell in enumerate(row) if cell is not None), default=0) for row in rows
    ]
    width = max(widths, default=0)
    return [(*row[:width], *[None] * (width - len(row))) for row in rows]


def _choose_sheet(sheets: dict[str, Rows], path: str, section: ReadingsSection) -> str:
    if section.sheet is not None:
        if section.sheet not in sheets:
            raise InputError(
                f"`readings.sheet` must name a sheet of {path}: {', '.join(sheets)}. "
                f"Received {section.sheet!r}."
            )
        return section.sheet
    tables = [name for name, rows in sheets.items() if len(rows) > 1 and len(rows[0]) >= _FIELDS_AT_LEAST]
    if len(tables) > 1:
        named = [
            name
            for name in tables
            if any(_has_times(row, section) for row in sheets[name][:_ROWS_TO_FIND_THE_HEADER])
        ]
        tables = named if len(named) == 1 else tables
    if len(tables) != 1:
        count = (
            f"{len(tables)} of its sheets do: {', '.join(tables)}" if tables else "none of its sheets does"
        )
        raise InputError(
            f"Expected one sheet of {path} that holds a table of readings; {count}. Set `readings.sheet`."
        )
    return tables[0]


def _find_header(rows: Rows, path: str, section: ReadingsSection) -> int:
    """Find the row with the names: the first with the time column, else the first that looks like names."""
    if section.skip_lines is not None:
        if section.skip_lines >= len(rows):
            raise InputError(
                f"`readings.skip_lines` must be less than the rows of the sheet. {path} has {len(rows)} "
                f"rows. Received {section.skip_lines}."
            )
        return section.skip_lines
    head = rows[:_ROWS_TO_FIND_THE_HEADER]
    named = (place for place, row in enumerate(head) if _has_times(row, section))
    likely = (place for place, row in enumerate(head) if _is_header(row))
    return next(named, next(likely, 0))


def _has_times(row: Sequence[Any], section: ReadingsSection) -> bool:
    return has_time_column([_write(cell).strip() for cell in row], section)


def _is_header(row: Sequence[Any]) -> bool:
    cells = [_write(cell).strip() for cell in row]
    filled = [cell for cell in cells if cell]
    has_reading = any(not isinstance(cell, str) for cell in row if cell is not None)
    return (
        2 * len(filled) > count_named(cells) > 1
        and not has_reading
        and not any(map(looks_like_reading, cells))
    )


def _write(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _make_column(cells: list[Any]) -> pd.Series:
    """Make a column of numbers, times or text; dates are times, durations are text."""
    cells = [
        dt.datetime.combine(cell, dt.time())
        if type(cell) is dt.date
        else str(cell)
        if isinstance(cell, (dt.time, dt.timedelta))
        else cell
        for cell in cells
    ]
    column = pd.Series(cells, dtype=object).infer_objects()
    if any(isinstance(cell, dt.datetime) for cell in cells):
        is_all = all(cell is None or isinstance(cell, dt.datetime) for cell in cells)
        return column.astype("datetime64[ns]") if is_all else column
    if column.dtype == object and all(cell is None or isinstance(cell, (bool, int, float)) for cell in cells):
        return column.astype("float64")
    return column


def _report_sheet(
    sheet: str, sheets: dict[str, Rows], path: str, section: ReadingsSection
) -> tuple[Finding, ...]:
    if section.sheet is not None or len(sheets) == 1:
        return ()
    message = f"The table of {path} is that of sheet {sheet!r}, of {len(sheets)} (`readings.sheet`)."
    return (Finding(check="sheet", message=message, details={"sheet": sheet}),)


def _report_rows_above(rows: Rows, path: str, section: ReadingsSection) -> tuple[Finding, ...]:
    texts = [" ".join(_write(cell) for cell in row if cell is not None) for row in rows]
    texts = [text for text in texts if text.strip()]
    if not texts or section.skip_lines is not None:
        return ()
    shown = ", ".join(repr(text[:60]) for text in texts[:_ROWS_SHOWN])
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    message = f"{count} of {path} above the header skipped (`readings.skip_lines`): {shown}."
    return (Finding(check="skipped_lines", message=message, details={"lines": len(rows)}),)
