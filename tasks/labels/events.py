"""Read which rows are events from the labels of a table, and join the rows of each event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from schemas.readings import Finding, SensorReadings
from schemas.tables import as_numbers

# longest gap between two event rows of one event, in steps, unless `labels.merge_minutes` says otherwise
BRIDGED_STEPS = 10


def read_events(table: pd.DataFrame, label_column: str | None) -> np.ndarray:
    """Return whether each row is an event, bool, shape (rows,).

    Args:
        table: The checked columns.
        label_column: Column that is 1 on event rows, or None for a table without labels.
    """
    if label_column is None:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(as_numbers(table[label_column]).to_numpy() == 1)


def find_dropped_events(labels: pd.Series | None, rows: int, *, are_event_rows_kept: bool) -> np.ndarray:
    """Return whether each row is an event row that is left out, bool, shape (rows,).

    Args:
        labels: 1 on event rows, or None for a table without labels.
        rows: Rows of the table.
        are_event_rows_kept: Whether event rows are used as other rows are.
    """
    if labels is None or are_event_rows_kept:
        return np.zeros(rows, dtype=bool)
    return np.asarray(as_numbers(labels).to_numpy() == 1)


def merge_events(readings: SensorReadings, merge_minutes: float | None) -> SensorReadings:
    """Join event rows that belong to one event: an event is an interval.

    With `merge_minutes`, event rows at most so many minutes apart are one event, and the rows between them
    are event rows too, across gaps as well. Without it only a gap of at most `BRIDGED_STEPS` steps is
    bridged, and only between two rows that are both event rows.

    Args:
        readings: Checked readings, in time order.
        merge_minutes: Most minutes between two event rows of one event, or None.

    Returns:
        The readings with their events joined, and the finding `merged_events` if that changed their number.
    """
    places = np.flatnonzero(readings.events)
    if merge_minutes is None:
        bridged_minutes, events = BRIDGED_STEPS * readings.step_minutes, readings.events
    else:
        bridged_minutes, events = merge_minutes, readings.events.copy()
        distances = np.diff(readings.times[places]) / np.timedelta64(1, "m")
        for place in np.flatnonzero((distances <= merge_minutes) & (np.diff(places) > 1)):
            events[places[place] : places[place + 1]] = True
    merged = replace(readings, events=events, bridged_minutes=bridged_minutes)
    before, after = (
        len(find_event_starts(each.events, each.runs, each.times, each.bridged_minutes))
        for each in (replace(readings, bridged_minutes=0.0), merged)
    )
    if before == after:
        return merged
    how = (
        f"gaps of at most {BRIDGED_STEPS} steps between two event rows are bridged"
        if merge_minutes is None
        else f"event rows at most {merge_minutes:g} minutes apart are joined"
    )
    message = (
        f"{before:,} stretches of event rows are {after:,} events: {how} (`labels.merge_minutes`), with "
        f"{int(events.sum() - readings.events.sum()):,} rows between them."
    )
    finding = Finding(check="merged_events", message=message, details={"stretches": before, "events": after})
    return replace(merged, findings=(*merged.findings, finding))


def find_event_starts(
    events: np.ndarray, runs: np.ndarray, times: np.ndarray, bridged_minutes: float
) -> np.ndarray:
    """Find the first row of each event.

    Args:
        events: Whether a row is an event, bool, shape (rows,).
        runs: Run of rows without a gap, shape (rows,).
        times: `datetime64[ns]`, shape (rows,).
        bridged_minutes: Longest gap within an event, in minutes.

    Returns:
        Positions, shape (events,).
    """
    is_joined = (runs[1:] == runs[:-1]) | (
        np.diff(times) <= np.timedelta64(round(bridged_minutes * 60e9), "ns")
    )
    continues = np.concatenate([[False], events[1:] & events[:-1] & is_joined])
    return np.flatnonzero(events & ~continues)
