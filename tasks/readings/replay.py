"""Replay interpolated readings as they would have been known at the time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from schemas.readings import Finding, RawTable, SensorReadings
from tasks.readings.inspect import find_straight_cells
from tasks.tables.columns import replace_columns
from tasks.values.fill import hold_last_values


def replay_causally(readings: SensorReadings) -> SensorReadings:
    """Replace interpolated values by the last archived value before them.

    An interpolated value on the line between two archived points depends on the later one. Points at which
    the slope changes were archived, so they stay, as do all values that are not on a line. With one sensor
    archived in rows 0, 4 and 7, the values 0 1 2 3 4 2 0 -2 become 0 0 0 0 4 4 4 -2.

    The first and the last row of a run are not changed. If a line was drawn across a gap, they are points on
    it and still depend on a later reading, and so do the values that repeat the first row. Lines of fewer
    than four rows cannot be distinguished from chance and are not changed either.

    Args:
        readings: Checked readings; they are not changed.

    Returns:
        New `SensorReadings` with an additional finding, `causal_replay`, which contains the share of replaced
        values; the other findings, such as `look_ahead`, describe the original readings.
    """
    is_straight = find_straight_cells(readings.values, readings.runs)
    archived = np.where(is_straight, np.nan, readings.values)
    values = hold_last_values(archived, readings.runs, rows_at_most=len(archived))
    finding = _describe_replay(readings.sensors, is_straight)
    return replace(readings, values=values, findings=(*readings.findings, finding))


def _describe_replay(sensors: tuple[str, ...], is_replaced: np.ndarray) -> Finding:
    """Report the share of replaced values, overall and for each affected sensor."""
    shares = {
        sensor: round(float(share), 4)
        for sensor, share in zip(sensors, is_replaced.mean(axis=0), strict=True)
        if share > 0
    }
    share = float(is_replaced.mean())
    message = (
        f"{100 * share:.0f} % of all sensor values, in {len(shares)} of {len(sensors)} sensors, were on "
        "straight lines; each was replaced by the last archived value before it. The other findings describe "
        "the original readings."
    )
    return Finding(
        check="causal_replay",
        message=message,
        columns=tuple(shares),
        details={"share": round(share, 4), "shares": shares},
    )


def replace_sensors(raw: RawTable, readings: SensorReadings) -> RawTable:
    """Return the raw table with the checked sensor values, so that a logged model scores the same rows.

    Incomplete rows have no value at all.
    """
    values = readings.values
    if readings.is_incomplete is not None:
        values = np.where(readings.is_incomplete[:, None], np.nan, values)
    columns = {name: values[:, place] for place, name in enumerate(readings.sensors)}
    return replace(raw, table=replace_columns(raw.table, columns))
