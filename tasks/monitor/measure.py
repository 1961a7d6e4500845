"""Measure the champion on rows that it has not seen, window by window and as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.configuration import EvaluationSection, MonitorSection
from schemas.monitoring import Calibration, MonitorWindow, WatchedRows, WatchedVersion
from schemas.windows import Part
from tasks.alarms.episodes import count_days, count_false_alarms, find_lead_minutes, select_events
from tasks.evaluation.evaluate import evaluate_scores, find_horizons


def cut_windows(watched: WatchedRows, window_hours: float) -> list[Part]:
    """Cut the rows that the champion has not seen into windows, counted back from the newest row.

    Every window is full; the oldest rows that do not fill one are left out.

    Args:
        watched: The rows.
        window_hours: Hours of rows present in a window.

    Returns:
        The windows, oldest first, each with its scored rows as `end_rows`; empty if there are too few rows.
    """
    stop = len(watched.scores)
    width = count_window_rows(watched, window_hours)
    starts = range(stop - width * ((stop - watched.start) // width), stop, width)
    return [select_rows(watched, start, start + width) for start in starts]


def count_window_rows(watched: WatchedRows, window_hours: float) -> int:
    """Count the rows of a window, at least 1."""
    return max(round(window_hours * 60 / watched.labelled.step_minutes), 1)


def select_rows(watched: WatchedRows, start: int, stop: int) -> Part:
    """Take the rows `start` to `stop - 1` as a part, with the scored rows as its `end_rows`."""
    end_rows = start + np.flatnonzero(np.isfinite(watched.scores[start:stop]))
    labels = watched.labelled.labels[end_rows]
    return Part("recent", end_rows, end_rows, labels, start, stop, is_scattered=False)


def measure_windows(
    watched: WatchedRows,
    parts: Sequence[Part],
    reference: float | None,
    monitor: MonitorSection,
    evaluation: EvaluationSection,
) -> tuple[MonitorWindow, ...]:
    """Measure each window: its median normal score, its false alarms and the events that were caught.

    Alarms and horizons are those of `tasks.alarms.episodes`, found on all rows at once: the alarm for an
    event at the beginning of a window may be in the window before. An episode counts in the window where it
    begins.

    Args:
        watched: The rows.
        parts: The windows.
        reference: Divisor of the median scores, above 0, or None.
        monitor: Bound and least share of normal rows.
        evaluation: Horizons, and after how many minutes a lasting alarm counts again.
    """
    labelled = watched.labelled
    with np.errstate(invalid="ignore"):
        is_flagged = watched.scores >= watched.thresholds
    false_alarms = count_false_alarms(is_flagged, labelled, evaluation.repeat_alarm_minutes)
    near, far = (
        np.isfinite(find_lead_minutes(is_flagged, labelled, starts))
        for starts in find_horizons(labelled, evaluation.horizon_minutes)
    )
    return tuple(
        _measure_window(watched, part, number, reference, monitor).model_copy(
            update=_count_alarms(watched, part, false_alarms, near, far)
        )
        for number, part in enumerate(parts, start=1)
    )


def calibrate(
    watched: WatchedRows, version: WatchedVersion, section: EvaluationSection
) -> Calibration | None:
    """Evaluate the champion's alarms on labelled rows that it has not seen, as in every other evaluation.

    Args:
        watched: The rows.
        version: The champion.
        section: Settings of the evaluation.

    Returns:
        Metrics with intervals; None if no such row has a score.
    """
    part = select_rows(watched, watched.start, watched.labelled_stop)
    if not len(part.end_rows):
        return None
    rows = part.end_rows
    found = evaluate_scores(
        "champion", watched.scores[rows], part, watched.labelled, watched.thresholds[rows], section
    )
    return Calibration(
        events=found.events,
        metrics=found.metrics,
        intervals=found.intervals,
        promised_false_alarms_per_day=version.promised_false_alarms_per_day,
    )


def format_time(time: np.datetime64) -> str:
    """Format a time to the second."""
    return str(time.astype("datetime64[s]"))


def _measure_window(
    watched: WatchedRows, part: Part, number: int, reference: float | None, monitor: MonitorSection
) -> MonitorWindow:
    """Measure the scores of a window; `_count_alarms` fills in its alarms and events."""
    times = watched.labelled.times
    normal = watched.scores[part.normal_end_rows]
    rows = part.stop - part.start
    median = float(np.median(normal)) if len(normal) >= monitor.least_normal_share * rows else None
    ratio = None if median is None or reference is None else median / reference
    return MonitorWindow(
        number=number,
        first=format_time(times[part.start]),
        last=format_time(times[part.stop - 1]),
        rows=rows,
        normal_rows=len(normal),
        unlabelled_rows=max(part.stop - max(part.start, watched.labelled_stop), 0),
        median_score=median,
        ratio=ratio,
        is_above=None if ratio is None else ratio > monitor.bound,
        false_alarms=0,
        false_alarms_per_day=0.0,
        events=0,
        caught=0,
        caught_20min=0,
    )


def _count_alarms(
    watched: WatchedRows, part: Part, false_alarms: np.ndarray, near: np.ndarray, far: np.ndarray
) -> dict[str, float | int]:
    """Count false alarms and caught events of a window."""
    events = select_events(watched.labelled, part)
    count = int(false_alarms[part.start : part.stop].sum())
    days = count_days(np.ones(part.stop - part.start, dtype=bool), watched.labelled.step_minutes)
    return {
        "false_alarms": count,
        "false_alarms_per_day": count / days,
        "events": len(events),
        "caught": int(near[events].sum()),
        "caught_20min": int(far[events].sum()),
    }
