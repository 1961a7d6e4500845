"""Score test rows with registered versions: the new one to verify it, the champion to compare with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schemas.configuration import EvaluationSection
from schemas.decision import ChampionEvidence
from schemas.errors import InputError
from schemas.evaluation import ChampionScores
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import find_horizon_starts
from tasks.alarms.threshold import meet_alarm_budget
from tasks.evaluation.evaluate import Tally, compare_tallies, evaluate_scores, tally_alarms
from tasks.registry.loading import score_with_version
from tasks.registry.versions import find_champion

if TYPE_CHECKING:
    from mlflow import MlflowClient

# scores are equal on the same machine; other processors may round the last bits differently
_RELATIVE_TOLERANCE = 1e-4

# the metrics by which a new version is compared with the champion
COMPARED = ("average_precision", "event_recall", "roc_auc")

# rows of an unbroken run that are left out after those that a version has seen: windows and features of the
# defaults look back on fewer. A plant that never stops is one run, whose later rows are new all the same
DROPPED_ROWS = 100


def verify_logged_scores(
    model_id: str,
    table: pd.DataFrame,
    labelled: LabelledReadings,
    part: Part,
    scores: np.ndarray,
    thresholds: np.ndarray,
) -> None:
    """Load the logged model and verify that its scores and thresholds on raw rows equal those of training.

    Args:
        model_id: The logged model.
        table: All raw readings.
        labelled: The same rows, labelled.
        part: The part to check.
        scores: Its scores in training, shape (windows,).
        thresholds: Its thresholds in training, shape (windows,).

    Raises:
        RuntimeError: If a score or a threshold differs: the bundle is defective and must not be registered.
    """
    scored = score_with_version(f"models:/{model_id}", table)
    rows = labelled.source_rows[part.end_rows]
    for column, expected in (("score", scores), ("threshold", thresholds)):
        again = scored[column].to_numpy()[rows]
        is_equal = np.isclose(again, expected, rtol=_RELATIVE_TOLERANCE, atol=1e-9)
        if not is_equal.all():
            raise RuntimeError(
                f"The logged model must score as training did. The {column} of {int((~is_equal).sum())} of "
                f"{len(scores)} test windows differs. This is a defect: please report it with the run id."
            )


def score_champion(client: MlflowClient, model_name: str, table: pd.DataFrame) -> ChampionScores | None:
    """Score raw readings with the champion.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        table: All raw readings.

    Returns:
        Its scores, or the reason why it has none; None if there is no champion.
    """
    from mlflow.exceptions import MlflowException

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
    false_alarms_per_day: float,
    section: EvaluationSection,
) -> ChampionEvidence:
    """Compare a new version with the champion on later rows that neither has seen and both can score.

    Average precision needs no threshold. Event recall is compared at equal false-alarm rates: each version
    gets the lowest threshold that keeps the budget on these rows. The separate evaluations use the
    versions' own thresholds.

    Args:
        champion: Scores of the champion, one for each raw row.
        scores: Scores of the new version on the part's windows, shape (windows,).
        thresholds: Its thresholds on these windows, shape (windows,).
        part: The test part.
        labelled: All rows and events.
        false_alarms_per_day: The budget.
        section: Settings of the evaluation.

    Returns:
        Both evaluations and the comparisons, or the problem. Rows that the champion saw in training or
        in the choice of its threshold are left out.
    """
    if champion.problem is not None:
        return ChampionEvidence(version=champion.version, problem=champion.problem)
    later = keep_later(part, labelled, champion.last_seen)
    if not len(later.end_rows):
        problem = f"it has seen rows up to {champion.last_seen}, and no test row is later"
        return ChampionEvidence(version=champion.version, problem=problem)
    rows = labelled.source_rows[part.end_rows]
    is_common = np.isfinite(champion.scores[rows]) & np.isin(part.end_rows, later.end_rows)
    common = replace(part.select(is_common), start=later.start)
    if not common.has_both_classes:
        problem = "the rows that neither has seen and both can score contain only one class"
        return ChampionEvidence(version=champion.version, problem=problem)
    both = {"challenger": scores[is_common], "champion": champion.scores[rows][is_common]}
    held = {"challenger": thresholds[is_common], "champion": champion.thresholds[rows][is_common]}
    tallies = (
        tally_at_rate(both["challenger"], common, labelled, false_alarms_per_day, section),
        tally_at_rate(both["champion"], common, labelled, false_alarms_per_day, section),
    )
    evaluations = {
        name: evaluate_scores(name, values, common, labelled, held[name], section)
        for name, values in both.items()
    }
    return ChampionEvidence(
        version=champion.version,
        judged_from=str(labelled.times[common.start].astype("datetime64[s]")),
        events=evaluations["challenger"].events,
        false_alarms_per_day=false_alarms_per_day,
        comparisons=compare_tallies("champion", tallies, COMPARED, section),
        **evaluations,
    )


def keep_later(part: Part, labelled: LabelledReadings, last_seen: np.datetime64 | None) -> Part:
    """Keep the rows of a part that are new after a time, and the windows that end in them.

    The rest of the run that contains the time is dropped, at most `DROPPED_ROWS` of it: windows and features
    look back on seen rows there. An event that has begun before the first new row is dropped whole. A part
    that begins after the time is kept as it is.

    Args:
        part: A stretch of rows; a scattered part is kept whole, or not at all.
        labelled: All rows.
        last_seen: The time, or None to keep everything.
    """
    first_new = 0 if last_seen is None else int(np.searchsorted(labelled.times, last_seen, side="right"))
    begin = part.end_rows.min(initial=len(labelled.times)) if part.is_scattered else part.start
    if first_new <= begin:
        return part
    # the first row after the run of the last seen row
    next_run = int(np.searchsorted(labelled.runs, labelled.runs[first_new - 1], side="right"))
    start = _skip_event(labelled, min(next_run, first_new + DROPPED_ROWS))
    start = part.stop if part.is_scattered else min(max(start, part.start), part.stop)
    return replace(part.select(part.end_rows >= start), start=start)


def _skip_event(labelled: LabelledReadings, row: int) -> int:
    """Return the row, or the one after the event whose horizon or rows begin before it and contain it."""
    starts, stops = find_horizon_starts(labelled, labelled.rows_ahead), labelled.event_stops
    return int(stops[(starts < row) & (row < stops)].max(initial=row))


def tally_at_rate(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    false_alarms_per_day: float,
    section: EvaluationSection,
) -> Tally:
    """Tally the alarms at the lowest threshold that keeps an alarm budget on these rows."""
    threshold = meet_alarm_budget(scores, part, labelled, false_alarms_per_day, section.repeat_alarm_minutes)
    return tally_alarms(scores, part, labelled, np.full(len(scores), threshold), section)


def _find_last_seen(tags: dict[str, str]) -> np.datetime64 | None:
    seen = [np.datetime64(tags[name]) for name in ("train_end", "threshold_end") if tags.get(name)]
    return max(seen) if seen else None
