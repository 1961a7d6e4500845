"""Score rows as they come, batch by batch: the same scores and alarms as all at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.model import FittedModel
from schemas.readings import LabelledReadings
from schemas.state import ScoringState
from tasks.alarms.recalibrate import keep_recent
from tasks.features.featurise import count_rows_needed
from tasks.scoring.score import score_later_rows
from tasks.windows.window import find_end_rows


def begin_scoring(detector: Detector) -> ScoringState:
    """Begin without history, but with the scores that the threshold was chosen on."""
    return ScoringState(rows=None, threshold=detector.threshold)


def score_next_rows(
    detector: Detector, model: FittedModel, state: ScoringState, table: pd.DataFrame
) -> tuple[pd.DataFrame, ScoringState]:
    """Score the rows that come after those already scored.

    Args:
        detector: Features, scaler and settings of a version.
        model: Its model.
        state: What has been carried over.
        table: The next raw readings, later than all before; with the same columns.

    Returns:
        The scored rows, as `tasks.scoring.score.score_readings` describes them, and what to carry over next.

    Raises:
        InputError: If the rows fail their schema, among others because they are not later.
    """
    history = 0 if state.rows is None else len(state.rows)
    joined = table if state.rows is None else pd.concat([state.rows, table], ignore_index=True)
    scored, labelled = score_later_rows(detector, model, joined, history, state.threshold)
    is_new = labelled.source_rows >= history
    end_rows = find_end_rows(labelled.runs, detector.window_rows, detector.convention)
    end_rows = end_rows[is_new[end_rows]]
    scores = scored["score"].to_numpy()[labelled.source_rows[end_rows] - history]
    threshold = keep_recent(state.threshold, labelled.times[end_rows], labelled.runs[end_rows], scores)
    kept = joined.iloc[find_first_needed(detector, labelled) :]
    return scored.set_index(table.index), ScoringState(kept, threshold)


def find_first_needed(detector: Detector, labelled: LabelledReadings) -> int:
    """Find the first raw row that the score of a later row, or its explanation, may depend on."""
    # an alarm is explained by what was expected of each row of its window, from the window before that row
    looked_at = 2 * detector.window_rows
    needed = count_rows_needed(detector.features) + looked_at
    needed += detector.readings.fill_rows_at_most + 1
    if len(labelled.times) <= needed:
        return 0
    first = len(labelled.times) - needed
    if detector.features.has_context:
        hours = max(detector.features.context_hours)
        earliest = labelled.times[-looked_at] - np.timedelta64(round(hours * 3600e9), "ns")
        # and one more, to see that a run begins there
        first = min(first, int(np.searchsorted(labelled.times, earliest)) - 1)
    return int(labelled.source_rows[max(first, 0)])
