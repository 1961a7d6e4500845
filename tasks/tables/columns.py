"""Identify the time, label and sensor columns of a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.names import check_column_names

SERIES_COLUMNS_AT_LEAST = 10
SERIES_MISSING_AT_MOST = 0.1


def choose_columns(
    raw: RawTable, section: ReadingsSection, *, are_labels_needed: bool = True
) -> tuple[str | None, list[str]]:
    """Identify the label and sensor columns; apart from the time column, all other columns are ignored.

    Returns:
        The label column, or None if there are no labels, and the sensors in the table's order.

    Raises:
        InputError: If a configured column or one of a numbered series is missing, or if there is no sensor.
    """
    columns = list(raw.table.columns)
    check_column_names(columns, raw.source)
    _check_presence(columns, raw.source, section, are_labels_needed=are_labels_needed)
    if section.complete_series:
        check_numbered_series(columns, section.absent_columns, raw.source)
    others = {section.time_column, section.label_column, *section.drop_columns, *section.categorical_columns}
    sensors = [column for column in columns if column not in others]
    if not sensors:
        raise InputError(
            f"Expected at least one sensor column. The columns of {raw.source} are {shorten_list(columns)}, "
            "and all of them are time, label, or listed in `readings.drop_columns` or "
            "`readings.categorical_columns`. Shorten these lists."
        )
    return _find_label_column(raw, section, are_labels_needed=are_labels_needed), sensors


def choose_known_columns(
    raw: RawTable,
    section: ReadingsSection,
    sensors: Sequence[str],
    categories: Sequence[str] = (),
    *,
    are_labels_needed: bool = True,
) -> tuple[str | None, list[str]]:
    """Identify the label column and the sensors that a model requires; other columns are ignored.

    The categorical columns that the model requires must also exist.

    Returns:
        The label column, or None if there are no labels, and the sensors in the model's order.

    Raises:
        InputError: If a column is missing or occurs more than once.
    """
    columns = list(raw.table.columns)
    wanted = [section.time_column, *sensors, *categories]
    wanted += [section.label_column] if are_labels_needed and section.label_column is not None else []
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"Expected every column that the model was trained on. {raw.source} lacks "
            f"{shorten_list(missing)}. Restore the missing columns, or use a model that was trained "
            "without them."
        )
    check_column_names([name for name in columns if name in wanted], raw.source)
    return _find_label_column(raw, section, are_labels_needed=are_labels_needed), list(sensors)


def _find_label_column(raw: RawTable, section: ReadingsSection, *, are_labels_needed: bool) -> str | None:
    if section.label_column is None or section.label_column not in raw.table.columns:
        return None
    is_filled = are_labels_needed or bool(raw.table[section.label_column].notna().any())
    return section.label_column if is_filled else None


def _check_presence(
    columns: Sequence[str], source: str, section: ReadingsSection, *, are_labels_needed: bool
) -> None:
    wanted = [("readings.time_column", section.time_column)]
    if are_labels_needed and section.label_column is not None:
        wanted += [("readings.label_column", section.label_column)]
    named = {section.time_column, section.label_column}
    if len(named) == 1 or not named.isdisjoint(section.drop_columns):
        raise InputError(
            "The time column, the label column and `readings.drop_columns` must differ. Received time "
            f"{section.time_column}, label {section.label_column}, drop {shorten_list(section.drop_columns)}."
        )
    wanted += [("readings.drop_columns", name) for name in section.drop_columns]
    wanted += [("readings.limits", name) for name in section.limits]
    missing = [f"{name} (`{setting}`)" for setting, name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"Expected the columns {', '.join(missing)}. {source} has {len(columns)} columns: "
            f"{shorten_list(columns)}. Change the setting to a column name of this table, or check that this "
            "is the right file."
        )


def check_numbered_series(columns: Sequence[str], absent: Sequence[str], source: str) -> None:
    """Reject a numbered series of columns, such as x1..x61, with a missing number: it may be a lost sensor.

    A series is at least 10 columns with the same prefix followed by a number, of which at most 10 % are
    missing between 1 and the highest number.

    Args:
        columns: All columns of the table.
        absent: Columns that are known to be missing.
        source: Name of the table in messages.

    Raises:
        InputError: If a column is missing and not in `absent`.
    """
    for names in _group_series(columns).values():
        if len(names) < SERIES_COLUMNS_AT_LEAST:
            continue
        highest = max(names)
        missing = [_format_like(names, number) for number in range(1, highest + 1) if number not in names]
        missing = [name for name in missing if name not in absent]
        if missing and len(missing) <= SERIES_MISSING_AT_MOST * highest:
            raise InputError(
                f"Expected the whole series {_format_like(names, 1)}..{names[highest]}. {source} lacks "
                f"{shorten_list(missing)}. Restore the missing columns, or list them in "
                "`readings.absent_columns`."
            )


def _group_series(columns: Sequence[str]) -> dict[str, dict[int, str]]:
    """Group columns that end in a number: prefix -> number -> name."""
    series: dict[str, dict[int, str]] = defaultdict(dict)
    for column in columns:
        match = re.fullmatch(r"(.*?)([0-9]+)", column, flags=re.DOTALL)
        if match:
            series[match[1]][int(match[2])] = column
    return series


def _format_like(names: Mapping[int, str], number: int) -> str:
    """Return the column name for a number in the style of the series: x7, or x07 with leading zeros."""
    lowest = min(names)
    digits = re.search(r"[0-9]+$", names[lowest])
    width = len(digits[0]) if digits and digits[0].startswith("0") else 1
    prefix = names[lowest][: digits.start()] if digits else ""
    return f"{prefix}{number:0{width}d}"


def replace_columns(table: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with other values in some columns, of any name; `assign` takes none named `self`.

    Args:
        table: The table, which is not changed.
        columns: Values, or one value for all rows, by column.
    """
    changed = table.copy(deep=False)
    for name, values in columns.items():
        changed[name] = values
    return changed


def shorten_list(names: Sequence[str], at_most: int = 12) -> str:
    """Join names for a message, only the first ones if there are many."""
    listed = ", ".join(list(names)[:at_most])
    return listed if len(names) <= at_most else f"{listed} and {len(names) - at_most} more"
