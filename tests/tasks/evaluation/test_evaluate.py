"""The figures of an evaluation, by hand and against scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from schemas.configuration import EvaluationSection
from schemas.evaluation import Evaluation, Interval, Metrics, Threshold, TrailingBudget
from schemas.readings import LabelledReadings, SensorReadings
from schemas.windows import Part, Split, Windows
from tasks.evaluation.evaluate import (
    collect_scores,
    compare_best_control,
    compare_tallies,
    evaluate_scorers,
    evaluate_scores,
    hold_thresholds,
    join_tallies,
    measure,
    number_blocks,
    resample_metrics,
    tally_alarms,
)
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with, part_of, scattered_part_of

SECTION = EvaluationSection(bootstrap_samples=100)


def evaluate(labelled: LabelledReadings, flagged: list[int], part: Part | None = None) -> Evaluation:
    """Judge a scorer that gives 1 to the flagged rows and 0 to all others."""
    part = part_of(labelled) if part is None else part
    scores = np.isin(part.end_rows, flagged).astype(np.float64)
    return evaluate_scores("model", scores, part, labelled, np.ones(len(scores)), SECTION)


def judge(labelled: LabelledReadings, flagged: list[int], part: Part | None = None) -> Metrics:
    return evaluate(labelled, flagged, part).metrics


def three_parts(labelled: LabelledReadings) -> Split:
    """Rows 0 to 9, 10 to 19 and those from 20 on."""
    return Split(
        train=part_of(labelled, 0, 10, "train"),
        validation=part_of(labelled, 10, 20, "validation"),
        test=part_of(labelled, 20, None, "test"),
        is_leaky=False,
    )


def test_an_alarm_exactly_at_the_threshold_counts() -> None:
    labelled = labelled_with(rows=8, events=[5])
    scores, thresholds = np.array([0, 0, 0, 0.4, 0.5, 0, 0]), np.full(7, 0.5)
    metrics = evaluate_scores("model", scores, part_of(labelled), labelled, thresholds, SECTION).metrics
    assert (metrics.recall, metrics.precision) == (0.5, 1.0)


def test_an_alarm_counts_by_the_threshold_that_holds_at_its_row() -> None:
    labelled = labelled_with(rows=8, events=[5])
    scores, thresholds = np.full(7, 0.5), np.array([1, 1, 1, 0.6, 0.4, 1, 1])
    evaluation = evaluate_scores("model", scores, part_of(labelled), labelled, thresholds, SECTION)
    assert (evaluation.metrics.recall, evaluation.metrics.precision) == (0.5, 1.0)


def test_of_a_moving_threshold_the_median_is_told() -> None:
    labelled = labelled_with(rows=8, events=[5])
    thresholds = np.array([1, 2, 3, 4, 5, 6, 70.0])
    evaluation = evaluate_scores("model", np.zeros(7), part_of(labelled), labelled, thresholds, SECTION)
    assert evaluation.threshold == 4


def test_caught_events_are_counted_and_not_rows() -> None:
    metrics = judge(labelled_with(rows=12, events=[4, 10]), [2, 3])
    assert (metrics.event_recall, metrics.recall) == (0.5, 0.5)


def test_an_event_right_after_a_gap_counts_as_missed() -> None:
    metrics = judge(labelled_with(rows=12, missing=[6], events=[3, 7]), [2])
    assert (metrics.event_recall, metrics.recall) == (0.5, 0.5)


def test_an_early_alarm_counts_within_20_minutes_alone() -> None:
    metrics = judge(labelled_with(rows=30, events=[20]), [12])
    assert (metrics.event_recall, metrics.event_recall_20min) == (0.0, 1.0)


def test_an_alarm_more_than_20_minutes_before_the_event_counts_for_nothing() -> None:
    assert judge(labelled_with(rows=30, events=[20]), [9]).event_recall_20min == 0.0


def test_an_alarm_exactly_20_minutes_before_the_event_counts() -> None:
    assert judge(labelled_with(rows=30, events=[20]), [10]).event_recall_20min == 1.0


def test_the_20_minutes_never_reach_less_far_than_the_rows_ahead() -> None:
    metrics = judge(labelled_with(rows=40, events=[30], rows_ahead=15), [15])
    assert (metrics.event_recall, metrics.event_recall_20min) == (1.0, 1.0)


def test_the_median_lead_is_that_of_the_caught_events() -> None:
    # caught 2, 6 and 20 minutes ahead, and one missed
    labelled = labelled_with(rows=100, events=[20, 40, 60, 80])
    flagged_steps = [19, 37, 50]
    flagged = np.flatnonzero(np.isin(labelled.source_rows, flagged_steps)).tolist()
    assert judge(labelled, flagged).lead_minutes_median == 6.0


def test_false_alarms_are_told_per_day_of_rows_present() -> None:
    # 719 rows of 2 minutes lack one row to a day; two episodes
    metrics = judge(labelled_with(rows=720, events=[700]), [10, 20, 21])
    assert metrics.false_alarms_per_day == pytest.approx(2 * 720 / 719)


def test_a_stand_still_is_no_time_to_divide_false_alarms_by() -> None:
    gap = list(range(360, 5000))
    metrics = judge(labelled_with(rows=5361, missing=gap, events=[5200]), [10])
    assert metrics.false_alarms_per_day == pytest.approx(720 / 720)


def test_an_alarm_of_70_minutes_costs_three_false_alarms() -> None:
    metrics = judge(labelled_with(rows=721, events=[700]), list(range(100, 136)))
    assert metrics.false_alarms_per_day == pytest.approx(3)


def test_rows_without_a_window_are_time_too() -> None:
    labelled = labelled_with(rows=721, events=[700])
    part = part_of(labelled).select(np.arange(720) >= 360)
    assert judge(labelled, [400], part).false_alarms_per_day == pytest.approx(1)


def test_kept_events_of_several_rows_are_one_event_each() -> None:
    labelled = labelled_with(rows=20, events=[5, 6, 7, 14, 15], rows_ahead=0, are_event_rows_kept=True)
    evaluation = evaluate(labelled, [7, 10])
    assert evaluation.events == 2
    assert (evaluation.metrics.event_recall, evaluation.metrics.recall) == (0.5, 0.2)


def test_alarms_between_kept_events_are_false() -> None:
    labelled = labelled_with(rows=720, events=[5, 6, 7], rows_ahead=0, are_event_rows_kept=True)
    assert judge(labelled, [6, 10]).false_alarms_per_day == pytest.approx(1)


def test_the_lead_of_a_kept_event_caught_in_its_second_row_is_negative() -> None:
    labelled = labelled_with(rows=20, events=[5, 6, 7], rows_ahead=0, are_event_rows_kept=True)
    assert judge(labelled, [6]).lead_minutes_median == -2.0


def test_the_prevalence_is_the_share_of_positive_rows() -> None:
    assert judge(labelled_with(rows=9, events=[5]), []).prevalence == 2 / 8


def test_without_an_alarm_precision_and_recall_are_0() -> None:
    metrics = judge(labelled_with(rows=9, events=[5]), [])
    assert (metrics.precision, metrics.recall, metrics.f1) == (0, 0, 0)


def test_without_a_caught_event_there_is_no_lead() -> None:
    assert judge(labelled_with(rows=9, events=[5]), []).lead_minutes_median is None


def test_without_an_event_what_is_about_events_is_undefined() -> None:
    metrics = judge(labelled_with(rows=9), [3])
    names = ("roc_auc", "average_precision", "recall", "f1", "event_recall", "event_recall_20min")
    assert [getattr(metrics, name) for name in names] == [None] * 6


def test_undefined_figures_have_no_interval() -> None:
    intervals = evaluate(labelled_with(rows=9), [3]).intervals
    assert sorted(intervals) == ["false_alarms_per_day"]


def test_an_interval_holds_the_figure() -> None:
    labelled = labelled_with(rows=90, events=[10, 20, 30, 40, 50, 60, 70, 80])
    caught = np.flatnonzero(labelled.labels)[[0, 3, 4, 9, 12]]
    evaluation = evaluate(labelled, [1, 33, *caught.tolist()])
    interval = evaluation.intervals["recall"]
    assert evaluation.metrics.recall is not None
    assert interval.low < evaluation.metrics.recall < interval.high


def test_runs_that_are_all_alike_leave_no_doubt() -> None:
    labelled = labelled_with(rows=40, events=[9, 19, 29, 39])
    flagged = np.flatnonzero(np.isin(labelled.source_rows % 10, [8])).tolist()
    interval = evaluate(labelled, flagged).intervals["recall"]
    assert (interval.low, interval.high) == (0.5, 0.5)


def test_blocks_are_the_runs_of_the_part() -> None:
    labelled = labelled_with(rows=90, missing=range(2, 90, 3))
    assert number_blocks(part_of(labelled, 2, 50), labelled).tolist() == np.repeat(range(24), 2).tolist()


def test_a_part_without_gaps_is_resampled_in_pieces_with_events_whole() -> None:
    labelled = labelled_with(rows=400, events=range(95, 115), rows_ahead=0, are_event_rows_kept=True)
    part = part_of(labelled)
    blocks = number_blocks(part, labelled)
    assert 15 < blocks.max() < 21
    assert len(set(blocks[95:115])) == 1
    assert (np.bincount(blocks) <= 40).all()


def test_a_part_without_gaps_has_intervals_with_a_width() -> None:
    starts = range(10, 400, 40)
    events = [row for start in starts for row in range(start, start + 5)]
    labelled = labelled_with(rows=400, events=events, rows_ahead=0, are_event_rows_kept=True)
    part, scores = part_of(labelled), np.random.default_rng(0).random(400) + labelled.labels / 2
    found = evaluate_scores("model", scores, part, labelled, np.full(400, 0.98), SECTION)
    for name in ("roc_auc", "average_precision", "event_recall", "false_alarms_per_day"):
        assert found.intervals[name].high > found.intervals[name].low


def test_a_run_without_a_window_is_a_block_too() -> None:
    labelled = labelled_with(rows=90, missing=range(2, 90, 3))
    part = part_of(labelled)
    part = part.select(part.end_rows >= 4)
    assert number_blocks(part, labelled).tolist() == np.repeat(range(2, 30), 2).tolist()


def test_a_scattered_part_has_figures_too() -> None:
    labelled = labelled_with(rows=20, events=[5, 15])
    metrics = judge(labelled, [4, 8], scattered_part_of(labelled, [0, 4, 8, 16]))
    assert (metrics.event_recall, metrics.precision) == (1.0, 0.5)


def test_parts_joined_count_as_one() -> None:
    labelled = labelled_with(rows=500, missing=[250], events=range(5, 490, 10))
    scores = np.random.default_rng(0).random(len(labelled.labels))
    thresholds = np.full(len(scores), 0.6)
    cut = int(np.flatnonzero(np.diff(labelled.times) > np.timedelta64(150, "s"))[0]) + 1
    whole, *pieces = (
        tally_alarms(scores[part.end_rows], part, labelled, thresholds[part.end_rows], SECTION)
        for part in (part_of(labelled), part_of(labelled, 0, cut), part_of(labelled, cut))
    )
    assert measure(join_tallies(pieces)).model_dump() == pytest.approx(measure(whole).model_dump())


def test_the_runs_of_joined_parts_are_drawn_one_by_one() -> None:
    labelled = labelled_with(rows=500, missing=[250], events=range(5, 490, 10))
    scores = np.random.default_rng(0).random(len(labelled.labels))
    cut = int(np.flatnonzero(np.diff(labelled.runs))[24]) + 1
    whole, *pieces = (
        tally_alarms(scores[part.end_rows], part, labelled, scores[part.end_rows] + 1, SECTION)
        for part in (part_of(labelled), part_of(labelled, 0, cut), part_of(labelled, cut))
    )
    assert join_tallies(pieces).blocks.tolist() == whole.blocks.tolist()


def test_a_resample_of_every_run_once_has_the_figures_of_the_part() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    part, scores = part_of(labelled), np.random.default_rng(0).random(30)
    tally = tally_alarms(scores, part, labelled, np.full(30, 0.6), SECTION)
    resampled = resample_metrics(tally, np.ones((1, len(tally.counts))))
    figures = measure(tally).model_dump()
    assert {name: float(values[0]) for name, values in resampled.items()} == pytest.approx(
        {name: figures[name] for name in resampled}
    )


def scores_of_all_rows(labelled: LabelledReadings) -> tuple[Windows, np.ndarray]:
    rows = len(labelled.labels)
    return Windows(np.arange(rows), labelled.labels, lookback=1, rows=rows), np.arange(rows) / rows


def test_a_threshold_that_stays_holds_at_every_window() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    windows, scores = scores_of_all_rows(labelled)
    held = hold_thresholds(
        Threshold(value=0.5, rule="fixed"), scores, windows, three_parts(labelled), labelled
    )
    assert {name: values.tolist() for name, values in held.items()} == {
        name: [0.5] * 10 for name in ("train", "validation", "test")
    }


def moving_threshold() -> Threshold:
    """One that is made anew every two rows of two minutes from the six rows before, once two are known."""
    trailing = TrailingBudget(
        false_alarms_per_day=5,
        rows=6,
        recalibrate_minutes=4,
        repeat_alarm_minutes=30,
        step_minutes=2,
    )
    return Threshold(value=0.5, rule="trailing_budget", trailing=trailing)


def test_a_moving_threshold_moves_in_the_test_alone() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    windows, scores = scores_of_all_rows(labelled)
    held = hold_thresholds(moving_threshold(), scores, windows, three_parts(labelled), labelled)
    assert {name: len(np.unique(values)) > 1 for name, values in held.items()} == {
        "train": False,
        "validation": False,
        "test": True,
    }


def test_scores_after_the_test_do_not_move_its_thresholds() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    windows, scores = scores_of_all_rows(labelled)
    split = replace(three_parts(labelled), test=part_of(labelled, 20, 25))
    later = np.where(windows.end_rows >= 25, 99.0, scores)
    held = [
        hold_thresholds(moving_threshold(), values, windows, split, labelled)["test"].tolist()
        for values in (scores, later)
    ]
    assert held[0] == held[1]


def test_the_model_is_judged_on_every_part_and_each_control_on_the_test() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    split = three_parts(labelled)
    scores = {name: np.arange(30) / 33 for name in ("model", "pca")}
    held = {name: {part.name: np.full(len(part.places), 0.5) for part in split.parts} for name in scores}
    judged = evaluate_scorers(scores, held, split, labelled, SECTION)
    assert {prefix: (evaluation.scorer, evaluation.part) for prefix, evaluation in judged.items()} == {
        "train": ("model", "train"),
        "validation": ("model", "validation"),
        "test": ("model", "test"),
        "control_pca": ("pca", "test"),
    }


def test_each_part_is_judged_by_the_scores_of_its_places() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    split = three_parts(labelled)
    right_in_test = np.where(np.arange(30) < 20, 0.0, labelled.labels)
    held = {"model": {part.name: np.ones(len(part.places)) for part in split.parts}}
    judged = evaluate_scorers({"model": right_in_test}, held, split, labelled, SECTION)
    assert {prefix: evaluation.metrics.recall for prefix, evaluation in judged.items()} == {
        "train": 0,
        "validation": 0,
        "test": 1,
    }


def test_a_scorer_does_not_differ_from_itself() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    scores = np.random.default_rng(0).random(30)
    tally = tally_alarms(scores, part_of(labelled), labelled, np.full(30, 0.5), SECTION)
    compared = compare_tallies("pca", (tally, tally), ["roc_auc", "event_recall"], SECTION)
    assert [comparison.metric for comparison in compared] == ["roc_auc", "event_recall"]
    differences = [comparison.difference for comparison in compared]
    assert differences == [Interval(low=0, high=0)] * 2


def test_a_better_scorer_differs_upwards() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    right = labelled.labels.astype(np.float64)
    first, second = (
        tally_alarms(scores, part_of(labelled), labelled, np.ones(30), SECTION) for scores in (right, -right)
    )
    (comparison,) = compare_tallies("pca", (first, second), ["roc_auc"], SECTION)
    assert (comparison.value, comparison.other_value) == (1, 0)
    assert comparison.difference == Interval(low=1, high=1)


def test_a_metric_that_is_undefined_is_not_compared() -> None:
    labelled = labelled_with(rows=9)
    tally = tally_alarms(np.zeros(9), part_of(labelled), labelled, np.ones(9), SECTION)
    assert compare_tallies("pca", (tally, tally), ["roc_auc", "event_recall"], SECTION) == ()


def test_the_best_control_is_the_one_with_the_largest_area() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    right = labelled.labels.astype(np.float64)
    scores = {"model": right, "pca": -right, "random": right * 0, "zscore": right + 1}
    comparison = compare_best_control(scores, part_of(labelled), labelled, SECTION)
    assert comparison is not None
    assert comparison.name == "zscore"


def test_without_an_event_there_is_no_best_control() -> None:
    labelled = labelled_with(rows=9)
    scores = {"model": np.zeros(9), "pca": np.zeros(9)}
    assert compare_best_control(scores, part_of(labelled), labelled, SECTION) is None


def test_scores_are_collected_beside_the_times_and_thresholds_of_their_rows() -> None:
    labelled = labelled_with(rows=33, events=[5, 15, 25])
    split = three_parts(labelled)
    held = {"model": {part.name: part.end_rows / 4 for part in split.parts}}
    collected = collect_scores({"model": np.arange(30) / 2}, held, split, labelled)["model"]["validation"]
    assert collected.times.tolist() == labelled.times[10:20].tolist()
    assert collected.scores.tolist() == [row / 2 for row in range(10, 20)]
    assert collected.thresholds.tolist() == [row / 4 for row in range(10, 20)]


@given(any_readings(least_rows=12), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25, 0.5, 2.0]))
def test_row_figures_equal_those_of_scikit_learn(
    readings: SensorReadings, seed: int, threshold: float
) -> None:
    labelled = label_ahead(readings, 2)
    labels, scores = labelled.labels, np.random.default_rng(seed).integers(0, 5, len(labelled.labels)) / 8
    thresholds = np.full(len(scores), threshold)
    metrics = evaluate_scores("model", scores, part_of(labelled), labelled, thresholds, SECTION).metrics
    flags = scores >= threshold
    defined: dict[str, Any] = {}
    if labels.any():
        defined["precision"] = precision_score(labels, flags, zero_division=0.0)
        defined["recall"] = recall_score(labels, flags)
        defined["f1"] = f1_score(labels, flags)
        defined["average_precision"] = average_precision_score(labels, scores)
    if labels.any() and not labels.all():
        defined["roc_auc"] = roc_auc_score(labels, scores)
    assert {name: getattr(metrics, name) for name in defined} == pytest.approx(defined)


def test_without_rows_ahead_the_lead_is_the_delay_from_the_start_of_the_event() -> None:
    labelled = labelled_with(
        rows=40, events=[*range(10, 20), *range(30, 40)], rows_ahead=0, are_event_rows_kept=True
    )
    metrics = evaluate(labelled, [8, 13, 14]).metrics
    assert (metrics.event_recall, metrics.lead_minutes_median) == (0.5, -6.0)


def test_without_rows_ahead_an_alarm_before_the_event_is_no_lead() -> None:
    labelled = labelled_with(rows=40, events=range(10, 20), rows_ahead=0, are_event_rows_kept=True)
    metrics = evaluate(labelled, [8]).metrics
    assert (metrics.event_recall, metrics.lead_minutes_median) == (0.0, None)
