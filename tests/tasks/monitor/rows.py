"""Rows with scores that a champion gave, made by saying what is unusual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.configuration import MonitorSection
from schemas.monitoring import MonitorWindow, WatchedRows, WatchedVersion
from tasks.windows.label import label_ahead
from tests.builders import readings_with

# windows of ten rows of two minutes
SECTION = MonitorSection(window_hours=1 / 3, windows=3, windows_above=2)


def watched_with(
    rows: int = 40,
    events: Sequence[int] = (),
    start: int = 10,
    scores: np.ndarray | float = 1.0,
    values: np.ndarray | None = None,
    labelled_stop: int | None = None,
) -> WatchedRows:
    """Make watched rows; an alarm is a score of 5 or more, and the rows from `start` on are new."""
    readings = readings_with(rows, events=events, values=values)
    labelled = label_ahead(readings, 2)
    kept = np.broadcast_to(np.asarray(scores, dtype=np.float64), rows)[labelled.source_rows]
    stop = rows if labelled_stop is None else labelled_stop
    return WatchedRows(
        readings=readings,
        labelled=labelled,
        scores=kept,
        thresholds=np.full(len(kept), 5.0),
        start=int(np.searchsorted(labelled.source_rows, start)),
        labelled_stop=int(np.searchsorted(labelled.source_rows, stop)),
    )


def version_with(
    number: str = "3",
    last_seen: str | None = "2024-01-01T00:18:00",
    normal: float | None = 2.0,
    promised: float | None = 5.0,
) -> WatchedVersion:
    """Make what is known of a champion that was trained on the first ten rows."""
    return WatchedVersion(
        name="watched",
        number=number,
        last_seen=last_seen,
        train_end=last_seen,
        rows_ahead=2,
        train_median_score=1.0,
        normal_median_score=normal,
        promised_false_alarms_per_day=promised,
    )


def windows_with(*ratios: float | None, bound: float = 1.5) -> tuple[MonitorWindow, ...]:
    """Make windows of these ratios, the oldest first."""
    return tuple(
        MonitorWindow(
            number=number,
            first="2024-01-01T00:00:00",
            last=f"2024-01-02T{number:02}:00:00",
            rows=10,
            normal_rows=10,
            unlabelled_rows=0,
            median_score=None if ratio is None else 2 * ratio,
            ratio=ratio,
            is_above=None if ratio is None else ratio > bound,
            false_alarms=number,
            false_alarms_per_day=float(number),
            events=2,
            caught=0,
            caught_20min=1,
        )
        for number, ratio in enumerate(ratios, start=1)
    )
