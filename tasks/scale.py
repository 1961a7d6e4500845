"""Scale sensors by what normal training rows, and the rows just before, look like."""

from __future__ import annotations

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.readings import LabelledReadings
from schemas.scaling import Scaler
from tasks.label import count_rows_in_run

# the training deviation counts as so many rows while a run has few rows of its own
PRIOR_ROWS = 10
# a deviation below this share of a sensor's largest value is rounding, not movement
LEAST_RELATIVE_DEVIATION = 1e-7


def fit_scaler(labelled: LabelledReadings, normal_rows: np.ndarray, features: FeaturesSection) -> Scaler:
    """Learn means and deviations from normal training rows alone.

    Args:
        labelled: All rows.
        normal_rows: Positions of the normal training rows, shape (normal rows,).
        features: Whether trailing rows standardise a row, how many, and the bound of the result.

    Returns:
        The scaler; a sensor that is constant on `normal_rows` has no deviation.
    """
    values, runs = labelled.values, labelled.runs
    trailing_rows = features.trailing_rows if features.standardise == "trailing" else None
    chosen = values[normal_rows]
    centers = chosen.mean(axis=0)
    moves = _is_moving(chosen)
    priors = np.zeros(0)
    if trailing_rows is not None:
        local = _subtract_trailing_mean(values - centers, runs, trailing_rows)[0]
        priors = np.sqrt(np.mean(local[normal_rows] ** 2, axis=0))
        moves &= priors > 0
        chosen = _standardise(values, runs, trailing_rows, centers, np.where(moves, priors, 1.0))[normal_rows]
    means, deviations = chosen.mean(axis=0), chosen.std(axis=0)
    return Scaler(
        sensors=labelled.sensors,
        trailing_rows=trailing_rows,
        centers=tuple(centers.tolist()),
        prior_deviations=tuple(priors.tolist()),
        means=tuple(means.tolist()),
        deviations=tuple(
            float(value) if is_moving else None
            for value, is_moving in zip(deviations, moves & (deviations > 0), strict=True)
        ),
        clip=features.clip,
    )


def scale_rows(scaler: Scaler, values: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Scale every row; a row depends on itself and on the rows before it in its run, never on later ones.

    Args:
        scaler: A fitted scaler.
        values: Sensor values, float64, shape (rows, sensors), columns in the scaler's order.
        runs: Run of each row, shape (rows,).

    Returns:
        float32, C order, shape (rows, sensors). Sensors that were constant in training are 0.

    Raises:
        ValueError: If the number of columns is not the scaler's.
    """
    if values.shape[1] != len(scaler.sensors):
        raise ValueError(
            f"`values` must have the scaler's {len(scaler.sensors)} columns. Received {values.shape[1]}."
        )
    if scaler.trailing_rows is not None:
        priors = np.asarray(scaler.prior_deviations)
        values = _standardise(
            values, runs, scaler.trailing_rows, np.asarray(scaler.centers), np.where(priors > 0, priors, 1.0)
        )
    factors = np.asarray([0.0 if value is None else 1 / value for value in scaler.deviations])
    scaled = values - np.asarray(scaler.means)
    scaled *= factors
    if scaler.clip is not None:
        np.clip(scaled, -scaler.clip, scaler.clip, out=scaled)
    return scaled.astype(np.float32, order="C")


def sum_trailing(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Sum each row and up to `rows - 1` rows before it in its run.

    The sum is built from spans of 1, 2, 4, ... rows, so that it depends on these rows alone, to the
    last bit, wherever a table was cut, and costs log2(rows) additions a value.

    Args:
        values: float64, shape (rows, columns).
        positions: Rows before each row in its run, shape (rows,).
        rows: Rows in a sum, at least 1.

    Returns:
        float64, shape (rows, columns).
    """
    span_sum, span = values, 1
    total, covered = np.zeros_like(values), 0
    while True:
        if rows & span:
            total = total + _shift_in_run(span_sum, positions, covered)
            covered += span
        if covered == rows:
            return total
        span_sum = span_sum + _shift_in_run(span_sum, positions, span)
        span *= 2


def _shift_in_run(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Give each row the value `rows` rows earlier in its run, 0 where there is none."""
    if rows == 0:
        return values
    shifted = np.zeros_like(values)
    shifted[rows:] = values[:-rows]
    shifted[positions < rows] = 0
    return shifted


def _is_moving(values: np.ndarray) -> np.ndarray:
    spread = values.max(axis=0) - values.min(axis=0)
    return spread > LEAST_RELATIVE_DEVIATION * np.maximum(np.abs(values).max(axis=0), 1e-300)


def _subtract_trailing_mean(
    centered: np.ndarray, runs: np.ndarray, trailing_rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Subtract the mean of the rows before each row in its run; 0 where there is none.

    Returns:
        The differences, the means, both shape (rows, sensors), and how many rows each mean is of,
        shape (rows, 1).
    """
    positions = count_rows_in_run(runs)
    counts = np.minimum(positions, trailing_rows)[:, None]
    sums = _shift_in_run(sum_trailing(centered, positions, trailing_rows), positions, 1)
    means = sums / np.maximum(counts, 1)
    return np.where(counts > 0, centered - means, 0.0), means, counts


def _standardise(
    values: np.ndarray, runs: np.ndarray, trailing_rows: int, centers: np.ndarray, priors: np.ndarray
) -> np.ndarray:
    """Divide the difference from the trailing mean by the trailing deviation, drawn to the training one."""
    centered = values - centers
    local, means, counts = _subtract_trailing_mean(centered, runs, trailing_rows)
    positions = count_rows_in_run(runs)
    squares = _shift_in_run(sum_trailing(centered**2, positions, trailing_rows), positions, 1)
    spread = np.maximum(squares - counts * means**2, 0.0)
    local /= np.sqrt((spread + PRIOR_ROWS * priors**2) / (counts + PRIOR_ROWS))
    return local
