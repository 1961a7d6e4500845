"""How the trials of a rolling-origin evaluation are listed, pooled and averaged."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.configuration import EvaluationSection
from schemas.evaluation import Metrics
from tasks.evaluation.backtest.trial import average_arrays, average_metrics, list_trials, pool_folds
from tasks.evaluation.evaluate import measure
from tests.folds import flags, fold_of, fold_scores, four_runs

SECTION = EvaluationSection(bootstrap_samples=100)


def metrics(**changes: float | None) -> Metrics:
    return Metrics.model_validate({**dict.fromkeys(Metrics.model_fields), "prevalence": 0.1, **changes})


def test_scorers_come_in_order_model_first_and_controls_last() -> None:
    labelled = four_runs()
    scores = flags(labelled, [3])
    controls = dict.fromkeys(("random", "zscore", "pca"), scores)
    folds = [
        fold_scores(fold_of(1, 0, 20), scores, entrant="published"),
        fold_scores(fold_of(1, 0, 20), scores, controls=controls),
    ]
    assert list(list_trials(folds, labelled, SECTION)) == ["model", "published", "pca", "zscore", "random"]


def test_entrants_are_listed_without_a_model_too() -> None:
    labelled = four_runs()
    folds = [
        fold_scores(fold_of(1, 0, 20), flags(labelled, [3]), entrant=name) for name in ("pca_t2", "join")
    ]
    assert list(list_trials(folds, labelled, SECTION)) == ["pca_t2", "join"]


def test_labels_and_events_of_a_trial_are_those_of_its_test_rows() -> None:
    labelled = four_runs()
    folds = [fold_scores(fold_of(1, 5, 15), flags(labelled, [8]))]
    (trial,) = list_trials(folds, labelled, SECTION)["model"]
    assert trial.part.labels.tolist() == [False, False, False, True, True] * 2
    assert trial.tally.leads.tolist() == pytest.approx([4, np.nan], nan_ok=True)


def test_scorer_without_a_fold_is_refused() -> None:
    labelled = four_runs()
    scores, folds = flags(labelled, [3]), [fold_of(1, 0, 10), fold_of(2, 10, 20)]
    given = [fold_scores(fold, scores) for fold in folds]
    given.append(fold_scores(folds[0], scores, entrant="published"))
    with pytest.raises(ValueError, match=r"Received `published` without \(fold, seed\) \[\(2, 0\)\]"):
        list_trials(given, labelled, SECTION)


def test_folds_without_an_event_are_refused() -> None:
    labelled = four_runs()
    with pytest.raises(ValueError, match="at least one event. Received 1 folds without any"):
        list_trials([fold_scores(fold_of(1, 0, 3), flags(labelled, [1]))], labelled, SECTION)


def pooled(stretches: list[tuple[int, int]], flagged: list[int]) -> Metrics:
    labelled = four_runs()
    folds = [
        fold_scores(fold_of(number, start, stop), flags(labelled, flagged))
        for number, (start, stop) in enumerate(stretches, start=1)
    ]
    return measure(pool_folds(list_trials(folds, labelled, SECTION)["model"], labelled, SECTION))


def test_pooled_rows_are_counted_as_one() -> None:
    figures = pooled([(0, 10), (10, 20)], flagged=[3, 8, 13, 11])
    assert (figures.event_recall, figures.precision, figures.recall) == (0.75, 0.75, 3 / 8)


def test_an_alarm_before_a_fold_ends_warns_of_an_event_after_it() -> None:
    # fold 2 begins with row 9, the last one before the second event
    assert pooled([(5, 9), (9, 10)], flagged=[8]).event_recall == 1


def test_rows_between_folds_are_no_time_without_false_alarms() -> None:
    # one false alarm in ten rows of two minutes
    figures = pooled([(0, 5), (15, 20)], flagged=[1])
    assert figures.false_alarms_per_day == pytest.approx(720 / 10)


def test_events_between_folds_are_not_missed() -> None:
    assert pooled([(0, 5), (15, 20)], flagged=[3, 18]).event_recall == 1


def test_undefined_metrics_are_left_out_of_the_mean() -> None:
    averaged = average_metrics([metrics(roc_auc=0.5), metrics(roc_auc=None), metrics(roc_auc=0.75)])
    assert averaged.roc_auc == 0.625


def test_a_metric_that_is_defined_nowhere_stays_undefined() -> None:
    assert average_metrics([metrics(), metrics()]).roc_auc is None


def test_undefined_resamples_are_left_out_of_the_mean() -> None:
    averaged = average_arrays([np.array([1, np.nan, np.nan]), np.array([3, 4, np.nan])])
    assert averaged.tolist() == pytest.approx([2, 4, np.nan], nan_ok=True)
