"""Read the cells of the sensors: words become numbers or no value, and missing values are filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.tables.columns import replace_columns, shorten_list
from tasks.values.fill import fill_table
from tasks.values.missing import WordCounts, blank_missing_words, report_missing_words
from tasks.values.texts import find_texts, read_texts, report_texts

# a training sensor without a value in a larger share of the rows is left out
MISSING_SHARE_AT_MOST = 0.5


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of the sensors, before the schema check.

    Attributes:
        table: A copy of the sensors' columns, shape (rows, sensors).
        words: Cells that stood for no value, by sensor and word.
        filled: Number of missing values that were filled, by sensor.
        findings: What a user should know about them.
        found: Settings found, by full name.
        categories: Columns of words that are used as categories.
    """

    table: pd.DataFrame
    words: WordCounts
    filled: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()


def read_cells(raw: RawTable, sensors: Sequence[str], section: ReadingsSection, runs: np.ndarray) -> Cells:
    """Read the cells of the sensors that a model requires.

    Args:
        raw: The raw table; it has these columns.
        sensors: Names of the sensors.
        section: Words and limits of missing values, numbers of other words, and how values are filled.
        runs: Number of the run of each row, shape (rows,); no value is held across runs.
    """
    cleared, words = blank_missing_words(raw.table[list(sensors)], sensors, section)
    table, filled = fill_table(cleared, runs, section)
    return Cells(table, words, filled, report_missing_words(words, section))


def read_training_cells(
    raw: RawTable, sensors: Sequence[str], section: ReadingsSection, runs: np.ndarray
) -> Cells:
    """Read the cells of the sensors to train on, arguments as for `read_cells`.

    Sensors without a value in most of the rows are left out. Sensors of two words are found and read as
    numbers; columns of a few words are found and left out as categories.

    Raises:
        InputError: If no sensor is left.
    """
    cleared, words = blank_missing_words(raw.table[list(sensors)], sensors, section)
    shares = cleared.isna().mean()
    empty = {
        str(name): round(float(share), 4) for name, share in shares.items() if share > MISSING_SHARE_AT_MOST
    }
    used = cleared.drop(columns=list(empty))
    texts = find_texts(
        used.drop(columns=[name for name in section.text_values if name in used]), section.decimal
    )
    used = replace_columns(
        used.drop(columns=list(texts.categories)),
        {name: read_texts(used[name], numbers)[0] for name, numbers in texts.values.items()},
    )
    if not len(used.columns):
        raise InputError(
            f"Expected a sensor with a value in at least half of the rows. {raw.source} has none: "
            f"{shorten_list(list(sensors))} are empty in most rows or hold words. Check that this is the "
            "right file, or `readings.missing_words`."
        )
    table, filled = fill_table(used, runs, section)
    counted = {name: of_sensor for name, of_sensor in words.items() if name not in empty}
    return Cells(
        table,
        counted,
        filled,
        findings=(
            *report_missing_words(counted, section),
            *_report_mostly_missing(empty),
            *report_texts(texts),
        ),
        found=_name_found(texts.values, tuple(texts.categories), section, raw),
        categories=tuple(texts.categories),
    )


def _name_found(
    values: Mapping[str, Mapping[str, float]],
    categories: tuple[str, ...],
    section: ReadingsSection,
    raw: RawTable,
) -> dict[str, Any]:
    """Name the settings by which a version reads the same words as the same numbers."""
    found: dict[str, Any] = {}
    two = {name: dict(words) for name, words in values.items() if len(words) == 2}
    if two:
        given = {name: dict(words) for name, words in section.text_values.items()}
        found["readings.text_values"] = {**given, **two}
    if categories:
        given_columns = [name for name in section.categorical_columns if name in raw.table.columns]
        found["readings.categorical_columns"] = (*given_columns, *categories)
    return found


def _report_mostly_missing(shares: Mapping[str, float]) -> tuple[Finding, ...]:
    """Return the finding `mostly_missing` if sensors are left out because they hardly have values."""
    if not shares:
        return ()
    parts = [f"{name} ({100 * share:.0f} %)" for name, share in shares.items()]
    message = (
        f"Sensors without a value in more than half of the rows are left out: {shorten_list(parts)}. If "
        "other words or numbers stand for their values, see `readings.missing_words`."
    )
    return (
        Finding(
            check="mostly_missing", message=message, columns=tuple(shares), details={"shares": dict(shares)}
        ),
    )
