"""Parse the bytes of one file, whatever its kind."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.csv_table import parse_csv
from tasks.sources.decompress import decompress, find_kind
from tasks.sources.excel import parse_excel
from tasks.sources.parquet import parse_parquet


def parse_file(content: bytes, name: str, section: ReadingsSection, *, is_growing: bool) -> RawTable:
    """Parse a CSV, Excel or Parquet file, compressed or not.

    The kind is recognised by the first bytes; a file whose extension contradicts them is rejected.

    Args:
        content: The file's bytes.
        name: Its name, the source of the table and in messages.
        section: What is set about the file.
        is_growing: Whether rows may be added while the file is read; its table may then have no rows yet.

    Returns:
        `RawTable`. Its index is the number of the row in the file.

    Raises:
        InputError: If the file cannot be parsed as a table, or has no rows.
    """
    plain = decompress(content, name)
    kind = find_kind(plain)
    if kind == "xls":
        raise InputError(
            f"Expected a CSV, Excel (.xlsx) or Parquet file. {name} is a spreadsheet of another "
            "format. Save it as .xlsx or as CSV."
        )
    if kind == "parquet":
        raw = parse_parquet(plain, name, section)
    elif kind in ("xlsx", "zip"):
        # an archive that is no workbook is a broken one here
        raw = parse_excel(plain, name, section)
    else:
        raw = parse_csv(plain, name, section, is_growing=is_growing)
    if raw.table.empty and not is_growing:
        raise InputError(
            f"Expected rows of readings below the header. {name} has columns but no rows. Export the "
            "readings again."
        )
    return replace(raw, sha256=hashlib.sha256(content).hexdigest())
