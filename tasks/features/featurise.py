"""Compute features of every row from its own values and those of rows before it, never from later ones."""

from __future__ import annotations

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.features import Column, FeatureTable
from schemas.readings import LabelledReadings
from tasks.windows.label import count_rows_in_run

# a stop longer than this is as long as this
LONGEST_STOP_MINUTES = 24 * 60.0


def compute_features(labelled: LabelledReadings, section: FeaturesSection) -> FeatureTable:
    """Compute the configured features of all rows.

    Sensors: their level (raw, or the deviation from the mean of up to `trailing_rows` rows before the
    row in its run), their volatility (standard deviation of the last `volatility_rows` rows of the
    run, the row among them; its logarithm is taken when it is scaled), and their difference from the
    row `difference_rows` before (from the first row of the run where there are fewer).

    Context: see `compute_context`.

    Args:
        labelled: Rows in runs.
        section: Which features, and over how many rows.

    Returns:
        The features. What a row's features are depends on at most `count_rows_needed` rows and the
        context's hours before it, to the last bit, wherever the table was cut.
    """
    positions = count_rows_in_run(labelled.runs)
    values, sensors = labelled.values, labelled.sensors
    is_raw = section.level == "raw"
    blocks = [values if is_raw else subtract_trailing_mean(values, positions, section.trailing_rows)]
    columns = [Column(name=name, sensor=name, group="level") for name in sensors]
    if section.volatility_rows is not None:
        blocks.append(measure_volatility(values, positions, section.volatility_rows))
        columns += [Column(name=f"{name} volatility", sensor=name, group="volatility") for name in sensors]
    if section.difference_rows is not None:
        blocks.append(values - take_earlier(values, positions, section.difference_rows))
        columns += [Column(name=f"{name} difference", sensor=name, group="difference") for name in sensors]
    if section.has_context:
        context, names = compute_context(labelled, section)
        blocks.append(context)
        columns += [Column(name=name, sensor=None, group="context") for name in names]
    return FeatureTable(values=np.hstack(blocks) if len(blocks) > 1 else blocks[0], columns=tuple(columns))


def compute_context(labelled: LabelledReadings, section: FeaturesSection) -> tuple[np.ndarray, list[str]]:
    """Compute what the process has been through: restarts, stops and changes of category.

    A stop is what ends a run of rows: a gap, or an event that was dropped. All counts are forgotten
    after `context_rows_at_most` rows, so that they depend on a bounded past.

    Args:
        labelled: Rows in runs.
        section: Hours in which stops are counted, and when a restart is forgotten.

    Returns:
        float64, shape (rows, columns), and the columns' names: the logarithm of 1 + rows since the run
        began; stops in the last hours; the logarithm of 1 + minutes of the stop before the run, 0
        where it is unknown or forgotten; for each category, the logarithm of 1 + rows since it changed.
    """
    runs, most = labelled.runs, section.context_rows_at_most
    times = labelled.times.astype("datetime64[ns]").astype(np.int64)
    positions = count_rows_in_run(runs)
    # the table's first row is where the record begins, not where the machine was started
    starts = np.flatnonzero(np.concatenate([[False], runs[1:] != runs[:-1]])[: len(runs)])
    columns = {"rows since restart": np.log1p(np.minimum(positions, most))}
    begun = np.searchsorted(starts, np.arange(len(runs)), side="right")
    for hours in section.context_hours:
        earliest = times - round(hours * 3600e9)
        past = np.searchsorted(times[starts], earliest, side="right")
        columns[f"stops in {hours:g} h"] = (begun - past).astype(np.float64)
    stop_minutes = np.zeros(len(times))
    stop_minutes[starts] = np.minimum(np.diff(times)[starts - 1] / 60e9, LONGEST_STOP_MINUTES)
    lasting = stop_minutes[np.arange(len(times)) - positions]
    columns["minutes of the stop"] = np.where(positions < most, np.log1p(lasting), 0.0)
    for name, category in zip(labelled.categories, labelled.category_values.T, strict=True):
        columns[f"rows since {name} changed"] = np.log1p(count_rows_since_change(category, most))
    return np.column_stack(list(columns.values())), list(columns)


def count_rows_since_change(values: np.ndarray, rows_at_most: int) -> np.ndarray:
    """Count the rows since a value differed from the row before, across runs; at most `rows_at_most`.

    Where no change is known yet it is as long ago as can be.

    Args:
        values: Shape (rows,).
        rows_at_most: Bound of the count.

    Returns:
        int64, shape (rows,).
    """
    rows = np.arange(len(values))
    is_changed = np.concatenate([[False], values[1:] != values[:-1]])[: len(values)]
    last = np.maximum.accumulate(np.where(is_changed, rows, -rows_at_most - 1)) if len(values) else rows
    return np.minimum(rows - last, rows_at_most)


def count_rows_needed(section: FeaturesSection) -> int:
    """Count the rows before a row that its features may depend on, besides those of the context's hours."""
    return max(
        section.trailing_rows if section.level == "local" else 0,
        section.volatility_rows or 0,
        section.difference_rows or 0,
        section.context_rows_at_most + 1 if section.has_context else 0,
    )


def subtract_trailing_mean(values: np.ndarray, positions: np.ndarray, trailing_rows: int) -> np.ndarray:
    """Subtract from each row the mean of up to `trailing_rows` rows before it in its run.

    Args:
        values: float64, shape (rows, columns).
        positions: Rows before each row in its run, shape (rows,).
        trailing_rows: Most rows in a mean.

    Returns:
        float64, shape (rows, columns); 0 where no row comes before.
    """
    counts = np.minimum(positions, trailing_rows)[:, None]
    sums = shift_in_run(sum_trailing(values, positions, trailing_rows), positions, 1)
    return np.where(counts > 0, values - sums / np.maximum(counts, 1), 0.0)


def measure_volatility(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Measure the standard deviation of the last `rows` rows of a run.

    Args:
        values: float64, shape (rows, columns).
        positions: Rows before each row in its run, shape (rows,).
        rows: Rows in a deviation, the row itself among them.

    Returns:
        At least 0, float64, shape (rows, columns); 0 in the first row of a run.
    """
    counts = np.minimum(positions + 1, rows)[:, None]
    # of differences from the row itself: no digits are lost where a level is large
    sums, squares = np.zeros_like(values), np.zeros_like(values)
    for back in range(1, rows):
        differences = values - take_earlier(values, positions, back)
        differences[positions < back] = 0.0
        sums += differences
        squares += differences**2
    return np.sqrt(np.maximum(squares / counts - (sums / counts) ** 2, 0.0))


def take_earlier(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Take the values `rows` rows earlier in the run, those of its first row where there are fewer."""
    return values[np.arange(len(values)) - np.minimum(positions, rows)]


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
            total = total + shift_in_run(span_sum, positions, covered)
            covered += span
        if covered == rows:
            return total
        span_sum = span_sum + shift_in_run(span_sum, positions, span)
        span *= 2


def shift_in_run(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Give each row the value `rows` rows earlier in its run, 0 where there is none."""
    if rows == 0:
        return values
    shifted = np.zeros_like(values)
    shifted[rows:] = values[:-rows]
    shifted[positions < rows] = 0
    return shifted
