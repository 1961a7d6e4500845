"""Judge whether the champion still warns: its recall, compared with random alarms and with its own test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

import numpy as np

from schemas.configuration import EvaluationSection, MonitorSection
from schemas.evaluation import Interval
from schemas.monitoring import (
    LastEmission,
    RecallCheck,
    RecallMetric,
    RecallReason,
    RecallVerdict,
    WatchedRows,
    WatchedVersion,
)
from schemas.windows import Part
from tasks.alarms.episodes import find_lead_minutes, select_events
from tasks.evaluation.evaluate import find_horizons
from tasks.evaluation.random_alarms import expect_random_recall
from tasks.monitor.cool_down import find_cool_down
from tasks.monitor.measure import select_rows
from tasks.tables.format import count_things

_REASONS: dict[RecallReason, str] = {
    "no_better_than_random": "not clearly better than that of random alarms",
    "below_test": "clearly below that of the version's own test",
}


def judge_recall(
    watched: WatchedRows,
    version: WatchedVersion,
    last: LastEmission | None,
    data_end: str,
    monitor: MonitorSection,
    evaluation: EvaluationSection,
) -> RecallVerdict:
    """Judge recall by its exact interval, at the thresholds then in force, on rows whose labels are known.

    It is too low if the champion is within neither horizon clearly better than random alarms at its own
    false-alarm rate, or within a horizon clearly below the recall of its own test. An interval decides, not
    the figure itself: `evaluation.confidence` is the level of the interval, so each comparison errs in at
    most half of the rest.

    Args:
        watched: The rows.
        version: The champion, with the figures of its own test as far as they are known.
        last: The last event about the recall of this version, or None.
        data_end: Time of the newest row, ISO 8601.
        monitor: Fewest events to judge by, and the cool-down.
        evaluation: Horizons, and the level of the interval.
    """
    checks = _check_horizons(watched, version, monitor.minimum_events, evaluation)
    reasons = _find_reasons(checks)
    if not reasons:
        return _describe_no_loss(checks, monitor.minimum_events)
    seen = f"Recall is {' and '.join(_REASONS[reason] for reason in reasons)}"
    found = find_cool_down(last, data_end, monitor.recall_cool_down_hours)
    is_new = found.reported is None
    return RecallVerdict(
        status="CONFIRMED" if is_new else "COOLING_DOWN",
        message=f"{seen}." if is_new else f"{seen}, which {found}",
        reasons=reasons,
        checks=checks,
        cool_down_until=found.until,
    )


def find_exact_interval(caught: int, events: int, confidence: float) -> Interval | None:
    """Find the exact interval of a share of events, which holds for few events and for none caught.

    Returns:
        The interval, or None without an event.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits".
    """
    from scipy.stats import binomtest

    if not events:
        return None
    low, high = binomtest(caught, events).proportion_ci(confidence, method="exact")
    return Interval(low=float(low), high=float(high))


def _check_horizons(
    watched: WatchedRows, version: WatchedVersion, minimum: int, section: EvaluationSection
) -> tuple[RecallCheck, ...]:
    """Compare the recall within each horizon with random alarms, then with the version's own test."""
    labelled = watched.labelled
    new = select_rows(watched, watched.start, watched.labelled_stop)
    later = select_rows(watched, _find_end_of_test(watched, version), watched.labelled_stop)
    is_flagged = _mark_alarms(watched, new)
    compare = partial(_compare, minimum=minimum, confidence=section.confidence)
    checks = []
    for metric, starts in zip(
        get_args(RecallMetric), find_horizons(labelled, section.horizon_minutes), strict=True
    ):
        is_caught = np.isfinite(find_lead_minutes(is_flagged, labelled, starts))
        by_luck = expect_random_recall(is_flagged, labelled, new, starts)
        checks += [
            compare(metric, "random", is_caught[select_events(labelled, new)], by_luck),
            compare(
                metric, "test", is_caught[select_events(labelled, later)], version.test_recall.get(metric)
            ),
        ]
    return tuple(checks)


def _compare(
    metric: RecallMetric,
    against: Literal["random", "test"],
    is_caught: np.ndarray,
    expected: float | None,
    minimum: int,
    confidence: float,
) -> RecallCheck:
    """Compare the recall of some events, `is_caught` of shape (events,), with an expectation."""
    events, caught = len(is_caught), int(is_caught.sum())
    interval = find_exact_interval(caught, events, confidence)
    known = None if expected is None or np.isnan(expected) else expected
    is_met = None
    if interval is not None and known is not None and events >= minimum:
        is_met = interval.low > known if against == "random" else interval.high >= known
    return RecallCheck(
        metric=metric,
        against=against,
        events=events,
        caught=caught,
        interval=interval,
        expected=known,
        is_met=is_met,
    )


def _find_reasons(checks: Sequence[RecallCheck]) -> tuple[RecallReason, ...]:
    """Name what is too low: one horizon better than random alarms is enough, every test value counts."""
    random, test = (
        [check.is_met for check in checks if check.against == against] for against in ("random", "test")
    )
    reasons: list[RecallReason] = []
    if False in random and True not in random:
        reasons.append("no_better_than_random")
    if False in test:
        reasons.append("below_test")
    return tuple(reasons)


def _describe_no_loss(checks: tuple[RecallCheck, ...], minimum: int) -> RecallVerdict:
    """Say that recall is not too low, or why it cannot be judged."""
    random, test = ([check for check in checks if check.against == against] for against in ("random", "test"))
    if all(check.is_met is None for check in random):
        message = (
            f"Recall cannot be judged: {count_things(random[0].events, 'known event')} in rows that the "
            f"champion has not seen, {minimum} needed (monitor.minimum_events)."
        )
        return RecallVerdict(status="CANNOT_JUDGE", message=message, checks=checks)
    if all(check.expected is None for check in test):
        own = "the recall of the version's own test is unknown"
    elif all(check.is_met is None for check in test):
        events = count_things(test[0].events, "event")
        own = f"{events} after the version's own test, {minimum} needed to compare with it"
    else:
        own = "not clearly below that of the version's own test"
    message = f"Recall is clearly better than that of random alarms; {own}."
    return RecallVerdict(status="NOT_CONFIRMED", message=message, checks=checks)


def _mark_alarms(watched: WatchedRows, part: Part) -> np.ndarray:
    """Mark the alarms of a part, bool, shape (rows,)."""
    is_flagged = np.zeros(len(watched.scores), dtype=bool)
    rows = part.end_rows
    is_flagged[rows] = watched.scores[rows] >= watched.thresholds[rows]
    return is_flagged


def _find_end_of_test(watched: WatchedRows, version: WatchedVersion) -> int:
    """Find the first new row after the version's test; old versions do not say where it ends."""
    if version.test_end is None:
        return watched.start
    after = int(np.searchsorted(watched.labelled.times, np.datetime64(version.test_end), side="right"))
    return max(after, watched.start)
