"""Check that a version warns: it catches more events than random alarms, and not fewer than a control."""

from __future__ import annotations

import math
from collections.abc import Iterator

from schemas.decision import Check, Comparison, WarningEvidence
from tasks.tables.format import count_things


def check_warnings(warnings: WarningEvidence, minimum_events: int) -> Iterator[Check]:
    """G1: catches clearly more events than random alarms, and not clearly fewer than a control.

    Clearly more than random alarms is, within one of the two horizons, an interval of the difference above
    zero and a p-value of at most half the level, since either horizon may show it. The version's
    own test must not contradict that: see `contradicts`.

    Args:
        warnings: The evidence.
        minimum_events: Fewest events of the own test that can contradict earlier tests by themselves.
    """
    yield _check_random(warnings, minimum_events) if warnings.own_alarm_rows else _report_silence(warnings)
    yield from _check_controls(warnings)


def is_clearly_better(comparison: Comparison, level: float) -> bool:
    """Return whether a scorer is clearly better: by the interval, and a p-value of at most half `level`."""
    difference, chance = comparison.difference, comparison.chance
    return difference is not None and difference.low > 0 and chance is not None and chance <= level / 2


def is_clearly_worse(comparison: Comparison, level: float) -> bool:
    """Return whether a scorer is clearly worse: by the interval, with a p-value of at most the level."""
    difference, chance = comparison.difference, comparison.chance
    return difference is not None and difference.high < 0 and chance is not None and chance <= level


def contradicts(warnings: WarningEvidence, place: int, minimum_events: int) -> bool:
    """Return whether the own test contradicts what all tests together show within a horizon.

    It does if it catches so few events that versions as good as those before it rarely would, or if it has
    enough events and catches no more of them than random alarms are expected to. An own test that clearly
    shows it without the others does not contradict them, however much better they were.

    Args:
        warnings: The evidence.
        place: The horizon: 0 or 1.
        minimum_events: Enough events.
    """
    if warnings.own and is_clearly_better(warnings.own[place], warnings.level):
        return False
    is_behind_earlier = any(
        comparison.metric == warnings.random[place].metric
        and comparison.chance is not None
        and comparison.chance <= warnings.level
        for comparison in warnings.earlier
    )
    is_like_random = warnings.own_caught[place] <= warnings.own_expected[place]
    return is_behind_earlier or (warnings.own_events >= minimum_events and is_like_random)


def estimate_events_needed(comparison: Comparison, events: int, level: float) -> int | None:
    """Estimate how many events would show that a recall is above that of random alarms, if it stays as it is.

    The interval narrows with the root of the events, and the p-value follows the normal approximation.

    Returns:
        More than `events`; None if the recall is not above that of random alarms.
    """
    from scipy.stats import norm

    lead, expected = comparison.value - comparison.other_value, comparison.other_value
    if lead <= 0 or comparison.difference is None:
        return None
    by_interval = events * ((lead - comparison.difference.low) / lead) ** 2
    by_p_value = norm.isf(level / 2) ** 2 * expected * (1 - expected) / lead**2
    return max(math.ceil(max(by_interval, by_p_value)), events + 1)


def describe_tests(warnings: WarningEvidence) -> str:
    """Describe the events that the evidence holds, and where they come from."""
    events = count_things(warnings.events, "event")
    if warnings.tests == 1:
        return f"{events} in the test"
    return f"{events} of {warnings.tests} tests since {(warnings.since or '')[:10]}"


def count_caught(recall: float, warnings: WarningEvidence) -> str:
    """Write the number of events of all tests that a recall stands for."""
    return f"{recall * warnings.events:.3g}"


def name_horizon(warnings: WarningEvidence, comparison: Comparison) -> str:
    """Name the horizon of a comparison, such as `within 2 rows`."""
    if comparison.metric != "event_recall":
        return f"within {warnings.horizon_minutes:g} minutes"
    rows = warnings.rows_ahead
    return f"within {rows} {'row' if rows == 1 else 'rows'}" if rows else "within the event"


def _check_random(warnings: WarningEvidence, minimum_events: int) -> Check:
    better = [
        place
        for place, comparison in enumerate(warnings.random)
        if is_clearly_better(comparison, warnings.level)
    ]
    rate = f"its own {warnings.false_alarms_per_day or 0:.2g} false alarms a day"
    figures = f"{_list_caught(warnings)}; {describe_tests(warnings)}"
    if not better:
        reason = (
            f"not clearly better than random alarms at {rate}: {figures}; {_describe_events_needed(warnings)}"
        )
        return Check(gate="G1", outcome="unknown", reason=reason)
    if all(contradicts(warnings, place, minimum_events) for place in better):
        own = " and ".join(f"{count:.3g}" for count in warnings.own_caught)
        expected = " and ".join(f"{count:.3g}" for count in warnings.own_expected)
        events = count_things(warnings.own_events, "event")
        reason = (
            f"its own test contradicts the earlier ones: {own} of {events} caught within the two horizons, "
            f"random {expected}; all tests: {figures}"
        )
        return Check(gate="G1", outcome="unknown", reason=reason)
    reason = f"warns better than random alarms at {rate}: {figures}"
    return Check(gate="G1", outcome="pass", reason=reason)


def _report_silence(warnings: WarningEvidence) -> Check:
    """Hold a version that raised no alarm in its test: nobody knows what its alarms are worth."""
    could = max((comparison.value for comparison in warnings.controls), default=0.0)
    events = count_things(warnings.own_events, "event")
    reason = (
        f"silent: no alarm in its test, so it caught none of its {events}, although "
        f"{warnings.alarm_budget:g} false alarms a day are allowed. With the best threshold for this rate, "
        f"looked up afterwards, it would catch {could:.0%} of the events. Lower the threshold (a higher "
        "threshold.false_alarms_per_day or threshold.safety, or another threshold.rule)"
    )
    return Check(gate="G1", outcome="unknown", reason=reason)


def _check_controls(warnings: WarningEvidence) -> Iterator[Check]:
    """Compare with the control that catches most at the alarm budget; a lead in one horizon makes up."""
    level, controls = warnings.level, warnings.controls
    worse = [comparison for comparison in controls if is_clearly_worse(comparison, level)]
    is_ahead = any(comparison.difference and comparison.difference.low > 0 for comparison in controls)
    names = " and ".join(sorted({comparison.name for comparison in worse or controls}))
    figures = "; ".join(
        f"{name_horizon(warnings, comparison)} {count_caught(comparison.value, warnings)} of "
        f"{warnings.events} events caught, {comparison.name} {count_caught(comparison.other_value, warnings)}"
        for comparison in worse or controls
    )
    budget = f"with the best threshold for {warnings.alarm_budget:g} false alarms a day each"
    if worse and not is_ahead:
        reason = f"clearly fewer events caught than by the control {names}, {budget}: {figures}"
        yield Check(gate="G1", outcome="fail", reason=reason)
    elif controls:
        reason = f"not clearly fewer events caught than by the best control, {budget}: {figures}"
        yield Check(gate="G1", outcome="pass", reason=reason)


def _list_caught(warnings: WarningEvidence) -> str:
    """List the events caught within each horizon beside those that random alarms are expected to catch."""
    parts = []
    for comparison in warnings.random:
        difference, chance = comparison.difference, comparison.chance
        bounds = "undefined" if difference is None else f"{difference.low:+.3f} to {difference.high:+.3f}"
        p_value = "unknown" if chance is None else f"{chance:.2g}"
        parts.append(
            f"{name_horizon(warnings, comparison)} {count_caught(comparison.value, warnings)} caught, random "
            f"{count_caught(comparison.other_value, warnings)} (difference in recall {bounds}, "
            f"p-value {p_value})"
        )
    return "; ".join(parts)


def _describe_events_needed(warnings: WarningEvidence) -> str:
    """Say how many more events would show that the version warns, if it goes on as it did."""
    needed = [
        events
        for comparison in warnings.random
        if (events := estimate_events_needed(comparison, warnings.events, warnings.level)) is not None
    ]
    if not needed:
        return "it catches no more than random alarms, so more events alone will not show that it warns"
    more = min(needed) - warnings.events
    return f"at this recall about {count_things(more, 'more event')} should show that it warns"
