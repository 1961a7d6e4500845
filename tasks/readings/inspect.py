"""Find data-quality issues in checked readings that are worth reporting but do not prevent their use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from schemas.errors import InputError
from schemas.readings import Finding, SensorReadings
from tasks.arrangement.resample import propose_step
from tasks.tables.format import format_times
from tasks.times.parse import find_latest_time
from tasks.times.time_formats import ISO_FORMAT, is_day_first
from tasks.times.time_units import UNITS
from tasks.values.counters import report_counters_and_angles
from tasks.values.incomplete import keep_complete_rows
from tasks.values.sentinels import report_sentinels

VARYING_ROWS_AT_LEAST = 0.001
CONSTANT_START_AT_LEAST = 0.4
CATEGORIES_AT_MOST = 20
ROWS_PER_CATEGORY = 20
STEP_TOLERANCE = 0.01
# rows that are this far from a multiple of the step are irregular, if they are many and gaps are too
IRREGULAR_STEPS_AT_LEAST = 0.1
IRREGULAR_SHARE_AT_LEAST = 0.25
GAPS_SHARE_AT_MOST = 0.01
EVENTS_SHARE_AT_MOST = 0.5
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
    """Find what a user should know before trusting a model trained on these readings.

    Args:
        readings: Checked readings with all sensors; their `findings` are ignored.
        filled: Number of missing values that were filled, by sensor.

    Returns:
        One `Finding` for each kind of issue found. `check` is one of `mostly_events`, `time_gaps`,
        `irregular_steps`, `filled_values`, `likely_sentinels`, `near_constant`, `constant_at_start`,
        `looks_categorical`, `looks_like_counter`, `looks_like_angle`, `look_ahead`.
    """
    complete = keep_complete_rows(readings)
    is_constant = find_near_constant(complete.values)
    findings = (
        _find_mostly_events(readings),
        _find_time_gaps(readings),
        _find_irregular_steps(readings),
        _find_filled_values(filled or {}, len(readings.times)),
        report_sentinels(complete),
        _find_constant_sensors(complete, is_constant),
        _find_constant_starts(complete, is_constant),
        _find_categories(complete, is_constant),
        *report_counters_and_angles(complete),
        _find_look_ahead(complete),
    )
    return tuple(finding for finding in findings if finding is not None)


def _find_mostly_events(readings: SensorReadings) -> Finding | None:
    """Report a table of which more than half of the rows are events: the label may be the other way round."""
    events, rows = int(readings.events.sum()), len(readings.events)
    if events <= EVENTS_SHARE_AT_MOST * rows:
        return None
    message = (
        f"{events:,} of {rows:,} rows ({100 * events / rows:.0f} %) are labelled as events, but events are "
        "rare, and a model learns from the other rows. If 1 marks normal operation in the label column, "
        "export it the other way round, or set `readings.label_column` to another column."
    )
    details = {"event_rows": events, "rows": rows}
    return Finding(check="mostly_events", message=message, details=details)


def find_future_rows(readings: SensorReadings, now: datetime) -> Finding | None:
    """Find rows that lie more than a day in the future: their dates were probably read wrongly.

    Args:
        readings: Checked readings.
        now: Current time, with its zone.

    Returns:
        A `Finding` with the check `future_times`, or None.
    """
    is_ahead = readings.times > find_latest_time(now)
    if not is_ahead.any():
        return None
    first, last = format_times(readings.times[is_ahead][[0, -1]])
    details = {"rows": int(is_ahead.sum()), "first": first, "last": last}
    message = (
        f"{details['rows']} rows lie more than a day in the future, from {first} to {last}, "
        f"{describe_format(readings.time_format)}. Nothing is trained on such a table. If day and month were "
        "taken for each other, set `readings.day_first`; if the format is another one, set "
        "`readings.time_format`."
    )
    return Finding(check="future_times", message=message, details=details)


def refuse_future_rows(readings: SensorReadings, now: datetime) -> None:
    """Refuse readings to train on if rows of them lie in the future.

    Args:
        readings: Checked readings.
        now: Current time, with its zone.

    Raises:
        InputError: If a row is more than a day ahead.
    """
    found = find_future_rows(readings, now)
    if found is not None:
        raise InputError(
            f"Expected training rows that are not in the future. In {readings.source} {found.message}"
        )


def describe_format(time_format: str | None) -> str:
    """Describe how the times of a table were written, as the end of a sentence.

    Args:
        time_format: As `SensorReadings` has it.
    """
    if time_format is None:
        return "stored as times"
    if time_format in UNITS:
        return f"stored as {UNITS[time_format]}"
    order = {None: "", True: " (the day first)", False: " (the month first)"}[is_day_first(time_format)]
    return f"written as {'ISO 8601' if time_format == ISO_FORMAT else time_format}{order}"


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
        f"{details['longest_minutes']:g} minutes; {after_events} of them directly after an event. No window "
        "crosses a gap."
    )
    step = _propose_step(readings, int(is_gap.sum()))
    if step is None:
        return Finding(check="time_gaps", message=message, details=details)
    message += f" The rows come at irregular times: `readings.resample_minutes={step:g}` puts them on a step."
    proposed = {"readings.resample_minutes": step}
    return Finding(check="time_gaps", message=message, details=details, proposed=proposed)


def _propose_step(readings: SensorReadings, gaps: int) -> float | None:
    """Propose a regular step if many rows are off the usual one, and gaps cut up the table."""
    is_cut = gaps > GAPS_SHARE_AT_MOST * len(readings.times)
    off = _measure_distance(readings) > IRREGULAR_STEPS_AT_LEAST
    if not is_cut or off.mean() < IRREGULAR_SHARE_AT_LEAST:
        return None
    return propose_step(readings.times)


def _measure_distance(readings: SensorReadings) -> np.ndarray:
    """Measure how far each difference between rows is from a multiple of the step, in steps."""
    steps = np.diff(readings.times) / np.timedelta64(1, "m") / readings.step_minutes
    return np.asarray(np.abs(steps - np.maximum(np.round(steps), 1)))


def _find_irregular_steps(readings: SensorReadings) -> Finding | None:
    """Report differences within runs that are not one step, and gaps that are not a multiple of the step."""
    is_irregular = _measure_distance(readings) > STEP_TOLERANCE
    if not is_irregular.any():
        return None
    details = {"rows": int(is_irregular.sum()), "step_minutes": readings.step_minutes}
    message = (
        f"{details['rows']} rows follow the previous row at an interval that is not a multiple of the usual "
        f"step of {readings.step_minutes:g} minutes. Lead times in rows are inexact there."
    )
    return Finding(check="irregular_steps", message=message, details=details)


def _find_filled_values(filled: Mapping[str, int], rows: int) -> Finding | None:
    counts = {sensor: int(count) for sensor, count in filled.items() if count}
    if not counts:
        return None
    worst = max(counts, key=lambda sensor: counts[sensor])
    message = (
        f"{sum(counts.values())} missing values in {len(counts)} sensors were filled with the previous "
        f"value, most of them in {worst}: {counts[worst]} of {rows} rows."
    )
    return Finding(check="filled_values", message=message, columns=tuple(counts), details={"filled": counts})


def find_near_constant(values: np.ndarray) -> np.ndarray:
    """Find the sensors that hardly vary: fewer than 0.1 % of rows differ from the median.

    Differences within float32 rounding do not count.

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
    message = f"{_listed(columns)} {verb} constant or nearly constant over the whole table."
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
        "A model trained on these rows cannot use these sensors."
    )
    details = {"shares": dict(zip(columns, shares, strict=True))}
    return Finding(check="constant_at_start", message=message, columns=columns, details=details)


def _constant_start_shares(values: np.ndarray) -> list[float]:
    """Return the initial share of rows, in whole percent, over which each sensor is near-constant."""
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
    words = readings.found.get("readings.text_values", {})
    counts = {name: count for name, count in counts.items() if count <= most and name not in words}
    if not counts:
        return None
    parts = [f"{name} ({count} whole numbers)" for name, count in counts.items()]
    message = (
        f"Sensors that look categorical: {_listed(parts)}. "
        "If they are, list them in `readings.categorical_columns`."
    )
    return Finding(
        check="looks_categorical",
        message=message,
        columns=tuple(counts),
        details={"distinct_values": counts},
        proposed={"readings.categorical_columns": list(counts)},
    )


def find_rounding(values: np.ndarray) -> np.ndarray:
    """Estimate the rounding unit of each sensor from the differences between neighbouring rows.

    If values were rounded to a number of decimals, or stored as float32 (even if a constant was subtracted
    later), differences are multiples of a power of ten or two. The largest such unit is returned of which
    95 % of 1000 differences are multiples within 15 % of the unit; of random differences only 30 % would be.
    The result is never finer than the precision of float32, if all values are float32 numbers, or of float64.

    Args:
        values: Finite float64, shape (rows, sensors).

    Returns:
        float64 above 0, or 0 for a sensor that is 0 throughout, shape (sensors,).
    """
    highest = np.abs(values).max(axis=0, initial=0.0)
    is_single = (values == values.astype(np.float32)).all(axis=0)
    finest = np.where(is_single, np.finfo(np.float32).eps, np.finfo(np.float64).eps) * highest
    differences = np.abs(np.diff(values, axis=0)).T
    grids = [_find_grid(row[row > 0]) for row in np.ascontiguousarray(differences)]
    return np.asarray(np.maximum(np.array(grids, dtype=np.float64), finest))


def _find_grid(differences: np.ndarray) -> float:
    """Return the largest of `GRIDS` of which the positive `differences` are multiples, or 0.0."""
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
    """Find the values on a straight, sloping line of at least four rows: they were interpolated afterwards.

    A value is on a line if it is in the middle of three rows of one run, its second difference is within the
    tolerance of four rounding units, its slope is larger than that, and the same is true of a neighbouring
    row. Only sensors whose lines stand out are considered: second differences of one to three tolerances
    are at most half as frequent as smaller ones (coarse values show no such dip), and at least 0.1 % are
    larger still (a naturally smooth curve has no corners).

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
    """Report the share of interpolated values, which depend on a later reading."""
    shares = find_straight_cells(readings.values, readings.runs).mean(axis=0)
    share = float(shares.mean())
    order = np.argsort(-shares, kind="stable")
    worst = [place for place in order if shares[place] >= STRAIGHT_SENSOR_SHARE_AT_LEAST]
    if share < STRAIGHT_SHARE_AT_LEAST and not worst:
        return None
    worst_shares = {readings.sensors[place]: round(float(shares[place]), 4) for place in worst}
    parts = [f"{name} {100 * part:.0f} %" for name, part in worst_shares.items()]
    message = (
        f"{100 * share:.0f} % of all sensor values are on straight lines between two readings"
        f"{': ' * bool(parts)}{_listed(parts, at_most=5)}. They were interpolated, so they depend on a later "
        "reading, and results on this table may be affected by look-ahead."
    )
    return Finding(
        check="look_ahead",
        message=message,
        columns=tuple(worst_shares),
        details={"share": round(share, 4), "shares": worst_shares},
    )


def find_interpolated_share(readings: SensorReadings) -> float:
    """Find the share of sensor values that look ahead, as the findings have it; 0 after a causal replay."""
    shares = {finding.check: finding.details.get("share", 0.0) for finding in readings.findings}
    return 0.0 if "causal_replay" in shares else float(shares.get("look_ahead", 0.0))


def _names(readings: SensorReadings, is_chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(readings.sensors, is_chosen, strict=True) if chosen)


def _listed(parts: tuple[str, ...] | list[str], at_most: int = 10) -> str:
    listed = ", ".join(parts[:at_most])
    return listed if len(parts) <= at_most else f"{listed} and {len(parts) - at_most} more"
