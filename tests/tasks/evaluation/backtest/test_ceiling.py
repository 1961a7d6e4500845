"""What the best fixed threshold catches, by hand and against trying every threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.evaluation.backtest.ceiling
from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings, SensorReadings
from tasks.evaluation.backtest.ceiling import count_catchable_events
from tasks.evaluation.evaluate import measure, tally_alarms
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of

SECTION = EvaluationSection(bootstrap_samples=100)


def count(labelled: LabelledReadings, scores: np.ndarray, *rates: float) -> list[list[int]]:
    return count_catchable_events(scores, part_of(labelled), labelled, rates, SECTION).tolist()


def day_with(scored: dict[int, float]) -> tuple[LabelledReadings, np.ndarray]:
    """A day of rows with events at rows 300 and 600, and some scores above 0."""
    labelled = labelled_with(rows=722, events=[300, 601])
    scores = np.zeros(720)
    scores[list(scored)] = list(scored.values())
    return labelled, scores


def test_events_above_the_allowed_false_alarms_are_caught() -> None:
    # the event at 300 is seen at 0.9; one false alarm is as high as what comes before the event at 600
    labelled, scores = day_with({299: 0.9, 50: 0.5, 599: 0.5})
    assert count(labelled, scores, 0.5, 1.0) == [[1, 1], [2, 2]]


def test_each_horizon_has_its_own_best_threshold() -> None:
    # 8 rows before the event, outside the two rows: caught within 20 minutes alone, and a false alarm
    labelled, scores = day_with({292: 0.9})
    assert count(labelled, scores, 0.5, 1.0) == [[0, 0], [0, 1]]


def test_a_lower_threshold_may_join_two_alarms_to_one() -> None:
    labelled, scores = day_with({50: 0.9, 51: 0.5, 52: 0.9, 599: 0.9})
    assert count(labelled, scores, 1.0) == [[1, 1]]


def test_a_lasting_false_alarm_counts_again() -> None:
    labelled, scores = day_with({599: 0.5, **dict.fromkeys(range(100, 136), 0.7)})
    assert count(labelled, scores, 2.0, 3.0) == [[0, 0], [1, 1]]


def test_without_an_event_nothing_is_caught() -> None:
    assert count(labelled_with(rows=9), np.arange(9.0), 5.0) == [[0, 0]]


def test_many_scores_are_tried_in_pieces_with_the_same_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled, _ = day_with({})
    scores = np.random.default_rng(0).random(720)
    whole = count(labelled, scores, 1.0, 5.0, 20.0)
    monkeypatch.setattr(tasks.evaluation.backtest.ceiling, "ELEMENTS_AT_ONCE", 1000)
    assert count(labelled, scores, 1.0, 5.0, 20.0) == whole


def test_of_too_many_scores_some_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled, _ = day_with({})
    scores = np.where(np.isin(np.arange(720), [299, 599]), 2.0, np.random.default_rng(0).random(720))
    monkeypatch.setattr(tasks.evaluation.backtest.ceiling, "THRESHOLDS_AT_MOST", 5)
    assert count(labelled, scores, 1.0) == [[2, 2]]


@settings(max_examples=50)
@given(
    any_readings(least_rows=12),
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([1.0, 30.0, 60.0, 100.0, 1000.0]), min_size=1, max_size=3),
    st.sampled_from([3.0, 30.0]),
)
def test_no_threshold_does_better(
    readings: SensorReadings, seed: int, rates: list[float], repeat: float
) -> None:
    labelled = label_ahead(readings, 2)
    section = EvaluationSection(bootstrap_samples=100, repeat_alarm_minutes=repeat, horizon_minutes=8)
    part, rows = part_of(labelled), len(labelled.labels)
    scores = np.random.default_rng(seed).integers(0, 6, rows) / 8
    best = np.zeros((len(rates), 2))
    for threshold in np.unique(scores):
        tally = tally_alarms(scores, part, labelled, np.full(rows, threshold), section)
        metrics, events = measure(tally), len(tally.leads)
        caught = [
            round((share or 0) * events) for share in (metrics.event_recall, metrics.event_recall_20min)
        ]
        is_within = np.array(rates) >= (metrics.false_alarms_per_day or 0) - 1e-6
        best = np.maximum(best, is_within[:, None] * np.array(caught))
    assert count_catchable_events(scores, part, labelled, rates, section).tolist() == best.tolist()
