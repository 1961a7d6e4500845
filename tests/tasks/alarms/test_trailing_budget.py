"""How a trailing budget moves the threshold as time goes on, and what it may look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.evaluation import Threshold, TrailingBudget
from tasks.alarms.recalibrate import follow_scores, keep_recent
from tests.scored_rows import STEP, Rows, any_rows, cut, follow_in_pieces, rows_of

VALUE = 99.0  # the first threshold: no score of these tests is as high


def threshold_with(rows: int = 12, episodes: float = 4.0, **changes: Any) -> Threshold:
    """Look back on `rows` rows, in which there may be `episodes` false alarms; slots of six rows."""
    trailing: dict[str, Any] = {
        "false_alarms_per_day": episodes * 24 * 60 / (rows * STEP),
        "rows": rows,
        "recalibrate_minutes": 12.0,
        "repeat_alarm_minutes": 30.0,
        "step_minutes": STEP,
    }
    return Threshold(value=VALUE, rule="trailing_budget", trailing=TrailingBudget(**trailing | changes))


def count_episodes_row_by_row(rows: Rows, threshold: float, repeat_minutes: float) -> int:
    """Count alarms; one that goes on is counted again whenever so many minutes have passed."""
    _, runs, scores = rows
    episodes, length = 0, 0
    for row in range(len(scores)):
        goes_on = row > 0 and runs[row] == runs[row - 1]
        length = (length if goes_on else 0) + 1 if scores[row] >= threshold else 0
        episodes += int(length > 0 and ((length - 1) * STEP) % repeat_minutes == 0)
    return episodes


def find_first_of_slot(rows: Rows, row: int, threshold: Threshold) -> int:
    """First row of the slot that a row is in."""
    assert threshold.trailing is not None
    slot = round(threshold.trailing.recalibrate_minutes * 60e9)
    nanoseconds = rows[0].astype(np.int64)
    return int((nanoseconds < nanoseconds[row] // slot * slot).sum())


def find_past(rows: Rows, row: int, threshold: Threshold) -> Rows:
    """The rows that the threshold of a row looks back on."""
    assert threshold.trailing is not None
    stop = find_first_of_slot(rows, row, threshold)
    return cut(rows, max(stop - threshold.trailing.rows, 0), stop)


def count_beyond_budget(past: Rows, score: float, threshold: Threshold) -> float:
    """Alarms that the past rows would have had at a threshold, less those that are allowed."""
    trailing = threshold.trailing
    assert trailing is not None
    allowed = trailing.false_alarms_per_day * len(past[0]) * STEP / (24 * 60)
    return count_episodes_row_by_row(past, score, trailing.repeat_alarm_minutes) - allowed


@st.composite
def any_threshold(draw: st.DrawFn) -> Threshold:
    return threshold_with(
        rows=draw(st.integers(1, 18)),
        episodes=draw(st.sampled_from([0.5, 1.0, 2.0, 5.0])),
        recalibrate_minutes=draw(st.sampled_from([1.0, 2.0, 12.0, 45.0, 1440.0])),
        repeat_alarm_minutes=draw(st.sampled_from([2.0, 6.0, 30.0])),
    )


def test_a_threshold_that_does_not_move_holds_everywhere() -> None:
    fixed = Threshold(value=3.0, rule="quantile")
    assert follow_scores(fixed, *rows_of([1, 5, 2])).tolist() == [3.0, 3.0, 3.0]


def test_a_threshold_that_does_not_move_keeps_no_scores() -> None:
    fixed = Threshold(value=3.0, rule="quantile")
    assert keep_recent(fixed, *rows_of([1, 5, 2])) == fixed


def test_without_rows_there_is_nothing_to_follow() -> None:
    threshold = threshold_with()
    no_rows = rows_of([])
    assert len(follow_scores(threshold, *no_rows)) == 0
    assert keep_recent(threshold, *no_rows) == threshold


def test_a_slot_has_the_lowest_threshold_that_kept_the_budget_before_it() -> None:
    # two episodes in six rows are allowed: those at 5 and at 4
    scores = [0, 5, 0, 3, 0, 4, 9, 9, 0, 9, 9, 9]
    assert follow_scores(threshold_with(), *rows_of(scores)).tolist() == [VALUE] * 6 + [4.0] * 6


def test_a_score_of_a_slot_moves_the_threshold_of_the_next_one() -> None:
    # four episodes in twelve rows: 9, 9, 5 and 4
    scores = [0, 5, 0, 3, 0, 4, 0, 9, 9, 0, 9, 0, 0, 0]
    assert follow_scores(threshold_with(), *rows_of(scores))[-2:].tolist() == [4.0, 4.0]


def test_scores_further_back_than_the_trailing_rows_are_forgotten() -> None:
    scores = [9, 0, 9, 0, 9, 0, *[0, 1, 0, 2, 0, 3] * 2, 0]
    assert follow_scores(threshold_with(episodes=2.0), *rows_of(scores))[-1] == 3.0


def test_until_a_third_of_the_days_is_known_the_first_threshold_holds() -> None:
    held = follow_scores(threshold_with(rows=36), *rows_of([0, 1] * 12))
    assert (held == VALUE).tolist() == [True] * 12 + [False] * 12


def test_a_budget_that_the_highest_score_breaks_puts_the_threshold_just_above_it() -> None:
    held = follow_scores(threshold_with(episodes=1.0), *rows_of([-5, -9, -5, -9, -5, -9, 0]))
    assert held[-1] == np.nextafter(-5.0, 0)


def test_slots_do_not_depend_on_where_a_table_begins() -> None:
    # the first slot ends 12 minutes after midnight
    minutes = 4.0 + STEP * np.arange(8)
    held = follow_scores(threshold_with(), *rows_of([0, 1] * 4, minutes.tolist()))
    assert (held == VALUE).tolist() == [True] * 4 + [False] * 4


def test_a_lasting_alarm_of_the_past_is_counted_again() -> None:
    # 20 rows are 38 minutes, two alarms of 30 minutes; the one at 7 is the third
    threshold = threshold_with(rows=24, episodes=2.0)
    scores = [0, 0, 7, 0, *[5.0] * 20, 0]
    assert follow_scores(threshold, *rows_of(scores))[-1] == 7.0


def test_a_gap_ends_an_alarm_of_the_past() -> None:
    threshold = threshold_with(rows=6, episodes=1.0)
    minutes = [0, 2, 4, 64, 66, 68, 72]
    scores = [0, 0, 5, 5, 6, 0, 0]
    assert follow_scores(threshold, *rows_of(scores, minutes))[-1] == 6.0


def test_a_new_run_ends_an_alarm_of_the_past() -> None:
    times, _, scores = rows_of([0, 0, 5, 5, 6, 0, 0])
    runs = np.array([0, 0, 0, 1, 1, 1, 1])
    assert follow_scores(threshold_with(rows=6, episodes=1.0), times, runs, scores)[-1] == 6.0


def test_a_cut_in_a_slot_does_not_change_its_threshold() -> None:
    # rows 6 to 11 are one slot; the alarms of the six rows before it are 5 and 4
    rows = rows_of([5, 0, 4, 0, 3, 0, 0, 0, 9, 0, 9, 9])
    assert follow_in_pieces(threshold_with(rows=6, episodes=2.0), rows, [8, 11])[6:].tolist() == [4.0] * 6


def test_a_run_goes_on_over_a_cut() -> None:
    # the rows at 5, 5 and 6 are one alarm, of which the cut takes the first one away
    rows = rows_of([0, 0, 5, 5, 6, 0, 0], [0, 60, 62, 64, 66, 68, 72])
    assert follow_in_pieces(threshold_with(rows=6, episodes=1.0), rows, [3])[-1] == 5.0


def test_a_gap_at_a_cut_is_seen() -> None:
    rows = rows_of([0, 0, 5, 5, 6, 0, 0], [0, 2, 4, 64, 66, 68, 72])
    assert follow_in_pieces(threshold_with(rows=6, episodes=1.0), rows, [3])[-1] == 6.0


def test_a_row_removed_at_a_cut_is_seen_where_a_row_is_repeated() -> None:
    times, _, scores = rows_of([0, 0, 5, 5, 6, 0, 0])
    runs = np.array([0, 0, 0, 1, 1, 1, 1])
    assert follow_in_pieces(threshold_with(rows=6, episodes=1.0), (times, runs, scores), [3], 1)[-1] == 6.0


def test_a_repeated_row_counts_once_with_its_first_score() -> None:
    times, runs, scores = rows_of([0, 5, 0, 3, 0, 4, 0])
    known = keep_recent(threshold_with(), times[:6], runs[:6], scores[:6])
    assert follow_scores(known, times, runs, scores + 7).tolist() == [VALUE] * 6 + [4.0]


def test_recent_scores_later_than_a_row_are_not_used_for_it() -> None:
    rows = rows_of([0, 1] * 24)
    known = keep_recent(threshold_with(), *cut(rows, 24))
    held = follow_scores(known, *cut(rows, 0, 24))
    assert held.tolist() == follow_scores(threshold_with(), *cut(rows, 0, 24)).tolist()


def test_no_more_scores_are_kept_than_the_next_piece_needs() -> None:
    # 12 rows before the slot that begins with row 18, and the rows 18 to 20
    trailing = keep_recent(threshold_with(), *rows_of(np.arange(21.0))).trailing
    assert trailing is not None
    assert trailing.recent.scores == tuple(np.arange(6.0, 21.0))


def test_a_score_that_rises_for_good_raises_the_threshold_within_the_trailing_days() -> None:
    pattern = [0, 2, 0, 1, 0, 3]
    held = follow_scores(threshold_with(), *rows_of([*pattern * 4, *[score + 10 for score in pattern] * 3]))
    # the last slot looks back on nothing but risen scores
    assert held[-1] == held[23] + 10


def test_a_threshold_written_and_read_holds_the_same() -> None:
    rows = rows_of(np.random.default_rng(0).standard_normal(48))
    known = keep_recent(threshold_with(), *cut(rows, 0, 30))
    again = Threshold.model_validate_json(known.model_dump_json())
    assert np.array_equal(follow_scores(again, *cut(rows, 30)), follow_scores(known, *cut(rows, 30)))


def test_the_size_of_the_arrays_does_not_change_a_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(np.random.default_rng(0).standard_normal(100))
    at_once = follow_scores(threshold_with(), *rows)
    monkeypatch.setattr("tasks.alarms.trailing_budget.ELEMENTS_AT_ONCE", 30)
    assert np.array_equal(follow_scores(threshold_with(), *rows), at_once)


@given(any_threshold(), any_rows())
def test_the_budget_holds_on_the_rows_looked_back_on(threshold: Threshold, rows: Rows) -> None:
    for row, held in enumerate(follow_scores(threshold, *rows)):
        if held != VALUE:
            assert count_beyond_budget(find_past(rows, row, threshold), held, threshold) <= 0


@given(any_threshold(), any_rows())
def test_the_next_lower_score_breaks_the_budget(threshold: Threshold, rows: Rows) -> None:
    for row, held in enumerate(follow_scores(threshold, *rows)):
        past = find_past(rows, row, threshold)
        lower = past[2][past[2] < held]
        if held != VALUE and len(lower):
            assert count_beyond_budget(past, lower.max(), threshold) > 0


@given(any_threshold(), any_rows())
def test_the_first_threshold_holds_just_where_less_than_a_third_is_known(
    threshold: Threshold, rows: Rows
) -> None:
    assert threshold.trailing is not None
    known = [len(find_past(rows, row, threshold)[0]) for row in range(len(rows[0]))]
    is_first = follow_scores(threshold, *rows) == VALUE
    assert is_first.tolist() == [3 * count < threshold.trailing.rows for count in known]


@given(any_threshold(), any_rows(), st.data())
def test_a_threshold_never_uses_a_score_of_its_own_slot_or_a_later_one(
    threshold: Threshold, rows: Rows, data: st.DataObject
) -> None:
    times, runs, scores = rows
    row = data.draw(st.integers(0, len(times) - 1))
    is_changed = np.arange(len(times)) >= find_first_of_slot(rows, row, threshold)
    changed = np.where(is_changed, data.draw(st.integers(-9, 9)) - scores, scores)
    held = follow_scores(threshold, *rows)
    assert np.array_equal(follow_scores(threshold, times, runs, changed)[: row + 1], held[: row + 1])


@given(any_threshold(), any_rows(), st.integers(1, 60))
def test_rows_that_are_yet_to_come_change_no_threshold(threshold: Threshold, rows: Rows, stop: int) -> None:
    known = cut(rows, 0, stop)
    assert np.array_equal(follow_scores(threshold, *known), follow_scores(threshold, *rows)[:stop])


@given(any_threshold(), any_rows(), st.lists(st.integers(0, 60), max_size=6), st.integers(0, 3))
def test_pieces_of_any_size_have_the_thresholds_of_the_whole(
    threshold: Threshold, rows: Rows, stops: list[int], repeated: int
) -> None:
    stops = sorted(min(stop, len(rows[0])) for stop in stops)
    in_pieces = follow_in_pieces(threshold, rows, stops, repeated)
    assert np.array_equal(in_pieces, follow_scores(threshold, *rows))
