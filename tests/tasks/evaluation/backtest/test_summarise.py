"""What the folds of a rolling-origin evaluation come to, by hand and on many rows."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from schemas.backtest import FoldScores, Summary
from schemas.configuration import BUDGET_RULES, EvaluationSection
from schemas.readings import LabelledReadings
from tasks.evaluation.backtest.summarise import CURVE_RATES, rank_before_events, summarise_folds
from tasks.evaluation.backtest.trial import list_trials
from tasks.evaluation.evaluate import evaluate_scores
from tests.builders import START, labelled_with, part_of
from tests.folds import flags, fold_of, fold_scores, four_runs

SECTION = EvaluationSection(bootstrap_samples=100)
TEN_ROWS = 720 / 10  # false alarms a day where one comes in ten rows of two minutes


def summarise(
    given: Sequence[FoldScores],
    labelled: LabelledReadings,
    section: EvaluationSection = SECTION,
    promised: float | None = None,
) -> Summary:
    return summarise_folds(given, labelled, section, promised, 30)


def two_folds(first: Sequence[int], second: Sequence[int], seed: int = 0) -> list[FoldScores]:
    """Rows 0 to 9 and 10 to 19, each with two events, and the rows that are flagged in them."""
    labelled = four_runs()
    return [
        fold_scores(fold_of(1, 0, 10), flags(labelled, first), seed=seed),
        fold_scores(fold_of(2, 10, 20), flags(labelled, second), seed=seed),
    ]


def test_a_mean_is_over_folds_of_the_means_over_seeds() -> None:
    given = [*two_folds([3, 8], [10], seed=0), *two_folds([3], [10], seed=1)]
    summary = summarise(given, four_runs())
    assert [fold.metrics.event_recall for fold in summary.folds] == [0.75, 0]
    assert summary.mean.event_recall == 0.375


def test_pooled_figures_are_of_all_test_rows_as_one() -> None:
    pooled = summarise(two_folds([3, 8], [10]), four_runs()).pooled
    assert (pooled.event_recall, pooled.precision) == (0.5, 2 / 3)


def test_a_fold_without_events_is_left_out_where_it_says_nothing() -> None:
    labelled = labelled_with(rows=21, events=[5])
    given = [fold_scores(fold_of(1, 0, 10), flags(labelled, [3, 4]))]
    given.append(fold_scores(fold_of(2, 10, 20), flags(labelled, [12])))
    summary = summarise(given, labelled)
    assert (summary.mean.roc_auc, summary.mean.event_recall) == (1, 1)
    assert summary.mean.false_alarms_per_day == pytest.approx(TEN_ROWS / 2)


def test_model_controls_and_published_model_stand_side_by_side() -> None:
    labelled, fold = four_runs(), fold_of(1, 0, 20)
    right = labelled.labels * 2.0
    wrong = -right
    given = [
        fold_scores(fold, right, controls={"pca": wrong}),
        fold_scores(fold, wrong, entrant="published"),
    ]
    summary = summarise(given, labelled)
    assert {name: standing.mean.roc_auc for name, standing in summary.entrants.items()} == {
        "model": 1,
        "published": 0,
        "pca": 0,
    }
    assert list(summary.controls) == ["pca"]
    assert {name: metrics.roc_auc for name, metrics in summary.folds[0].others.items()} == {
        "published": 0,
        "pca": 0,
    }


def test_a_fold_says_when_it_trained_and_tested() -> None:
    labelled = four_runs()
    fold = summarise([fold_scores(fold_of(1, 12, 20), flags(labelled, [13]))], labelled).folds[0]
    assert (fold.train_end, fold.test_start, fold.test_end) == tuple(
        str((START + minutes * np.timedelta64(2, "m")).astype("datetime64[s]")) for minutes in (9, 14, 22)
    )
    assert (fold.rows, fold.events) == (8, 2)


def test_the_threshold_of_a_fold_is_the_median_over_its_windows_and_seeds() -> None:
    labelled = four_runs()
    given = [
        fold_scores(fold_of(1, 0, 20), flags(labelled, [3]), seed=seed, threshold=threshold)
        for seed, threshold in enumerate((1.0, 2.0, 9.0))
    ]
    assert summarise(given, labelled).folds[0].threshold == 2


def test_false_alarms_are_told_as_a_ratio_to_the_promise() -> None:
    summary = summarise(two_folds([0], [10, 12]), four_runs(), promised=TEN_ROWS)
    assert [fold.false_alarm_ratio for fold in summary.folds] == pytest.approx([1, 2])
    assert summary.promised_false_alarms_per_day == TEN_ROWS
    assert summary.realised_false_alarms_per_day == pytest.approx(1.5 * TEN_ROWS)


def test_without_a_promise_there_is_no_ratio() -> None:
    assert summarise(two_folds([0], [10]), four_runs()).folds[0].false_alarm_ratio is None


def test_what_comes_of_a_rate_is_told_by_the_thresholds_held_under_it() -> None:
    labelled = four_runs()
    # above 0.5: one event and a false alarm in fold 1; one event and none in fold 2
    scores = flags(labelled, [3, 0, 13]) * 0.6
    given = [
        fold_scores(fold_of(1, 0, 10), scores, at_rates={TEN_ROWS: 0.5, 2 * TEN_ROWS: 0.7}),
        fold_scores(fold_of(2, 10, 20), scores, at_rates={TEN_ROWS: 0.5, 2 * TEN_ROWS: 0.7}),
    ]
    section = EvaluationSection(bootstrap_samples=100, alarm_rates=(TEN_ROWS, 2 * TEN_ROWS))
    rates = summarise(given, labelled, section).rates
    assert [rate.rule for rate in rates] == [rule for rule in BUDGET_RULES for _ in range(2)]
    first, second = rates[:2]
    assert (first.promised, first.realised) == pytest.approx((TEN_ROWS, TEN_ROWS / 2))
    assert (first.ratio_mean, first.ratio_worst, first.event_recall) == pytest.approx((0.5, 1, 0.5))
    assert first.ratios == pytest.approx((1, 0))
    assert (second.realised, second.event_recall) == (0, 0)


def test_a_ceiling_is_what_the_best_threshold_of_each_fold_catches_of_all_events() -> None:
    labelled = four_runs()
    # fold 1: both events without a false alarm; fold 2: a false alarm above the one event that is seen
    scores = flags(labelled, [3, 8]) * 0.4 + flags(labelled, [11]) * 0.9 + flags(labelled, [14]) * 0.8
    given = [fold_scores(fold, scores) for fold in (fold_of(1, 0, 10), fold_of(2, 10, 20))]
    section = EvaluationSection(bootstrap_samples=100, alarm_rates=(1.0, 5.0, 2.0))
    assert [rate.ceiling_recall for rate in summarise(given, labelled, section).rates] == [0.5] * 9


def test_curves_rise_with_the_false_alarms_that_are_allowed() -> None:
    curve = large_summary().entrants["model"].curve
    assert [point.false_alarms_per_day for point in curve] == list(CURVE_RATES)
    recalls = [point.event_recall_20min for point in curve]
    assert recalls == sorted(recalls)
    assert recalls[-1] > recalls[0]


def test_lead_minutes_are_listed_for_each_caught_event_and_seed() -> None:
    given = [*two_folds([3, 8], [13], seed=0), *two_folds([4], [10], seed=1)]
    # the alarm at row 10 comes five rows before its event: within the longer horizon
    assert sorted(summarise(given, four_runs()).lead_minutes) == [2, 4, 4, 4, 10]


def ranks(labelled: LabelledReadings, scores: np.ndarray) -> tuple[float, ...]:
    given = [fold_scores(fold_of(1, 0, len(labelled.labels)), scores)]
    return rank_before_events(list_trials(given, labelled, SECTION)["model"], labelled)


def test_scores_before_events_are_ranked_among_normal_rows() -> None:
    # five runs of four rows, of which the first two are normal: scores 0 and 1, then 0.5 and 2
    labelled = labelled_with(rows=25, events=[4, 9, 14, 19, 24])
    assert ranks(labelled, np.tile([0, 1, 0.5, 2], 5)) == (1, 0.5, 0.5, 0)


def test_ranks_stop_where_fewer_than_five_events_have_so_many_rows() -> None:
    labelled = labelled_with(rows=24, events=[4, 9, 14, 19, 23])
    assert len(ranks(labelled, np.arange(19.0))) == 3


def test_events_right_after_a_gap_have_no_rows_before_them() -> None:
    labelled = labelled_with(rows=25, missing=[3], events=[4, 9, 14, 19, 24])
    assert ranks(labelled, np.arange(19.0)) == ()


def test_model_without_tampered_scores_is_refused() -> None:
    labelled = four_runs()
    given = fold_scores(fold_of(1, 0, 20), flags(labelled, [3]), tampered={"shuffled": labelled.labels})
    with pytest.raises(ValueError, match=r"Received fold 1, seed 0, without \['delayed'\]"):
        summarise([given], labelled)


def test_folds_without_the_model_are_refused() -> None:
    labelled = four_runs()
    given = fold_scores(fold_of(1, 0, 20), flags(labelled, [3]), entrant="published")
    with pytest.raises(ValueError, match="folds of the entrant `model`"):
        summarise([given], labelled)


def many_runs() -> LabelledReadings:
    """2,100 rows in 100 runs."""
    return labelled_with(rows=2200, events=range(21, 2200, 22))


def scores_with(labelled: LabelledReadings, seed: int, gain: float) -> np.ndarray:
    """Noise that tells positive rows by so much."""
    return np.random.default_rng(seed).normal(size=len(labelled.labels)) + gain * labelled.labels


def large_folds(seeds: Sequence[int] = (0, 1)) -> list[FoldScores]:
    labelled = many_runs()
    given = []
    for number, start in enumerate((900, 1200, 1500, 1800), start=1):
        fold = fold_of(number, start, start + 300)
        for seed in seeds:
            tampered = {
                name: scores_with(labelled, seed + place, 0)
                for place, name in ((7, "shuffled"), (8, "delayed"))
            }
            given.append(
                fold_scores(
                    fold,
                    scores_with(labelled, seed, 1),
                    seed=seed,
                    threshold=2.0,
                    controls={"random": scores_with(labelled, seed + 20, 0)},
                    tampered=tampered,
                )
            )
            given.append(
                fold_scores(fold, scores_with(labelled, seed + 30, 0.3), entrant="published", seed=seed)
            )
    return given


@functools.cache
def large_summary() -> Summary:
    return summarise(large_folds(), many_runs(), EvaluationSection(bootstrap_samples=400), 5.0)


@pytest.mark.parametrize("kind", ["mean", "pooled"])
def test_intervals_hold_their_figure(kind: str) -> None:
    standing = large_summary().entrants["model"]
    figures, intervals = getattr(standing, kind), getattr(standing, f"{kind}_intervals")
    names = ("roc_auc", "average_precision", "recall", "event_recall", "false_alarms_per_day")
    for name in names:
        assert intervals[name].low < getattr(figures, name) < intervals[name].high


def test_the_interval_of_a_mean_is_narrower_than_that_of_a_fold() -> None:
    summary = large_summary()
    widths = [
        bounds["roc_auc"].high - bounds["roc_auc"].low
        for bounds in (summary.intervals, *(fold.intervals for fold in summary.folds))
    ]
    assert widths[0] < min(widths[1:])


def test_the_interval_of_a_fold_is_that_of_its_rows() -> None:
    labelled, section = many_runs(), EvaluationSection(bootstrap_samples=4000)
    fold = summarise(large_folds(seeds=[0])[:2], labelled, section).folds[0]
    part = part_of(labelled, 900, 1200)
    judged = evaluate_scores(
        "model", scores_with(labelled, 0, 1)[900:1200], part, labelled, np.full(300, 2.0), section
    )
    assert fold.metrics == judged.metrics
    for name in ("roc_auc", "event_recall"):
        assert fold.intervals[name].low == pytest.approx(judged.intervals[name].low, abs=0.02)
        assert fold.intervals[name].high == pytest.approx(judged.intervals[name].high, abs=0.02)


def test_seeds_that_agree_leave_every_figure_as_it_is() -> None:
    labelled = many_runs()
    once = large_folds(seeds=[0])
    again = [*once, *(replace_seed(given, 1) for given in once)]
    one, two = summarise(once, labelled), summarise(again, labelled)
    assert two.entrants == one.entrants
    assert two.published_difference == one.published_difference


def replace_seed(given: FoldScores, seed: int) -> FoldScores:
    return FoldScores(**{**vars(given), "seed": seed})


def test_a_better_model_is_surely_better_than_the_published_one() -> None:
    summary = large_summary()
    assert summary.published_difference is not None
    assert summary.published_difference.low > 0
    assert summary.better_than_published_folds == 4


def test_the_order_of_the_folds_does_not_matter() -> None:
    labelled = many_runs()
    assert summarise(large_folds()[::-1], labelled) == summarise(large_folds(), labelled)


def test_a_summary_survives_being_written() -> None:
    summary = large_summary()
    assert Summary.model_validate_json(summary.model_dump_json()) == summary
