"""Keep a budget of alarms as they are raised, row by row: the rule `adaptive_budget`.

The threshold is a tail quantile of the scores of the last days, at a level that is corrected by the alarms
raised so far: quantile tracking with an integrator. Sources: adaptive conformal inference, Gibbs and Candes
2021, arXiv 2106.00170; conformal PID control, Angelopoulos, Candes and Tibshirani 2023, arXiv 2307.16895.
"""

from __future__ import annotations

import bisect
import math
from collections import deque

import numpy as np

from schemas.evaluation import AdaptiveBudget, BudgetBalance
from tasks.times.parse import count_nanoseconds, number_runs

# how much an alarm lowers the logarithm of the wanted rate, at a budget of one a day; divided by the square
# root of a higher budget, by which the alarms of a day vary without any control
GAIN = 1.5
# unused budget is kept up to that of this many days, or one alarm
DAYS_OF_CREDIT = 1.0
# the scale of the tail is that of this many highest peaks
PEAKS_OF_TAIL = 10
# a block of rows is short enough for this many blocks from one promised alarm to the next
BLOCKS_PER_ALARM = 4
# and for this many blocks among the scores that the threshold starts from
LEAST_BLOCKS = 16
# least scale of the tail, as a share of the spread of the scores that the threshold starts from
LEAST_SHARE = 0.1


def start_adaptive(
    scores: np.ndarray,
    false_alarms_per_day: float,
    days: float,
    rows_ahead: int,
    repeat_alarm_minutes: float,
    step_minutes: float,
    last_time: np.datetime64 | None = None,
) -> AdaptiveBudget:
    """Start a budget from scores of normal rows that the model was not fitted on.

    Args:
        scores: In time order, shape (rows,), at least one.
        false_alarms_per_day: The budget, above 0.
        days: Days of past scores that the threshold is a tail quantile of; a day is 24 hours of rows.
        rows_ahead: Rows at the end of a run in which an alarm is not counted.
        repeat_alarm_minutes: Minutes after which a continuing alarm is counted again.
        step_minutes: Usual interval between rows, in minutes.
        last_time: Time of the last row before the budget begins, or None if any row may follow.
    """
    minutes = min(repeat_alarm_minutes, 24 * 60 / false_alarms_per_day / BLOCKS_PER_ALARM)
    rows_of_block = max(min(round(minutes / step_minutes), len(scores) // LEAST_BLOCKS), 1)
    blocks = max(round(days * 24 * 60 / step_minutes / rows_of_block), 1)
    # the latest rows, in whole blocks
    used = min(max(len(scores) // rows_of_block, 1), blocks) * rows_of_block
    peaks = scores[-used:].reshape(-1, rows_of_block).max(axis=1)
    spread = float(np.subtract(*np.quantile(scores, [0.75, 0.25])))
    return AdaptiveBudget(
        false_alarms_per_day=false_alarms_per_day,
        blocks=blocks,
        rows_of_block=rows_of_block,
        rows_ahead=rows_ahead,
        repeat_alarm_minutes=repeat_alarm_minutes,
        step_minutes=step_minutes,
        least_scale=max(LEAST_SHARE * spread, float(np.spacing(np.abs(scores).max()))),
        balance=BudgetBalance(
            time=None if last_time is None else int(count_nanoseconds(last_time)), peaks=tuple(peaks.tolist())
        ),
    )


def find_first_threshold(budget: AdaptiveBudget) -> float:
    """Find the threshold of the next row, if it does not continue an alarm."""
    return _Ledger(budget).find_threshold()


def hold_adaptive(
    budget: AdaptiveBudget, value: float, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Find the threshold that applies to each scored row, from the scores of the rows before it only.

    Each settled row earns its share of the budget; each counted alarm takes one. Alarms are counted as false
    alarms are (`tasks.alarms.episodes.count_false_alarms`), without labels: all alarms count, but those in
    the last `rows_ahead` rows of a run, which may have been right; these rows earn nothing either. With
    `balance` alarms left, the threshold is the score that, by the highest scores of the last blocks of rows,
    is passed `budget * exp(gain * balance)` times a day: interpolated between them, and beyond them along
    an exponential tail. It stays as it is while an alarm lasts, until the alarm is counted again.

    The long-run rate is bounded for any scores between `lowest` and `highest`, even an adversary's: in every
    stretch of rows from the start of a run, at most about `budget * days + credit + debt` alarms stay counted
    (`bound_alarms`), since below the balance `-debt` the threshold is above `highest`. This is the argument
    for quantile tracking in Angelopoulos et al. 2023, proposition 1. From below the rate is not bounded,
    since unused budget beyond the credit is lost: a quiet week buys no flood of alarms after it.

    Args:
        budget: The budget and its balance.
        value: The threshold of rows that are not later than those that the balance knows of.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,).
        scores: Finite, of any sign, shape (rows,).

    Returns:
        float64, shape (rows,).
    """
    held = np.full(len(times), value, dtype=np.float64)
    is_later, is_cut = _find_later_rows(budget, times, runs)
    ledger = _Ledger(budget)
    held[is_later] = [
        ledger.enter(score, cut)
        for score, cut in zip(scores[is_later].tolist(), is_cut[is_later].tolist(), strict=True)
    ]
    return held


def advance_adaptive(
    budget: AdaptiveBudget, times: np.ndarray, runs: np.ndarray, scores: np.ndarray
) -> AdaptiveBudget:
    """Update the balance; rows that are not later than those it knows of change nothing.

    Args:
        budget: The budget and its balance; it is not changed.
        times: Time of each scored row, `datetime64`, rising, shape (rows,).
        runs: Run of each row, shape (rows,).
        scores: Finite, shape (rows,).
    """
    is_later, is_cut = _find_later_rows(budget, times, runs)
    if not is_later.any():
        return budget
    ledger = _Ledger(budget)
    for score, cut in zip(scores[is_later].tolist(), is_cut[is_later].tolist(), strict=True):
        ledger.enter(score, cut)
    last = int(count_nanoseconds(times)[-1])
    return budget.model_copy(update={"balance": ledger.write(last)})


def forget_adaptive(budget: AdaptiveBudget, first_time: np.datetime64) -> AdaptiveBudget:
    """Keep a budget as it is: rows that are not later than its balance have the first threshold anyway."""
    return budget


def bound_alarms(budget: AdaptiveBudget, days: float, lowest: float, highest: float) -> float:
    """Compute the most alarms that can stay counted in a stretch of rows from the start of a run.

    Args:
        budget: The budget.
        days: Days of scored rows of the stretch.
        lowest: No score is lower, nor is a peak of the balance.
        highest: No score is higher.
    """
    ledger = _Ledger(budget)
    level = max(math.log(ledger.earned * budget.rows_of_block * budget.blocks), 0.0)
    debt = (level + (highest - lowest) / budget.least_scale) / ledger.gain
    unearned = ledger.earned * budget.rows_ahead
    # an alarm that begins may be counted again before its threshold moves
    beyond = 2 * max(math.ceil(budget.step_minutes / budget.repeat_alarm_minutes), 1)
    return budget.false_alarms_per_day * days + ledger.credit + debt + unearned + beyond


def _find_later_rows(
    budget: AdaptiveBudget, times: np.ndarray, runs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find which rows are later than those that the balance knows of, and which rows begin a run."""
    moments, last = count_nanoseconds(times), budget.balance.time
    before = moments[0] if last is None else last
    joined = np.concatenate([[before], moments]).astype("datetime64[ns]")
    is_cut = np.diff(number_runs(joined, budget.step_minutes)) > 0
    is_cut[1:] |= runs[1:] != runs[:-1]
    return np.full(len(times), True) if last is None else moments > last, is_cut


class _Ledger:
    """The balance of a budget while rows come in; `write` gives the state after them."""

    def __init__(self, budget: AdaptiveBudget) -> None:
        daily = budget.false_alarms_per_day
        self.earned = daily * budget.step_minutes / (24 * 60)  # by a row
        self.gain = GAIN / math.sqrt(max(daily, 1.0))
        self.credit = max(daily * DAYS_OF_CREDIT, 1.0)
        self._budget = budget
        self._rows_per_repeat = budget.repeat_alarm_minutes / budget.step_minutes
        state = budget.balance
        self._balance = state.balance
        self._peaks, self._ordered = deque(state.peaks), sorted(state.peaks)
        self._block, self._block_rows = state.block, state.block_rows
        self._alarm_rows, self._alarm_threshold = state.alarm_rows, state.alarm_threshold
        self._waiting = deque(zip(state.waiting, state.waiting_alarms, strict=True))
        self._measure_tail()

    def enter(self, score: float, is_cut: bool) -> float:
        """Enter a row, and return its threshold, which does not depend on its score.

        Args:
            score: Score of the row.
            is_cut: Whether the row begins a run.
        """
        if is_cut:
            self._end_run()
        self._balance = min(self._balance + self.earned, self.credit)
        held = self._alarm_threshold
        if held is None:
            held = self.find_threshold()
        self._waiting.append((score, self._count_alarm(score, held)))
        if len(self._waiting) > self._budget.rows_ahead:
            self._settle(self._waiting.popleft()[0])
        return held

    def find_threshold(self) -> float:
        """Find the score that is passed as often as the balance allows."""
        ordered, count = self._ordered, len(self._ordered)
        # logarithm of the number of peaks that may be at or above the threshold
        level = math.log(self.earned * self._budget.rows_of_block * count) + self.gain * self._balance
        if level < 0:
            return max(ordered[-1] - level * self._scale, math.nextafter(ordered[-1], math.inf))
        if level >= math.log(count):
            return ordered[0] - (level - math.log(count)) * self._scale
        above = min(max(int(math.exp(level)), 1), count - 1)
        share = min(max((level - math.log(above)) / math.log1p(1 / above), 0.0), 1.0)
        return ordered[-above] + share * (ordered[-above - 1] - ordered[-above])

    def write(self, time: int) -> BudgetBalance:
        """Return the state after the row at a time, in nanoseconds since 1970."""
        return BudgetBalance(
            time=time,
            peaks=tuple(self._peaks),
            block=self._block,
            block_rows=self._block_rows,
            balance=self._balance,
            alarm_rows=self._alarm_rows,
            alarm_threshold=self._alarm_threshold,
            waiting=tuple(score for score, _ in self._waiting),
            waiting_alarms=tuple(alarms for _, alarms in self._waiting),
        )

    def _end_run(self) -> None:
        """Take back what the last rows of a run earned and spent: an alarm in them may have been right."""
        alarms = sum(alarms for _, alarms in self._waiting)
        self._balance = min(self._balance + alarms - self.earned * len(self._waiting), self.credit)
        self._waiting.clear()
        self._alarm_rows, self._alarm_threshold = 0, None

    def _count_alarm(self, score: float, held: float) -> int:
        """Count an alarm that begins with a row, or that has lasted long enough to be counted again."""
        if score < held:
            self._alarm_rows, self._alarm_threshold = 0, None
            return 0
        alarms = self._count_repeats(self._alarm_rows + 1) - self._count_repeats(self._alarm_rows)
        self._alarm_rows += 1
        self._balance -= alarms
        # an alarm that goes on keeps its threshold until it is counted again
        if self._alarm_rows == 1 or alarms == 0:
            self._alarm_threshold = held
        else:
            self._alarm_threshold = self.find_threshold()
        return alarms

    def _count_repeats(self, rows: int) -> int:
        """Count an alarm of so many rows as `tasks.alarms.episodes.count_episodes` does."""
        if rows == 0:
            return 0
        # rounding may put a whole number just below itself
        return 1 + math.floor((rows - 1) / self._rows_per_repeat + 1e-9)

    def _settle(self, score: float) -> None:
        """Take a score into the current block, and a complete block's highest score into the peaks."""
        self._block = score if self._block is None else max(self._block, score)
        self._block_rows += 1
        if self._block_rows < self._budget.rows_of_block:
            return
        self._peaks.append(self._block)
        bisect.insort(self._ordered, self._block)
        if len(self._peaks) > self._budget.blocks:
            oldest = self._peaks.popleft()
            del self._ordered[bisect.bisect_left(self._ordered, oldest)]
        self._block, self._block_rows = None, 0
        self._measure_tail()

    def _measure_tail(self) -> None:
        """Measure the scale of the tail: the mean excess of the highest peaks over the next lower one."""
        ordered = self._ordered
        highest = min(PEAKS_OF_TAIL, len(ordered) - 1)
        excess = 0.0 if highest == 0 else sum(ordered[-highest:]) / highest - ordered[-highest - 1]
        self._scale = max(excess, self._budget.least_scale)
