"""What paired resamples say of the published model and of inputs that were tampered with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from schemas.backtest import LeakCheck
from schemas.configuration import EvaluationSection
from schemas.evaluation import Interval
from schemas.readings import LabelledReadings
from tasks.evaluation.backtest.pair import check_leaks, compare_with_published
from tasks.evaluation.backtest.trial import draw_fold_weights, list_trials
from tests.builders import labelled_with
from tests.folds import fold_of, fold_scores

SECTION = EvaluationSection(bootstrap_samples=100)
FOLDS = (fold_of(1, 0, 60), fold_of(2, 60, 120))


def twenty_runs() -> LabelledReadings:
    """Runs of six rows, each with an event after it."""
    return labelled_with(rows=140, events=list(range(6, 140, 7)))


def noise(labelled: LabelledReadings, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(len(labelled.labels))


def compare(
    labelled: LabelledReadings, model: np.ndarray, published: np.ndarray | None, first: int = 0
) -> tuple[Interval | None, int | None]:
    """Compare two scorers; the published one has no window that ends before the row `first`."""
    given = [fold_scores(fold, model) for fold in FOLDS]
    if published is not None:
        for fold in FOLDS:
            end_rows = range(max(fold.test_start, first), fold.test_stop)
            given.append(fold_scores(fold, published, entrant="published", end_rows=end_rows))
    trials = list_trials(given, labelled, SECTION)
    weights = draw_fold_weights(trials["model"], labelled, 100)
    return compare_with_published(trials, labelled, weights, 0.9)


def test_same_scores_do_not_differ_in_any_resample() -> None:
    labelled = twenty_runs()
    scores = noise(labelled, 0)
    assert compare(labelled, scores, scores) == (Interval(low=0, high=0), 0)


def test_a_right_model_is_better_in_every_fold() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    assert compare(labelled, right, -right) == (Interval(low=1, high=1), 2)


def test_a_model_that_is_better_in_one_fold_wins_one() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    worse_at_first = np.where(np.arange(120) < 60, -right, right)
    assert compare(labelled, worse_at_first, right * 0)[1] == 1


def test_rows_that_one_of_both_does_not_score_are_left_out() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    wrong_at_first = np.where(np.arange(120) < 12, -right, right)
    assert compare(labelled, wrong_at_first, right, first=12)[0] == Interval(low=0, high=0)


def test_without_a_published_model_there_is_no_difference() -> None:
    labelled = twenty_runs()
    assert compare(labelled, noise(labelled, 0), None) == (None, None)


def check(labelled: LabelledReadings, scores: np.ndarray, tampered: Mapping[str, np.ndarray]) -> LeakCheck:
    given = [fold_scores(fold, scores, tampered=tampered) for fold in FOLDS]
    weights = draw_fold_weights(list_trials(given, labelled, SECTION)["model"], labelled, 100)
    return check_leaks(given, labelled, weights, 30, 0.9)


def test_a_model_that_loses_all_to_tampering_passes() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    checked = check(labelled, right, {"shuffled": right * 0, "delayed": right * 0})
    assert (checked.roc_auc, checked.shuffled_roc_auc, checked.delayed_roc_auc) == (1, 0.5, 0.5)
    assert checked.loss_by_delay == Interval(low=0.5, high=0.5)
    assert checked.has_passed


def test_a_model_that_knows_events_from_shuffled_inputs_does_not_pass() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    assert not check(labelled, right, {"shuffled": right, "delayed": right * 0}).has_passed


def test_a_model_that_loses_nothing_by_delay_does_not_pass() -> None:
    labelled = twenty_runs()
    right = labelled.labels.astype(np.float64)
    assert not check(labelled, right, {"shuffled": right * 0, "delayed": right}).has_passed


def test_shuffled_inputs_that_are_by_chance_a_little_better_pass() -> None:
    labelled = twenty_runs()
    scores = labelled.labels + noise(labelled, 0) * 0.5
    shuffled = noise(labelled, 3) + 0.05 * labelled.labels
    checked = check(labelled, scores, {"shuffled": shuffled, "delayed": noise(labelled, 2)})
    assert checked.shuffled_roc_auc > 0.5
    assert checked.has_passed


def test_a_test_of_normal_rows_alone_cannot_be_checked() -> None:
    labelled = labelled_with(rows=120)
    given = [fold_scores(fold, np.zeros(120)) for fold in FOLDS]
    with pytest.raises(ValueError, match="positive and normal windows. Received none"):
        check_leaks(given, labelled, dict.fromkeys((1, 2), np.ones((3, 1))), 30, 0.9)
