"""Replay interpolated readings as they could have been known at their time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from schemas.readings import Finding, RawTable, SensorReadings
from tasks.readings.fill import hold_last_values
from tasks.readings.inspect import find_straight_cells


def replay_causally(readings: SensorReadings) -> SensorReadings:
    """Hold each archived point until the next one, in place of the line that was drawn between them.

    A cell inside a line depends on the archived point at its end, a later reading. Points at which the slope
    changes are archived, so they stay, as does every cell that is on no line. With one sensor that was
    archived in rows 0, 4 and 7, the values 0 1 2 3 4 2 0 -2 become 0 0 0 0 4 4 4 -2.

    The first and the last row of a run stand as they are. Where a line was drawn over a gap, they are points
    of this line and depend on a later reading still, and so do the cells for which the first row is held.
    Lines of fewer than four rows cannot be told from chance and stay too.

    Args:
        readings: Checked readings; they are not changed.

    Returns:
        New `SensorReadings`. Their `findings` have one more, `causal_replay`, with the share of cells that
        were replaced; the others, `look_ahead` among them, describe the readings as they came.
    """
    is_straight = find_straight_cells(readings.values, readings.runs)
    archived = np.where(is_straight, np.nan, readings.values)
    values = hold_last_values(archived, readings.runs, rows_at_most=len(archived))
    finding = _describe_replay(readings.sensors, is_straight)
    return replace(readings, values=values, findings=(*readings.findings, finding))


def _describe_replay(sensors: tuple[str, ...], is_replaced: np.ndarray) -> Finding:
    """Report the share of replaced cells among all and, above 0, by sensor."""
    shares = {
        sensor: round(float(share), 4)
        for sensor, share in zip(sensors, is_replaced.mean(axis=0), strict=True)
        if share > 0
    }
    share = float(is_replaced.mean())
    message = (
        f"{100 * share:.0f} % of all sensor values, in {len(shares)} of {len(sensors)} sensors, lay on "
        "straight lines; each was replaced by the last archived value before it. The other findings describe "
        "the readings as they came."
    )
    return Finding(
        check="causal_replay",
        message=message,
        columns=tuple(shares),
        details={"share": round(share, 4), "shares": shares},
    )


def replace_sensors(raw: RawTable, readings: SensorReadings) -> RawTable:
    """Put replayed sensors into the raw table, so that a logged model can be tried on the same rows."""
    columns = {name: readings.values[:, place] for place, name in enumerate(readings.sensors)}
    return replace(raw, table=raw.table.assign(**columns))
