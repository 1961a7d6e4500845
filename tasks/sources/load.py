"""Load a table from any source; its content is not checked here."""

from __future__ import annotations

from pathlib import Path

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.sources.file import parse_file
from tasks.sources.read_bytes import read_file


def load_readings(source: str | Path, section: ReadingsSection, *, is_growing: bool = False) -> RawTable:
    path = Path(source)
    return parse_file(read_file(path), str(path), section, is_growing=is_growing)
