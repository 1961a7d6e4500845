"""Say what the folds of a rolling-origin evaluation come to together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.backtest import MODEL, CurvePoint, FoldResult, FoldScores, RateResult, Standing, Summary
from schemas.configuration import EvaluationSection
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

# false alarms a day at which the curves are read off
CURVE_RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0)

# how far back the scores before an event are followed, and how many events a mean needs
ROWS_BEFORE = 30
LEAST_EVENTS = 5


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
        folds: What each entrant gave in each fold with each seed, in any order. Those of the entrant `model`
            hold thresholds at `section.alarm_rates` and tampered scores.
        labelled: All rows and events.
        section: Rates, horizon, repeats, and the bootstrap.
        promised: False alarms a day that the rule of the thresholds promises, or none.
        delayed_rows: By how many rows the delayed inputs of the leak check came late.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, the model lacks what it alone has, or the
            folds test on no event.
    """
    _check_model(folds, section.alarm_rates)
    folds = sorted(folds, key=lambda given: (given.fold.number, given.seed))
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
    """Find how several entrants, and the controls of those that have them, stand on the same folds.

    Args:
        folds: What each entrant gave in each fold with each seed, in any order.
        labelled: All rows and events.
        section: Horizon, repeats, and the bootstrap.

    Returns:
        By entrant or control.
    """
    folds = sorted(folds, key=lambda given: (given.fold.number, given.seed))
    trials = list_trials(folds, labelled, section)
    weights = draw_fold_weights(next(iter(trials.values())), labelled, section.bootstrap_samples)
    return {
        scorer: find_standing(of_scorer, average_folds(of_scorer, weights), labelled, section)
        for scorer, of_scorer in trials.items()
    }


def average_folds(trials: Sequence[Trial], weights: Mapping[int, np.ndarray]) -> dict[int, FoldFigures]:
    """Average the metrics of one scorer over seeds, fold by fold, and those of every resample."""
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
    """Find how one scorer stands over all folds.

    Args:
        trials: Its trials.
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
    """Find the share of all events that the best fixed threshold of each fold catches at each rate.

    Returns:
        Within `rows_ahead` rows, and within the longer horizon, means over seeds, shape (rates, 2).
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
    """Describe each fold by the model's trials and the figures of all scorers.

    Args:
        trials: The model's.
        by_fold: By scorer, then by the fold's number.
        labelled: All rows, for their times.
        promised: False alarms a day that were promised, or none.
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
                train_end=_name_time(labelled, fold.validation_start - 1),
                test_start=_name_time(labelled, fold.test_start),
                test_end=_name_time(labelled, fold.test_stop - 1),
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
    """Say what comes of each promise of `section.alarm_rates`, by the thresholds that held under it.

    Args:
        folds: What each entrant gave.
        trials: The model's.
        labelled: All rows and events.
        section: Rates, horizon and repeats.
    """
    held = {(given.fold.number, given.seed): given.held_at_rates for given in folds if given.entrant == MODEL}
    ceilings = find_ceilings(trials, labelled, section.alarm_rates, section).tolist()
    results = []
    for rate, (ceiling, ceiling_20min) in zip(section.alarm_rates, ceilings, strict=True):
        at_rate = [
            move_thresholds(trial, held[trial.fold.number, trial.seed][rate], labelled, section)
            for trial in trials
        ]
        ratios = [_count_false_alarms(of_fold) / rate for of_fold in group_by_fold(at_rate).values()]
        whole = average_metrics(
            [
                measure(join_tallies([trial.tally for trial in of_seed]))
                for of_seed in group_by_seed(at_rate).values()
            ]
        )
        results.append(
            RateResult(
                promised=rate,
                realised=_known(whole.false_alarms_per_day),
                ratio_mean=float(np.mean(ratios)),
                ratio_worst=float(np.max(ratios)),
                event_recall=_known(whole.event_recall),
                event_recall_20min=_known(whole.event_recall_20min),
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
    """Find how the scores before an event rank among those of the fold's normal rows.

    Args:
        trials: Those of one scorer.
        labelled: All rows and events.

    Returns:
        For 1, 2, ... rows before an event, in its run, the mean share of normal rows that score lower, over
        events and seeds; up to where fewer than `LEAST_EVENTS` events have a scored row.
    """
    shares = np.concatenate([_rank_trial(trial, labelled) for trial in trials])  # (events * seeds, rows)
    known = np.isfinite(shares).sum(axis=0)
    is_enough = known >= LEAST_EVENTS * len(group_by_seed(trials))
    length = int(np.argmin(np.append(is_enough, False)))
    return tuple(np.nanmean(shares[:, :length], axis=0).tolist())


def _check_model(folds: Iterable[FoldScores], rates: Iterable[float]) -> None:
    """Refuse folds in which the model lacks what it alone has."""
    of_model = [given for given in folds if given.entrant == MODEL]
    wanted = {SHUFFLED, DELAYED, *rates}
    for given in of_model:
        missing = wanted - {*given.tampered, *given.held_at_rates}
        if missing:
            raise ValueError(
                "Every fold of the model must have tampered scores and thresholds held at each of "
                f"`evaluation.alarm_rates`. Received fold {given.fold.number}, seed {given.seed}, without "
                f"{sorted(map(str, missing))}. Go through the folds again with `has_controls`."
            )
    if not of_model:
        raise ValueError(f"A summary must have folds of the entrant `{MODEL}`. Received none. Add them.")


def _count_false_alarms(trials: Sequence[Trial]) -> float:
    """Count false alarms a day, mean over seeds of one fold."""
    return float(np.mean([_known(measure(trial.tally).false_alarms_per_day) for trial in trials]))


def _rank_trial(trial: Trial, labelled: LabelledReadings) -> np.ndarray:
    """Find the share of normal rows that score lower than the rows before each event; NaN where none is.

    Returns:
        float64, shape (events, ROWS_BEFORE).
    """
    normal = np.sort(trial.scores[~trial.part.labels])
    share_of_row = np.full(len(labelled.labels), np.nan)
    share_of_row[trial.part.end_rows] = np.searchsorted(normal, trial.scores) / max(len(normal), 1)
    events = select_events(labelled, trial.part)
    rows = labelled.event_starts[events][:, None] - np.arange(1, ROWS_BEFORE + 1)  # (events, rows)
    is_there = (rows >= 0) & (labelled.runs[np.maximum(rows, 0)] == labelled.event_runs[events][:, None])
    return np.where(is_there, share_of_row[np.maximum(rows, 0)], np.nan)


def _average_by_name(values: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: average_arrays([each[name] for each in values]) for name in values[0]}


def _name_time(labelled: LabelledReadings, row: int) -> str:
    """Write the time of a row."""
    return str(labelled.times[max(row, 0)].astype("datetime64[s]"))


def _known(value: float | None) -> float:
    """Return a figure; where there are rows and events, as here, it is defined."""
    return np.nan if value is None else value
