"""Where alarms begin, by each rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from schemas.configuration import ThresholdSection
from schemas.errors import InputError
from schemas.evaluation import AdaptiveBudget, Threshold, TrailingBudget
from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part, Split, Windows
from tasks.alarms.episodes import count_false_alarms, find_horizon_starts, find_lead_minutes
from tasks.alarms.threshold import (
    RULES,
    RuleInputs,
    choose_threshold,
    choose_thresholds,
    cross_precision_and_recall,
    flag_highest,
    maximise_f_beta,
    meet_alarm_budget,
    minimise_cost,
)
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of, scattered_part_of

LABELLED = labelled_with(rows=8, events=[7], rows_ahead=2)  # rows 5 and 6 are positive

# 60 rows in three parts of 20; the last row of training and of validation ends no window
LONG = labelled_with(rows=62, events=[30, 50], rows_ahead=2)
LONG_SPLIT = Split(
    train=part_of(LONG, 0, 20, "train").select(np.arange(20) < 19),
    validation=part_of(LONG, 20, 40, "validation").select(np.arange(20) < 19),
    test=part_of(LONG, 40, 60, "test"),
    is_leaky=False,
)
LONG_SCORES = np.random.default_rng(0).standard_normal(60)

# rows 4, 5, 10 and 11 are positive
TWO_EVENTS = labelled_with(rows=14, events=[6, 13], rows_ahead=2)
TWO_EVENTS_SCORES = [0, 0.8, 0, 0, 0.9, 0, 0, 0.7, 0, 0.6, 0.5, 0]


def windows_of(labelled: LabelledReadings) -> Windows:
    """Every row is a window."""
    rows = len(labelled.labels)
    return Windows(end_rows=np.arange(rows), labels=labelled.labels, lookback=1, rows=rows)


def choose(scores: list[float], labelled: LabelledReadings = LABELLED, **section: Any) -> float:
    split, chosen = split_of(part_of(labelled)), ThresholdSection.model_validate(section)
    return choose_threshold(np.array(scores), windows_of(labelled), split, labelled, chosen, 30.0).value


def choose_all(scores: dict[str, list[float]], **section: Any) -> dict[str, tuple[float, str]]:
    """Values and rules of the thresholds, by scorer."""
    by_scorer = {name: np.array(values, dtype=np.float64) for name, values in scores.items()}
    split, chosen = split_of(part_of(LABELLED)), ThresholdSection.model_validate(section)
    thresholds = choose_thresholds(by_scorer, windows_of(LABELLED), split, LABELLED, chosen, 30.0)
    return {name: (threshold.value, threshold.rule) for name, threshold in thresholds.items()}


def choose_long(scores: np.ndarray = LONG_SCORES, split: Split = LONG_SPLIT, **section: Any) -> Threshold:
    chosen = ThresholdSection.model_validate(section)
    return choose_threshold(scores, windows_of(LONG), split, LONG, chosen, 30.0)


def start_trailing(split: Split = LONG_SPLIT, **section: Any) -> TrailingBudget:
    trailing = choose_long(split=split, rule="trailing_budget", **section).trailing
    assert isinstance(trailing, TrailingBudget)
    return trailing


def find_lowest_cost(
    scores: list[float],
    labelled: LabelledReadings = TWO_EVENTS,
    missed_event_cost: float = 1.0,
    repeat_minutes: float = 2.0,
) -> float:
    part = part_of(labelled)
    return minimise_cost(np.array(scores), part, labelled, missed_event_cost, repeat_minutes)


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


def test_a_quantile_can_look_at_training_instead() -> None:
    chosen = choose_long(np.arange(60.0), rule="quantile", quantile=0.5, quantile_part="train")
    assert chosen.value == 9.0


@pytest.mark.parametrize(
    "rule",
    ["pr_crossing", "f_beta", "alarm_budget", "trailing_budget", "adaptive_budget", "cost", "quantile"],
)
def test_the_rule_stays_beside_the_value(rule: str) -> None:
    assert choose_long(rule=rule).rule == rule


@pytest.mark.parametrize(
    "rule",
    [
        "auto",
        "pr_crossing",
        "f_beta",
        "alarm_budget",
        "trailing_budget",
        "adaptive_budget",
        "cost",
        "quantile",
    ],
)
def test_no_rule_looks_at_a_test_score(rule: str) -> None:
    changed = np.where(np.arange(60) < 40, LONG_SCORES, 9.0)
    assert choose_long(changed, rule=rule) == choose_long(rule=rule)


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


@pytest.mark.parametrize("rule", ["pr_crossing", "f_beta", "cost"])
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
    scores = {"model": [1.0, 2, 3, 4, 5, 8, 8], "random": [0.5, 0.1, 0.4, 0.2, 0.3, 0.9, 0.9]}
    threshold, _ = choose_all(scores, rule="fixed", value=value)["random"]
    assert sum(score >= threshold for score in scores["random"][:5]) == flagged


def test_every_scorer_has_a_threshold_by_the_same_rule() -> None:
    scores = {"model": [1.0, 2, 3, 4, 5, 9, 9], "pca": [10.0, 20, 30, 40, 50, 9, 9]}
    assert choose_all(scores, rule="quantile", quantile=0.5) == {
        "model": (3.0, "quantile"),
        "pca": (30.0, "quantile"),
    }


# false alarms and missed events: 0 and 1 at 0.9, 1 and 1 at 0.8, 2 and 1 at 0.7, 3 and 1 at 0.6, 3 and 0 at
# 0.5, 8 and 0 at 0 (each row of a lasting alarm counts), 0 and 2 without an alarm
@pytest.mark.parametrize(
    ("missed_event_cost", "threshold"), [(1.0, 0.9), (2.9, 0.9), (3.1, 0.5), (99.0, 0.5)]
)
def test_false_alarms_are_weighed_against_missed_events(missed_event_cost: float, threshold: float) -> None:
    assert find_lowest_cost(TWO_EVENTS_SCORES, missed_event_cost=missed_event_cost) == threshold


def test_of_two_thresholds_of_equal_cost_the_higher_is_taken() -> None:
    assert find_lowest_cost(TWO_EVENTS_SCORES, missed_event_cost=3.0) == 0.9


def test_where_every_catch_costs_too_much_there_is_no_alarm() -> None:
    # three false alarms come before the first catch
    scores = [0.9, 0, 0.9, 0, 0.5, 0, 0, 0.9, 0, 0, 0.5, 0]
    assert find_lowest_cost(scores, missed_event_cost=1.0) == np.nextafter(0.9, 1)


def test_an_event_that_nothing_can_catch_does_not_lower_the_threshold() -> None:
    # the second event comes right after a gap
    labelled = labelled_with(rows=14, missing=[12], events=[6, 13], rows_ahead=2)
    assert find_lowest_cost(TWO_EVENTS_SCORES[:-1], labelled, missed_event_cost=99.0) == 0.9


def test_an_event_of_another_part_does_not_count() -> None:
    labelled = TWO_EVENTS
    part = part_of(labelled, 0, 6)
    assert minimise_cost(np.array(TWO_EVENTS_SCORES[:6]), part, labelled, 99.0, 2.0) == 0.9


def test_a_boundary_before_the_event_leaves_the_cost_without_events() -> None:
    part = part_of(TWO_EVENTS, 0, 5)  # row 4 is positive, its event comes after row 5
    with pytest.raises(InputError, match=r"`threshold\.rule` cost needs rows before an event"):
        minimise_cost(np.array(TWO_EVENTS_SCORES[:5]), part, TWO_EVENTS, 1.0, 2.0)


@pytest.mark.parametrize("rank", [1, 2, 7, 40])
def test_the_highest_scores_of_a_long_table_are_all_tried(rank: int) -> None:
    labelled = labelled_with(rows=5001, events=[5000], rows_ahead=1)
    scores = np.arange(5000.0)
    scores[[-1, -rank]] = scores[[-rank, -1]]
    assert find_lowest_cost(scores.tolist(), labelled, missed_event_cost=9999.0) == 5000 - rank


def test_a_trailing_budget_starts_with_the_threshold_of_its_safe_share() -> None:
    started = choose_long(rule="trailing_budget", false_alarms_per_day=100, safety=0.5)
    assert started.value == choose_long(rule="alarm_budget", false_alarms_per_day=50).value


def test_a_trailing_budget_aims_at_its_safe_share() -> None:
    assert start_trailing(false_alarms_per_day=8, safety=0.25).false_alarms_per_day == 2.0


@pytest.mark.parametrize(("trailing_days", "rows"), [(1.0, 720), (0.01, 7), (0.0001, 1)])
def test_a_trailing_budget_looks_back_on_days_of_rows(trailing_days: float, rows: int) -> None:
    assert start_trailing(trailing_days=trailing_days).rows == rows


def test_a_trailing_budget_starts_with_the_scores_before_the_test() -> None:
    # 7 rows before 01:00, the time of the event, and every row since then and before the test
    recent = start_trailing(trailing_days=0.01).recent
    rows = np.arange(23, 40)
    expected = (LONG.times[rows].astype(np.int64), LONG_SCORES[rows])
    assert [recent.times, recent.scores] == [tuple(values.tolist()) for values in expected]


def test_a_trailing_budget_starts_without_scores_where_the_split_has_no_order() -> None:
    parts = [scattered_part_of(LONG, range(start, 60, 3)) for start in range(3)]
    split = Split(train=parts[0], validation=parts[1], test=parts[2], is_leaky=True)
    assert start_trailing(split).recent.times == ()


@pytest.mark.parametrize(("rows_ahead", "rule"), [(0, "alarm_budget"), (2, "adaptive_budget")])
def test_the_rule_of_the_defaults_adapts_unless_event_rows_are_positive(rows_ahead: int, rule: str) -> None:
    labelled = labelled_with(rows=40, events=[30], rows_ahead=rows_ahead, are_event_rows_kept=rows_ahead == 0)
    part, section = part_of(labelled), ThresholdSection()
    windows, scores = windows_of(labelled), np.arange(float(len(labelled.labels)))
    chosen = choose_threshold(scores, windows, split_of(part), labelled, section, 30.0)
    by_rule = section.model_copy(update={"rule": rule})
    assert chosen.rule == rule
    assert chosen == choose_threshold(scores, windows, split_of(part), labelled, by_rule, 30.0)


def test_an_adaptive_budget_starts_from_the_normal_windows_of_validation() -> None:
    budget = choose_long(rule="adaptive_budget").trailing
    assert isinstance(budget, AdaptiveBudget)
    normal = LONG_SPLIT.validation.places[~LONG_SPLIT.validation.labels]
    assert budget.balance.peaks == tuple(LONG_SCORES[normal].tolist())
    assert budget.balance.time == LONG.times[39].astype(np.int64)


def test_an_adaptive_budget_begins_with_any_row_where_the_split_has_no_order() -> None:
    parts = [scattered_part_of(LONG, range(start, 60, 3)) for start in range(3)]
    split = Split(train=parts[0], validation=parts[1], test=parts[2], is_leaky=True)
    budget = choose_long(split=split, rule="adaptive_budget").trailing
    assert isinstance(budget, AdaptiveBudget)
    assert budget.balance.time is None


def test_an_adaptive_budget_starts_without_a_normal_window_too() -> None:
    labels = np.ones(len(LONG_SPLIT.validation.labels), dtype=bool)
    split = replace(LONG_SPLIT, validation=replace(LONG_SPLIT.validation, labels=labels))
    assert np.isfinite(choose_long(split=split, rule="adaptive_budget").value)


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


@given(any_readings(), st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 7.0]))
def test_no_other_threshold_costs_less(readings: SensorReadings, seed: int, missed_event_cost: float) -> None:
    labelled = label_ahead(readings, 1)
    assume(labelled.labels.any())
    scores = np.random.default_rng(seed).integers(0, 6, len(labelled.labels)) / 8

    def find_cost(threshold: float) -> float:
        is_flagged = scores >= threshold
        leads = find_lead_minutes(is_flagged, labelled, find_horizon_starts(labelled, 1))
        return count_false_alarms(is_flagged, labelled, 4.0).sum() + missed_event_cost * np.isnan(leads).sum()

    chosen = find_lowest_cost(scores.tolist(), labelled, missed_event_cost, repeat_minutes=4.0)
    assert find_cost(chosen) == min(find_cost(threshold) for threshold in [*scores, np.inf])


def test_the_settings_name_every_rule() -> None:
    assert get_args(ThresholdSection.model_fields["rule"].annotation) == tuple(RULES)


def test_another_rule_is_another_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def exceed_normals(inputs: RuleInputs) -> float:
        return float(inputs.judged[~inputs.part.labels].max())

    monkeypatch.setitem(RULES, "exceed_normals", exceed_normals)
    section = ThresholdSection().model_copy(update={"rule": "exceed_normals"})
    windows, split = windows_of(LABELLED), split_of(part_of(LABELLED))
    by_scorer = {"model": np.arange(7.0), "random": np.arange(7.0)[::-1]}
    chosen = choose_thresholds(by_scorer, windows, split, LABELLED, section, 30.0)
    # rows 5 and 6 are positive
    assert chosen["model"] == Threshold(value=4.0, rule="exceed_normals")
    assert chosen["random"] == Threshold(value=6.0, rule="exceed_normals")
