"""The trials of a rolling-origin evaluation: who scored which fold with which seed, and their averages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from schemas.backtest import MODEL, Fold, FoldScores
from schemas.configuration import EvaluationSection
from schemas.evaluation import CONTROLS, Metrics
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.evaluation.bootstrap import draw_weights
from tasks.evaluation.evaluate import Tally, find_runs, join_tallies, tally_alarms


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


def list_trials(
    folds: Iterable[FoldScores], labelled: LabelledReadings, section: EvaluationSection
) -> dict[str, list[Trial]]:
    """List the trials of each scorer: the model first, then other entrants, then controls.

    Args:
        folds: What each entrant gave, in the order of folds and seeds.
        labelled: All rows and events.
        section: Horizon and repeats.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, or the folds test on no event.
    """
    trials: dict[str, list[Trial]] = {}
    for given in folds:
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


def measure_fold_area(given: FoldScores, labelled: LabelledReadings) -> float:
    """Measure the ROC area of an entrant's scores on a fold's test."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labelled.labels[given.end_rows], given.scores[MODEL]))


def group_by_fold(trials: Iterable[Trial]) -> dict[int, list[Trial]]:
    """Group trials by the fold's number, in the order that they come."""
    groups: dict[int, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.fold.number, []).append(trial)
    return groups


def group_by_seed(trials: Iterable[Trial]) -> dict[int, list[Trial]]:
    """Group trials by seed, in the order that they come."""
    groups: dict[int, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.seed, []).append(trial)
    return groups


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


def move_thresholds(
    trial: Trial, thresholds: np.ndarray, labelled: LabelledReadings, section: EvaluationSection
) -> Trial:
    """Tally a trial again with other thresholds, shape (windows,)."""
    tally = tally_alarms(trial.scores, trial.part, labelled, thresholds, section)
    return replace(trial, thresholds=thresholds, tally=tally)


def pool_folds(trials: Sequence[Trial], labelled: LabelledReadings, section: EvaluationSection) -> Tally:
    """Tally all test rows of one scorer and seed as one; folds that follow each other are one stretch."""
    stretches: list[list[Trial]] = []
    for trial in trials:
        if stretches and stretches[-1][-1].part.stop == trial.part.start:
            stretches[-1].append(trial)
        else:
            stretches.append([trial])
    return join_tallies([_tally_stretch(stretch, labelled, section) for stretch in stretches])


def average_metrics(metrics: Sequence[Metrics]) -> Metrics:
    """Average each metric over those where it is defined; none where it is nowhere."""
    values = {name: [getattr(each, name) for each in metrics] for name in Metrics.model_fields}
    defined = {name: [value for value in column if value is not None] for name, column in values.items()}
    return Metrics.model_validate(
        {name: float(np.mean(column)) if column else None for name, column in defined.items()}
    )


def average_arrays(values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Average over the first axis, undefined values left out; NaN where all are."""
    stacked = np.asarray(values)
    is_known = np.isfinite(stacked)
    known = is_known.sum(axis=0)
    total = np.where(is_known, stacked, 0).sum(axis=0)
    return np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)


def _check_trials(trials: Mapping[str, Sequence[Trial]]) -> None:
    """Refuse scorers that lack a fold with one of their seeds, and folds without any event."""
    everything = [trial for of_scorer in trials.values() for trial in of_scorer]
    numbers = {trial.fold.number for trial in everything}
    for scorer, of_scorer in trials.items():
        there = {(trial.fold.number, trial.seed) for trial in of_scorer}
        missing = sorted({*product(numbers, {seed for _, seed in there})} - there)
        if missing:
            raise ValueError(
                f"Every scorer must have every fold with each of its seeds. Received `{scorer}` without "
                f"(fold, seed) {missing}. Go through these folds too."
            )
    if not any(len(trial.tally.leads) for trial in everything):
        raise ValueError(
            f"The test rows must hold at least one event. Received {len(numbers)} folds without any. "
            "Give a longer table, or change `evaluation.fold_starts`."
        )


def _rank_scorer(scorer: str) -> tuple[int, int]:
    """Put the model first, then other entrants, then controls, the strongest first."""
    if scorer in CONTROLS:
        return 2, -CONTROLS.index(scorer)
    return int(scorer != MODEL), 0


def _tally_stretch(stretch: Sequence[Trial], labelled: LabelledReadings, section: EvaluationSection) -> Tally:
    """Tally trials whose test rows follow each other as one part."""
    parts = [trial.part for trial in stretch]
    part = replace(
        parts[0],
        end_rows=np.concatenate([part.end_rows for part in parts]),
        places=np.concatenate([part.places for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        stop=parts[-1].stop,
    )
    scores = np.concatenate([trial.scores for trial in stretch])
    thresholds = np.concatenate([trial.thresholds for trial in stretch])
    return tally_alarms(scores, part, labelled, thresholds, section)
