"""Find sensors whose level has moved since training: worth knowing, but by itself no reason to retrain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import comb

import numpy as np

from schemas.configuration import MonitorSection
from schemas.monitoring import FeatureDrift, Tested, WatchedRows
from schemas.windows import Part
from tasks.values.fill import bridge_missing

# fewer training windows do not show the spread of their means
LEAST_TRAINING_WINDOWS = 5


def find_feature_drift(
    watched: WatchedRows, parts: Sequence[Part], training_rows: int, section: MonitorSection
) -> tuple[tuple[FeatureDrift, ...], Tested]:
    """Compare each sensor's means over the last windows with its means over windows of training.

    Single rows cannot be tested: neighbours hardly differ, and a test that assumes thousands of them to be
    independent reports every sensor as moved. So the means of whole windows are compared by rank sums (Mann
    and Whitney), with p-values corrected for the number of sensors (Holm). The means of neighbouring windows
    are still correlated where a sensor wanders slowly, so the significance level is only a guide.

    Args:
        watched: The rows.
        parts: The windows, oldest first.
        training_rows: Rows of the table that belong to the training.
        section: Number of last windows, and the significance level.

    Returns:
        Sensors that have moved, most significant first; and whether there were enough rows to test.

    Source: Mann and Whitney 1947; Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    watched = _bridge(watched)
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
        Two-sided p-values, shape (sensors,); 1 for a constant sensor.
    """
    from scipy.stats import mannwhitneyu

    joined = np.sort(np.concatenate([before, after]), axis=0)
    is_constant = joined[0] == joined[-1]
    # ties make the p-values of the whole call approximate, so sensors without ties are tested separately
    has_ties = (joined[1:] == joined[:-1]).any(axis=0)
    p_values = np.ones(before.shape[1])
    for chosen in (~has_ties, has_ties & ~is_constant):
        if chosen.any():
            p_values[chosen] = mannwhitneyu(before[:, chosen], after[:, chosen], axis=0).pvalue
    return p_values


# SciPy has no Holm correction, and statsmodels would be a dependency for these four lines
def correct_for_many(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for multiple testing by Holm's method, which controls the family-wise error rate.

    The smallest of n p-values is multiplied by n, the next by n - 1, and so on; none becomes smaller than
    the one before it.

    Args:
        p_values: Shape (tests,).

    Returns:
        Corrected p-values, at most 1, shape (tests,), in the order of the tests.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return corrected


def _bridge(watched: WatchedRows) -> WatchedRows:
    """Return the rows with a value in every cell: the last one before it where it has none."""
    values = watched.readings.values
    if not np.isnan(values).any():
        return watched
    values = bridge_missing(values)
    labelled = replace(watched.labelled, values=values[watched.labelled.source_rows])
    return replace(watched, readings=replace(watched.readings, values=values), labelled=labelled)


def _take_mean(watched: WatchedRows, part: Part) -> np.ndarray:
    return watched.labelled.values[part.start : part.stop].mean(axis=0)
