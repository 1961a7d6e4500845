"""Read several files as one table: a folder, a pattern, or an archive; overlaps are read once."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.addresses import is_pattern
from tasks.sources.combine import combine_tables
from tasks.sources.file import parse_file
from tasks.sources.marks import AmbiguousMarksError
from tasks.sources.partitions import add_partitions
from tasks.sources.read_bytes import read_file

_EXTENSIONS = (".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq", ".xlsx", ".xlsm", ".xls")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def list_files(source: str | Path) -> dict[str, Path]:
    """List the files of a folder with its folders, or of a pattern, by name and in order of name.

    Hidden files and those of other kinds than tables are left out of a folder.

    Raises:
        InputError: If there is none.
    """
    if is_pattern(source):
        pattern = os.path.expanduser(str(source))  # noqa: PTH111 - a pattern is no path
        found = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - may be absolute
        files = [path for path in found if path.is_file()]
        root = Path(os.path.commonpath([path.parent for path in files])) if files else Path()
    else:
        root = Path(source)
        files = [path for path in root.rglob("*") if path.is_file() and _is_table(path.relative_to(root))]
    if not files:
        raise InputError(
            f"Expected files of readings: CSV, Excel or Parquet. There is none in {source}. Check the path."
        )
    names = {path.relative_to(root).as_posix(): path for path in files}
    return dict(sorted(names.items(), key=lambda item: _sort_by_numbers(item[0])))


def read_files(source: str | Path, section: ReadingsSection, *, is_growing: bool) -> RawTable:
    """Read the files of a folder or pattern as one table; see `combine_tables`.

    Args:
        source: The folder or pattern.
        section: What is set about the files.
        is_growing: Whether rows may be added to the file that was changed last.
    """
    files = list_files(source)
    newest = max(files, key=lambda name: files[name].stat().st_mtime_ns)
    if is_growing:
        # a file that has just been created has no header yet
        files = {name: path for name, path in files.items() if path.stat().st_size} or files

    def read(name: str, now: ReadingsSection) -> RawTable:
        return parse_file(read_file(files[name]), name, now, is_growing=is_growing and name == newest)

    tables = _read_all(list(files), read, section)
    tables = add_partitions(tables, section)
    return _name(combine_tables(tables, str(source), section), str(source), tables)


def parse_members(
    members: Mapping[str, bytes], source: str, section: ReadingsSection, *, is_growing: bool
) -> RawTable:
    """Parse the files of an archive as one table; see `combine_tables`.

    Args:
        members: The files by their names, at least one.
        source: Name of the archive.
        section: What is set about the files.
        is_growing: Whether the last file may have no rows yet.
    """
    names = sorted(members, key=_sort_by_numbers)
    if len(names) == 1:
        raw = parse_file(members[names[0]], names[0], section, is_growing=is_growing)
        return replace(raw, source=source)

    def read(name: str, now: ReadingsSection) -> RawTable:
        return parse_file(members[name], name, now, is_growing=False)

    tables = _read_all(names, read, section)
    return _name(combine_tables(tables, source, section), source, tables)


def _read_all(
    names: Sequence[str], read: Callable[[str, ReadingsSection], RawTable], section: ReadingsSection
) -> dict[str, RawTable]:
    """Read every file; where the marks of one are ambiguous, those of the others settle them."""
    tables: dict[str, RawTable] = {}
    doubtful: dict[str, AmbiguousMarksError] = {}
    for name in names:
        try:
            tables[name] = read(name, section)
        except AmbiguousMarksError as error:
            doubtful[name] = error
    marks = {key: value for raw in tables.values() for key, value in raw.found.items()}
    for name, problem in doubtful.items():
        if not marks:
            raise problem
        known = {key.removeprefix("readings."): value for key, value in marks.items()}
        tables[name] = read(name, section.model_copy(update=known))
    return {name: tables[name] for name in names}


def _name(raw: RawTable, source: str, tables: Mapping[str, RawTable]) -> RawTable:
    hashes = "".join(f"{tables[name].sha256} {name}\n" for name in sorted(tables))
    return replace(raw, source=source, sha256=hashlib.sha256(hashes.encode()).hexdigest())


def _is_table(path: Path) -> bool:
    if any(part.startswith((".", "_", "~$")) for part in path.parts):
        return False
    name = path.name.lower()
    for extension in _COMPRESSED:
        name = name.removesuffix(extension)
    return name.endswith(_EXTENSIONS)


def _sort_by_numbers(name: str) -> list[tuple[int, int, str]]:
    """Sort names by the numbers in them: day-9 comes before day-10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
