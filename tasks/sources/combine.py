"""Put the tables of several files together in time order; rows that two files hold are taken once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable

_COLUMNS_SHOWN = 6
_FILES_SHOWN = 3


def combine_tables(tables: Mapping[str, RawTable], source: str, section: ReadingsSection) -> RawTable:
    """Put the tables of several files together.

    The files follow each other by their first times, if these are ISO 8601, numbers or stored times, else by
    their names. Of rows that are equal in two files one is taken.

    Args:
        tables: The table of each file, by its name, in order of name.
        source: Name of the whole in messages.
        section: Names the time column.

    Returns:
        `RawTable` without a hash. Its index names file and row, such as `2024-02.csv:17`.

    Raises:
        InputError: If the files have different columns, or rows of the same time and different values.
    """
    _require_same_columns(tables, source)
    order, is_by_time = _find_order(tables, section)
    columns = list(tables[order[0]].table.columns)
    parts = [tables[name].table[columns] for name in order]
    rows = [f"{name}:{row}" for name in order for row in tables[name].table.index]
    file = np.repeat(np.arange(len(order)), [len(part) for part in parts])
    table = _join(parts).set_axis(rows, axis=0)
    is_repeated = _find_repeated(table, file)
    kept, file = table[~is_repeated], file[~is_repeated]
    _refuse_clashes(kept, file, order, source, section)
    finding = _report(order, kept, int(is_repeated.sum()), source, is_by_time=is_by_time)
    units = {name: unit for raw in reversed(list(tables.values())) for name, unit in raw.units.items()}
    found = {name: value for raw in reversed(list(tables.values())) for name, value in raw.found.items()}
    return RawTable(kept, source, "", (finding, *_merge_findings(tables)), found, units)


def _require_same_columns(tables: Mapping[str, RawTable], source: str) -> None:
    names = iter(tables)
    first = next(names)
    expected = set(tables[first].table.columns)
    for name in names:
        columns = set(tables[name].table.columns)
        if columns == expected:
            continue
        lacking, more = sorted(expected - columns), sorted(columns - expected)
        differences = [
            *([f"lacks {_shorten(lacking)}"] if lacking else []),
            *([f"also has {_shorten(more)}"] if more else []),
        ]
        raise InputError(
            f"Expected the same columns in all files of {source}, as in {first}. {name} "
            f"{' and '.join(differences)}. Name the files that belong together by a pattern, such as "
            "`--data 'folder/2024-*.csv'`, or export them with the same columns."
        )


def _find_order(tables: Mapping[str, RawTable], section: ReadingsSection) -> tuple[list[str], bool]:
    """Order the files by their earliest times, if these can be compared; return whether they could."""
    names = list(tables)
    column = section.time_column.split(",")[0].strip()
    times = [_find_first_time(tables[name].table, column) for name in names]
    known = [time for time in times if time is not None]
    if len(known) < len(times) or len({type(time) for time in known}) > 1:
        return names, False
    return [names[place] for place in np.argsort(np.array(known), kind="stable")], True


def _find_first_time(table: pd.DataFrame, column: str) -> float | np.datetime64 | None:
    """Find the earlier of the first and the last time of a file: its newest row may come first."""
    if column not in table.columns or not len(table):
        return None
    ends = table[column].iloc[[0, -1]]
    if pd.api.types.is_numeric_dtype(ends.dtype):
        return float(ends.min())
    texts = ends.astype("str").str.strip()
    is_iso = texts.str.match(r"\d{4}-\d{2}-\d{2}([T ]|$)").all()
    times = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True) if is_iso else texts
    if not is_iso or times.isna().any():
        return None
    return pd.DatetimeIndex(times).tz_localize(None).min().to_datetime64()


def _join(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables; numbers that one file holds as text, since a cell of it is a word, are numbers again."""
    joined = pd.concat([part for part in parts if len(part)] or list(parts[:1]), ignore_index=True)
    for name in [name for name in joined.columns if pd.api.types.is_object_dtype(joined[name])]:
        numbers = pd.to_numeric(joined[name], errors="coerce")
        joined[name] = numbers.astype(object).where(numbers.notna(), joined[name])
    return joined


def _find_repeated(table: pd.DataFrame, file: np.ndarray) -> np.ndarray:
    """Find the rows that are equal to one of an earlier file, bool, shape (rows,)."""
    is_alike = table.duplicated(keep=False).to_numpy()
    is_repeated = np.zeros(len(table), dtype=bool)
    if is_alike.any():
        groups = table[is_alike].groupby(list(table.columns), dropna=False, sort=False).ngroup().to_numpy()
        first = pd.Series(file[is_alike]).groupby(groups).transform("min").to_numpy()
        is_repeated[is_alike] = file[is_alike] > first
    return is_repeated


def _refuse_clashes(
    table: pd.DataFrame, file: np.ndarray, names: Sequence[str], source: str, section: ReadingsSection
) -> None:
    """Refuse rows of two files at the same time, of the same machine or tag, with different values.

    Where they repeat within a file, they do not tell rows apart.
    """
    columns = [name.strip() for name in section.time_column.split(",")]
    if not all(name in table.columns for name in columns):
        return
    others = (section.machine_column, section.tag_column)
    columns += [name for name in others if name is not None and name in table.columns]
    times = table[columns].reset_index(drop=True)
    if times.assign(**{"": file}).duplicated().any():
        return
    is_clash = times.duplicated(keep=False).to_numpy() & times.notna().all(axis=1).to_numpy()
    if not is_clash.any():
        return
    first = int(np.flatnonzero(is_clash)[0])
    alike = (times == times.iloc[first]).all(axis=1).to_numpy()
    second = int(np.flatnonzero(alike)[1])
    clashing = int(times.duplicated().sum())
    time = " ".join(str(value) for value in times.iloc[first])
    raise InputError(
        f"Expected each time once in the files of {source}, or equal rows where files overlap. "
        f"{names[file[first]]} and {names[file[second]]} have different values at {time} (rows "
        f"{table.index[first]} and {table.index[second]}); {clashing:,} times repeat in all. Remove the "
        "file that is wrong, or name the others by a pattern. If the files are of several machines, "
        "read one of them, or set `readings.machine_column`."
    )


def _report(
    names: Sequence[str], table: pd.DataFrame, repeated: int, source: str, *, is_by_time: bool
) -> Finding:
    order = "first times" if is_by_time else "names"
    shown = ", ".join(names[:_FILES_SHOWN])
    more = f" to {names[-1]}" if len(names) > _FILES_SHOWN else ""
    overlap = "" if not repeated else f" {repeated:,} rows that two files hold are read once."
    message = (
        f"{source} has {len(names)} files with {len(table):,} rows, in the order of their {order}: {shown}"
        f"{more}.{overlap}"
    )
    details = {"files": len(names), "rows": len(table), "repeated_rows": repeated}
    return Finding(check="files", message=message, details=details)


def _merge_findings(tables: Mapping[str, RawTable]) -> list[Finding]:
    """Take the first finding of each check, and say how many other files have it too."""
    by_check: dict[str, list[Finding]] = {}
    for raw in tables.values():
        for finding in raw.findings:
            by_check.setdefault(finding.check, []).append(finding)
    merged = []
    for findings in by_check.values():
        others = len(findings) - 1
        is_same = all(finding.message == findings[0].message for finding in findings)
        likewise = "" if is_same else f" {others} other files likewise."
        merged.append(findings[0].model_copy(update={"message": findings[0].message + likewise}))
    return merged


def _shorten(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_COLUMNS_SHOWN])
    return shown if len(names) <= _COLUMNS_SHOWN else f"{shown} and {len(names) - _COLUMNS_SHOWN} more"
