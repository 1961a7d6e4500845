"""Write a file, such as a table, atomically."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from schemas.errors import InputError

GZIP_LEVEL = 5


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV or Parquet atomically.

    Args:
        table: Numbers, times, and text without commas and quotes.
        path: File to write or replace: `.csv`, `.csv.gz` or `.parquet`. Its folder must exist.

    Raises:
        InputError: If the extension is a different one or the file cannot be written.
    """
    path = Path(path)
    if not path.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise InputError(
            f"The file name must end in `.csv`, `.csv.gz` or `.parquet`. Received {path}. "
            "Use one of these extensions."
        )
    content = pa.Table.from_pandas(table, preserve_index=False)
    try:
        with replace_at_end(path) as file:
            if path.suffix == ".parquet":
                pq.write_table(content, file)
            elif path.suffix == ".csv":
                _write_csv(content, file)
            else:
                with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as compressed:
                    _write_csv(content, compressed)
    except OSError as error:
        raise InputError(
            f"{path} must be a writable file. Writing failed: {error.strerror or error}. "
            "Create the folder, or choose another path."
        ) from error


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder, each of them completely or not at all.

    Args:
        files: Content by path relative to the folder; folders are created.
        folder: The folder.

    Raises:
        InputError: If a file cannot be written.
    """
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replace_at_end(path) as file:
                file.write(content)
        except OSError as error:
            raise InputError(
                f"{path} must be a writable file. Writing failed: {error.strerror or error}. "
                "Choose another folder."
            ) from error


@contextmanager
def replace_at_end(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` only after everything has been written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_csv(content: pa.Table, file: BinaryIO | gzip.GzipFile) -> None:
    file.write((",".join(content.column_names) + "\n").encode())
    csv.write_csv(content, file, csv.WriteOptions(include_header=False, quoting_style="none"))
