"""Where alarms begin, by each rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from schemas.configuration import ThresholdSection
from schemas.errors import InputError
from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part, Split
from tasks.alarm import count_false_alarms
from tasks.label import label_ahead
from tasks.threshold import (
    choose_threshold,
    choose_thresholds,
    cross_precision_and_recall,
    flag_highest,
    maximise_f_beta,
    meet_alarm_budget,
)
from tests.builders import any_readings, labelled_with, part_of

LABELLED = labelled_with(rows=8, events=[7], rows_ahead=2)  # rows 5 and 6 are positive


def choose(scores: list[float], labelled: LabelledReadings = LABELLED, **section: Any) -> float:
    part = part_of(labelled)
    chosen = ThresholdSection.model_validate(section)
    return choose_threshold(np.array(scores), part, labelled, chosen, 30.0).value


def meet_budget(scores: list[float], labelled: LabelledReadings, false_alarms: float) -> float:
    """The threshold for a budget told in false alarms among the rows at hand."""
    days = len(labelled.labels) * labelled.step_minutes / 1440
    return meet_alarm_budget(np.array(scores), part_of(labelled), labelled, false_alarms / days, 30.0)


def arrays(scores: list[float], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(scores), np.array(labels, dtype=bool)


def split_of(part: Part) -> Split:
    return Split(train=part, validation=replace(part, name="validation"), test=part, is_leaky=False)


def test_a_fixed_threshold_is_the_value_given() -> None:
    assert choose([1, 2, 3, 4, 5, 6, 7], rule="fixed", value=0.3) == 0.3


def test_a_quantile_is_that_of_normal_scores() -> None:
    assert choose([1, 2, 3, 4, 5, 60, 70], rule="quantile", quantile=0.75) == 4.0


def test_the_rule_stays_beside_the_value() -> None:
    chosen = choose_threshold(np.arange(7.0), part_of(LABELLED), LABELLED, ThresholdSection(), 30.0)
    assert chosen.rule == "alarm_budget"


def test_the_crossing_is_where_precision_equals_recall() -> None:
    # at 0.7 two windows are flagged and two are positive, one window is both
    assert cross_precision_and_recall(*arrays([0.9, 0.7, 0.5, 0.3], [1, 0, 1, 0])) == 0.7


def test_without_an_exact_crossing_the_nearest_point_is_taken() -> None:
    # precision and recall: 1/1 and 1/3 at 0.9, 3/4 and 3/3 at 0.5
    assert cross_precision_and_recall(*arrays([0.9, 0.5, 0.5, 0.5, 0.1], [1, 1, 1, 0, 0])) == 0.5


def test_of_two_points_equally_near_the_higher_threshold_is_taken() -> None:
    # precision and recall: 1/1 and 1/2 at 0.9, 2/4 and 2/2 at 0.5
    assert cross_precision_and_recall(*arrays([0.9, 0.5, 0.5, 0.5], [1, 1, 0, 0])) == 0.9


def test_a_crossing_of_nothing_caught_with_nothing_caught_has_no_meaning() -> None:
    # at 0.9 precision and recall are both 0; at 0.1 they are 1/4 and 1
    assert cross_precision_and_recall(*arrays([0.9, 0.8, 0.7, 0.1], [0, 0, 0, 1])) == 0.1


def test_f_beta_is_highest_at_the_threshold() -> None:
    # F1 is 2/3 at 0.9, 1/2 at 0.7, 4/5 at 0.5, 2/3 at 0.3
    assert maximise_f_beta(*arrays([0.9, 0.7, 0.5, 0.3], [1, 0, 1, 0]), beta=1.0) == 0.5


def test_a_low_beta_prefers_precision() -> None:
    assert maximise_f_beta(*arrays([0.9, 0.7, 0.5, 0.3], [1, 0, 1, 0]), beta=0.1) == 0.9


def test_of_two_thresholds_equally_good_the_higher_is_taken() -> None:
    # F1 is 2/3 at 0.9 and at 0.1
    assert maximise_f_beta(*arrays([0.9, 0.5, 0.4, 0.1], [1, 0, 0, 1]), beta=1.0) == 0.9


@pytest.mark.parametrize("rule", ["pr_crossing", "f_beta"])
def test_a_rule_that_needs_positive_rows_is_refused_without_them(rule: str) -> None:
    with pytest.raises(InputError, match=rf"`threshold\.rule` {rule} needs rows before an event"):
        choose([1, 2, 3, 4], labelled_with(rows=4), rule=rule)


def test_a_budget_takes_the_lowest_threshold_that_keeps_it() -> None:
    # one false alarm each at 0.9, 0.7 and 0.5
    scores = [0.9, 0.0, 0.7, 0.0, 0.5, 0.0]
    assert meet_budget(scores, labelled_with(rows=6), false_alarms=2) == 0.7


def test_alarms_in_a_horizon_cost_no_budget() -> None:
    scores = [0.1, 0.0, 0.2, 0.0, 0.3, 0.8, 0.9]
    assert meet_budget(scores, LABELLED, false_alarms=1) == 0.3


def test_a_budget_that_the_highest_score_breaks_puts_the_threshold_just_above_it() -> None:
    scores = [0.0, 0.9, 0.0, 0.9, 0.0, 0.0]
    assert meet_budget(scores, labelled_with(rows=6), false_alarms=1.5) == np.nextafter(0.9, 1)


def test_a_budget_that_nothing_breaks_flags_every_row() -> None:
    scores = [0.3, 0.9, 0.2, 0.4]
    assert meet_budget(scores, labelled_with(rows=4), false_alarms=2) == 0.2


def test_a_lasting_alarm_uses_the_budget_up() -> None:
    # 40 rows of 2 minutes at 0.5 are three episodes of 30 minutes, the row at 0.9 alone is one
    scores = [0.9, *[0.5] * 40]
    assert meet_budget(scores, labelled_with(rows=41), false_alarms=2) == 0.9


def test_the_highest_scores_are_flagged() -> None:
    scores = np.array([3.0, 1.0, 2.0])
    assert [flag_highest(scores, flagged) for flagged in (1, 2, 3)] == [3, 2, 1]


def test_no_score_is_flagged_where_none_is_asked_for() -> None:
    assert flag_highest(np.array([3.0, 1.0]), 0) == np.nextafter(3.0, 4)


@pytest.mark.parametrize(("value", "flagged"), [(9.0, 0), (4.5, 1), (4.0, 2), (0.0, 5)])
def test_with_a_fixed_value_a_control_flags_as_many_normal_windows_as_the_model(
    value: float, flagged: int
) -> None:
    scores = {
        "model": {"validation": np.array([1.0, 2, 3, 4, 5, 8, 8])},
        "random": {"validation": np.array([0.5, 0.1, 0.4, 0.2, 0.3, 0.9, 0.9])},
    }
    section = ThresholdSection(rule="fixed", value=value)
    chosen = choose_thresholds(scores, split_of(part_of(LABELLED)), LABELLED, section, 30.0)
    normal_scores = scores["random"]["validation"][:5]
    assert int((normal_scores >= chosen["random"].value).sum()) == flagged


def test_every_scorer_has_a_threshold_by_the_same_rule() -> None:
    scores = {
        "model": {"validation": np.array([1.0, 2, 3, 4, 5, 9, 9])},
        "pca": {"validation": np.array([10.0, 20, 30, 40, 50, 9, 9])},
    }
    section = ThresholdSection(rule="quantile", quantile=0.5)
    chosen = choose_thresholds(scores, split_of(part_of(LABELLED)), LABELLED, section, 30.0)
    assert {name: (threshold.value, threshold.rule) for name, threshold in chosen.items()} == {
        "model": (3.0, "quantile"),
        "pca": (30.0, "quantile"),
    }


LABELS_AND_SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=20).filter(
    lambda rows: any(label for label, _ in rows)
)


@given(LABELS_AND_SCORES, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_other_threshold_has_a_higher_f_beta(rows: list[tuple[bool, int]], beta: float) -> None:
    labels, scores = np.array([row[0] for row in rows]), np.array([row[1] / 8 for row in rows])
    chosen = maximise_f_beta(scores, labels, beta)
    best = max(fbeta_score(labels, scores >= other, beta=beta, zero_division=0.0) for other in scores)
    assert fbeta_score(labels, scores >= chosen, beta=beta, zero_division=0.0) == pytest.approx(best)


@given(any_readings(), st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_the_budget_holds_on_the_part_that_it_was_chosen_on(
    readings: SensorReadings, seed: int, false_alarms: int
) -> None:
    labelled = label_ahead(readings, 1)
    scores = np.random.default_rng(seed).integers(0, 6, len(labelled.labels)) / 8
    threshold = meet_budget(scores.tolist(), labelled, false_alarms + 0.5)
    counted = count_false_alarms(scores >= threshold, labelled, 30.0).sum()
    assert counted <= false_alarms + 0.5
