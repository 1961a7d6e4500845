"""Tell time, label and sensors among the columns of a table."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable

SERIES_COLUMNS_AT_LEAST = 10
SERIES_MISSING_AT_MOST = 0.1


def check_column_names(names: Sequence[Any], source: str) -> None:
    """Refuse columns without a name and names that occur more than once.

    Raises:
        InputError: If a name is empty or no text, or is repeated.
    """
    unnamed = [place for place, name in enumerate(names, start=1) if not isinstance(name, str) or not name]
    if unnamed:
        raise InputError(
            f"Expected a name for every column. {source} has {len(unnamed)} without one, the first is column "
            f"{unnamed[0]} of {len(names)}. Name it; if it is the row index of a program, write the table "
            "without."
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"Expected different names for all columns. {source} has more than one {', '.join(repeated)}. "
            "Rename or remove the copies."
        )


def choose_columns(
    raw: RawTable, section: ReadingsSection, *, are_labels_needed: bool = True
) -> tuple[str | None, list[str]]:
    """Tell labels and sensors among the columns; every other column but the time is left out.

    Returns:
        The label column, or None where there are no labels, and the sensors in the table's order.

    Raises:
        InputError: If a column is missing, also from a numbered series, or no sensor is left.
    """
    columns = list(raw.table.columns)
    check_column_names(columns, raw.source)
    _check_presence(columns, raw.source, section, are_labels_needed=are_labels_needed)
    check_numbered_series(columns, section.absent_columns, raw.source)
    others = {section.time_column, section.label_column, *section.drop_columns, *section.categorical_columns}
    sensors = [column for column in columns if column not in others]
    if not sensors:
        raise InputError(
            f"Expected at least one sensor column. {raw.source} has only "
            f"{shorten_list(columns)}, and none is "
            "left beside "
            "time, label, `readings.drop_columns` and `readings.categorical_columns`. Shorten these lists."
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
    """Tell the label column and the sensors that a model asks for; other columns are ignored.

    The categories that it asks for must be there too.

    Returns:
        The label column, or None where there are no labels, and the sensors in the model's order.

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
            f"{shorten_list(missing)}. "
            "Restore it, or score with a model that was trained without."
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
    missing = [f"{name} (`{setting}`)" for setting, name in wanted if name not in columns]
    if missing:
        raise InputError(
            f"Expected the columns {', '.join(missing)}. {source} has {len(columns)} others: "
            f"{shorten_list(columns)}. "
            "Change the setting to the table's own name, or check that it is the right file."
        )


def check_numbered_series(columns: Sequence[str], absent: Sequence[str], source: str) -> None:
    """Refuse a hole in a series such as x1..x61: a lost sensor must not go unnoticed.

    A series is at least 10 columns with the same beginning and a number, of which at most 10 % are missing
    between 1 and the highest.

    Args:
        columns: All columns of the table.
        absent: Columns that are known to be missing.
        source: Where the table came from.

    Raises:
        InputError: If a column is missing and not in `absent`.
    """
    for spellings in _group_series(columns).values():
        if len(spellings) < SERIES_COLUMNS_AT_LEAST:
            continue
        highest = max(spellings)
        missing = [
            _spell_like(spellings, number) for number in range(1, highest + 1) if number not in spellings
        ]
        missing = [name for name in missing if name not in absent]
        if missing and len(missing) <= SERIES_MISSING_AT_MOST * highest:
            raise InputError(
                f"Expected the whole series {_spell_like(spellings, 1)}..{spellings[highest]}. "
                f"{shorten_list(missing)} is missing from it in {source}. "
                "Restore it, or name it in `readings.absent_columns`."
            )


def _group_series(columns: Sequence[str]) -> dict[str, dict[int, str]]:
    """Group columns that end in a number: beginning -> number -> name."""
    series: dict[str, dict[int, str]] = defaultdict(dict)
    for column in columns:
        match = re.fullmatch(r"(.*?)([0-9]+)", column, flags=re.DOTALL)
        if match:
            series[match[1]][int(match[2])] = column
    return series


def _spell_like(spellings: Mapping[int, str], number: int) -> str:
    """Spell a number as the series does: x7, or x07 where it has leading zeros."""
    lowest = min(spellings)
    digits = re.search(r"[0-9]+$", spellings[lowest])
    width = len(digits[0]) if digits and digits[0].startswith("0") else 1
    prefix = spellings[lowest][: digits.start()] if digits else ""
    return f"{prefix}{number:0{width}d}"


def shorten_list(names: Sequence[str], at_most: int = 12) -> str:
    """List names for a message, the first of them only where there are many."""
    listed = ", ".join(list(names)[:at_most])
    return listed if len(names) <= at_most else f"{listed} and {len(names) - at_most} more"
