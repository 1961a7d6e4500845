"""Write a file, such as one of a table, whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
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
    """Write a table as CSV or Parquet, whole or not at all.

    Args:
        table: Numbers, times, and texts without commas and quotes.
        path: File to write or replace; `.csv`, `.csv.gz` to compress, or `.parquet`. Its folder must exist.

    Raises:
        InputError: If the name ends otherwise or the file cannot be written.
    """
    path = Path(path)
    if not path.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise InputError(
            f"The file must be named `.csv`, `.csv.gz` or `.parquet`. Received {path}. "
            "Give it one of these endings."
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
            f"{path} must be a file that can be written. Received: {error.strerror or error}. "
            "Create the folder, or choose another place."
        ) from error


@contextmanager
def replace_at_end(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place only after everything was written."""
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
