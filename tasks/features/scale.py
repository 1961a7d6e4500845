"""Standardise features with the statistics of normal training rows."""

from __future__ import annotations

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.features import FeatureTable
from schemas.scaling import Scaler
from schemas.windows import Split

# a range below this share of a feature's largest value is rounding error
LEAST_RELATIVE_DEVIATION = 1e-7
# constant added to a trailing deviation before its logarithm, as a share of its training median
FLOOR_SHARE = 0.1


def choose_scaler_rows(split: Split, labels: np.ndarray, features: FeaturesSection) -> np.ndarray:
    """Choose the rows that the scaler is fitted on.

    `split_scale_window`: all normal rows of the training part. `window_split_scale`: the last rows
    of the normal training windows, as in the published code, which flattens training windows to rows.
    `scale_split_window`, a common mistake: all normal rows, including those of the test part. A random
    split has no training rows, only training windows.

    Args:
        split: The parts.
        labels: Label of every row, bool, shape (rows,).
        features: Provides `scale_order`.

    Returns:
        Positions of the rows, shape (normal rows,).
    """
    if features.scale_order == "scale_split_window":
        return np.flatnonzero(~labels)
    if features.scale_order == "window_split_scale" or split.train.is_scattered:
        return split.train.normal_end_rows
    rows = np.arange(split.train.start, split.train.stop)
    return rows[~labels[rows]]


def fit_scaler(
    table: FeatureTable,
    normal_rows: np.ndarray,
    clip: float | None,
    is_left_out: np.ndarray | None = None,
) -> Scaler:
    """Fit a scaler on normal training rows.

    Args:
        table: Features of all rows.
        normal_rows: Positions of the rows to fit on, shape (normal rows,).
        clip: Scaled values are clipped to plus or minus this value, or None.
        is_left_out: Values to fit without, bool, shape (rows, columns), or None; the other columns get the
            same bits as without it.

    Returns:
        The scaler; a feature that is constant on `normal_rows` has the deviation None.
    """
    chosen = table.values[normal_rows]
    moves = _is_moving(chosen)
    floors = _find_floors(table, chosen)
    without = {} if is_left_out is None else _take_columns_apart(table, normal_rows, is_left_out)
    for place, column in without.items():
        moves[place] = _is_moving(column.values)[0]
        floors[place] = _find_floors(column, column.values)[0]
    _take_logarithms(chosen, floors)
    means, deviations = chosen.mean(axis=0), chosen.std(axis=0)
    for place, column in without.items():
        _take_logarithms(column.values, floors[place : place + 1])
        means[place], deviations[place] = column.values.mean(), column.values.std()
    moves &= deviations > 0
    return Scaler(
        columns=table.columns,
        floors=tuple(float(floor) if np.isfinite(floor) else None for floor in floors),
        means=tuple(means.tolist()),
        deviations=tuple(
            float(deviation) if is_moving else None
            for deviation, is_moving in zip(deviations, moves, strict=True)
        ),
        clip=clip,
    )


def scale_rows(scaler: Scaler, values: np.ndarray) -> np.ndarray:
    """Scale rows, each independently of the others.

    Args:
        scaler: A fitted scaler.
        values: Features, float64, shape (rows, columns), columns in the scaler's order.

    Returns:
        float32, C order, shape (rows, columns). Features that were constant in training are 0.

    Raises:
        ValueError: If the number of columns differs from the scaler's.
    """
    if values.shape[1] != len(scaler.columns):
        raise ValueError(
            f"`values` must have the scaler's {len(scaler.columns)} columns. Received {values.shape[1]}."
        )
    factors = np.asarray([0.0 if value is None else 1 / value for value in scaler.deviations])
    scaled = values.copy()
    _take_logarithms(scaled, np.asarray(scaler.floors, dtype=np.float64))
    scaled -= np.asarray(scaler.means)
    scaled *= factors
    if scaler.clip is not None:
        np.clip(scaled, -scaler.clip, scaler.clip, out=scaled)
    return scaled.astype(np.float32, order="C")


def _take_columns_apart(
    table: FeatureTable, rows: np.ndarray, is_left_out: np.ndarray
) -> dict[int, FeatureTable]:
    """Take the columns with values to leave out, each without them, by its position."""
    chosen = is_left_out[rows]
    return {
        int(place): FeatureTable(
            values=table.values[rows[~chosen[:, place]], place][:, None], columns=(table.columns[place],)
        )
        for place in np.flatnonzero(chosen.any(axis=0))
    }


def _is_moving(values: np.ndarray) -> np.ndarray:
    spread = values.max(axis=0) - values.min(axis=0)
    return spread > LEAST_RELATIVE_DEVIATION * np.maximum(np.abs(values).max(axis=0), 1e-300)


def _take_logarithms(values: np.ndarray, floors: np.ndarray) -> None:
    """Replace, in place, the columns that have a floor by the logarithm of value plus floor."""
    places = np.flatnonzero(np.isfinite(floors))
    # computed on a separate array, so that every row goes through the same instructions
    values[:, places] = np.log(values[:, places] + floors[places])


def _find_floors(table: FeatureTable, chosen: np.ndarray) -> np.ndarray:
    """Compute the constants that keep the logarithm of a volatility finite; NaN for other features."""
    is_logarithm = np.asarray([column.group == "volatility" for column in table.columns])
    floors = np.full(len(table.columns), np.nan)
    for place in np.flatnonzero(is_logarithm):
        positive = chosen[:, place][chosen[:, place] > 0]
        floors[place] = FLOOR_SHARE * np.median(positive) if len(positive) else 1.0
    return floors
