"""Cells that are no readings: words and numbers for no value, blank text, and impossible values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.configuration.readings import Limits
from schemas.readings import Finding
from schemas.tables import as_numbers
from tasks.values.texts import read_texts

# cells by sensor and word
WordCounts = dict[str, dict[str, int]]
BLANK = "(blank)"
SENSORS_LISTED_AT_MOST = 10


def blank_missing_words(
    table: pd.DataFrame, columns: Sequence[str], section: ReadingsSection
) -> tuple[pd.DataFrame, WordCounts]:
    """Replace the cells that stand for no value by missing values.

    A text cell is one if it is a word of `readings.missing_words`, in capitals or not, or blank; any cell is
    one if it equals a number listed there. Each cell is judged by itself. What is left of a column of text is
    turned into numbers if all of it can be. With the words Bad and -9999, a column '1.5' 'bad' '-9999' ' '
    becomes 1.5 - - -. A number beyond the sensor's `readings.limits` is none either. In a sensor of
    `readings.text_values`, words become numbers, and a word that is not among them stands for no value.

    Args:
        table: Raw readings, shape (rows, columns); it is not changed.
        columns: Sensors; those that the table lacks are left to the schema check.
        section: Provides `missing_words`, `limits`, `text_values` and the decimal mark.

    Returns:
        The table, and the number of such cells by sensor and word (for limits, "below 0" or "above 250").
    """
    words, numbers = _split_words(section.missing_words)
    counts: WordCounts = {}
    cleared = table
    for name in columns:
        if name not in table.columns:
            continue
        found = _find_words(table[name], words, numbers, section.decimal)
        if name in section.limits:
            found = _add_impossible(found, table[name], section.limits[name], section.decimal)
        if found is not None and len(found):
            cleared = table.copy(deep=False) if cleared is table else cleared
            cleared[name] = _clear_cells(table[name], found, section.decimal)
            counts[name] = {str(word): int(cells) for word, cells in found.value_counts().items()}
        if name in section.text_values and not pd.api.types.is_any_real_numeric_dtype(cleared[name].dtype):
            read, unknown = read_texts(cleared[name], section.text_values[name])
            cleared = table.copy(deep=False) if cleared is table else cleared
            cleared[name] = as_numbers(read, section.decimal)
            if len(unknown):
                others = {str(word): int(cells) for word, cells in unknown.value_counts().items()}
                counts[name] = {**counts.get(name, {}), **others}
    return cleared, counts


def report_missing_words(
    counts: Mapping[str, Mapping[str, int]], section: ReadingsSection
) -> tuple[Finding, ...]:
    """Return the finding `missing_words` if cells stood for no value, else nothing."""
    if not counts:
        return ()
    cells = sum(sum(of_sensor.values()) for of_sensor in counts.values())
    count = "1 cell stands" if cells == 1 else f"{cells} cells stand"
    message = f"{count} for no value ({name_word_settings(section)}): {describe_words(counts)}."
    details = {"words": {name: dict(of_sensor) for name, of_sensor in counts.items()}}
    return (Finding(check="missing_words", message=message, columns=tuple(counts), details=details),)


def name_word_settings(section: ReadingsSection) -> str:
    """Name the settings that make cells missing, as far as they are set."""
    names = ["missing_words", *(name for name in ("limits", "text_values") if getattr(section, name))]
    return ", ".join(f"`readings.{name}`" for name in names)


def describe_words(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Write counts as `s2: 3 Bad Input, 1 No Data; s5: 1 Bad`; the first ten sensors."""
    parts = [
        f"{name}: {', '.join(f'{cells} {word}' for word, cells in of_sensor.items())}"
        for name, of_sensor in counts.items()
    ]
    more = len(parts) - SENSORS_LISTED_AT_MOST
    return "; ".join(parts[:SENSORS_LISTED_AT_MOST]) + (f"; and {more} more sensors" if more > 0 else "")


@cache
def _split_words(listed: tuple[str, ...]) -> tuple[frozenset[str], frozenset[float]]:
    """Split the setting into words, in lower case, and numbers."""
    numbers = {word: _read_number(word) for word in listed}
    return (
        frozenset(word.strip().casefold() for word in listed if numbers[word] is None) | {""},
        frozenset(number for number in numbers.values() if number is not None),
    )


def _read_number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _find_words(
    column: pd.Series, words: frozenset[str], numbers: frozenset[float], decimal: str
) -> pd.Series | None:
    """Find the cells that stand for no value.

    Returns:
        Their words as the table has them, with the rows' index positions; None if there can be none.
    """
    is_text = not pd.api.types.is_any_real_numeric_dtype(column.dtype)
    if not is_text and not numbers:
        return None
    column = column.reset_index(drop=True).astype(object if is_text else column.dtype)
    found = []
    if numbers:
        values = as_numbers(column, decimal)
        values = values[values.isin(list(numbers))]
        found.append(values.map(write_number).astype(object))
    if is_text:
        texts = column[column.map(lambda cell: isinstance(cell, str) and cell.strip().casefold() in words)]
        found.append(texts.map(lambda cell: cell.strip() or BLANK).astype(object))
    return pd.concat(found)


def _add_impossible(found: pd.Series | None, column: pd.Series, limits: Limits, decimal: str) -> pd.Series:
    """Add the cells beyond the limits of a sensor to those that stand for no value."""
    lowest, highest = (np.nan if limit is None else limit for limit in limits)
    values = as_numbers(column, decimal).reset_index(drop=True)
    values = values if found is None else values.drop(index=found.index)
    texts = pd.Series(None, index=values.index, dtype=object)
    texts[values < lowest] = f"below {write_number(lowest)}"
    texts[values > highest] = f"above {write_number(highest)}"
    return pd.concat([*([] if found is None else [found]), texts.dropna()])


def _clear_cells(column: pd.Series, found: pd.Series, decimal: str) -> pd.Series:
    cleared = column.astype(object)
    cleared.iloc[found.index.to_numpy()] = None
    numbers = as_numbers(cleared, decimal)
    return numbers if numbers.notna().sum() == cleared.notna().sum() else cleared


def write_number(value: float) -> str:
    """Write a number so that `readings.missing_words` finds exactly it: -9999, -3.4028234663852886e+38."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
