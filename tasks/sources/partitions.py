"""Read what the folders of a partitioned data set say, as in `year=2024/machine=P1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable


def add_partitions(tables: Mapping[str, RawTable], section: ReadingsSection) -> dict[str, RawTable]:
    """Add the keys of the folders as columns, if a setting names them or their values are words that differ.

    Other keys, such as year and month, say nothing about the process: the times hold them already.

    Args:
        tables: The table of each file, by its name with its folders.
        section: Names of columns.
    """
    keys = {name: _list_keys(name) for name in tables}
    values: dict[str, set[str]] = {}
    for of_file in keys.values():
        for key, value in of_file.items():
            values.setdefault(key, set()).add(value)
    if not values:
        return dict(tables)
    named = _list_named(section)
    added = {key for key, found in values.items() if key in named or _are_words(found)}
    finding = _report(values, added)
    return {
        name: _add(raw, {key: value for key, value in keys[name].items() if key in added}, finding)
        for name, raw in tables.items()
    }


def _list_keys(name: str) -> dict[str, str]:
    parts = [part.partition("=") for part in PurePosixPath(name).parts[:-1]]
    return {key: unquote(value) for key, equals, value in parts if equals and key}


def _list_named(section: ReadingsSection) -> set[str]:
    """List every column that a setting names."""
    named: set[str] = set(section.drop_columns) | set(section.categorical_columns)
    for name, value in section:
        if name.endswith("_column") and isinstance(value, str):
            named.update(part.strip() for part in value.split(","))
    return named


def _are_words(values: set[str]) -> bool:
    def is_number(value: str) -> bool:
        return value.replace(".", "", 1).replace("-", "").isdigit()

    return len(values) > 1 and not all(is_number(value) for value in values)


def _add(raw: RawTable, columns: Mapping[str, str], finding: Finding) -> RawTable:
    table = raw.table.copy(deep=False)
    for key, value in columns.items():
        if key not in table.columns:
            table[key] = value
    return replace(raw, table=table, findings=(*raw.findings, finding))


def _report(values: Mapping[str, set[str]], added: set[str]) -> Finding:
    left_out = [key for key in values if key not in added]
    sentences = []
    if added:
        sentences.append(f"Folders give the columns {', '.join(sorted(added))}.")
    if left_out:
        sentences.append(f"{', '.join(left_out)} of the folders' names are no columns.")
    return Finding(check="partitions", message=" ".join(sentences), columns=tuple(sorted(added)))
