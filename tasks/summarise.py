"""Say what the folds of a rolling-origin evaluation come to together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby, product

import numpy as np

from schemas.backtest import (
    CurvePoint,
    Fold,
    FoldResult,
    FoldScores,
    LeakCheck,
    RateResult,
    Standing,
    Summary,
)
from schemas.configuration import EvaluationSection
from schemas.evaluation import CONTROLS, Interval, Metrics
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarm import select_events
from tasks.bootstrap import draw_weights, resample_roc_auc, take_interval
from tasks.ceiling import count_catchable_events
from tasks.evaluate import (
    BOOTSTRAP_SEED,
    Tally,
    find_runs,
    join_tallies,
    measure,
    number_blocks,
    resample_metrics,
    take_intervals,
    tally_alarms,
)

MODEL, PUBLISHED = "model", "published"
SHUFFLED, DELAYED = "shuffled", "delayed"

# false alarms a day at which the curves are read off
CURVE_RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0)

# how far back the scores before an event are followed, and how many events a mean needs
ROWS_BEFORE = 30
LEAST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class Trial:
    """One scorer in one fold with one seed.

    Attributes:
        scorer: `model`, another entrant or a control.
        fold: The fold.
        seed: Seed of the training.
        part: The test rows and windows.
        scores: Scores of the windows, shape (windows,).
        thresholds: The threshold that held at each window, shape (windows,).
        tally: What they come to.
    """

    scorer: str
    fold: Fold
    seed: int
    part: Part
    scores: np.ndarray
    thresholds: np.ndarray
    tally: Tally


@dataclass(frozen=True, eq=False)
class FoldFigures:
    """One scorer in one fold, means over seeds.

    Attributes:
        metrics: Means of the metrics.
        resampled: By metric, means of the resampled values, shape (samples,).
    """

    metrics: Metrics
    resampled: dict[str, np.ndarray]


def summarise_folds(
    folds: Sequence[FoldScores],
    labelled: LabelledReadings,
    section: EvaluationSection,
    promised: float | None,
    delayed_rows: int,
) -> Summary:
    """Say what the folds come to together.

    Figures are means over folds of means over seeds, or of all test rows as one and then means over seeds.
    Their intervals come from resampling runs of rows within each fold; all scorers and seeds of a fold share
    the draws, so that differences are paired.

    Args:
        folds: What each entrant gave in each fold with each seed. Those of the entrant `model` hold
            thresholds at `section.alarm_rates` and tampered scores.
        labelled: All rows and events.
        section: Rates, horizon, repeats, and the bootstrap.
        promised: False alarms a day that the rule of the thresholds promises, or none.
        delayed_rows: By how many rows the delayed inputs of the leak check came late.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, the model lacks what it alone has, or the
            folds test on no event.
    """
    _check_model(folds, section)
    trials = list_trials(folds, labelled, section)
    weights = draw_fold_weights(trials[MODEL], labelled, section.bootstrap_samples)
    by_fold = {scorer: average_folds(of_scorer, weights) for scorer, of_scorer in trials.items()}
    entrants = {
        scorer: find_standing(of_scorer, by_fold[scorer], labelled, section)
        for scorer, of_scorer in trials.items()
    }
    model = entrants[MODEL]
    pooled_intervals = {f"pooled_{name}": bounds for name, bounds in model.pooled_intervals.items()}
    difference, better_folds = compare_with_published(trials, labelled, weights, section.confidence)
    return Summary(
        step_minutes=labelled.step_minutes,
        folds=tuple(describe_folds(trials[MODEL], by_fold, labelled, promised, section.confidence)),
        mean=model.mean,
        pooled=model.pooled,
        intervals=model.mean_intervals | pooled_intervals,
        controls={scorer: standing.mean for scorer, standing in entrants.items() if scorer in CONTROLS},
        entrants=entrants,
        published_difference=difference,
        better_than_published_folds=better_folds,
        promised_false_alarms_per_day=promised,
        realised_false_alarms_per_day=model.mean.false_alarms_per_day,
        rates=tuple(try_rates(folds, trials[MODEL], labelled, section)),
        lead_minutes=list_lead_minutes(trials[MODEL]),
        score_by_rows_before=rank_before_events(trials[MODEL], labelled),
        leak_check=check_leaks(folds, labelled, weights, delayed_rows, section.confidence),
    )


def cut_part(given: FoldScores, labelled: LabelledReadings) -> Part:
    """Cut the test rows of a fold, with the windows that an entrant scored."""
    return Part(
        name="test",
        end_rows=given.end_rows,
        places=given.end_rows,
        labels=labelled.labels[given.end_rows],
        start=given.fold.test_start,
        stop=given.fold.test_stop,
        is_scattered=False,
    )


def list_trials(
    folds: Iterable[FoldScores], labelled: LabelledReadings, section: EvaluationSection
) -> dict[str, list[Trial]]:
    """List the trials of each scorer by fold and seed: the model first, then other entrants, then controls.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, or the folds test on no event.
    """
    trials: dict[str, list[Trial]] = {}
    for given in sorted(folds, key=lambda given: (given.fold.number, given.seed)):
        part = cut_part(given, labelled)
        for name, scores in given.scores.items():
            scorer = given.entrant if name == MODEL else name
            held = given.held[name]
            tally = tally_alarms(scores, part, labelled, held, section)
            trials.setdefault(scorer, []).append(
                Trial(scorer, given.fold, given.seed, part, scores, held, tally)
            )
    _check_trials(trials)
    return {scorer: trials[scorer] for scorer in sorted(trials, key=_rank_scorer)}


def draw_fold_weights(
    trials: Sequence[Trial], labelled: LabelledReadings, samples: int
) -> dict[int, np.ndarray]:
    """Draw how often each run of each fold's test rows occurs in each resample.

    Returns:
        By the fold's number, shape (samples, runs).
    """
    parts = {trial.fold.number: trial.part for trial in trials}
    return {
        number: draw_weights(len(find_runs(part, labelled)), samples, seed=number)
        for number, part in parts.items()
    }


def average_folds(trials: Sequence[Trial], weights: Mapping[int, np.ndarray]) -> dict[int, FoldFigures]:
    """Average the metrics of one scorer over seeds, fold by fold, and those of every resample."""
    return {
        number: FoldFigures(
            metrics=average_metrics([measure(trial.tally) for trial in of_fold]),
            resampled=_average_by_name([resample_metrics(trial.tally, weights[number]) for trial in of_fold]),
        )
        for number, of_fold in _group_by_fold(trials).items()
    }


def average_metrics(metrics: Sequence[Metrics]) -> Metrics:
    """Average each metric over those where it is defined; none where it is nowhere."""
    values = {name: [getattr(each, name) for each in metrics] for name in Metrics.model_fields}
    defined = {name: [value for value in column if value is not None] for name, column in values.items()}
    return Metrics.model_validate(
        {name: float(np.mean(column)) if column else None for name, column in defined.items()}
    )


def find_standing(
    trials: Sequence[Trial],
    by_fold: Mapping[int, FoldFigures],
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> Standing:
    """Find how one scorer stands over all folds.

    Args:
        trials: Its trials.
        by_fold: Their means over seeds.
        labelled: All rows and events.
        section: Horizon, repeats, and the bootstrap.
    """
    resampled = _average_by_name([figures.resampled for figures in by_fold.values()])
    pooled = [pool_folds(of_seed, labelled, section) for of_seed in _group_by_seed(trials).values()]
    draws = draw_weights(len(pooled[0].counts), section.bootstrap_samples, BOOTSTRAP_SEED)
    pooled_resampled = _average_by_name([resample_metrics(tally, draws) for tally in pooled])
    caught = find_ceilings(trials, labelled, CURVE_RATES, section).tolist()
    return Standing(
        mean=average_metrics([figures.metrics for figures in by_fold.values()]),
        pooled=average_metrics([measure(tally) for tally in pooled]),
        mean_intervals=take_intervals(resampled, section.confidence),
        pooled_intervals=take_intervals(pooled_resampled, section.confidence),
        curve=tuple(
            CurvePoint(false_alarms_per_day=rate, event_recall=near, event_recall_20min=far)
            for rate, (near, far) in zip(CURVE_RATES, caught, strict=True)
        ),
    )


def pool_folds(trials: Sequence[Trial], labelled: LabelledReadings, section: EvaluationSection) -> Tally:
    """Tally all test rows of one scorer and seed as one; folds that follow each other are one stretch."""
    stretches: list[list[Trial]] = []
    for trial in trials:
        if stretches and stretches[-1][-1].part.stop == trial.part.start:
            stretches[-1].append(trial)
        else:
            stretches.append([trial])
    return join_tallies([_tally_stretch(stretch, labelled, section) for stretch in stretches])


def find_ceilings(
    trials: Sequence[Trial], labelled: LabelledReadings, rates: Sequence[float], section: EvaluationSection
) -> np.ndarray:
    """Find the share of all events that the best fixed threshold of each fold catches at each rate.

    Returns:
        Within `rows_ahead` rows, and within the longer horizon, means over seeds, shape (rates, 2).
    """
    caught = [
        count_catchable_events(trial.scores, trial.part, labelled, rates, section) for trial in trials
    ]
    return np.sum(caught, axis=0) / sum(len(trial.tally.leads) for trial in trials)


def compare_with_published(
    trials: Mapping[str, Sequence[Trial]],
    labelled: LabelledReadings,
    weights: Mapping[int, np.ndarray],
    confidence: float,
) -> tuple[Interval | None, int | None]:
    """Compare the ROC areas of the model and the published model on the rows that both score.

    Returns:
        Interval of the model's mean area minus the other's, and the number of folds in which the model's is
        larger; none where there is no published model.
    """
    if PUBLISHED not in trials:
        return None, None
    entrants = [_group_by_fold(trials[scorer]) for scorer in (MODEL, PUBLISHED)]
    areas: tuple[dict[int, list[np.ndarray]], ...] = ({}, {})
    for number, draws in weights.items():
        both = [entrant[number] for entrant in entrants]
        common = reduce(np.intersect1d, [trial.part.end_rows for side in both for trial in side])
        for of_entrant, side in zip(areas, both, strict=True):
            of_entrant[number] = [
                _resample_areas(_select_rows(trial, common), labelled, draws) for trial in side
            ]
    difference = _average_folds(areas[0]) - _average_folds(areas[1])  # (folds, 1 + samples)
    interval = take_interval(_average(difference)[1:], confidence)
    return interval, int((difference[:, 0] > 0).sum())
