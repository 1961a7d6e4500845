"""What the record of a test holds: counts by run of rows that are those of the evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.alarm_record import AlarmRecord
from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part
from tasks.evaluation.alarm_record import MOVES, record_alarms
from tasks.evaluation.evaluate import measure, tally_alarms
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of, scattered_part_of

SECTION = EvaluationSection(bootstrap_samples=100)


def record(
    labelled: LabelledReadings, flagged: list[int], part: Part | None = None, **controls: np.ndarray
) -> AlarmRecord:
    """Record a model that gives 1 to the flagged rows, with an alarm at 1, and 0 to all others."""
    part = part_of(labelled) if part is None else part
    scores = np.isin(np.arange(len(labelled.labels)), flagged).astype(np.float64)
    all_scores = {"model": scores, "random": scores, **controls}
    return record_alarms(all_scores, np.ones(len(part.end_rows)), part, labelled, 5.0, SECTION)


def test_events_and_alarms_are_counted_in_their_run() -> None:
    # runs of steps 0 to 9, 11 to 19 and 22 to 29; the events 10 and 20 end the first two, 21 is a gap
    labelled = labelled_with(rows=30, events=[10, 20], missing=[21])
    found = record(labelled, [8, 25])
    assert found.events == (1, 1, 0)
    assert found.own.near == (1, 0, 0)
    assert found.own.far == (1, 0, 0)
    # row 25 of the table without its two event rows and the gap is step 28
    assert found.own.false_alarms == (0, 0, 1)
    assert found.alarm_rows == 2
    assert found.days == pytest.approx([10 / 720, 9 / 720, 8 / 720])


def test_runs_have_the_times_of_their_first_and_last_row() -> None:
    labelled = labelled_with(rows=30, events=[10, 20], missing=[21])
    found = record(labelled, [])
    first = labelled.times[0].astype(np.int64)
    minutes = [[(time - first) / 60e9 for time in times] for times in (found.first_times, found.last_times)]
    assert minutes == [[0, 22, 44], [18, 38, 58]]


def test_random_alarms_are_expected_to_catch_their_share() -> None:
    # ten normal rows hold nine stretches of two rows, two of which hold row 4; within 20 minutes both
    # horizons reach back to the run's start
    found = record(labelled_with(rows=13, events=[12]), [4])
    assert found.random.near == pytest.approx([2 / 9])
    assert found.random.false_alarms == (1,)


def test_controls_are_recorded_at_the_budget_and_the_random_one_is_not() -> None:
    labelled = labelled_with(rows=30, events=[20])
    found = record(labelled, [5], pca=np.arange(29) / 30.0)
    assert set(found.at_budget) == {"model", "pca"}


def test_lists_of_different_lengths_are_refused() -> None:
    found = record(labelled_with(rows=13, events=[12]), [4])
    with pytest.raises(ValidationError, match="one entry for each run of rows"):
        AlarmRecord.model_validate({**found.model_dump(), "days": ()})


def test_a_part_without_events_or_of_scattered_windows_is_recorded_too() -> None:
    labelled = labelled_with(rows=12)
    assert record(labelled, [3]).own.near == (0,)
    assert record(labelled, [3], scattered_part_of(labelled, [2, 3, 7])).own.false_alarms == (1,)


@given(any_readings(), st.data())
def test_sums_over_runs_are_the_figures_of_the_evaluation(
    readings: SensorReadings, data: st.DataObject
) -> None:
    labelled = label_ahead(readings, 2)
    rows = len(labelled.labels)
    flagged = data.draw(st.lists(st.integers(0, rows - 1), unique=True))
    start = data.draw(st.integers(0, rows - 1))
    part = part_of(labelled, start)
    found = record(labelled, flagged, part)
    scores = np.isin(part.end_rows, flagged).astype(np.float64)
    tally = tally_alarms(scores, part, labelled, np.ones(len(scores)), SECTION)
    events, recall = sum(found.events), measure(tally).event_recall
    assert events == len(tally.leads)
    assert (sum(found.own.near) / events if events else None) == recall
    assert found.own.far == tuple(tally.caught[:, 1])
    assert all(
        len(moves) <= MOVES * count for moves, count in zip(found.moved.far, found.events, strict=True)
    )
    assert AlarmRecord.model_validate_json(found.model_dump_json()) == found
