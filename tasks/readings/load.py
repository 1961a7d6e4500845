"""Load a file as a table; its content is not checked here."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import itertools
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import UNFINISHED_LINE, Finding, RawTable
from tasks.readings.columns import check_column_names

SEPARATORS = (",", ";", "\t", "|")
HEADER_CHARACTERS = 1_000_000
# and the mark of the end of a file of MS-DOS
_LINE_ENDS = ("\r", "\n", "\x1a")
ROWS_TO_FIND_THE_SEPARATOR = 20
_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PAR1": "parquet",
}
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def load_readings(path: str | Path, section: ReadingsSection, *, is_growing: bool = False) -> RawTable:
    """Read a table from a CSV file, compressed or not, or a Parquet file.

    The file is read once, so the hash belongs to exactly the bytes that were parsed. The format is recognised
    by the first bytes; a file whose extension contradicts them is rejected. CSV must be UTF-8 with one header
    line.

    A last line of CSV without a line end may still be being written. It is left out, with a finding, if the
    file is growing or the line has fewer fields than the header.

    Args:
        path: The file; `.gz`, `.bz2`, `.xz`, `.zst` and `.zip` (with a single file) are decompressed.
        section: Separator and decimal mark of a CSV file.
        is_growing: Whether rows may be added while the file is read; its table may then have no rows yet.

    Returns:
        `RawTable`. Its index is the row number in the file: the header of a CSV file is row 1 and the first
        reading row 2; in a Parquet file the first reading is row 1.

    Raises:
        InputError: If the file does not exist, cannot be parsed as a table, has missing or duplicate column
            names, or has no rows.
        OSError: If the file system fails; a later retry may succeed.
    """
    content = _read_bytes(Path(path))
    plain = _decompress(content, str(path))
    parse = _PARSERS.get(_kind(plain))
    findings: tuple[Finding, ...] = ()
    if parse is not None:
        table = parse(plain, str(path), section)
    else:
        table, findings = _parse_csv(plain, str(path), section, is_growing=is_growing)
    if table.empty and not is_growing:
        raise InputError(
            f"Expected rows of readings below the header. {path} has columns but no rows. Export the "
            "readings again."
        )
    return RawTable(table, str(path), hashlib.sha256(content).hexdigest(), findings)


def _read_bytes(path: Path) -> bytes:
    expected = "Expected a CSV or Parquet file of readings"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{expected}. The file {path} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{expected}. {path} is a directory. Name a file in it.") from None
    except PermissionError:
        raise InputError(
            f"{expected}. This user has no permission to read {path}. Change its permissions."
        ) from None
    if not content.strip():
        raise InputError(f"{expected}. {path} is empty. Export the readings again.")
    return content


def _kind(content: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def _decompress(content: bytes, path: str) -> bytes:
    """Decompress the content if it is compressed, one level only."""
    kind, extension = _kind(content), Path(path).suffix.lstrip(".").lower()
    if extension in _MAGIC.values() and extension != kind:
        raise InputError(
            f"Expected a {extension} file because of the extension of {path}. The content is not "
            f"{extension}. Export or download the file again, or correct its extension."
        )
    if kind is None or kind in _PARSERS:
        return content
    try:
        plain = _unzip(content, path) if kind == "zip" else _unpack(content, kind)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(
            f"Expected readings compressed as {kind}. {path} cannot be decompressed ({error}). "
            "It may be truncated: export or download it again."
        ) from error
    if not plain.strip():
        raise InputError(f"Expected readings compressed as {kind}. {path} is empty. Export them again.")
    return plain


def _unpack(content: bytes, kind: str) -> bytes:
    if kind == "gz":
        return gzip.decompress(content)
    if kind == "bz2":
        return bz2.decompress(content)
    if kind == "xz":
        return lzma.decompress(content)
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


def _unzip(content: bytes, path: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX/" not in name]
        if len(names) != 1:
            raise InputError(
                f"Expected a single file of readings in {path}. It contains {len(names)} files. "
                "Extract the table (from a spreadsheet, export it as CSV)."
            )
        return archive.read(names[0])


def _parse_parquet(plain: bytes, path: str, _section: ReadingsSection) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(pa.BufferReader(plain))
        names = ["" if name.startswith("__index_level_") else name for name in file.schema_arrow.names]
        check_column_names(names, path)
        table: pd.DataFrame = convert_types(file.read()).to_pandas(ignore_metadata=True, date_as_object=False)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(
            f"Expected a Parquet file. {path} cannot be read ({error}). Export or download it again."
        ) from error
    return table.set_axis(pd.RangeIndex(1, len(table) + 1), axis=0)


def convert_types(table: pa.Table) -> pa.Table:
    """Convert the types that only Parquet has to those of a CSV table: numbers, text, bools and times.

    Args:
        table: Columns of any type.

    Returns:
        Decimals, half floats and bools with missing values as float64, dictionaries as their values, bytes as
        text if they are UTF-8, and lists, structures and maps as a text of their value.
    """
    return pa.table([_convert_column(column) for column in table.columns], names=table.column_names)


def _convert_column(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_decimal(kind):
        # by way of text: the direct cast is not correctly rounded
        return column.cast(pa.string()).cast(pa.float64())
    if pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) and column.null_count > 0:
        return column.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_nested(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([_decode_value(value) for value in column.to_pylist()], pa.string())
    return column


def _decode_value(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _parse_csv(
    plain: bytes, path: str, section: ReadingsSection, *, is_growing: bool
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    text = _decode(plain, path, is_growing=is_growing)
    separator = _find_separator(text, path, section)
    names = [
        name.strip() for name in _records(text[:HEADER_CHARACTERS], separator, path, only_header=True)[0]
    ]
    check_column_names(names, path)
    text, unfinished = _split_unfinished_line(text, len(names), separator, is_growing=is_growing)
    rows = _number_rows(text, len(names), separator, path)
    try:
        table = pd.read_csv(
            io.BytesIO(text.encode()),
            sep=separator,
            decimal=section.decimal,
            header=0,
            names=names,
            index_col=False,
            low_memory=False,
            skip_blank_lines=False,
        )
    except ValueError as error:
        raise InputError(
            f"Expected a table. {path} cannot be parsed ({error}). Check `readings.separator` and the quotes "
            "in the file."
        ) from error
    table = table.set_axis(rows, axis=0)
    if unfinished is None:
        return table, ()
    return table, (_describe_unfinished_line(unfinished.count(separator) + 1, len(names), table, path),)


def _describe_unfinished_line(fields: int, columns: int, table: pd.DataFrame, path: str) -> Finding:
    row = len(table) + 2
    message = (
        f"The last line of {path}, row {row}, has no line end and {fields} of {columns} fields, so it may "
        "not be complete yet: it is left out. It is read once a line end follows it."
    )
    return Finding(check=UNFINISHED_LINE, message=message, details={"row": row, "fields": fields})


def _decode(plain: bytes, path: str, *, is_growing: bool) -> str:
    """Decode UTF-8, with or without a byte order mark; a growing file may end within a character."""
    try:
        if b"\x00" in plain:
            raise ValueError("zero bytes")
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(plain, final=not is_growing)
    except ValueError as error:
        raise InputError(
            f"Expected a UTF-8 text file or a Parquet file. {path} is neither ({error}). "
            "Export the readings as CSV in UTF-8."
        ) from error
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return text


def _split_unfinished_line(
    text: str, columns: int, separator: str, *, is_growing: bool
) -> tuple[str, str | None]:
    """Strip empty lines at the end, or split off a last line without a line end that may not be complete.

    Returns:
        The text without a line end, and the last line if it is left out.
    """
    lines, _, last = text.rpartition("\n")
    is_finished = text.endswith(_LINE_ENDS) or not lines
    if not is_finished and (is_growing or last.count(separator) + 1 < columns):
        return lines.rstrip("".join(_LINE_ENDS)), last
    return text.rstrip("".join(_LINE_ENDS)), None


def _find_separator(text: str, path: str, section: ReadingsSection) -> str:
    """Return the configured separator, or the mark that gives the header and the first rows as many fields.

    Of several such marks, and if there is none, it is the one that occurs most often in the header line, as
    names of columns may contain other marks.
    """
    header = text.partition("\n")[0].rstrip("\r")
    separator = "\t" if section.separator == "\\t" else section.separator
    if separator == "auto":
        candidates = [mark for mark in SEPARATORS if mark != section.decimal]
        candidates.sort(key=header.count, reverse=True)
        separator = next((mark for mark in candidates if _has_equal_fields(text, mark)), candidates[0])
    if len(separator) != 1 or not separator.isascii() or separator in (section.decimal, '"', "\n"):
        raise InputError(
            "`readings.separator` must be `auto` or one ASCII character other than the decimal mark. "
            f"Received {separator!r} with `readings.decimal` {section.decimal!r}."
        )
    if separator not in header:
        raise InputError(
            f"Expected a header line with several column names. The first line of {path} is {header[:60]!r}, "
            f"a single column. Set `readings.separator` (now {section.separator}), or check that this is the "
            "right file."
        )
    return separator


def _has_equal_fields(text: str, separator: str) -> bool:
    """Return whether the header and the first rows have the same number of fields, more than one."""
    lines = io.StringIO(text[:HEADER_CHARACTERS], newline="")
    try:
        records = list(
            itertools.islice(csv.reader(lines, delimiter=separator), ROWS_TO_FIND_THE_SEPARATOR + 1)
        )
    except csv.Error:
        return False
    if len(text) > HEADER_CHARACTERS and len(records) <= ROWS_TO_FIND_THE_SEPARATOR:
        # the last one may be cut
        records = records[:-1]
    counts = {len(record) for record in records}
    return len(counts) == 1 and counts != {1}


def _records(text: str, separator: str, path: str, *, only_header: bool = False) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [next(reader)] if only_header else list(reader)
    except csv.Error as error:
        raise InputError(
            f"Expected a table. {path} cannot be parsed at line {reader.line_num} ({error}). "
            "Look for an unclosed quote."
        ) from error


def _number_rows(text: str, columns: int, separator: str, path: str) -> pd.Index:
    """Reject rows with more or fewer fields than the header; pandas would silently pad or cut some of them.

    Returns:
        Number of each row in the file, from 2, shape (rows,).
    """
    fields = _count_fields(text, separator, path)
    ragged = np.flatnonzero(fields != columns)
    if len(ragged):
        raise InputError(
            f"Expected {columns} fields in every row, as in the header (separator {separator!r}). {path} "
            f"has {len(ragged)} row(s) with another number; the first is row {ragged[0] + 1} with "
            f"{fields[ragged[0]]} field(s). Correct the rows, set `readings.separator`, or check that "
            "this is a table of readings."
        )
    return pd.RangeIndex(2, len(fields) + 1)


def _count_fields(text: str, separator: str, path: str) -> np.ndarray:
    """Count the fields of each row, the header included; shape (rows + 1,)."""
    if '"' in text:
        return np.array([len(record) for record in _records(text, separator, path)])
    characters = np.frombuffer(text.encode(), dtype=np.uint8)
    line_ends = np.append(np.flatnonzero(characters == ord("\n")), len(characters))
    separators = np.flatnonzero(characters == ord(separator))
    return np.diff(np.searchsorted(separators, line_ends), prepend=0) + 1


# by kind; what is of no other kind is CSV, by `_parse_csv`
_PARSERS: dict[str | None, Callable[[bytes, str, ReadingsSection], pd.DataFrame]] = {
    "parquet": _parse_parquet,
}
