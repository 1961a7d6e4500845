"""Summarise the folds of a rolling-origin evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.backtest import MODEL, CurvePoint, FoldResult, FoldScores, RateResult, Standing, Summary
from schemas.configuration import BUDGET_RULES, EvaluationSection
from schemas.evaluation import CONTROLS, Metrics
from schemas.readings import LabelledReadings
from tasks.alarms.episodes import select_events
from tasks.evaluation.backtest.ceiling import count_catchable_events
from tasks.evaluation.backtest.pair import DELAYED, SHUFFLED, check_leaks, compare_with_published
from tasks.evaluation.backtest.trial import (
    Trial,
    average_arrays,
    average_metrics,
    draw_fold_weights,
    group_by_fold,
    group_by_seed,
    list_trials,
    move_thresholds,
    pool_folds,
)
from tasks.evaluation.bootstrap import draw_weights
from tasks.evaluation.evaluate import (
    BOOTSTRAP_SEED,
    join_tallies,
    measure,
    resample_metrics,
    take_intervals,
)

# false alarms a day at which the curves are evaluated
CURVE_RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0)

# number of rows before an event whose scores are ranked, and minimum number of events for a mean
ROWS_BEFORE = 30
LEAST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class FoldFigures:
    """Metrics of one scorer in one fold, as means over seeds.

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
    """Summarise the scores of all entrants and controls over all folds.

    `mean` figures are means over seeds, then over folds; `pooled` figures are computed on all test rows
    together, then averaged over seeds. Intervals come from resampling runs of rows within each fold; all
    scorers and seeds of a fold share the same draws, so that differences are paired.

    Args:
        folds: Scores of each entrant in each fold with each seed, in any order. Those of the entrant `model`
            contain thresholds at `section.alarm_rates` and tampered scores.
        labelled: All rows and events.
        section: Rates, horizon, repeats, and the bootstrap.
        promised: False alarms a day that the threshold rule promises, or none.
        delayed_rows: Delay of the delayed inputs of the leak check, in rows.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, the model lacks tampered scores or
            thresholds at a rate, or there is no event in any fold's test.
    """
    _check_model(folds, section.alarm_rates)
    folds = sorted(folds, key=lambda fold_scores: (fold_scores.fold.number, fold_scores.seed))
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
        rows_ahead=labelled.rows_ahead,
        horizon_minutes=section.horizon_minutes,
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


def judge_entrants(
    folds: Sequence[FoldScores], labelled: LabelledReadings, section: EvaluationSection
) -> dict[str, Standing]:
    """Compute the standing of several entrants, and of their controls if any, on the same folds.

    Args:
        folds: Scores of each entrant in each fold with each seed, in any order.
        labelled: All rows and events.
        section: Horizon, repeats, and the bootstrap.

    Returns:
        Standings by entrant or control.
    """
    folds = sorted(folds, key=lambda fold_scores: (fold_scores.fold.number, fold_scores.seed))
    trials = list_trials(folds, labelled, section)
    weights = draw_fold_weights(next(iter(trials.values())), labelled, section.bootstrap_samples)
    return {
        scorer: find_standing(of_scorer, average_folds(of_scorer, weights), labelled, section)
        for scorer, of_scorer in trials.items()
    }


def average_folds(trials: Sequence[Trial], weights: Mapping[int, np.ndarray]) -> dict[int, FoldFigures]:
    """Average the metrics of one scorer, and of every resample, over seeds, fold by fold."""
    return {
        number: FoldFigures(
            metrics=average_metrics([measure(trial.tally) for trial in of_fold]),
            resampled=_average_by_name([resample_metrics(trial.tally, weights[number]) for trial in of_fold]),
        )
        for number, of_fold in group_by_fold(trials).items()
    }


def find_standing(
    trials: Sequence[Trial],
    by_fold: Mapping[int, FoldFigures],
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> Standing:
    """Compute the standing of one scorer over all folds.

    Args:
        trials: Trials of the scorer.
        by_fold: Their means over seeds.
        labelled: All rows and events.
        section: Horizon, repeats, and the bootstrap.
    """
    resampled = _average_by_name([figures.resampled for figures in by_fold.values()])
    pooled = [pool_folds(of_seed, labelled, section) for of_seed in group_by_seed(trials).values()]
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


def find_ceilings(
    trials: Sequence[Trial], labelled: LabelledReadings, rates: Sequence[float], section: EvaluationSection
) -> np.ndarray:
    """Compute the share of all events that the best fixed thresholds catch at each rate, one per fold.

    Returns:
        Shares within `rows_ahead` rows and within the longer horizon, means over seeds, shape (rates, 2).
    """
    caught = [count_catchable_events(trial.scores, trial.part, labelled, rates, section) for trial in trials]
    return np.sum(caught, axis=0) / sum(len(trial.tally.leads) for trial in trials)


def describe_folds(
    trials: Sequence[Trial],
    by_fold: Mapping[str, Mapping[int, FoldFigures]],
    labelled: LabelledReadings,
    promised: float | None,
    confidence: float,
) -> list[FoldResult]:
    """Describe each fold by the model's trials and the metrics of all scorers.

    Args:
        trials: Trials of the model.
        by_fold: Figures by scorer, then by the fold's number.
        labelled: All rows, for their times.
        promised: Promised false alarms a day, or none.
        confidence: Coverage of the intervals.
    """
    described = []
    for number, of_fold in group_by_fold(trials).items():
        first, fold = of_fold[0], of_fold[0].fold
        metrics = {scorer: figures[number].metrics for scorer, figures in by_fold.items()}
        intervals = {
            scorer: take_intervals(figures[number].resampled, confidence)
            for scorer, figures in by_fold.items()
        }
        described.append(
            FoldResult(
                number=number,
                train_end=_format_time(labelled, fold.validation_start - 1),
                test_start=_format_time(labelled, fold.test_start),
                test_end=_format_time(labelled, fold.test_stop - 1),
                rows=len(first.scores),
                events=len(first.tally.leads),
                threshold=float(np.median(np.concatenate([trial.thresholds for trial in of_fold]))),
                metrics=metrics.pop(MODEL),
                intervals=intervals.pop(MODEL),
                others=metrics,
                other_intervals=intervals,
                false_alarm_ratio=_count_false_alarms(of_fold) / promised if promised else None,
            )
        )
    return described


def try_rates(
    folds: Iterable[FoldScores],
    trials: Sequence[Trial],
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> list[RateResult]:
    """Compare each rate of `section.alarm_rates` with the realised one, at the thresholds of each rule.

    Args:
        folds: Scores of the entrants.
        trials: Trials of the model.
        labelled: All rows and events.
        section: Rates, horizon and repeats.
    """
    held = {
        (fold_scores.fold.number, fold_scores.seed): fold_scores.held_at_rates
        for fold_scores in folds
        if fold_scores.entrant == MODEL
    }
    ceilings = find_ceilings(trials, labelled, section.alarm_rates, section).tolist()
    results = []
    by_rate = list(zip(section.alarm_rates, ceilings, strict=True))
    for rule, (rate, (ceiling, ceiling_20min)) in itertools.product(BUDGET_RULES, by_rate):
        at_rate = [
            move_thresholds(trial, held[trial.fold.number, trial.seed][rule, rate], labelled, section)
            for trial in trials
        ]
        ratios = [_count_false_alarms(of_fold) / rate for of_fold in group_by_fold(at_rate).values()]
        pooled = average_metrics(
            [
                measure(join_tallies([trial.tally for trial in of_seed]))
                for of_seed in group_by_seed(at_rate).values()
            ]
        )
        results.append(
            RateResult(
                rule=rule,
                promised=rate,
                realised=_to_number(pooled.false_alarms_per_day),
                ratio_mean=float(np.mean(ratios)),
                ratio_worst=float(np.max(ratios)),
                ratios=tuple(ratios),
                event_recall=_to_number(pooled.event_recall),
                event_recall_20min=_to_number(pooled.event_recall_20min),
                ceiling_recall=ceiling,
                ceiling_recall_20min=ceiling_20min,
            )
        )
    return results


def list_lead_minutes(trials: Iterable[Trial]) -> tuple[float, ...]:
    """List the minutes from the first alarm to the event, for every caught event of every trial."""
    leads = np.concatenate([trial.tally.leads for trial in trials])
    return tuple(leads[np.isfinite(leads)].tolist())


def rank_before_events(trials: Sequence[Trial], labelled: LabelledReadings) -> tuple[float, ...]:
    """Rank the scores before events among those of the fold's normal rows.

    Args:
        trials: Trials of one scorer.
        labelled: All rows and events.

    Returns:
        For 1, 2, ... rows before an event, in its run, the share of normal rows that score lower, as a mean
        over events and seeds; the list ends where fewer than `LEAST_EVENTS` events have a scored row.
    """
    shares = np.concatenate([_rank_trial(trial, labelled) for trial in trials])  # (events * seeds, rows)
    known = np.isfinite(shares).sum(axis=0)
    is_enough = known >= LEAST_EVENTS * len(group_by_seed(trials))
    length = int(np.argmin(np.append(is_enough, False)))
    return tuple(np.nanmean(shares[:, :length], axis=0).tolist())


def _check_model(folds: Iterable[FoldScores], rates: Iterable[float]) -> None:
    """Refuse folds in which the model lacks tampered scores or thresholds at a rate."""
    of_model = [fold_scores for fold_scores in folds if fold_scores.entrant == MODEL]
    wanted = {SHUFFLED, DELAYED, *itertools.product(BUDGET_RULES, rates)}
    for fold_scores in of_model:
        missing = wanted - {*fold_scores.tampered, *fold_scores.held_at_rates}
        if missing:
            raise ValueError(
                "Every fold of the model must have tampered scores, and thresholds at each of "
                f"`evaluation.alarm_rates`. Received fold {fold_scores.fold.number}, seed "
                f"{fold_scores.seed}, without {sorted(map(str, missing))}. "
                "Run the folds again with `has_controls`."
            )
    if not of_model:
        raise ValueError(f"A summary needs folds of the entrant `{MODEL}`. Received none. Add them.")


def _count_false_alarms(trials: Sequence[Trial]) -> float:
    """Count the false alarms a day in one fold, as a mean over seeds."""
    return float(np.mean([_to_number(measure(trial.tally).false_alarms_per_day) for trial in trials]))


def _rank_trial(trial: Trial, labelled: LabelledReadings) -> np.ndarray:
    """Compute the share of normal rows that score lower than each row before an event.

    Returns:
        float64, shape (events, ROWS_BEFORE); NaN where no row is scored.
    """
    normal = np.sort(trial.scores[~trial.part.labels])
    share_of_row = np.full(len(labelled.labels), np.nan)
    share_of_row[trial.part.end_rows] = np.searchsorted(normal, trial.scores) / max(len(normal), 1)
    events = select_events(labelled, trial.part)
    rows = labelled.event_starts[events][:, None] - np.arange(1, ROWS_BEFORE + 1)  # (events, rows)
    is_in_run = (rows >= 0) & (labelled.runs[np.maximum(rows, 0)] == labelled.event_runs[events][:, None])
    return np.where(is_in_run, share_of_row[np.maximum(rows, 0)], np.nan)


def _average_by_name(values: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: average_arrays([each[name] for each in values]) for name in values[0]}


def _format_time(labelled: LabelledReadings, row: int) -> str:
    """Format the time of a row as text."""
    return str(labelled.times[max(row, 0)].astype("datetime64[s]"))


def _to_number(value: float | None) -> float:
    """Convert a metric to a number, NaN if undefined; test parts with rows and events define it."""
    return np.nan if value is None else value
