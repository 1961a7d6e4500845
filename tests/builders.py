"""Small tables, made by saying what is missing and where events are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from schemas.explanation import AlarmEpisode, AlarmExplanation, Driver, ExplainedAlarms
from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part
from tasks.windows.label import label_ahead

START = np.datetime64("2024-01-01T00:00", "ns")


def readings_with(
    rows: int = 8,
    missing: Sequence[int] = (),
    events: Sequence[int] = (),
    sensors: int = 2,
    step_minutes: float = 2.0,
    values: np.ndarray | None = None,
    categories: np.ndarray | None = None,
) -> SensorReadings:
    """Make readings of `rows` steps of time.

    Args:
        rows: Steps of time, whether their row is there or missing.
        missing: Steps without a row: a time gap.
        events: Steps whose row is an event.
        sensors: Columns; unless `values` are given, all hold the number of the step.
        step_minutes: Minutes between two steps.
        values: Sensor values of the rows that are there, shape (rows - missing rows, sensors).
        categories: One column of categories, shape (rows - missing rows,), or none for no such column.
    """
    steps = np.setdiff1d(np.arange(rows), missing)
    if values is None:
        values = np.repeat(steps[:, None].astype(np.float64), sensors, axis=1)
    minute = np.timedelta64(round(step_minutes * 60e9), "ns")
    return SensorReadings(
        times=START + steps * minute,
        events=np.isin(steps, events),
        values=values,
        sensors=tuple(f"x{number}" for number in range(1, values.shape[1] + 1)),
        categories=() if categories is None else ("grade",),
        category_values=np.zeros((len(steps), 0), int) if categories is None else categories[:, None],
        runs=np.cumsum(np.diff(steps, prepend=-1 if steps[0] == 0 else steps[0] - 1) > 1),
        step_minutes=step_minutes,
        source="readings.csv",
        sha256="0" * 64,
    )


def labelled_with(
    rows: int = 8,
    missing: Sequence[int] = (),
    events: Sequence[int] = (),
    rows_ahead: int = 2,
    *,
    are_event_rows_kept: bool = False,
    step_minutes: float = 2.0,
) -> LabelledReadings:
    """Make labelled rows of as many steps of time; without a gap or an event, step and row are the same."""
    readings = readings_with(rows, missing, events, step_minutes=step_minutes)
    return label_ahead(readings, rows_ahead, are_event_rows_kept=are_event_rows_kept)


def part_of(labelled: LabelledReadings, start: int = 0, stop: int | None = None, name: str = "test") -> Part:
    """Make a part of the rows from `start` to before `stop`, each of them a window."""
    stop = len(labelled.labels) if stop is None else stop
    end_rows = np.arange(start, stop)
    return Part(name, end_rows, end_rows, labelled.labels[end_rows], start, stop, is_scattered=False)


def scattered_part_of(labelled: LabelledReadings, end_rows: Sequence[int], name: str = "test") -> Part:
    """Make a part of chosen rows, each of them a window."""
    chosen = np.asarray(end_rows)
    return Part(name, chosen, chosen, labelled.labels[chosen], 0, len(labelled.labels), is_scattered=True)


@st.composite
def any_readings(draw: st.DrawFn, least_rows: int = 5, most_rows: int = 40) -> SensorReadings:
    """Draw readings with some steps missing, some events, and whole numbers as values."""
    rows = draw(st.integers(least_rows, most_rows))
    kinds = draw(st.lists(st.sampled_from("nnnnnnem"), min_size=rows, max_size=rows))
    kinds[0] = "n"
    missing = [step for step, kind in enumerate(kinds) if kind == "m"]
    events = [step for step, kind in enumerate(kinds) if kind == "e"]
    seed = draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).integers(-9, 10, (rows - len(missing), 2)) / 4
    return readings_with(rows, missing, events, values=values)


def explained_alarms(
    episodes: int = 1, rows: int = 1, *, is_caught: bool = True, minutes_ahead: float | None = 4.0
) -> ExplainedAlarms:
    """Make explained alarms that a restless x5 drives, and after it what the process has been through.

    Args:
        episodes: Episodes, all alike; the first begins at 0:20, each other ten minutes after the one before.
        rows: Alarms in each, two minutes apart.
        is_caught: Whether an episode warns of an event.
        minutes_ahead: Minutes to the event, or none.
    """
    sensor = Driver(
        sensor="x5",
        share=0.6,
        column="x5 volatility",
        group="volatility",
        direction="above",
        last=(1.0, 4.0),
        expected=(None, 2.5),
    )
    context = Driver(
        sensor="context",
        share=0.4,
        column="stops in 2 h",
        group="context",
        direction="above",
        last=(),
        expected=(),
    )
    begin = datetime(2024, 1, 1, 0, 20)
    alarms = [
        AlarmExplanation(
            time=begin + timedelta(minutes=10 * episode + 2 * row),
            score=3.25,
            threshold=3.0,
            drivers=(sensor, context),
        )
        for episode in range(episodes)
        for row in range(rows)
    ]
    found = tuple(
        AlarmEpisode(first=first, rows=rows, is_caught=is_caught, minutes_ahead=minutes_ahead)
        for first in alarms[::rows]
    )
    return ExplainedAlarms(part="test", total=len(alarms), alarms=tuple(alarms), episodes=found)
