"""Append a batch to an output file: completely or not at all, and only once, even if the process is killed.

The output, the file of rows set aside and the state file change together. First the next state is written in
full to a fourth file, the intent. Then the output and the rows set aside are extended, and finally the intent
replaces the state. If the next process finds an intent, an append was interrupted: the append is completed
if both files match the intent, and otherwise their partial additions are cut off. Without an intent, both
files must match the state, or someone else has changed them.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import InputError, StoreUnreachableError
from schemas.scores import Bookmark, FileMark, OpenedOutput, Places
from tasks.files.flush import flush
from tasks.files.lock import take_lock
from tasks.scoring.carry_over import format_bookmark, read_bookmark
from tasks.tables.format import format_csv

LOCK_SECONDS = 60.0
_PIECE = 1 << 20


def find_places(out: Path) -> Places:
    """Return the paths of an output and the files next to it.

    Raises:
        InputError: If the output cannot be written there, or is not named `.csv` or `.parquet`.
    """
    out = out.expanduser().resolve()
    if out.suffix not in {".csv", ".parquet"}:
        raise InputError(
            f"`--out` must be named `.csv` or `.parquet`. Received {out}. A compressed file cannot be "
            "appended to: choose `.parquet`, which is compressed inside."
        )
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise InputError(
            f"`--out` must be a file in a writable folder. Received {out}. Create the folder, or choose "
            "another one."
        )
    return Places(
        out=out,
        set_aside=out.with_name(f"{out.stem}.set-aside.csv"),
        state=out.with_name(f"{out.name}.state.json"),
        intent=out.with_name(f".{out.name}.intent.json"),
        lock=out.with_name(f".{out.name}.lock"),
    )


@contextlib.contextmanager
def hold_output(places: Places, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep other processes from writing to the same output; wait for one that does.

    Raises:
        StoreUnreachableError: If another process holds the output for longer.
    """
    handle = take_lock(places.lock, wait_seconds)
    if handle is None:
        raise StoreUnreachableError(
            f"Only one `forewarn score` at a time may write to {places.out}. Another one has held it for "
            f"{wait_seconds:.0f} seconds. Try again when it has ended."
        )
    with handle:
        try:
            yield
        finally:
            places.lock.unlink(missing_ok=True)


def open_output(places: Places) -> OpenedOutput:
    """Repair an output to the state after its last complete batch, and read its content.

    Raises:
        InputError: If something else changed or removed a file, or there are files without a state.
    """
    bookmark = _read_state(places.state)
    if places.intent.exists():
        bookmark = _settle(places, bookmark)
    _remove(_temporary(places.out))
    _remove(_temporary(places.intent))
    _require_untouched(places, bookmark)
    if bookmark is None or not bookmark.rows:
        waiting = None if bookmark is None else bookmark.waiting
        return OpenedOutput(None, np.zeros(0, dtype="datetime64[ns]"), frozenset(), waiting)
    aside = _read_rows_set_aside(places.set_aside)
    return OpenedOutput(bookmark, _read_times(places.out), aside, bookmark.waiting)


def _read_state(path: Path) -> Bookmark | None:
    return read_bookmark(path.read_bytes(), str(path)) if path.exists() else None


def _settle(places: Places, bookmark: Bookmark | None) -> Bookmark | None:
    """Complete or undo the append of a process that was killed."""
    intended = read_bookmark(places.intent.read_bytes(), str(places.intent))
    pairs = ((places.set_aside, intended.set_aside), (places.out, intended.output))
    if all(measure_file(path) == mark for path, mark in pairs):
        _move(places.intent, places.state)
        return intended
    for (path, last), mark in zip(pairs, _find_marks(bookmark), strict=True):
        is_ours = measure_file(path, mark.size) == mark and measure_file(path).size <= last.size
        if path.suffix == ".csv" and is_ours:
            _cut(path, mark)
    _require_untouched(places, bookmark)
    _remove(places.intent)
    return bookmark


def _find_marks(bookmark: Bookmark | None) -> tuple[FileMark, FileMark]:
    """Return the valid size and hash of the file of rows set aside and of the output."""
    return (FileMark(), FileMark()) if bookmark is None else (bookmark.set_aside, bookmark.output)


def measure_file(path: Path, size: int | None = None, more: bytes = b"") -> FileMark:
    """Measure a file, or its first `size` bytes, followed by `more` bytes; a missing file is empty."""
    digest, measured = hashlib.sha256(), 0
    if path.exists():
        with path.open("rb") as file:
            while piece := file.read(_PIECE if size is None else min(_PIECE, size - measured)):
                digest.update(piece)
                measured += len(piece)
    digest.update(more)
    return FileMark(measured + len(more), digest.hexdigest())


def _require_untouched(places: Places, bookmark: Bookmark | None) -> None:
    for path, mark in zip((places.set_aside, places.out), _find_marks(bookmark), strict=True):
        found = measure_file(path)
        if found == mark and (mark.size or not path.exists()):
            continue
        if bookmark is None:
            raise InputError(
                f"`--out` must be a new file, or one that `forewarn score` has written. {path} exists, but "
                f"{places.state.name}, which records what was scored, is missing next to {places.out.name}. "
                "Choose another `--out`, or move the file away."
            )
        was = "removed" if not path.exists() else f"changed: it has {found.size} bytes"
        raise InputError(
            f"{path} must be as the last `forewarn score` left it, with {mark.size} bytes. It was {was}. "
            f"Restore it, or move it and {places.state.name} away to start again, or choose another `--out`."
        )


def _read_times(out: Path) -> np.ndarray:
    """Read the time of every row of an output, `datetime64[ns]`, shape (rows,)."""
    if out.suffix == ".parquet":
        times = pq.read_table(out, columns=["time"])["time"].to_numpy()
    else:
        # the time is the first field, and no other field holds a line break
        lines = out.read_bytes().split(b"\n")[1:-1]
        times = np.array([line.partition(b",")[0].decode() for line in lines], dtype="datetime64[ns]")
    return np.asarray(times.astype("datetime64[ns]"))


def _read_rows_set_aside(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    with path.open(encoding="utf-8", newline="") as file:
        return frozenset(row["values"] for row in csv.DictReader(file))


def append_batch(
    places: Places, opened: OpenedOutput, bookmark: Bookmark, scored: pd.DataFrame, set_aside: pd.DataFrame
) -> Bookmark:
    """Append scored rows and rows set aside, and update the state; safe to call again after a failure.

    Args:
        places: The files.
        opened: Content of the files before.
        bookmark: State of scoring after the batch; its file marks are set here.
        scored: Rows for the output, with the same columns as before.
        set_aside: Rows for the file of rows set aside, from `make_set_aside_rows`.

    Returns:
        The bookmark with its file marks.

    Raises:
        InputError: If the output has other columns.
        OSError: If the file system fails, for example because it is full; the same call may succeed later.
    """
    _require_same_columns(places, opened.bookmark, bookmark)
    aside_mark, out_mark = _find_marks(opened.bookmark)
    aside_bytes = format_csv(set_aside, has_header=aside_mark.size == 0) if len(set_aside) else b""
    is_csv = places.out.suffix == ".csv"
    out_bytes, new_out = b"", out_mark
    if len(scored) and is_csv:
        out_bytes = format_csv(scored, has_header=out_mark.size == 0)
        new_out = measure_file(places.out, out_mark.size, out_bytes)
    elif len(scored):
        out_bytes = _format_parquet(places.out, opened.bookmark, scored)
        new_out = FileMark(len(out_bytes), hashlib.sha256(out_bytes).hexdigest())
    new_aside = measure_file(places.set_aside, aside_mark.size, aside_bytes)
    bookmark = replace(bookmark, output=new_out, set_aside=new_aside)
    _replace_file(places.intent, format_bookmark(bookmark))
    if aside_bytes:
        _append_bytes(places.set_aside, aside_mark, aside_bytes)
    if out_bytes and is_csv:
        _append_bytes(places.out, out_mark, out_bytes)
    elif out_bytes:
        _replace_file(places.out, out_bytes)
    flush(places.out.parent)
    _move(places.intent, places.state)
    return bookmark


def _require_same_columns(places: Places, before: Bookmark | None, after: Bookmark) -> None:
    if before is not None and before.columns != after.columns:
        raise InputError(
            f"The rows of {places.out} must have the columns {', '.join(before.columns)}. The new rows have "
            f"{', '.join(after.columns)}: another release of forewarn wrote the file. Choose another `--out`."
        )


def _format_parquet(path: Path, bookmark: Bookmark | None, scored: pd.DataFrame) -> bytes:
    """Format the whole output with new rows as Parquet; the bytes do not depend on how rows are batched."""
    zoned = [name for name in scored.columns if isinstance(scored[name].dtype, pd.DatetimeTZDtype)]
    texts = [name for name in scored.columns if pd.api.types.is_object_dtype(scored[name].dtype)]
    unzoned = {name: scored[name].dt.tz_convert("UTC").dt.tz_localize(None) for name in zoned}
    plain = scored.assign(**unzoned).astype(dict.fromkeys(texts, "str"))
    table = pa.Table.from_pandas(plain, preserve_index=False)
    fields = [_fit(field, is_zoned=field.name in zoned) for field in table.schema]
    table = table.cast(pa.schema(fields, table.schema.metadata))
    if bookmark is not None:
        before = pq.read_table(path).slice(0, bookmark.rows).replace_schema_metadata(table.schema.metadata)
        table = pa.concat_tables([before.cast(table.schema), table])
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink)
    return bytes(sink.getvalue())


def _fit(field: pa.Field, *, is_zoned: bool) -> pa.Field:
    """Give text columns one type, whatever pandas chose, and times with a zone the type of UTC."""
    if is_zoned:
        return field.with_type(pa.timestamp("us", tz="UTC"))
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def _append_bytes(path: Path, mark: FileMark, content: bytes) -> None:
    """Write bytes after the valid ones, over the rest of an interrupted append."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.ftruncate(descriptor, mark.size)
        os.lseek(descriptor, mark.size, os.SEEK_SET)
        _write_bytes(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut(path: Path, mark: FileMark) -> None:
    """Cut a file to its valid bytes, or remove it if it has none."""
    if mark.size == 0:
        _remove(path)
    else:
        _append_bytes(path, mark, b"")


def _replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step: write it under a temporary name, sync it to disk, then rename it."""
    temporary = _temporary(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        _write_bytes(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _move(temporary, path)


def _move(path: Path, target: Path) -> None:
    os.replace(path, target)
    flush(target.parent)


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()
        flush(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name.removeprefix('.')}.tmp")


def _write_bytes(descriptor: int, content: bytes) -> None:
    remaining = memoryview(content)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]
