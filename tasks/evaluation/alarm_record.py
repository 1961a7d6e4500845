"""Record what the alarms of a version catch in its test, beside random alarms and the controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from schemas.alarm_record import AlarmRecord, CaughtEvents, ChampionRuns, MovedAlarms
from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings
from schemas.windows import Part
from tasks.alarms.episodes import find_event_rows, mark_part, select_events
from tasks.evaluation.evaluate import Tally, find_horizons, number_blocks, tally_alarms, tally_at_rate
from tasks.evaluation.random_alarms import find_random_chances, move_alarms

# moves of the alarms: enough to tell a probability of 1 in 100
MOVES = 400


def record_alarms(
    scores: Mapping[str, np.ndarray],
    thresholds: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    false_alarms_per_day: float,
    section: EvaluationSection,
) -> AlarmRecord:
    """Record what the model's alarms catch in a part, and what others would catch at the same rate.

    Args:
        scores: Scores of all windows of the table, by scorer; `model` and the controls.
        thresholds: The model's own threshold at each window of the part, shape (windows of the part,).
        part: The test part.
        labelled: All rows and events.
        false_alarms_per_day: The alarm budget at which the model is compared with the controls.
        section: Horizon and repeats.

    Returns:
        Counts by run of rows; the random control is left out of those at the budget, because what random
        alarms catch is known without a draw.
    """
    of_part = {name: values[part.places] for name, values in scores.items() if name != "random"}
    own = tally_alarms(of_part["model"], part, labelled, thresholds, section)
    is_flagged = of_part["model"] >= thresholds
    first_times, last_times = _find_run_times(part, labelled)
    return AlarmRecord(
        first_times=first_times,
        last_times=last_times,
        days=_list(own.days),
        events=_list(own.events),
        alarm_rows=int(is_flagged.sum()),
        own=_count(own),
        random=_expect_random(own, is_flagged, part, labelled, section),
        moved=_move(is_flagged, part, labelled, len(own.events), section),
        at_budget={
            name: _count(tally_at_rate(values, part, labelled, false_alarms_per_day, section))
            for name, values in of_part.items()
        },
    )


def record_against_champion(
    version: str, challenger: Tally, champion: Tally, part: Part, labelled: LabelledReadings
) -> ChampionRuns:
    """Record what a version and the champion caught in a part that neither had seen.

    Args:
        version: Version number of the champion.
        challenger: Tally of the version at the alarm budget.
        champion: Tally of the champion on the same rows, at the same budget.
        part: The part.
        labelled: All rows and events.
    """
    first_times, last_times = _find_run_times(part, labelled)
    return ChampionRuns(
        version=version,
        first_times=first_times,
        last_times=last_times,
        events=_list(challenger.events),
        challenger=_count(challenger),
        champion=_count(champion),
    )


def _count(tally: Tally) -> CaughtEvents:
    near, far = tally.caught.T
    return CaughtEvents(near=_list(near), far=_list(far), false_alarms=_list(tally.false_alarms))


def _expect_random(
    own: Tally, is_flagged: np.ndarray, part: Part, labelled: LabelledReadings, section: EvaluationSection
) -> CaughtEvents:
    """Compute how many events of each run random alarms are expected to catch at the same rate."""
    rows = np.zeros(len(labelled.labels), dtype=bool)
    rows[part.end_rows[is_flagged]] = True
    runs = _find_event_places(part, labelled)
    near, far = (
        np.bincount(runs, np.nan_to_num(find_random_chances(rows, labelled, part, starts)), len(own.events))
        for starts in find_horizons(labelled, section.horizon_minutes)
    )
    return CaughtEvents(near=_list(near), far=_list(far), false_alarms=_list(own.false_alarms))


def _move(
    is_flagged: np.ndarray, part: Part, labelled: LabelledReadings, runs: int, section: EvaluationSection
) -> MovedAlarms:
    """List by run of rows which moves of the alarms catch its events."""
    places = _find_event_places(part, labelled)
    near, far = (
        move_alarms(is_flagged, labelled, part, starts, MOVES)
        for starts in find_horizons(labelled, section.horizon_minutes)
    )
    return MovedAlarms(moves=MOVES, near=_list_moves(near, places, runs), far=_list_moves(far, places, runs))


def _list_moves(is_caught: np.ndarray, places: np.ndarray, runs: int) -> tuple[tuple[int, ...], ...]:
    """List the moves that catch the events of each run; `is_caught` has the shape (moves, events)."""
    lists: list[list[int]] = [[] for _ in range(runs)]
    for event, place in enumerate(places):
        lists[place] += np.flatnonzero(is_caught[:, event]).tolist()
    return tuple(map(tuple, lists))


def _find_event_places(part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Find the block of each event of a part, from 0, shape (events of the part,)."""
    return _number_rows(find_event_rows(labelled)[select_events(labelled, part)], part, labelled)


def _find_run_times(part: Part, labelled: LabelledReadings) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find the times of the first and the last row of each block of a part, nanoseconds since 1970."""
    rows = np.flatnonzero(mark_part(part, len(labelled.labels)))
    blocks = _number_rows(rows, part, labelled)
    _, starts = np.unique(blocks, return_index=True)
    ends = np.append(starts[1:], len(rows)) - 1
    first_times, last_times = (labelled.times[rows[places]].astype(np.int64) for places in (starts, ends))
    return tuple(first_times.tolist()), tuple(last_times.tolist())


def _number_rows(rows: np.ndarray, part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Number the blocks of the bootstrap, by which tallies count, that rows of a part belong to."""
    if part.is_scattered:
        return np.searchsorted(np.unique(labelled.runs[part.end_rows]), labelled.runs[rows])
    return number_blocks(replace(part, end_rows=rows), labelled)


def _list(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.tolist())
