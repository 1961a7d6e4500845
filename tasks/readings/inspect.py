"""What is worth knowing about checked readings, though they can be used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from schemas.readings import Finding, SensorReadings

VARYING_ROWS_AT_LEAST = 0.001
CONSTANT_START_AT_LEAST = 0.4
CATEGORIES_AT_MOST = 20
ROWS_PER_CATEGORY = 20
STEP_TOLERANCE = 0.01
STRAIGHT_SHARE_AT_LEAST = 0.03
STRAIGHT_SENSOR_SHARE_AT_LEAST = 0.2
ROUNDING_UNITS = 4.0
NEAR_LINES_AT_MOST = 0.5
CORNERS_AT_LEAST = 0.001
DIFFERENCES_TO_FIND_THE_GRID = 1000
GRIDS = np.unique(np.concatenate([10.0 ** np.arange(-12, 5), 2.0 ** np.arange(-40, 14)]))[::-1]


def find_quality_issues(
    readings: SensorReadings, filled: Mapping[str, int] | None = None
) -> tuple[Finding, ...]:
    """Look for what a user should know before trusting a model of these readings.

    Args:
        readings: Checked readings, all sensors; their own findings are not looked at.
        filled: Missing values that were filled, by sensor.

    Returns:
        One `Finding` for each kind of issue that there is. `check` is one of `time_gaps`, `irregular_steps`,
        `filled_values`, `near_constant`, `constant_at_start`, `looks_categorical`, `look_ahead`.
    """
    is_constant = find_near_constant(readings.values)
    findings = (
        _find_time_gaps(readings),
        _find_irregular_steps(readings),
        _find_filled_values(filled or {}, len(readings.times)),
        _find_constant_sensors(readings, is_constant),
        _find_constant_starts(readings, is_constant),
        _find_categories(readings, is_constant),
        _find_look_ahead(readings),
    )
    return tuple(finding for finding in findings if finding is not None)


def _find_time_gaps(readings: SensorReadings) -> Finding | None:
    is_gap = np.diff(readings.runs) > 0
    if not is_gap.any():
        return None
    minutes = np.diff(readings.times)[is_gap] / np.timedelta64(1, "m")
    after_events = int(readings.events[:-1][is_gap].sum())
    details = {
        "gaps": int(is_gap.sum()),
        "median_minutes": float(np.median(minutes)),
        "longest_minutes": float(minutes.max()),
        "after_events": after_events,
    }
    message = (
        f"{details['gaps']} time gaps, median {details['median_minutes']:g} minutes, longest "
        f"{details['longest_minutes']:g}; {after_events} of them right after an event. No window crosses a "
        "gap."
    )
    return Finding(check="time_gaps", message=message, details=details)


def _find_irregular_steps(readings: SensorReadings) -> Finding | None:
    """Report differences within runs that are not one step, and gaps that are no whole number of steps."""
    steps = np.diff(readings.times) / np.timedelta64(1, "m") / readings.step_minutes
    distance = np.abs(steps - np.maximum(np.round(steps), 1))
    is_irregular = distance > STEP_TOLERANCE
    if not is_irregular.any():
        return None
    details = {"rows": int(is_irregular.sum()), "step_minutes": readings.step_minutes}
    message = (
        f"{details['rows']} rows do not follow the row above by a multiple of the usual step of "
        f"{readings.step_minutes:g} minutes. Lead times in rows are inexact there."
    )
    return Finding(check="irregular_steps", message=message, details=details)


def _find_filled_values(filled: Mapping[str, int], rows: int) -> Finding | None:
    counts = {sensor: int(count) for sensor, count in filled.items() if count}
    if not counts:
        return None
    worst = max(counts, key=lambda sensor: counts[sensor])
    message = (
        f"{sum(counts.values())} missing values in {len(counts)} sensors were filled with the value before; "
        f"most in {worst}, {counts[worst]} of {rows} rows."
    )
    return Finding(check="filled_values", message=message, columns=tuple(counts), details={"filled": counts})


def find_near_constant(values: np.ndarray) -> np.ndarray:
    """Tell the sensors that hardly vary.

    They stay within float32 rounding of their median, but for fewer than 0.1 % of rows.

    Args:
        values: Finite float64, shape (rows, sensors).

    Returns:
        bool, shape (sensors,).
    """
    tolerance = 4 * np.finfo(np.float32).eps * np.abs(values).max(axis=0)
    varies = np.abs(values - np.median(values, axis=0)) > tolerance
    return np.asarray(varies.mean(axis=0) < VARYING_ROWS_AT_LEAST)


def _find_constant_sensors(readings: SensorReadings, is_constant: np.ndarray) -> Finding | None:
    columns = _names(readings, is_constant)
    if not columns:
        return None
    verb = "is" if len(columns) == 1 else "are"
    message = f"{_listed(columns)} {verb} constant or nearly so over the whole table."
    return Finding(check="near_constant", message=message, columns=columns)


def _find_constant_starts(readings: SensorReadings, is_constant: np.ndarray) -> Finding | None:
    """Report sensors that vary, but not in the first 40 % of rows."""
    rows = int(np.ceil(CONSTANT_START_AT_LEAST * len(readings.values)))
    is_late = find_near_constant(readings.values[:rows]) & ~is_constant
    columns = _names(readings, is_late)
    if not columns or rows < 2:
        return None
    shares = _constant_start_shares(readings.values[:, is_late])
    parts = [f"{name} in the first {100 * share:.0f} %" for name, share in zip(columns, shares, strict=True)]
    message = (
        f"Constant at the start of the table: {_listed(parts)} of the rows. "
        "A model trained there cannot use what varies later."
    )
    details = {"shares": dict(zip(columns, shares, strict=True))}
    return Finding(check="constant_at_start", message=message, columns=columns, details=details)


def _constant_start_shares(values: np.ndarray) -> list[float]:
    """Share of rows, a whole percent, up to which each sensor is near-constant from the first row on."""
    shares = np.full(values.shape[1], CONSTANT_START_AT_LEAST)
    for percent in range(int(100 * CONSTANT_START_AT_LEAST), 100):
        is_constant = find_near_constant(values[: int(np.ceil(percent / 100 * len(values)))])
        if not is_constant.any():
            break
        shares[is_constant] = percent / 100
    return [float(share) for share in shares]


def _find_categories(readings: SensorReadings, is_constant: np.ndarray) -> Finding | None:
    is_whole = (readings.values == np.round(readings.values)).all(axis=0) & ~is_constant
    most = min(CATEGORIES_AT_MOST, len(readings.values) // ROWS_PER_CATEGORY)
    counts = {
        readings.sensors[place]: len(np.unique(readings.values[:, place]))
        for place in np.flatnonzero(is_whole)
    }
    counts = {name: count for name, count in counts.items() if count <= most}
    if not counts:
        return None
    parts = [f"{name} ({count} whole numbers)" for name, count in counts.items()]
    message = (
        f"Sensors that look like categories: {_listed(parts)}. "
        "If they are, name them in `readings.categorical_columns`."
    )
    return Finding(
        check="looks_categorical", message=message, columns=tuple(counts), details={"distinct_values": counts}
    )


def find_rounding(values: np.ndarray) -> np.ndarray:
    """Find the grid that each sensor's values lie on, from the differences of neighbouring rows.

    Where the values were written with so many decimals, or went through float32 (also before a constant was
    subtracted), differences are multiples of a power of ten or two. The largest such grid that fits 95 % of
    1000 differences within 15 % of its width is taken; random differences would fit in 30 %. No finer than
    float32, where all values are float32 numbers, or float64.

    Args:
        values: Finite float64, shape (rows, sensors).

    Returns:
        float64 above 0 unless a sensor is 0 throughout, shape (sensors,).
    """
    highest = np.abs(values).max(axis=0, initial=0.0)
    is_single = (values == values.astype(np.float32)).all(axis=0)
    finest = np.where(is_single, np.finfo(np.float32).eps, np.finfo(np.float64).eps) * highest
    differences = np.abs(np.diff(values, axis=0)).T
    grids = [_find_grid(row[row > 0]) for row in np.ascontiguousarray(differences)]
    return np.asarray(np.maximum(np.array(grids, dtype=np.float64), finest))


def _find_grid(differences: np.ndarray) -> float:
    """Return the largest of `GRIDS` that positive `differences` are multiples of, or 0.0."""
    if not len(differences):
        return 0.0
    sample = differences[:: max(1, len(differences) // DIFFERENCES_TO_FIND_THE_GRID)]
    for grid in GRIDS[2 * np.median(sample) >= GRIDS]:
        multiples = sample / grid
        fits = (np.abs(multiples - np.round(multiples)) <= 0.15) & (multiples > 0.5)
        if fits.mean() >= 0.95:
            return float(grid)
    return 0.0


def find_straight_cells(values: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Tell the cells that lie on a straight, sloping line of at least four rows: interpolated after the fact.

    A cell is on a line when it is in the middle of three rows of one run, its bend (second difference) is
    within four units of the sensor's rounding and its slope is larger than that, and the same holds for a
    neighbouring row. A sensor counts only where the lines stand out: bends of one to three tolerances are at
    most half as many as smaller ones (values that are coarse show no such dip), and at least 0.1 % of bends
    are larger still (a curve that is smooth by nature has no corners).

    Args:
        values: Finite float64, shape (rows, sensors).
        runs: Number of the run of each row, shape (rows,).

    Returns:
        bool, shape (rows, sensors).
    """
    is_straight = np.zeros(values.shape, dtype=bool)
    if len(values) < 4:
        return is_straight
    bends = np.abs(np.diff(values, n=2, axis=0))  # (rows - 2, sensors)
    tolerance = ROUNDING_UNITS * find_rounding(values)  # (sensors,)
    is_inside = (runs[2:] == runs[:-2])[:, None]
    is_sloping = is_inside & (np.abs(values[2:] - values[:-2]) > 2 * tolerance)
    is_on_line = is_sloping & (bends <= tolerance)
    near_lines = (is_sloping & (bends <= 3 * tolerance)).sum(axis=0) - is_on_line.sum(axis=0)
    corners = (is_inside & (bends > 3 * tolerance)).sum(axis=0)
    stands_out = near_lines <= NEAR_LINES_AT_MOST * is_on_line.sum(axis=0)
    is_on_line &= stands_out & (corners >= max(1.0, CORNERS_AT_LEAST * is_inside.sum()))
    is_pair = is_on_line[1:] & is_on_line[:-1]
    is_straight[1:-2] |= is_pair
    is_straight[2:-1] |= is_pair
    return is_straight


def _find_look_ahead(readings: SensorReadings) -> Finding | None:
    """Report the share of straight cells among all: they depend on a later reading."""
    shares = find_straight_cells(readings.values, readings.runs).mean(axis=0)
    share = float(shares.mean())
    order = np.argsort(-shares, kind="stable")
    worst = [place for place in order if shares[place] >= STRAIGHT_SENSOR_SHARE_AT_LEAST]
    if share < STRAIGHT_SHARE_AT_LEAST and not worst:
        return None
    worst_shares = {readings.sensors[place]: round(float(shares[place]), 4) for place in worst}
    parts = [f"{name} {100 * part:.0f} %" for name, part in worst_shares.items()]
    message = (
        f"{100 * share:.0f} % of all sensor values lie on straight lines between two readings"
        f"{': ' * bool(parts)}{_listed(parts, at_most=5)}. They were interpolated, so they depend on a later "
        "reading: "
        "results on this table may look ahead."
    )
    return Finding(
        check="look_ahead",
        message=message,
        columns=tuple(worst_shares),
        details={"share": round(share, 4), "shares": worst_shares},
    )


def _names(readings: SensorReadings, is_chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(readings.sensors, is_chosen, strict=True) if chosen)


def _listed(parts: tuple[str, ...] | list[str], at_most: int = 10) -> str:
    listed = ", ".join(parts[:at_most])
    return listed if len(parts) <= at_most else f"{listed} and {len(parts) - at_most} more"
