"""Load a table from any source; its content is not checked here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.sources.addresses import STANDARD_INPUT, is_database, is_pattern, name_source
from tasks.sources.database import read_query
from tasks.sources.decompress import find_kind, list_members
from tasks.sources.file import parse_file
from tasks.sources.read_bytes import read_file, read_standard_input
from tasks.sources.several_files import parse_members, read_files


def load_readings(source: str | Path, section: ReadingsSection, *, is_growing: bool = False) -> RawTable:
    """Read a table from a file, several files, a database or standard input.

    Each file is read once, so the hash belongs to exactly the bytes that were parsed.

    Args:
        source: A CSV, Excel or Parquet file, compressed or not, or a zip archive of them; a folder or a
            pattern such as `archive/2024-*.csv`; the address of a database, with `readings.query`; or `-`.
        section: What is set about the source; the rest is found, and reported in findings.
        is_growing: Whether rows may be added while a file is read; its table may then have no rows yet, and a
            last line without a line end waits.

    Returns:
        `RawTable`. Its index is the number of the row in the file: the first line of a CSV file is row 1, and
        so is the first reading of a Parquet file. With several files it names the file too.

    Raises:
        InputError: If the source does not exist, cannot be parsed as a table, has missing or duplicate column
            names, or has no rows.
        StoreUnreachableError: If a database does not answer.
        OSError: If the file system fails; a later retry may succeed.
    """
    if is_database(source):
        return read_query(str(source), section, is_growing=is_growing)
    if is_pattern(source) or Path(source).is_dir():
        return read_files(source, section, is_growing=is_growing)
    name = name_source(source)
    content = read_standard_input() if str(source) == STANDARD_INPUT else read_file(Path(source))
    if find_kind(content) == "zip" and Path(name).suffix.lower() not in {".xlsx", ".xlsm"}:
        raw = parse_members(list_members(content, name), name, section, is_growing=is_growing)
        return replace(raw, sha256=hashlib.sha256(content).hexdigest())
    return parse_file(content, name, section, is_growing=is_growing)
