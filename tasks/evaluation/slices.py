"""Slice the test part by time of day and by category, and count the alarms of each slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from schemas.configuration import EvaluationSection
from schemas.decision import Slice
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import (
    count_days,
    count_false_alarms,
    find_event_rows,
    find_horizon_starts,
    find_lead_minutes,
    mark_part,
    select_events,
)

_HOURS_PER_SLICE = 6


def slice_alarms(
    scores: np.ndarray,
    thresholds: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    table: pd.DataFrame,
    section: EvaluationSection,
) -> tuple[Slice, ...]:
    """Count caught events and false alarms in each slice of a part.

    Args:
        scores: Scores of the part's windows, shape (windows,).
        thresholds: Threshold of each window, shape (windows,); an alarm is `score >= threshold`.
        part: The part.
        labelled: All rows and events.
        table: The raw readings, for the values of categories.
        section: When a lasting false alarm is counted again.

    Returns:
        The slices with at least one row, by time of day, then by each category column. A false alarm belongs
        to the slice of the row where it begins, an event to the slice of its row (`find_event_rows`).
    """
    is_flagged = np.zeros(len(labelled.labels), dtype=bool)
    is_flagged[part.end_rows[scores >= thresholds]] = True
    is_inside = mark_part(part, len(labelled.labels))
    false_alarms = np.where(
        is_inside, count_false_alarms(is_flagged, labelled, section.repeat_alarm_minutes), 0
    )
    events = select_events(labelled, part)
    event_rows = find_event_rows(labelled)[events]
    starts = find_horizon_starts(labelled, labelled.rows_ahead)
    is_caught = np.isfinite(find_lead_minutes(is_flagged, labelled, starts)[events])
    return tuple(
        Slice(
            name=name,
            value=value,
            days=count_days(is_inside & is_in_slice, labelled.step_minutes),
            events=int(is_in_slice[event_rows].sum()),
            caught=int((is_in_slice[event_rows] & is_caught).sum()),
            false_alarms=int(false_alarms[is_in_slice].sum()),
        )
        for name, value, is_in_slice in _list_slices(labelled, table)
        if (is_inside & is_in_slice).any()
    )


def _list_slices(labelled: LabelledReadings, table: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """List slices: name, value, and whether each row is in the slice, bool, shape (rows,)."""
    hours = labelled.times.astype("datetime64[h]").astype(np.int64) % 24
    for first in range(0, 24, _HOURS_PER_SLICE):
        is_in_slice = (hours >= first) & (hours < first + _HOURS_PER_SLICE)
        yield "time of day", f"{first:02}-{first + _HOURS_PER_SLICE:02} h", is_in_slice
    for name in labelled.categories:
        values = table[name].to_numpy()[labelled.source_rows]
        for value in pd.unique(values):
            yield name, str(value), values == value
