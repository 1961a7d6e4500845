"""Find sensors whose level says little: counters that only rise, and angles that jump from 360 to 0."""

from __future__ import annotations

import numpy as np

from schemas.readings import Finding, SensorReadings
from tasks.tables.columns import shorten_list

ROWS_AT_LEAST = 100
# of a counter, steps up and steps down, and what is left of it after a reset
RISES_SHARE_AT_LEAST = 0.3
FALLS_SHARE_AT_MOST = 0.005
LEFT_SHARE_AT_MOST = 0.1
# of an angle, jumps by almost a full turn, and steps that are neither small nor such jumps
JUMPS_AT_LEAST = 3
LARGE_STEP, FULL_TURN_STEP = 90.0, 270.0
OTHER_STEPS_SHARE_AT_MOST = 0.1
# and values in its middle, which a valve that opens and closes does not have
BETWEEN_SHARE_AT_LEAST = 0.1
# range of an angle: its least and greatest value, and how far from them the values may begin and end
RANGES = ((0.0, 360.0), (-180.0, 180.0))
MARGIN, TOLERANCE = 30.0, 0.5


def report_counters_and_angles(readings: SensorReadings) -> tuple[Finding, ...]:
    """Return the findings `looks_like_counter` and `looks_like_angle`, if there are such sensors.

    Args:
        readings: Readings with a value in every cell.
    """
    is_step = readings.runs[1:] == readings.runs[:-1]
    steps = np.diff(readings.values, axis=0)[is_step]  # (steps, sensors)
    before = readings.values[:-1][is_step]
    if len(steps) < ROWS_AT_LEAST:
        return ()
    is_angle = np.array(
        [_is_angle(values, of_sensor) for values, of_sensor in zip(readings.values.T, steps.T, strict=True)]
    )
    is_counter = ~is_angle & np.array(
        [_is_counter(values, of_sensor) for values, of_sensor in zip(before.T, steps.T, strict=True)]
    )
    findings = []
    if is_counter.any():
        columns = _name(readings, is_counter)
        message = (
            f"Sensors that only rise, with or without resets: {shorten_list(columns)}. The level of a "
            "counter says when it was read, not how the plant runs: export what is counted per row (the "
            "difference from the row before), or leave them out with `readings.drop_columns`."
        )
        findings.append(Finding(check="looks_like_counter", message=message, columns=columns))
    if is_angle.any():
        columns = _name(readings, is_angle)
        message = (
            f"Sensors that jump between the ends of a full turn, as angles do: {shorten_list(columns)}. A "
            "jump from 360 to 0 is no change of the plant: export their sine and cosine, or leave them out "
            "with `readings.drop_columns`."
        )
        findings.append(Finding(check="looks_like_angle", message=message, columns=columns))
    return tuple(findings)


def _is_counter(before: np.ndarray, steps: np.ndarray) -> bool:
    """Return whether a sensor rises in many rows, and hardly ever falls except back to about zero.

    Args:
        before: Value before each step, shape (steps,).
        steps: Differences between neighbouring rows of a run, shape (steps,).
    """
    is_fall = steps < 0
    if (steps > 0).mean() < RISES_SHARE_AT_LEAST or is_fall.mean() > FALLS_SHARE_AT_MOST or before.min() < 0:
        return False
    after = before[is_fall] + steps[is_fall]
    return bool((after <= LEFT_SHARE_AT_MOST * before[is_fall]).all())


def _is_angle(values: np.ndarray, steps: np.ndarray) -> bool:
    """Return whether a sensor covers a full turn and jumps from one end to the other, but moves little else.

    Args:
        values: Shape (rows,).
        steps: Differences between neighbouring rows of a run, shape (steps,).
    """
    lowest, highest = values.min(), values.max()
    covers = [
        low - TOLERANCE <= lowest <= low + MARGIN and high - MARGIN <= highest <= high + TOLERANCE
        for low, high in RANGES
    ]
    if not any(covers):
        return False
    sizes = np.abs(steps)
    jumps = int((sizes > FULL_TURN_STEP).sum())
    others = int(((sizes > LARGE_STEP) & (sizes <= FULL_TURN_STEP)).sum())
    between = ((values > lowest + LARGE_STEP) & (values < highest - LARGE_STEP)).mean()
    return bool(
        jumps >= JUMPS_AT_LEAST
        and others <= OTHER_STEPS_SHARE_AT_MOST * jumps
        and between >= BETWEEN_SHARE_AT_LEAST
    )


def _name(readings: SensorReadings, is_chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(readings.sensors, is_chosen, strict=True) if chosen)
