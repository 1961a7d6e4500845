"""Score rows batch by batch, with the same scores and alarms as scoring all rows at once."""

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
    """Begin without history, from the detector's threshold and its recent scores."""
    return ScoringState(rows=None, threshold=detector.threshold)


def score_next_rows(
    detector: Detector, model: FittedModel, state: ScoringState, table: pd.DataFrame
) -> tuple[pd.DataFrame, ScoringState]:
    """Score the rows that follow those already scored.

    Args:
        detector: Features, scaler and settings of a version.
        model: Model of the version.
        state: State carried over from the rows before.
        table: The next raw readings, later than all before, with the same columns.

    Returns:
        The scored rows, as `tasks.scoring.score.score_readings` describes them, and the state to carry over.

    Raises:
        InputError: If the rows fail their schema, for example because they are not later. It numbers the new
            rows as the index of `table` does.
    """
    history = 0 if state.rows is None else len(state.rows)
    joined = table if state.rows is None else join_history(state.rows, table)
    scored, labelled = score_later_rows(detector, model, joined, history, state.threshold)
    is_new = labelled.source_rows >= history
    end_rows = find_end_rows(labelled.runs, detector.window_rows, detector.convention)
    end_rows = end_rows[is_new[end_rows]]
    scores = scored["score"].to_numpy()[labelled.source_rows[end_rows] - history]
    threshold = keep_recent(state.threshold, labelled.times[end_rows], labelled.runs[end_rows], scores)
    kept = keep_needed_rows(detector, labelled, joined)
    return scored.set_index(table.index), ScoringState(kept, threshold)


def join_history(history: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Put new rows, which keep their index, below the rows before them, which are numbered up to -1."""
    joined = pd.concat([history, table], ignore_index=True)
    return joined.set_axis([*range(-len(history), 0), *table.index], axis=0)


def keep_needed_rows(detector: Detector, labelled: LabelledReadings, joined: pd.DataFrame) -> pd.DataFrame:
    """Keep the raw rows that later scores depend on.

    A value that was held in the first of them is written into it, since the row that it comes from is not
    kept. Where rows without a value have no score, only the first and the last of a stretch of rows that are
    left out are kept: they show where runs end, and when the last row was.

    Args:
        detector: Settings of the version.
        labelled: All rows in runs.
        joined: The same rows as received, and those that were left out.
    """
    first = find_first_needed(detector, labelled)
    kept = joined.iloc[first:]
    place = int(np.searchsorted(labelled.source_rows, first))
    if first and detector.readings.missing_values == "forward_fill":
        kept = kept.copy(deep=False)
        for name, value in zip(labelled.sensors, labelled.values[place], strict=True):
            if pd.isna(kept[name].iloc[0]) and not np.isnan(value):
                kept[name] = [value, *kept[name].iloc[1:]]
    if detector.readings.missing_values != "no_score":
        return kept
    is_left_out = ~np.isin(np.arange(first, len(joined)), labelled.source_rows)
    is_inside = np.zeros(len(kept), dtype=bool)
    is_inside[1:-1] = is_left_out[1:-1] & is_left_out[:-2] & is_left_out[2:]
    return kept[~is_inside]


def find_first_needed(detector: Detector, labelled: LabelledReadings) -> int:
    """Find the first raw row that the score of a new row, or its explanation, may depend on."""
    # an explanation needs the expected values of each row of the alarm's window, each from its own window
    explained_rows = 2 * detector.window_rows
    needed = count_rows_needed(detector.features) + explained_rows
    needed += detector.readings.fill_rows_at_most + 1
    if len(labelled.times) <= needed:
        return 0
    first = len(labelled.times) - needed
    if detector.features.has_context:
        hours = max(detector.features.context_hours)
        earliest = labelled.times[-explained_rows] - np.timedelta64(round(hours * 3600e9), "ns")
        # and one row more, to see whether a run begins there
        first = min(first, int(np.searchsorted(labelled.times, earliest)) - 1)
    return int(labelled.source_rows[max(first, 0)])
