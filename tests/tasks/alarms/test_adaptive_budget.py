"""How an adaptive budget moves the threshold with the alarms raised, and what it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.evaluation import AdaptiveBudget, Threshold
from tasks.alarms.adaptive_budget import (
    advance_adaptive,
    bound_alarms,
    find_first_threshold,
    hold_adaptive,
    start_adaptive,
)
from tasks.alarms.episodes import count_episodes
from tasks.alarms.recalibrate import follow_scores, keep_recent
from tests.scored_rows import STEP, Rows, any_rows, cut, follow_in_pieces, rows_of

DAY = round(24 * 60 / STEP)  # rows


def start(
    scores: Any, per_day: float = 5.0, days: float = 3.0, rows_ahead: int = 0, repeat: float = 30.0
) -> AdaptiveBudget:
    return start_adaptive(np.asarray(scores, dtype=np.float64), per_day, days, rows_ahead, repeat, STEP)


def hold(budget: AdaptiveBudget, rows: Rows) -> np.ndarray:
    return hold_adaptive(budget, find_first_threshold(budget), *rows)


def raise_alarms(budget: AdaptiveBudget, rows: Rows) -> np.ndarray:
    """Alarms counted at the row where each begins, as false alarms are."""
    _, runs, scores = rows
    return count_episodes(scores >= hold(budget, rows), runs, STEP, budget.repeat_alarm_minutes)


def count_settled(budget: AdaptiveBudget, rows: Rows) -> int:
    """Alarms that stay counted: of a run that has ended, those outside its last `rows_ahead` rows."""
    _, runs, scores = rows
    is_flagged = scores >= hold(budget, rows)
    from_end = np.searchsorted(runs, runs, side="right") - 1 - np.arange(len(runs))
    is_free = (from_end < budget.rows_ahead) & (runs < runs[-1])
    return int(count_episodes(is_flagged & ~is_free, runs, STEP, budget.repeat_alarm_minutes).sum())


def draw_scores(kind: str, rows: int, seed: int) -> np.ndarray:
    """Scores of a steady plant: independent, heavy-tailed, or like their neighbours."""
    random = np.random.default_rng(seed)
    if kind == "normal":
        return random.standard_normal(rows)
    if kind == "heavy":
        return np.exp(1.5 * random.standard_normal(rows))
    smoothed = np.convolve(random.standard_normal(rows + 19), np.ones(20) / np.sqrt(20), mode="valid")
    return smoothed**2


def test_it_starts_where_the_normal_scores_keep_the_budget() -> None:
    # 720 scores of a day in blocks of 15: 5 blocks reach 43, 6 reach 42
    scores = np.repeat(np.arange(48.0), 15)
    assert find_first_threshold(start(scores, per_day=5.0)) == pytest.approx(43.0)


def test_with_little_history_the_start_is_beyond_the_highest_score_by_the_scale_of_the_tail() -> None:
    # an eighth of an alarm is allowed among these rows
    few = start(np.arange(90.0), per_day=1.0)
    first = find_first_threshold(few)
    tail = np.arange(4.0, 90.0, 5.0)[-10:].mean() - 39.0
    assert first == pytest.approx(89.0 + tail * np.log(8.0))


def test_one_score_is_enough_to_start() -> None:
    assert np.isfinite(find_first_threshold(start([1.0])))


def test_an_alarm_raises_the_threshold_and_silence_lowers_it() -> None:
    held = hold(start(draw_scores("normal", 800, 0)), rows_of([0.0] * 100 + [9.0] + [0.0] * 100))
    assert np.all(np.diff(held[:101]) <= 0)
    assert held[102] > held[101]
    assert held[-1] < held[102]


def test_an_alarm_keeps_its_threshold_until_it_is_counted_again() -> None:
    held = hold(start(draw_scores("normal", 800, 0)), rows_of([0.0, *[9.0] * 20]))
    # 15 rows are 30 minutes: the alarm of row 1 is counted again at row 16
    assert np.all(held[1:17] == held[1])
    assert held[17] > held[1]


def test_alarms_are_counted_as_false_alarms_are() -> None:
    rows = rows_of(draw_scores("smooth", 4 * DAY, 3) * 2)
    budget = start(draw_scores("smooth", 800, 0), per_day=20.0)
    advanced = advance_adaptive(budget, *rows).balance
    spent = raise_alarms(budget, rows).sum()
    # what is unused beyond a day's budget is lost
    assert advanced.balance <= 20.0 * 4 - spent + 1e-9


def test_an_alarm_at_the_end_of_a_run_is_not_counted() -> None:
    scores = [*[0.0] * 48, 9.0, 9.0, *[0.0] * 50]
    minutes = np.arange(100) * STEP + 60 * (np.arange(100) >= 50)
    budget = start(draw_scores("normal", 800, 0), rows_ahead=2)
    ended = hold(budget, rows_of(scores, minutes.tolist()))
    went_on = hold(budget, rows_of(scores))
    # the row after the alarm still has its threshold
    assert ended[51] < went_on[51]
    assert ended[51] == pytest.approx(hold(budget, rows_of([0.0] * 50))[-1], abs=1e-2)


def test_an_alarm_that_begins_earlier_in_a_run_is_counted() -> None:
    scores = [*[0.0] * 47, 9.0, 9.0, 9.0, *[0.0] * 50]
    minutes = np.arange(100) * STEP + 60 * (np.arange(100) >= 50)
    rows = rows_of(scores, minutes.tolist())
    balances = [
        advance_adaptive(start(draw_scores("normal", 800, 0), rows_ahead=ahead), *rows).balance.balance
        for ahead in (2, 3)
    ]
    assert balances[1] - balances[0] == pytest.approx(1.0, abs=0.02)


def test_a_row_removed_at_a_cut_is_seen_where_a_row_is_repeated() -> None:
    times, _, scores = rows_of([0, 0, 9, 0, 0, 0, 0])
    rows = times, np.array([0, 0, 0, 1, 1, 1, 1]), scores
    threshold = Threshold(value=1.0, rule="adaptive_budget", trailing=start([0.0, 1.0], rows_ahead=2))
    whole = follow_scores(threshold, *rows)
    assert np.array_equal(follow_in_pieces(threshold, rows, [3], 1), whole)
    assert not np.array_equal(follow_in_pieces(threshold, rows, [3], 0), whole)


def test_rows_that_are_known_already_change_nothing() -> None:
    rows = rows_of(draw_scores("normal", 50, 0))
    known = keep_recent(Threshold(value=1.0, rule="adaptive_budget", trailing=start([0.0, 1.0])), *rows)
    assert keep_recent(known, *cut(rows, 10)) == known
    assert np.all(follow_scores(known, *cut(rows, 10)) == 1.0)


def test_rows_before_a_budget_begins_have_the_first_threshold() -> None:
    rows = rows_of(draw_scores("normal", 100, 0))
    scores = np.arange(90.0)
    later = start_adaptive(scores, 5.0, 3.0, 2, 30.0, STEP, last_time=rows[0][49])
    threshold = Threshold(value=find_first_threshold(later), rule="adaptive_budget", trailing=later)
    held = follow_scores(threshold, *rows)
    assert np.all(held[:50] == threshold.value)
    assert np.array_equal(held[50:], follow_scores(threshold, *cut(rows, 50)))


def test_scores_that_are_all_equal_raise_no_lasting_alarm() -> None:
    # as of a plant that stands still
    alarms = raise_alarms(start([1.0] * 100), rows_of([1.0] * 10 * DAY))
    assert alarms.sum() <= 5.0 * 11


def test_right_alarms_before_more_events_than_alarms_are_promised_silence_nothing() -> None:
    # 24 stops in two days, each after two rows of high scores; 5 alarms a day are promised
    minutes = np.arange(1440) * STEP + 10 * (np.arange(1440) // 60)
    scores = draw_scores("normal", 1440, 4)
    is_before_stop = np.arange(1440) % 60 >= 58
    times, runs, scores = rows_of(np.where(is_before_stop, 5.0, scores), minutes.tolist())
    held = hold(start(draw_scores("normal", 200, 0), rows_ahead=2), (times, runs, scores))
    caught = (scores >= held)[is_before_stop].reshape(24, 2).any(axis=1)
    assert caught.sum() >= 22


@pytest.mark.parametrize("per_day", [1.0, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("kind", ["normal", "heavy", "smooth"])
def test_a_steady_plant_gets_what_was_promised(kind: str, per_day: float) -> None:
    days = 20
    rows = rows_of(draw_scores(kind, days * DAY, 1))
    alarms = raise_alarms(start(draw_scores(kind, 1_000, 2), per_day), rows).sum()
    assert 0.8 <= alarms / (per_day * days) <= 1.2


@pytest.mark.parametrize("change", [(0.0, 4.0), (0.0, 0.25), (6.0, 1.0)])
def test_the_promise_holds_through_a_change_of_the_scores(change: tuple[float, float]) -> None:
    shift, factor = change
    rows = rows_of(
        np.append(draw_scores("smooth", 3 * DAY, 1), shift + factor * draw_scores("smooth", 6 * DAY, 2))
    )
    alarms = raise_alarms(start(draw_scores("smooth", 1_000, 3)), rows)
    assert alarms[3 * DAY : 6 * DAY].sum() <= 1.5 * 5.0 * 3
    assert 0.5 * 5.0 * 3 <= alarms[6 * DAY :].sum() <= 1.5 * 5.0 * 3


def test_an_adversary_who_knows_the_threshold_cannot_break_the_bound() -> None:
    budget, highest, rows = start(np.linspace(0.0, 1.0, 40), per_day=5.0, days=0.2), 20.0, 1_500
    threshold = Threshold(value=find_first_threshold(budget), rule="adaptive_budget", trailing=budget)
    alarms, goes_on = 0, False
    times, _, _ = rows_of([0.0] * rows)
    for row in range(rows):
        one = times[row : row + 1], np.zeros(1, dtype=np.int64)
        held = float(follow_scores(threshold, *one, np.zeros(1))[0])
        # an alarm in every other row that allows one
        flags = held <= highest and not goes_on
        alarms, goes_on = alarms + flags, flags
        threshold = keep_recent(threshold, *one, np.array([held if flags else 0.0]))
        assert alarms <= bound_alarms(budget, (row + 1) * STEP / 1440, 0.0, highest)
    assert alarms > 5.0 * rows / DAY


@settings(max_examples=50)
@given(
    any_rows(),
    st.sampled_from([20.0, 100.0, 700.0]),
    st.integers(0, 3),
    st.sampled_from([0.5, 2.0, 6.0, 30.0]),
    st.integers(1, 40),
)
def test_no_scores_break_the_bound(
    rows: Rows, per_day: float, rows_ahead: int, repeat: float, times: int
) -> None:
    steps = np.tile(np.diff(rows[0], prepend=rows[0][0]) / np.timedelta64(1, "m"), times)
    repeated = rows_of(np.tile(rows[2], times), np.cumsum(np.maximum(steps, STEP)).tolist())
    budget = start([-4.0, 0.0, 4.0], per_day, 0.05, rows_ahead, repeat)
    days = len(repeated[0]) * STEP / (24 * 60)
    assert count_settled(budget, repeated) <= bound_alarms(budget, days, -4.0, 4.0)
