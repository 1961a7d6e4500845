"""Dead sensors: features that would need a missing value are those of the sensor's training mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.features import Column
from tasks.features.featurise import sum_trailing
from tasks.windows.label import count_rows_in_run


def find_touched_sensors(is_marked: np.ndarray, runs: np.ndarray, section: FeaturesSection) -> np.ndarray:
    """Find the sensors of which a feature of a row is computed from a marked value.

    With a difference over 2 rows and no other feature, runs 0 0 0 0 1 and one sensor - x - - -, where x is
    marked, rows 1 to 3 are touched.

    Args:
        is_marked: Marked values, bool, shape (rows, sensors).
        runs: Run of each row, shape (rows,); features never look back beyond it.
        section: The features.

    Returns:
        bool, shape (rows, sensors).
    """
    rows = 1 + max(
        section.trailing_rows if section.level != "raw" else 0,
        (section.volatility_rows or 1) - 1,
        section.difference_rows or 0,
    )
    marks = sum_trailing(is_marked.astype(np.float64), count_rows_in_run(runs), rows)
    return np.asarray(marks > 0)


def neutralise_features(
    scaled: np.ndarray, columns: Sequence[Column], sensors: Sequence[str], is_neutral: np.ndarray
) -> np.ndarray:
    """Set all features of a sensor to 0, their training mean, in the rows where it is neutral.

    Args:
        scaled: Scaled features, float32, shape (rows, columns).
        columns: Description of each column.
        sensors: Names of the sensors.
        is_neutral: Whether a sensor is neutral in a row, bool, shape (rows, sensors).

    Returns:
        A new array, shape (rows, columns).
    """
    places = {name: place for place, name in enumerate(sensors)}
    neutral = scaled.copy()
    for number, column in enumerate(columns):
        if column.sensor is not None:
            neutral[is_neutral[:, places[column.sensor]], number] = 0.0
    return neutral
