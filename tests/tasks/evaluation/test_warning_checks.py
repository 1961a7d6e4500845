"""What the gate says of warnings: clear differences, and how many events would make one clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.warning_checks import (
    contradicts,
    describe_tests,
    estimate_events_needed,
    is_clearly_better,
    is_clearly_worse,
    name_horizon,
)
from tests.evidence import recall_with, warnings_with


@pytest.mark.parametrize(
    ("low", "high", "chance", "better", "worse"),
    [
        (0.01, 0.30, 0.025, True, False),
        (0.01, 0.30, 0.026, False, False),
        (-0.01, 0.30, 0.001, False, False),
        (-0.30, -0.01, 0.05, False, True),
        (-0.30, -0.01, 0.06, False, False),
        (-0.30, 0.0, 0.01, False, False),
        (0.01, 0.30, None, False, False),
    ],
)
def test_a_clear_difference_is_one_of_interval_and_luck(
    low: float, high: float, chance: float | None, better: bool, worse: bool
) -> None:
    comparison = recall_with("random", "event_recall", 5, 3, low, high, chance)
    assert is_clearly_better(comparison, 0.05) == better
    assert is_clearly_worse(comparison, 0.05) == worse


def test_four_times_the_events_halve_an_interval() -> None:
    # a lead of 0.1 and an interval that reaches twice as far down
    comparison = recall_with("random", "event_recall", 12, 2, -0.1, 0.3, 0.2, events=100)
    assert estimate_events_needed(comparison, 100, 0.05) == pytest.approx(400, abs=1)


def test_no_number_of_events_shows_a_recall_that_is_not_above_that_of_random_alarms() -> None:
    comparison = recall_with("random", "event_recall", 2, 2, -0.1, 0.1, 0.5)
    assert estimate_events_needed(comparison, 34, 0.05) is None


@given(st.integers(1, 50), st.integers(0, 50), st.floats(0.001, 0.5))
def test_an_estimate_is_more_than_there_is(caught: int, random: int, below: float) -> None:
    lead = (caught - random) / 50
    comparison = recall_with("random", "event_recall", caught, random, lead - below, lead, 0.2, events=50)
    needed = estimate_events_needed(comparison, 50, 0.05)
    assert (needed is None) == (lead <= 0)
    assert needed is None or needed > 50


def test_one_test_and_several_are_named() -> None:
    assert describe_tests(warnings_with(events=1)) == "1 event in the test"
    assert describe_tests(warnings_with(tests=2)) == "34 events of 2 tests since 2024-01-01"


@pytest.mark.parametrize(
    ("rows_ahead", "name"), [(2, "within 2 rows"), (1, "within 1 row"), (0, "within the event")]
)
def test_a_horizon_is_named_in_rows(rows_ahead: int, name: str) -> None:
    warnings = warnings_with(rows_ahead=rows_ahead)
    assert [name_horizon(warnings, each) for each in warnings.random] == [name, "within 20 minutes"]


def test_a_single_test_that_shows_it_does_not_contradict_itself() -> None:
    assert not contradicts(warnings_with(), 0, minimum_events=10)
    assert contradicts(warnings_with(own_caught=(1, 12)), 0, minimum_events=10)
    assert not contradicts(warnings_with(own_caught=(1, 12)), 1, minimum_events=10)
