"""Compare ROC areas by paired resamples in each fold: with the published model, and with tampered inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from schemas.backtest import MODEL, PUBLISHED, FoldScores, LeakCheck
from schemas.evaluation import Interval
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.evaluation.backtest.trial import Trial, average_arrays, cut_part, group_by_fold
from tasks.evaluation.bootstrap import resample_roc_auc, take_interval
from tasks.evaluation.evaluate import number_blocks

SHUFFLED, DELAYED = "shuffled", "delayed"


class ScoredPart(NamedTuple):
    """Scores of the test of the fold `number`, shape (windows,)."""

    number: int
    part: Part
    scores: np.ndarray


def compare_with_published(
    trials: Mapping[str, Sequence[Trial]],
    labelled: LabelledReadings,
    weights: Mapping[int, np.ndarray],
    confidence: float,
) -> tuple[Interval | None, int | None]:
    """Compare the ROC areas of the model and the published model on the rows that both score.

    Returns:
        Interval of the model's mean area minus the published model's, and the number of folds in which the
        model's area is larger; none if there is no published model.
    """
    if PUBLISHED not in trials:
        return None, None
    both = group_by_fold([*trials[MODEL], *trials[PUBLISHED]])
    common = {
        number: reduce(np.intersect1d, [trial.part.end_rows for trial in of_fold])
        for number, of_fold in both.items()
    }

    def keep_common(trial: Trial) -> ScoredPart:
        is_common = np.isin(trial.part.end_rows, common[trial.fold.number])
        return ScoredPart(trial.fold.number, trial.part.select(is_common), trial.scores[is_common])

    areas, others = (
        resample_areas([keep_common(trial) for trial in trials[scorer]], labelled, weights)
        for scorer in (MODEL, PUBLISHED)
    )
    interval = take_interval(average_arrays(areas - others)[1:], confidence)
    return interval, int((areas[:, 0] > others[:, 0]).sum())


def check_leaks(
    folds: Iterable[FoldScores],
    labelled: LabelledReadings,
    weights: Mapping[int, np.ndarray],
    delayed_rows: int,
    confidence: float,
) -> LeakCheck:
    """Check that the model's ROC area falls when its inputs are tampered with.

    The check passes if shuffled inputs are not clearly better than chance, and delayed inputs lower the area.

    Args:
        folds: Scores of the entrants.
        labelled: All rows and events.
        weights: By fold, how often each run is drawn.
        delayed_rows: Delay of the delayed inputs, in rows.
        confidence: Coverage of the intervals.

    Raises:
        ValueError: If no fold has both positive and normal windows.
    """
    scored: dict[str, list[ScoredPart]] = {MODEL: [], SHUFFLED: [], DELAYED: []}
    for fold_scores in folds:
        if fold_scores.entrant == MODEL:
            part, of_names = cut_part(fold_scores, labelled), fold_scores.scores | fold_scores.tampered
            for name, parts in scored.items():
                parts.append(ScoredPart(fold_scores.fold.number, part, of_names[name]))
    areas = {name: average_arrays(resample_areas(parts, labelled, weights)) for name, parts in scored.items()}
    loss = areas[MODEL] - areas[DELAYED]
    shuffled_interval = take_interval(areas[SHUFFLED][1:], confidence)
    loss_by_delay = take_interval(loss[1:], confidence)
    if shuffled_interval is None or loss_by_delay is None:
        raise ValueError(
            "The leak check needs a fold whose test has both positive and normal windows. Received none. "
            "Use a longer table, or change `evaluation.fold_starts`."
        )
    return LeakCheck(
        roc_auc=areas[MODEL][0],
        shuffled_roc_auc=areas[SHUFFLED][0],
        shuffled_interval=shuffled_interval,
        delayed_roc_auc=areas[DELAYED][0],
        delayed_rows=delayed_rows,
        loss_by_delay=loss_by_delay,
        has_passed=bool(shuffled_interval.low <= 0.5 and loss_by_delay.high >= 0 and loss[0] > 0),
    )


def resample_areas(
    scored: Iterable[ScoredPart], labelled: LabelledReadings, weights: Mapping[int, np.ndarray]
) -> np.ndarray:
    """Compute the ROC areas of each fold and of its resamples, as means over seeds.

    Returns:
        float64, shape (folds, 1 + samples), the fold without resampling first; NaN where undefined.
    """
    areas: dict[int, list[np.ndarray]] = {}
    for number, part, scores in scored:
        draws = np.vstack([np.ones(weights[number].shape[1]), weights[number]])
        of_seed = resample_roc_auc(scores, part.labels, number_blocks(part, labelled), draws)
        areas.setdefault(number, []).append(of_seed)
    return np.stack([average_arrays(of_fold) for of_fold in areas.values()])
