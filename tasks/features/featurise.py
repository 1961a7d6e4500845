"""Compute the features of every row from that row and earlier rows, never from later ones."""

from __future__ import annotations

import numpy as np

from schemas.configuration import FeaturesSection
from schemas.features import Column, FeatureTable
from schemas.readings import LabelledReadings
from tasks.windows.label import count_rows_in_run

# longer stops count as this long
LONGEST_STOP_MINUTES = 24 * 60.0


def compute_features(labelled: LabelledReadings, section: FeaturesSection) -> FeatureTable:
    """Compute the configured features of all rows.

    Sensor features: the level (raw, or the deviation from the mean of up to `trailing_rows` preceding rows
    of the run, or both), the volatility (standard deviation of the last `volatility_rows` rows of the run,
    including the row itself; its logarithm is taken during scaling), and the difference from the row
    `difference_rows` earlier (from the first row of the run if there are fewer).

    Context: see `compute_context`.

    Args:
        labelled: Rows in runs.
        section: The features, and the rows that they cover.

    Returns:
        The features. They depend only on the `count_rows_needed` rows and the context hours before a row,
        and are bit-for-bit identical wherever the table starts.
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
    if section.level == "both":
        blocks.append(values)
        columns += [Column(name=f"{name} raw", sensor=name, group="raw") for name in sensors]
    return FeatureTable(values=np.hstack(blocks) if len(blocks) > 1 else blocks[0], columns=tuple(columns))


def compute_context(labelled: LabelledReadings, section: FeaturesSection) -> tuple[np.ndarray, list[str]]:
    """Compute the process context: restarts, stops and changes of category.

    A stop is the end of a run of rows: a gap, or a dropped event. Row counts are limited to
    `context_rows_at_most`, so that the context depends on a bounded number of rows.

    Args:
        labelled: Rows in runs.
        section: Periods in which stops are counted, and the limit of row counts.

    Returns:
        float64, shape (rows, columns), and the names of the columns: the logarithm of 1 + rows since the
        start of the run; the number of stops in each period; the logarithm of 1 + minutes of the stop before
        the run, 0 if it is unknown or too long ago; for each category, the logarithm of 1 + rows since it
        changed.
    """
    runs, most = labelled.runs, section.context_rows_at_most
    times = labelled.times.astype("datetime64[ns]").astype(np.int64)
    positions = count_rows_in_run(runs)
    # the first row is the start of the record, not a restart of the machine
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
    """Count the rows since a value last changed, across runs; at most `rows_at_most`.

    The count is `rows_at_most` if there has been no change yet.

    Args:
        values: Shape (rows,).
        rows_at_most: Limit of the count.

    Returns:
        int64, shape (rows,).
    """
    rows = np.arange(len(values))
    is_changed = np.concatenate([[False], values[1:] != values[:-1]])[: len(values)]
    last = np.maximum.accumulate(np.where(is_changed, rows, -rows_at_most - 1)) if len(values) else rows
    return np.minimum(rows - last, rows_at_most)


def count_rows_needed(section: FeaturesSection) -> int:
    """Return how many earlier rows a row's features depend on, besides those of the context hours."""
    return max(
        section.trailing_rows if section.level != "raw" else 0,
        section.volatility_rows or 0,
        section.difference_rows or 0,
        section.context_rows_at_most + 1 if section.has_context else 0,
    )


def subtract_trailing_mean(values: np.ndarray, positions: np.ndarray, trailing_rows: int) -> np.ndarray:
    """Subtract from each row the mean of up to `trailing_rows` preceding rows of its run.

    Args:
        values: float64, shape (rows, columns).
        positions: Rows before each row in its run, shape (rows,).
        trailing_rows: Maximum number of rows in a mean.

    Returns:
        float64, shape (rows, columns); 0 in the first row of a run.
    """
    counts = np.minimum(positions, trailing_rows)[:, None]
    sums = shift_in_run(sum_trailing(values, positions, trailing_rows), positions, 1)
    return np.where(counts > 0, values - sums / np.maximum(counts, 1), 0.0)


def measure_volatility(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Compute the standard deviation of the last `rows` rows of a run.

    Args:
        values: float64, shape (rows, columns).
        positions: Rows before each row in its run, shape (rows,).
        rows: Number of rows, including the row itself.

    Returns:
        At least 0, float64, shape (rows, columns); 0 in the first row of a run.
    """
    counts = np.minimum(positions + 1, rows)[:, None]
    # computed from differences to the row itself, so that no precision is lost for large levels
    sums, squares = np.zeros_like(values), np.zeros_like(values)
    for back in range(1, rows):
        differences = values - take_earlier(values, positions, back)
        differences[positions < back] = 0.0
        sums += differences
        squares += differences**2
    return np.sqrt(np.maximum(squares / counts - (sums / counts) ** 2, 0.0))


def take_earlier(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Return the values `rows` rows earlier in the run, or those of its first row if there are fewer."""
    return values[np.arange(len(values)) - np.minimum(positions, rows)]


def sum_trailing(values: np.ndarray, positions: np.ndarray, rows: int) -> np.ndarray:
    """Sum each row and up to `rows - 1` preceding rows of its run.

    The sum is built from spans of 1, 2, 4, ... rows, so that it depends only on these rows, bit for bit,
    wherever the table starts, and takes log2(rows) additions per value.

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
    """Return the values `rows` rows earlier in the run, or 0 if there are fewer."""
    if rows == 0:
        return values
    shifted = np.zeros_like(values)
    shifted[rows:] = values[:-rows]
    shifted[positions < rows] = 0
    return shifted
