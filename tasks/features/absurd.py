"""Values that are absurdly far from all others of their sensor must not ruin the scale of its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.features import FeatureTable
from schemas.readings import Finding, LabelledReadings
from tasks.features.neutralise import find_touched_sensors
from tasks.tables.columns import shorten_list
from tasks.values.sentinels import find_sentinels

# quartile ranges between the quartiles and an absurd value; a machine at rest is up to 160 away
RANGES_AWAY = 500.0
# more such values are another way of running
SHARE_AT_MOST = 0.05
# a scale needs so many rows
ROWS_AT_LEAST = 30


@dataclass(frozen=True, eq=False)
class AbsurdValues:
    """Absurd values, and the features that are computed from them.

    Attributes:
        cells: Absurd values among the rows of the scale, by sensor.
        is_touched: Whether a feature of a row is computed from an absurd value, bool, shape (rows, columns);
            None if none is.
    """

    cells: Mapping[str, int] = field(default_factory=dict)
    is_touched: np.ndarray | None = None


def find_absurd_values(
    labelled: LabelledReadings, features: FeatureTable, rows: np.ndarray, section: FeaturesSection
) -> AbsurdValues:
    """Find the values that the scale of features is computed without.

    A value is absurd if it is a likely sentinel such as -9999 (`tasks.values.sentinels`), or more than 500
    quartile ranges beyond the quartiles; the second only if at most 5 % of the values are, and never for a
    sensor whose quartiles are equal. Procedures as published (another `scale_order`) use every value.

    Args:
        labelled: All rows.
        features: Their features.
        rows: Positions of the rows that the scale is computed on, shape (normal rows,).
        section: The features.
    """
    if section.scale_order != "split_scale_window" or not len(rows):
        return AbsurdValues()
    is_absurd = _mark_absurd(labelled.values, labelled.values[rows])
    if not is_absurd[rows].any():
        return AbsurdValues()
    counts = is_absurd[rows].sum(axis=0)
    is_touched = find_touched_sensors(is_absurd, labelled.runs, section)
    is_enough = (~is_touched[rows]).sum(axis=0) >= ROWS_AT_LEAST
    chosen = {
        name: place for place, name in enumerate(labelled.sensors) if counts[place] and is_enough[place]
    }
    by_column = np.zeros(features.values.shape, dtype=bool)
    for number, column in enumerate(features.columns):
        if column.sensor in chosen:
            by_column[:, number] = is_touched[:, chosen[column.sensor]]
    return AbsurdValues({name: int(counts[place]) for name, place in chosen.items()}, by_column)


def report_absurd_values(absurd: AbsurdValues, rows: int) -> tuple[Finding, ...]:
    """Return the finding `absurd_values` if the scale was computed without some values, else nothing.

    Args:
        absurd: The values.
        rows: Rows that the scale is computed on.
    """
    if not absurd.cells:
        return ()
    parts = [f"{name} ({cells:,})" for name, cells in absurd.cells.items()]
    message = (
        f"Values so far from all others of their sensor that its scale was computed without them, in "
        f"{rows:,} normal training rows: {shorten_list(parts, 10)}. They are used as readings otherwise. If "
        "they are no readings, list them in `readings.missing_words`, or set `readings.limits`."
    )
    details = {"cells": dict(absurd.cells), "rows": rows}
    return (Finding(check="absurd_values", message=message, columns=tuple(absurd.cells), details=details),)


def _mark_absurd(values: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Mark the absurd values of all rows, judged by the normal ones.

    Args:
        values: float64, shape (rows, sensors).
        normal: The normal rows of them, shape (normal rows, sensors).

    Returns:
        bool, shape (rows, sensors).
    """
    lower, upper = np.quantile(normal, [0.25, 0.75], axis=0)
    reach = np.where(upper > lower, RANGES_AWAY * (upper - lower), np.inf)
    is_far = (values < lower - reach) | (values > upper + reach)
    is_rare = ((normal < lower - reach) | (normal > upper + reach)).mean(axis=0) <= SHARE_AT_MOST
    is_absurd = is_far & is_rare
    for place, found in find_sentinels(normal).items():
        is_absurd[:, place] |= np.isin(values[:, place], list(found))
    return np.asarray(is_absurd)
