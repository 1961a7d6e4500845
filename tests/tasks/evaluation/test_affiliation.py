"""Affiliation precision and recall against the published examples, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.affiliation import measure_affiliation
from tests.tasks.evaluation.test_range_based import any_ranges

ROWS = 30


def test_the_example_of_the_paper() -> None:
    # in minutes; computed with the authors' implementation, the second event also in their tests
    events = np.array([[0, 10], [50, 70], [170, 175]])
    alarms = np.array([[5, 6], [7, 10], [11, 12], [40, 60], [115, 130], [135, 140], [165, 170]])
    precision, recall = measure_affiliation(events, alarms, 0, 180)
    np.testing.assert_allclose(precision, [0.9233333333, 0.6722222222, 0.3229166667])
    np.testing.assert_allclose(recall, [0.9358333333, 0.9444444444, 0.9166666667])


def test_an_event_without_alarms_in_its_zone_has_no_precision_and_no_recall() -> None:
    events = np.array([[1, 8], [16, 17], [25, 28], [29, 31]])
    alarms = np.array([[1, 3], [6, 18], [25, 26]])
    precision, recall = measure_affiliation(events, alarms, 1, 40)
    np.testing.assert_allclose(precision, [0.5909090909, 0.5925925926, 1.0, np.nan])
    np.testing.assert_allclose(recall, [0.9415584416, 1.0, 0.8472222222, 0.0])


def test_without_events_there_is_nothing_to_measure() -> None:
    precision, recall = measure_affiliation(np.zeros((0, 2)), np.array([[1, 3]]), 0, 40)
    assert (len(precision), len(recall)) == (0, 0)


def test_an_alarm_beside_the_event_counts_almost_as_much_as_one_within_it() -> None:
    events, far = np.array([[500, 510]]), np.array([[10, 11]])
    beside, _ = measure_affiliation(events, np.array([[498, 499]]), 0, 1000)
    assert beside[0] > 0.98
    assert measure_affiliation(events, far, 0, 1000)[0][0] < 0.05


@given(any_ranges(ROWS).filter(len))
def test_the_events_themselves_score_1(events: np.ndarray) -> None:
    precision, recall = measure_affiliation(events, events, 0, ROWS)
    np.testing.assert_allclose(precision, 1.0)
    np.testing.assert_allclose(recall, 1.0)


@given(any_ranges(ROWS).filter(len), any_ranges(ROWS), st.integers(0, 20))
def test_figures_lie_between_0_and_1_wherever_time_begins(
    events: np.ndarray, alarms: np.ndarray, later: int
) -> None:
    precision, recall = measure_affiliation(events, alarms, 0, ROWS)
    defined = precision[np.isfinite(precision)]
    assert np.all((defined >= -1e-12) & (defined <= 1 + 1e-12))
    assert np.all((recall >= 0) & (recall <= 1 + 1e-12))
    shifted = measure_affiliation(events + later, alarms + later, later, ROWS + later)
    np.testing.assert_allclose(shifted, (precision, recall), atol=1e-12)


@given(any_ranges(ROWS).filter(len), any_ranges(ROWS))
def test_time_may_run_backwards(events: np.ndarray, alarms: np.ndarray) -> None:
    forwards = measure_affiliation(events, alarms, 0, ROWS)
    backwards = measure_affiliation(ROWS - events[::-1, ::-1], ROWS - alarms[::-1, ::-1], 0, ROWS)
    np.testing.assert_allclose([each[::-1] for each in backwards], forwards, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_random_alarms_come_to_about_one_half(seed: int) -> None:
    places = np.sort(np.random.default_rng(seed).choice(50_000, 2_000, replace=False) * 2)
    alarms = np.stack([places, places + 1], axis=1)
    precision, _ = measure_affiliation(np.array([[49_990, 50_010]]), alarms, 0, 100_000)
    assert precision[0] == pytest.approx(0.5, abs=0.03)
