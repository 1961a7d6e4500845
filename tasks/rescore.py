"""Score test rows from the registry: the new version to be sure of it, the champion to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from schemas.configuration import EvaluationSection
from schemas.decision import ChampionEvidence
from schemas.errors import InputError
from schemas.evaluation import ChampionScores
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.evaluate import compare_scores, evaluate_scores
from tasks.register import find_champion, score_with_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

# the same numbers on the same machine; other processors round the last bits another way
_RELATIVE_TOLERANCE = 1e-4


def verify_logged_scores(
    model_id: str,
    table: pd.DataFrame,
    labelled: LabelledReadings,
    part: Part,
    scores: np.ndarray,
    thresholds: np.ndarray,
) -> None:
    """Load the logged model and make sure that it scores raw rows, and raises alarms, as training did.

    Args:
        model_id: The logged model.
        table: All raw readings.
        labelled: The rows made of them.
        part: The part to check.
        scores: Its scores in training, shape (windows,).
        thresholds: The thresholds that held in training, shape (windows,).

    Raises:
        RuntimeError: If a score or a threshold differs: a defect of the bundle, nothing may be registered.
    """
    scored = score_with_version(f"models:/{model_id}", table)
    rows = labelled.source_rows[part.end_rows]
    for column, expected in (("score", scores), ("threshold", thresholds)):
        again = scored[column].to_numpy()[rows]
        is_equal = np.isclose(again, expected, rtol=_RELATIVE_TOLERANCE, atol=1e-9)
        if not is_equal.all():
            raise RuntimeError(
                f"The logged model must score as training did. The {column} of {int((~is_equal).sum())} of "
                f"{len(scores)} test windows differs. This is a defect: please report it with the run's id."
            )


def score_champion(client: MlflowClient, model_name: str, table: pd.DataFrame) -> ChampionScores | None:
    """Score raw readings with the champion.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        table: All raw readings.

    Returns:
        Its scores, or why it has none; none where there is no champion.
    """
    champion = find_champion(client, model_name)
    if champion is None:
        return None
    try:
        scored = score_with_version(f"models:/{model_name}/{champion.version}", table)
    except (InputError, MlflowException) as error:
        reason = f"it cannot score these readings: {str(error).splitlines()[0]}"
        return ChampionScores(
            str(champion.version), np.zeros(0), np.zeros(0), _find_last_seen(champion.tags), reason
        )
    return ChampionScores(
        version=str(champion.version),
        scores=scored["score"].to_numpy(),
        thresholds=scored["threshold"].to_numpy(),
        last_seen=_find_last_seen(champion.tags),
        problem=None,
    )


def compare_champion(
    champion: ChampionScores,
    scores: np.ndarray,
    thresholds: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> ChampionEvidence:
    """Compare a new version with the champion on the test rows that both score.

    Args:
        champion: Scores of the champion, one for each raw row.
        scores: Scores of the new version on the part's windows, shape (windows,).
        thresholds: Its thresholds there, shape (windows,).
        part: The test part.
        labelled: All rows and events.
        section: How scores are judged.

    Returns:
        Both evaluations, or the problem: rows that the champion has seen in training or in the
        choice of its threshold say nothing about it.
    """
    problem = champion.problem
    start = labelled.times[part.end_rows[0] if part.is_scattered else part.start]
    if problem is None and champion.last_seen is not None and champion.last_seen >= start:
        problem = f"it has seen rows until {champion.last_seen}, the test begins at {start}"
    if problem is not None:
        return ChampionEvidence(version=champion.version, problem=problem)
    rows = labelled.source_rows[part.end_rows]
    others = champion.scores[rows]
    is_common = np.isfinite(others)
    common = part.select(is_common)
    if not common.has_both_classes:
        return ChampionEvidence(version=champion.version, problem="too few rows are scored by both")
    scores, others = scores[is_common], others[is_common]
    held = champion.thresholds[rows][is_common]
    first = evaluate_scores("challenger", scores, common, labelled, thresholds[is_common], section)
    second = evaluate_scores("champion", others, common, labelled, held, section)
    return ChampionEvidence(
        version=champion.version,
        comparison=compare_scores("champion", scores, others, common, labelled, section),
        challenger=first,
        champion=second,
    )


def _find_last_seen(tags: dict[str, str]) -> np.datetime64 | None:
    seen = [np.datetime64(tags[name]) for name in ("train_end", "threshold_end") if tags.get(name)]
    return max(seen) if seen else None
