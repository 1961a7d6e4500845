"""Recognise rows that come again: by a hash of their values, and by whether their times have a zone."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.scores import KnownRows, OpenedOutput
from tasks.times.time_zones import find_zones

# rows whose hashes a state keeps: four weeks of a row every 2 minutes
ROWS_REMEMBERED = 20_000


def hash_rows(numbers: pd.DataFrame, categories: pd.DataFrame) -> np.ndarray:
    """Hash the values of each row, whatever the order of the columns.

    Args:
        numbers: float64, NaN where there is no number, shape (rows, sensors).
        categories: Text, None where missing, shape (rows, categories).

    Returns:
        uint64, shape (rows,).
    """
    # adding 0 makes -0 equal to 0; every NaN gets the same bits
    values = numbers[sorted(numbers.columns)].to_numpy(np.float64) + 0.0
    values = np.ascontiguousarray(np.where(np.isnan(values), np.nan, values), dtype="<f8")
    texts = categories[sorted(categories.columns)].to_numpy(dtype=object).tolist()
    digests = [
        hashlib.blake2b(row.tobytes() + json.dumps(words).encode(), digest_size=8).digest()
        for row, words in zip(values, texts, strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def find_remembered(times: np.ndarray, opened: OpenedOutput, columns: tuple[str, ...]) -> np.ndarray:
    """Find for each time the place of its row among the hashes of the output.

    Args:
        times: `datetime64[ns]`, shape (rows,).
        opened: The output; its hashes belong to its last rows.
        columns: Columns that are hashed now; hashes of other columns cannot be compared.

    Returns:
        int64, shape (rows,); -1 where the time is not among the rows whose hashes are kept.
    """
    known = KnownRows() if opened.bookmark is None else opened.bookmark.known
    if not len(known.hashes) or known.columns != columns:
        return np.full(len(times), -1)
    of_output = opened.times[-len(known.hashes) :]
    places = np.minimum(np.searchsorted(of_output, times), len(of_output) - 1)
    return np.where(of_output[places] == times, places, -1)


def find_changed(places: np.ndarray, hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Find rows that come again with other values, unless a row of the same time has those that were scored.

    Args:
        places: From `find_remembered`, at least 0, shape (rows,).
        hashes: Hash of each row, uint64, shape (rows,).
        known: Hashes of the output, uint64.

    Returns:
        Bool, shape (rows,).
    """
    is_same = hashes == known[places]
    return ~np.isin(places, places[is_same])


def remember_rows(
    before: KnownRows, columns: tuple[str, ...], hashes: np.ndarray, *, are_zoned: bool | None
) -> KnownRows:
    """Add the hashes of rows appended to an output, and keep those of the last rows.

    Args:
        before: What was known before; hashes of other columns are forgotten.
        columns: Columns that were hashed.
        hashes: Hashes of the new rows, uint64, shape (rows,).
        are_zoned: Whether the new rows' times have a zone.
    """
    kept = before.hashes if before.columns == columns else before.hashes[:0]
    return KnownRows(columns, np.concatenate([kept, hashes])[-ROWS_REMEMBERED:], are_zoned)


def require_same_zones(
    raw: RawTable, column: str, times: pd.Series, time_format: str | None, known: KnownRows
) -> bool | None:
    """Refuse times with a zone after times without one, or the reverse: they would be hours apart.

    Args:
        raw: The raw table.
        column: Its time column.
        times: Its parsed times, shape (rows,); those that are NaT are left out.
        time_format: strptime format, or None if it is detected.
        known: What is known of the output.

    Returns:
        Whether the times have a zone, or None if the table has no time.

    Raises:
        InputError: If some times have a zone and others have none, within the table or compared with the
            rows that were scored before.
    """
    is_zoned = find_zones(raw.table[column], time_format)[times.notna().to_numpy()]
    if not len(is_zoned):
        return None
    written = raw.table[column][times.notna()]
    expected = bool(is_zoned[0]) if known.are_zoned is None else known.are_zoned
    if (is_zoned == expected).all():
        return expected
    is_other = is_zoned != expected
    first = int(np.flatnonzero(is_other)[0])
    owner = "the rows above" if known.are_zoned is None else "the rows that were scored before"
    kinds = ("with", "without") if expected else ("without", "with")
    raise InputError(
        f"Expected times {kinds[0]} a time zone, as in {owner}. {int(is_other.sum()):,} rows of {raw.source} "
        f"have times {kinds[1]} one; the first is row {written.index[first]}, {str(written.iloc[first])!r}. "
        "They would be hours off, or taken for rows that were scored before. Nothing was written. Export all "
        "times in the same way, or score into another `--out`."
    )
