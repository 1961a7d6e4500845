"""Find sensors whose level has moved since training: worth knowing, and no reason to retrain by itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from schemas.configuration import MonitorSection
from schemas.monitoring import FeatureDrift, Tested, WatchedRows
from schemas.windows import Part

# with fewer windows of training their spread says nothing
LEAST_TRAINING_WINDOWS = 5


def find_feature_drift(
    watched: WatchedRows, parts: Sequence[Part], training_rows: int, section: MonitorSection
) -> tuple[tuple[FeatureDrift, ...], Tested]:
    """Compare the sensors' window means of the last windows with those of training.

    Rows follow each other too closely to be tested one by one: neighbours hardly differ, and a test that
    takes thousands of them for independent calls every sensor moved. So the means of whole windows are
    compared, by rank sums (Mann and Whitney), and the chances are corrected for the number of sensors (Holm).
    Means of neighbouring windows still depend on each other where a sensor wanders slowly, so that the level
    is a guide.

    Args:
        watched: The rows.
        parts: The windows, the oldest first.
        training_rows: Rows of the table that belong to the training.
        section: Number of last windows, and the level.

    Returns:
        Sensors that have moved, the clearest first; and whether there was enough to test.

    Source: Mann and Whitney 1947; Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    readings = watched.readings
    recent = [_take_mean(watched, part) for part in parts[-section.windows :]]
    width = parts[0].stop - parts[0].start if parts else 0
    blocks = training_rows // width if width else 0
    if width and not blocks:
        return (), "no training rows"
    least = 2 / comb(blocks + len(recent), len(recent)) if recent else 1.0
    if blocks < LEAST_TRAINING_WINDOWS or least * len(readings.sensors) > section.significance:
        return (), "too few rows"
    before = readings.values[: blocks * width].reshape(blocks, width, -1).mean(axis=1)
    after = np.stack(recent)
    p_values = correct_for_many(compare_means(before, after))
    deviations = readings.values[:training_rows].std(axis=0)
    difference = after.mean(axis=0) - before.mean(axis=0)
    shifts = np.divide(difference, deviations, out=np.zeros_like(difference), where=deviations > 0)
    moved = np.flatnonzero(p_values < section.significance)
    order = moved[np.lexsort((-np.abs(shifts[moved]), p_values[moved]))]
    found = tuple(
        FeatureDrift(
            sensor=readings.sensors[place],
            p_value=float(p_values[place]),
            shift=round(float(shifts[place]), 3),
        )
        for place in order
    )
    return found, "tested"


def compare_means(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Test each sensor's window means for a difference in level.

    Args:
        before: Shape (windows before, sensors).
        after: Shape (windows after, sensors).

    Returns:
        Two-sided p-values, shape (sensors,); 1 for a sensor that is the same everywhere.
    """
    from scipy.stats import mannwhitneyu

    joined = np.sort(np.concatenate([before, after]), axis=0)
    is_constant = joined[0] == joined[-1]
    # where means are equal the chances are approximate, so sensors without equal means go by themselves
    has_ties = (joined[1:] == joined[:-1]).any(axis=0)
    p_values = np.ones(before.shape[1])
    for chosen in (~has_ties, has_ties & ~is_constant):
        if chosen.any():
            p_values[chosen] = mannwhitneyu(before[:, chosen], after[:, chosen], axis=0).pvalue
    return p_values


# SciPy has no Holm correction, and statsmodels would be a dependency for these four lines
def correct_for_many(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for their number (Holm): the chance of one false finding among all of them is held.

    The smallest of n counts n times, the next one n - 1 times and at least as much as the one before.

    Args:
        p_values: Shape (tests,).

    Returns:
        At most 1, shape (tests,), in the order of the tests.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return corrected


def _take_mean(watched: WatchedRows, part: Part) -> np.ndarray:
    return watched.labelled.values[part.start : part.stop].mean(axis=0)
