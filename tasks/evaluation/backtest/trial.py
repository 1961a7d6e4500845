"""The trials of a rolling-origin evaluation, one per scorer, fold and seed, and their averages."""

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
from tasks.evaluation.evaluate import Tally, find_blocks, join_tallies, tally_alarms


@dataclass(frozen=True, eq=False)
class Trial:
    """One scorer in one fold with one seed.

    Attributes:
        scorer: `model`, another entrant or a control.
        fold: The fold.
        seed: Seed of the training.
        part: The test rows and windows.
        scores: Scores of the windows, shape (windows,).
        thresholds: Threshold of each window, shape (windows,).
        tally: Counts of the rows, events and alarms.
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
        folds: Scores of the entrants, in the order of folds and seeds.
        labelled: All rows and events.
        section: Horizon and repeats.

    Raises:
        ValueError: If a scorer lacks a fold with one of its seeds, or there is no event in any fold's test.
    """
    trials: dict[str, list[Trial]] = {}
    for fold_scores in folds:
        part = cut_part(fold_scores, labelled)
        for name, scores in fold_scores.scores.items():
            scorer = fold_scores.entrant if name == MODEL else name
            held = fold_scores.held[name]
            tally = tally_alarms(scores, part, labelled, held, section)
            trials.setdefault(scorer, []).append(
                Trial(scorer, fold_scores.fold, fold_scores.seed, part, scores, held, tally)
            )
    _check_trials(trials)
    return {scorer: trials[scorer] for scorer in sorted(trials, key=_rank_scorer)}


def cut_part(fold_scores: FoldScores, labelled: LabelledReadings) -> Part:
    """Make the test part of a fold, with the windows that an entrant scored."""
    return Part(
        name="test",
        end_rows=fold_scores.end_rows,
        places=fold_scores.end_rows,
        labels=labelled.labels[fold_scores.end_rows],
        start=fold_scores.fold.test_start,
        stop=fold_scores.fold.test_stop,
        is_scattered=False,
    )


def measure_fold_area(fold_scores: FoldScores, labelled: LabelledReadings) -> float:
    """Measure the ROC area of an entrant's scores on a fold's test."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labelled.labels[fold_scores.end_rows], fold_scores.scores[MODEL]))


def group_by_fold(trials: Iterable[Trial]) -> dict[int, list[Trial]]:
    """Group trials by the fold's number, keeping their order."""
    groups: dict[int, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.fold.number, []).append(trial)
    return groups


def group_by_seed(trials: Iterable[Trial]) -> dict[int, list[Trial]]:
    """Group trials by seed, keeping their order."""
    groups: dict[int, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.seed, []).append(trial)
    return groups


def draw_fold_weights(
    trials: Sequence[Trial], labelled: LabelledReadings, samples: int
) -> dict[int, np.ndarray]:
    """Draw how often each block of each fold's test rows occurs in each resample.

    Returns:
        Weights by the fold's number, shape (samples, blocks).
    """
    parts = {trial.fold.number: trial.part for trial in trials}
    return {
        number: draw_weights(find_blocks(part, labelled).number, samples, seed=number)
        for number, part in parts.items()
    }


def move_thresholds(
    trial: Trial, thresholds: np.ndarray, labelled: LabelledReadings, section: EvaluationSection
) -> Trial:
    """Return a trial with other thresholds, shape (windows,), and its new tally."""
    tally = tally_alarms(trial.scores, trial.part, labelled, thresholds, section)
    return replace(trial, thresholds=thresholds, tally=tally)


def pool_folds(trials: Sequence[Trial], labelled: LabelledReadings, section: EvaluationSection) -> Tally:
    """Tally all test rows of one scorer and seed together; adjacent folds are joined into one stretch."""
    stretches: list[list[Trial]] = []
    for trial in trials:
        if stretches and stretches[-1][-1].part.stop == trial.part.start:
            stretches[-1].append(trial)
        else:
            stretches.append([trial])
    return join_tallies([_tally_stretch(stretch, labelled, section) for stretch in stretches])


def average_metrics(metrics: Sequence[Metrics]) -> Metrics:
    """Average each metric over the values that are defined; none if there are none."""
    values = {name: [getattr(each, name) for each in metrics] for name in Metrics.model_fields}
    defined = {name: [value for value in column if value is not None] for name, column in values.items()}
    return Metrics.model_validate(
        {name: float(np.mean(column)) if column else None for name, column in defined.items()}
    )


def average_arrays(values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Average over the first axis, ignoring undefined values; NaN where all are undefined."""
    stacked = np.asarray(values)
    is_known = np.isfinite(stacked)
    known = is_known.sum(axis=0)
    total = np.where(is_known, stacked, 0).sum(axis=0)
    return np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)


def _check_trials(trials: Mapping[str, Sequence[Trial]]) -> None:
    """Refuse scorers that lack a fold with one of their seeds, and folds without any event."""
    all_trials = [trial for of_scorer in trials.values() for trial in of_scorer]
    numbers = {trial.fold.number for trial in all_trials}
    for scorer, of_scorer in trials.items():
        present = {(trial.fold.number, trial.seed) for trial in of_scorer}
        missing = sorted({*product(numbers, {seed for _, seed in present})} - present)
        if missing:
            raise ValueError(
                f"Every scorer must have every fold with each of its seeds. Received `{scorer}` without "
                f"(fold, seed) {missing}. Run these folds too."
            )
    if not any(len(trial.tally.leads) for trial in all_trials):
        raise ValueError(
            f"The test rows must contain at least one event. Received {len(numbers)} folds without any. "
            "Use a longer table, or change `evaluation.fold_starts`."
        )


def _rank_scorer(scorer: str) -> tuple[int, int]:
    """Return a sort key: the model first, then other entrants, then controls, the strongest first."""
    if scorer in CONTROLS:
        return 2, -CONTROLS.index(scorer)
    return int(scorer != MODEL), 0


def _tally_stretch(stretch: Sequence[Trial], labelled: LabelledReadings, section: EvaluationSection) -> Tally:
    """Tally trials with adjacent test rows as one part."""
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
