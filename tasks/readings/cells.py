"""Read the cells of the sensors: words for no value are cleared, and short stretches filled if configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable
from tasks.readings.fill import fill_table
from tasks.readings.missing import WordCounts, blank_missing_words, report_missing_words


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of the sensors, before the schema check.

    Attributes:
        table: A copy of the sensors' columns, shape (rows, sensors).
        words: Cells that stood for no value, by sensor and word.
        filled: Number of missing values that were filled, by sensor.
        findings: What a user should know about them.
        found: Settings found, by full name.
    """

    table: pd.DataFrame
    words: WordCounts
    filled: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)


def read_cells(raw: RawTable, sensors: Sequence[str], section: ReadingsSection, runs: np.ndarray) -> Cells:
    """Read the cells of the sensors.

    Args:
        raw: The raw table; it has these columns.
        sensors: Names of the sensors.
        section: Words and limits of missing values, and how they are filled.
        runs: Number of the run of each row, shape (rows,); no value is held across runs.
    """
    cleared, words = blank_missing_words(raw.table[list(sensors)], sensors, section)
    table, filled = fill_table(cleared, runs, section)
    return Cells(table, words, filled, report_missing_words(words, has_limits=bool(section.limits)))
