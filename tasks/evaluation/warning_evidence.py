"""Weigh what the alarms of a version, and of earlier ones of its kind, caught beside random alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.alarm_record import AlarmRecord, CaughtEvents, ChampionRuns, MovedAlarms
from schemas.configuration import EvaluationSection
from schemas.decision import Comparison, WarningEvidence
from tasks.evaluation.bootstrap import draw_weights, take_interval
from tasks.evaluation.evaluate import BOOTSTRAP_SEED

# one for each horizon, `rows_ahead` rows and `evaluation.horizon_minutes`: the columns of all arrays below
HORIZONS = ("event_recall", "event_recall_20min")


@dataclass(frozen=True, eq=False)
class Pool:
    """The runs of rows of some tests, taken together.

    Attributes:
        days: Days of rows in each run, shape (runs,).
        events: Events in each run, shape (runs,).
        false_alarms: The versions' own false alarms, shape (runs,).
        own: Events that they caught, shape (runs, 2).
        random: Events that random alarms are expected to catch, shape (runs, 2).
        moved: Events that their alarms catch after each move, all runs together, shape (moves, 2).
        at_budget: By scorer, events caught at the alarm budget, shape (runs, 2).
    """

    days: np.ndarray
    events: np.ndarray
    false_alarms: np.ndarray
    own: np.ndarray
    random: np.ndarray
    moved: np.ndarray
    at_budget: dict[str, np.ndarray]


def weigh_warnings(
    own: AlarmRecord,
    earlier: Sequence[AlarmRecord],
    rows_ahead: int,
    alarm_budget: float,
    section: EvaluationSection,
) -> WarningEvidence:
    """Weigh the alarms in a version's own test together with those in earlier tests of its kind.

    Args:
        own: Record of the version's own test.
        earlier: Records of earlier tests of versions of the same kind, the newest first, without rows that a
            later test holds: see `keep_runs`.
        rows_ahead: The nearer horizon, in rows.
        alarm_budget: False alarms a day of the records' `at_budget`.
        section: The longer horizon and the bootstrap.
    """
    pool, itself = pool_records([own, *earlier]), pool_records([own])
    before = pool_records(earlier) if earlier else None
    first_times = [time for record in (own, *earlier) for time in record.first_times]
    days, events = float(pool.days.sum()), int(pool.events.sum())
    near, far = itself.own.sum(axis=0)
    expected_near, expected_far = itself.random.sum(axis=0)
    return WarningEvidence(
        tests=1 + len(earlier),
        since=str(np.datetime64(min(first_times), "ns").astype("datetime64[s]")) if first_times else None,
        days=days,
        events=events,
        own_events=int(itself.events.sum()),
        own_caught=(near, far),
        own_expected=(expected_near, expected_far),
        own_alarm_rows=own.alarm_rows,
        false_alarms_per_day=float(pool.false_alarms.sum()) / days if days else None,
        alarm_budget=alarm_budget,
        rows_ahead=rows_ahead,
        horizon_minutes=section.horizon_minutes,
        level=(1 - section.confidence) / 2,
        random=compare_with_random(pool, section) if events else (),
        own=compare_with_random(itself, section) if earlier and itself.events.any() else (),
        controls=compare_with_controls(pool, section) if events else (),
        earlier=compare_with_earlier(itself, before) if before else (),
    )


def keep_runs(record: AlarmRecord, since: int, before: int) -> AlarmRecord:
    """Keep the runs of rows of a record that lie between two times, so that no row counts twice.

    Args:
        record: The record of an earlier test.
        since: Earliest time of a run's first row, nanoseconds since 1970.
        before: First time of the tests that are newer: a run must end before it.
    """
    kept, against = _find_between(record, since, before), record.against
    return AlarmRecord(
        first_times=_take(record.first_times, kept),
        last_times=_take(record.last_times, kept),
        days=_take(record.days, kept),
        events=_take(record.events, kept),
        alarm_rows=record.alarm_rows,
        own=_keep(record.own, kept),
        random=_keep(record.random, kept),
        moved=MovedAlarms(
            moves=record.moved.moves, near=_take(record.moved.near, kept), far=_take(record.moved.far, kept)
        ),
        at_budget={name: _keep(caught, kept) for name, caught in record.at_budget.items()},
        against=None if against is None else _keep_both(against, _find_between(against, since, before)),
    )


def _keep_both(against: ChampionRuns, kept: Sequence[int]) -> ChampionRuns:
    return ChampionRuns(
        version=against.version,
        first_times=_take(against.first_times, kept),
        last_times=_take(against.last_times, kept),
        events=_take(against.events, kept),
        challenger=_keep(against.challenger, kept),
        champion=_keep(against.champion, kept),
    )


def _find_between(runs: AlarmRecord | ChampionRuns, since: int, before: int) -> list[int]:
    """Find the places of the runs that begin at a time or later, and end before another."""
    times = zip(runs.first_times, runs.last_times, strict=True)
    return [place for place, (first, last) in enumerate(times) if since <= first and last < before]


def _keep(caught: CaughtEvents, kept: Sequence[int]) -> CaughtEvents:
    return CaughtEvents(**{name: _take(values, kept) for name, values in caught})


def pool_records(records: Sequence[AlarmRecord]) -> Pool:
    """Join the runs of some records, at least one; the moves of each test are joined in an own order."""
    moves = min(record.moved.moves for record in records)
    scorers = set.intersection(*(set(record.at_budget) for record in records))
    moved = np.zeros((moves, len(HORIZONS)))
    for number, record in enumerate(records):
        # moves of different tests have nothing to do with one another
        order = np.random.default_rng(number).permutation(record.moved.moves)[:moves]
        moved += _count_moves(record.moved)[order if number else slice(moves)]
    return Pool(
        days=np.concatenate([record.days for record in records]),
        events=np.concatenate([record.events for record in records]),
        false_alarms=np.concatenate([record.own.false_alarms for record in records]),
        own=np.concatenate([_stack(record.own) for record in records]),
        random=np.concatenate([_stack(record.random) for record in records]),
        moved=moved,
        at_budget={
            name: np.concatenate([_stack(record.at_budget[name]) for record in records])
            for name in sorted(scorers)
        },
    )


def compare_with_random(pool: Pool, section: EvaluationSection) -> tuple[Comparison, ...]:
    """Compare the event recall with the expected recall of random alarms at the same rate, by horizon.

    The interval comes from whole runs of rows resampled for both. `chance` is the share of the moves, and of
    the alarms as they are, that catch at least as many events: with few runs of rows, or alarms and events
    that gather, an interval alone is too narrow.
    """
    caught = pool.own.sum(axis=0)
    reached = (pool.moved >= caught).sum(axis=0)
    chances = (1 + reached) / (1 + len(pool.moved))
    return tuple(
        _compare("random", column, pool.own, pool.random, pool.events, float(chances[column]), section)
        for column in range(len(HORIZONS))
    )


def compare_with_controls(pool: Pool, section: EvaluationSection) -> tuple[Comparison, ...]:
    """Compare the event recall at the alarm budget with the control that catches most, by horizon.

    `chance` is the probability that of the runs in which one scorer catches more than the other, so few are
    the version's if both are equal (a sign test).
    """
    from scipy.stats import binom

    controls = [name for name in pool.at_budget if name != "model"]
    comparisons = []
    for column in range(len(HORIZONS) if controls else 0):
        best = max(controls, key=lambda name: pool.at_budget[name][:, column].sum())
        model, control = pool.at_budget["model"], pool.at_budget[best]
        ahead = int((model[:, column] > control[:, column]).sum())
        behind = int((model[:, column] < control[:, column]).sum())
        chance = float(binom.cdf(ahead, ahead + behind, 0.5))
        comparisons.append(_compare(best, column, model, control, pool.events, chance, section))
    return tuple(comparisons)


def compare_with_champion(tests: Sequence[ChampionRuns], section: EvaluationSection) -> Comparison:
    """Compare the event recall within `rows_ahead` rows with the champion's in tests with at least one event.

    Args:
        tests: What both caught at the alarm budget, in tests against the same champion.
        section: The bootstrap.
    """
    challenger = np.concatenate([_stack(runs.challenger) for runs in tests])
    champion = np.concatenate([_stack(runs.champion) for runs in tests])
    events = np.concatenate([runs.events for runs in tests])
    return _compare("champion", 0, challenger, champion, events, None, section)


def compare_with_earlier(itself: Pool, before: Pool) -> tuple[Comparison, ...]:
    """Compare the event recall of the own test with that of earlier tests, by horizon.

    `chance` is the binomial probability of catching at most so many at the earlier tests' recall.
    """
    from scipy.stats import binom

    events, earlier_events = itself.events.sum(), before.events.sum()
    if not events or not earlier_events:
        return ()
    caught, recalls = itself.own.sum(axis=0), before.own.sum(axis=0) / earlier_events
    return tuple(
        Comparison(
            name="earlier tests",
            metric=metric,
            value=float(caught[column] / events),
            other_value=float(recalls[column]),
            difference=None,
            chance=float(binom.cdf(caught[column], events, recalls[column])),
        )
        for column, metric in enumerate(HORIZONS)
    )


def _compare(
    name: str,
    column: int,
    own: np.ndarray,
    other: np.ndarray,
    events: np.ndarray,
    chance: float | None,
    section: EvaluationSection,
) -> Comparison:
    """Compare events caught within one horizon, shape (runs, 2), by paired resamples of whole runs."""
    weights = draw_weights(len(events), section.bootstrap_samples, BOOTSTRAP_SEED)
    drawn = weights @ events
    differences = weights @ (own - other)[:, column] / np.where(drawn > 0, drawn, np.nan)
    return Comparison(
        name=name,
        metric=HORIZONS[column],
        value=float(own[:, column].sum() / events.sum()),
        other_value=float(other[:, column].sum() / events.sum()),
        difference=take_interval(differences, section.confidence),
        chance=chance,
    )


def _stack(caught: CaughtEvents) -> np.ndarray:
    """Stack the events caught within both horizons, shape (runs, 2)."""
    return np.stack([caught.near, caught.far], axis=1).astype(np.float64)


def _count_moves(moved: MovedAlarms) -> np.ndarray:
    """Count the events that each move catches in all runs, shape (moves, 2)."""
    lists = (moved.near, moved.far)
    numbers = [np.array([move for run in runs for move in run], dtype=np.int64) for runs in lists]
    return np.stack([np.bincount(each, minlength=moved.moves) for each in numbers], axis=1).astype(np.float64)


def _take(values: Sequence, kept: Sequence[int]) -> tuple:
    return tuple(values[place] for place in kept)
