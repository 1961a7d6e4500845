"""What holds for every threshold that moves over time, by whatever rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.evaluation import AdaptiveBudget, Threshold, TrailingBudget
from tasks.alarms.adaptive_budget import start_adaptive
from tasks.alarms.recalibrate import follow_scores, forget_later_scores, keep_recent
from tests.scored_rows import STEP, Rows, any_rows, cut, follow_in_pieces, rows_of

BUDGETS: dict[str, TrailingBudget | AdaptiveBudget] = {
    "trailing_budget": TrailingBudget(
        false_alarms_per_day=240.0,
        rows=12,
        recalibrate_minutes=12.0,
        repeat_alarm_minutes=6.0,
        step_minutes=STEP,
    ),
    "adaptive_budget": start_adaptive(
        np.array([0.0, 1.0, -1.0, 2.0, 0.5, 3.0]), 240.0, 12 * STEP / 1440, 2, 6.0, STEP
    ),
}
THRESHOLDS = [Threshold(value=2.0, rule=rule, trailing=budget) for rule, budget in BUDGETS.items()]
moving = pytest.mark.parametrize("threshold", THRESHOLDS, ids=list(BUDGETS))


@moving
def test_a_threshold_moves(threshold: Threshold) -> None:
    rows = rows_of(np.random.default_rng(0).standard_normal(60))
    assert len(np.unique(follow_scores(threshold, *rows))) > 3


@moving
def test_without_rows_nothing_moves(threshold: Threshold) -> None:
    assert len(follow_scores(threshold, *rows_of([]))) == 0
    assert keep_recent(threshold, *rows_of([])) == threshold


@moving
@given(any_rows(), st.lists(st.integers(0, 60), max_size=6), st.integers(0, 3))
def test_pieces_of_any_size_have_the_thresholds_of_the_whole(
    threshold: Threshold, rows: Rows, stops: list[int], repeated: int
) -> None:
    stops = sorted(min(stop, len(rows[0])) for stop in stops)
    in_pieces = follow_in_pieces(threshold, rows, stops, repeated)
    assert np.array_equal(in_pieces, follow_scores(threshold, *rows))


@moving
def test_row_by_row_has_the_thresholds_of_the_whole(threshold: Threshold) -> None:
    rows = rows_of(np.random.default_rng(1).standard_normal(300))
    in_pieces = follow_in_pieces(threshold, rows, range(1, 300))
    assert np.array_equal(in_pieces, follow_scores(threshold, *rows))


@moving
@given(any_rows(), st.integers(0, 59), st.integers(-9, 9))
def test_neither_its_own_score_nor_a_later_one_changes_a_threshold(
    threshold: Threshold, rows: Rows, row: int, change: int
) -> None:
    times, runs, scores = rows
    changed = np.where(np.arange(len(scores)) >= row, change - scores, scores)
    held = follow_scores(threshold, *rows)
    assert np.array_equal(follow_scores(threshold, times, runs, changed)[: row + 1], held[: row + 1])


@moving
def test_a_threshold_written_and_read_holds_the_same(threshold: Threshold) -> None:
    rows = rows_of(np.random.default_rng(0).standard_normal(80))
    known = keep_recent(threshold, *cut(rows, 0, 50))
    again = Threshold.model_validate_json(known.model_dump_json())
    assert again == known
    assert np.array_equal(follow_scores(again, *cut(rows, 50)), follow_scores(known, *cut(rows, 50)))


@moving
def test_a_threshold_as_trained_forgets_nothing_that_is_older(threshold: Threshold) -> None:
    rows = rows_of([0.0, 1.0])
    assert forget_later_scores(threshold, rows[0][0]) == threshold
