"""Decide whether a version may become champion: five gates, each a list of checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from schemas.configuration import PromotionSection
from schemas.decision import ChampionEvidence, Check, Comparison, Decision, Evidence, Gate, Outcome
from tasks.evaluation.warning_checks import check_warnings, describe_tests
from tasks.tables.format import count_things

CHANCE = 0.5
# scores are equal on the same machine; other processors round the last bits differently
GOLDEN_TOLERANCE = 1e-4
# a slice with fewer days or fewer false alarms than this is not judged
_SLICE_DAYS, _SLICE_FALSE_ALARMS = 1.0, 5


def judge_version(evidence: Evidence, section: PromotionSection) -> Decision:
    """Decide from evidence alone: the same evidence gives the same decision.

    A failed check rejects the version, and a check that cannot be answered holds it. Integrity comes first:
    a version that does not run is not checked further. If the test is meaningless, because it is leaky, looks
    ahead or has too few events, the version is held, whatever its figures are. The first champion must pass
    every check but the comparison.

    Args:
        evidence: What is known of the version, the controls and the champion.
        section: Requirements for promotion.

    Returns:
        The decision, with all its reasons and all checks.
    """
    checks, is_test_meaningless = list(_check_integrity(evidence)), False
    if not _list_reasons(checks, "fail"):
        test, look_ahead = list(_check_test(evidence, section)), _check_look_ahead(evidence, section)
        is_test_meaningless = bool(_list_reasons([*test, look_ahead], "unknown"))
        checks += [*test, look_ahead]
        if not _list_reasons(test, "unknown"):
            checks += [
                *_check_floors(evidence, section),
                *check_warnings(evidence.warnings, section.minimum_test_events),
                *_check_champion(evidence, section),
            ]
        checks += [*_check_operation(evidence, section), *_check_approval(section)]
    failures, gaps = _list_reasons(checks, "fail"), _list_reasons(checks, "unknown")
    decision: Outcome = "PROMOTE"
    if failures and not is_test_meaningless:
        decision = "REJECT"
    elif failures or gaps:
        decision = "HOLD"
    reasons = {"REJECT": failures, "HOLD": gaps + failures, "PROMOTE": _list_reasons(checks, "pass")}
    return Decision(decision=decision, reasons=tuple(reasons[decision]), checks=tuple(checks))


def _check_integrity(evidence: Evidence) -> Iterator[Check]:
    """G0: a fresh process reproduces the scores that were saved with the version."""
    trial = evidence.trial
    if trial.problem is not None:
        yield Check(gate="G0", outcome="fail", reason=f"a fresh process cannot run it: {trial.problem}")
        return
    largest = trial.largest_difference
    if not trial.golden_scores or largest is None:
        yield Check(
            gate="G0",
            outcome="fail",
            reason=f"none of its {trial.golden_rows} golden rows has a score to compare",
        )
        return
    is_same = largest <= GOLDEN_TOLERANCE and not trial.undefined
    figures = f"{trial.golden_scores} golden scores, largest relative difference {largest:.2g}"
    yield _answer(
        "G0",
        is_same,
        f"reloads in a fresh process without pickles and scores the same: {figures}"
        if is_same
        else f"scores differ in a fresh process: {figures}, {trial.undefined} missing or not finite",
    )


def _check_test(evidence: Evidence, section: PromotionSection) -> Iterator[Check]:
    """G1: the test part is not leaky and has enough events to be meaningful."""
    if evidence.is_leaky_split:
        yield Check(
            gate="G1",
            outcome="unknown",
            reason="leaky split: test rows are neighbours of training rows, or the scaler has seen them, so "
            "the test is no evidence about later rows (set split.method=time and "
            "features.scale_order=split_scale_window)",
        )
    is_enough = evidence.warnings.events >= section.minimum_test_events
    least = f"at least {section.minimum_test_events} are needed (promotion.minimum_test_events)"
    yield Check(
        gate="G1",
        outcome="pass" if is_enough else "unknown",
        reason=f"{describe_tests(evidence.warnings)}{'' if is_enough else f', {least}'}",
    )


def _check_look_ahead(evidence: Evidence, section: PromotionSection) -> Check:
    """G1: few of the sensor values were interpolated later, between a reading and one after it."""
    share, most = evidence.interpolated_share, section.interpolated_share
    is_causal = share <= most
    figures = f"{share:.0%} of the sensor values lie on straight lines between two readings"
    return Check(
        gate="G1",
        outcome="pass" if is_causal else "unknown",
        reason=f"the table does not look ahead: {figures}"
        if is_causal
        else f"the table looks ahead: {figures}, so they depend on the later one, and the test says little "
        f"about live readings; {most:.0%} are accepted (promotion.interpolated_share). Train with "
        "readings.replay=causal",
    )


def _check_floors(evidence: Evidence, section: PromotionSection) -> Iterator[Check]:
    """G1: above chance, not clearly worse than the best control, alarms within the budget.

    ROC areas are of the version's own test. Where it has too few events, earlier tests help to decide whether
    the version warns, and its area is not judged.
    """
    if evidence.test_events < section.minimum_test_events:
        reason = f"ROC area not judged on {count_things(evidence.test_events, 'event')} of its own test"
        yield Check(gate="G1", outcome="pass", reason=reason)
    else:
        yield from _check_areas(evidence)
    yield _check_alarms(evidence, section)


def _check_areas(evidence: Evidence) -> Iterator[Check]:
    """G1: the ROC area is above chance, and not clearly below that of the best control."""
    area, interval, control = evidence.roc_auc, evidence.roc_auc_interval, evidence.best_control
    is_above = area is not None and interval is not None and interval.low > CHANCE
    bounds = "unknown" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
    figures = f"ROC area {'unknown' if area is None else f'{area:.3f}'}, interval {bounds}"
    yield _answer(
        "G1",
        is_above,
        f"better than chance: {figures}"
        if is_above
        else f"not clearly better than chance: {figures}, must be above {CHANCE}",
    )
    if control is not None:
        is_worse = control.difference is not None and control.difference.high < 0
        verdict = "clearly worse than" if is_worse else "not clearly worse than the best control,"
        yield _answer(
            "G1",
            not is_worse,
            f"{verdict} {'the control ' if is_worse else ''}{control.name}: {_describe(control)}",
        )


def _check_alarms(evidence: Evidence, section: PromotionSection) -> Check:
    """G1: fails if false alarms exceed the budget clearly and by more than the tolerance."""
    rate, interval = evidence.false_alarms_per_day, evidence.false_alarms_interval
    allowed = evidence.alarm_budget * section.alarm_tolerance
    is_beyond = (
        rate is not None and rate > allowed and (interval is None or interval.low > evidence.alarm_budget)
    )
    figures = f"{0 if rate is None else rate:.2f} false alarms a day, {evidence.alarm_budget:g} promised"
    return _answer(
        "G1",
        not is_beyond,
        f"beyond the alarm budget: {figures}, {allowed:g} tolerated (promotion.alarm_tolerance)"
        if is_beyond
        else f"within the alarm budget: {figures}",
    )


def _check_champion(evidence: Evidence, section: PromotionSection) -> Iterator[Check]:
    """G2: not worse than the champion, by more than a margin, on the same later rows."""
    champion = evidence.champion
    if champion is None:
        yield Check(gate="G2", outcome="pass", reason="there is no champion yet")
        return
    problem = champion.problem
    if problem is None and champion.events < section.minimum_test_events:
        problem = (
            f"{champion.events} events in rows that neither version has seen, at least "
            f"{section.minimum_test_events} are needed (promotion.minimum_test_events)"
        )
    if problem is not None:
        yield Check(gate="G2", outcome="unknown", reason=f"champion version {champion.version}: {problem}")
        return
    margins = {"average_precision": section.margin, "event_recall": section.event_recall_margin}
    for comparison in _list_judged(champion, section):
        if comparison.metric in margins:
            yield _check_against(comparison, champion, margins[comparison.metric])
    if section.needs_superiority:
        yield _check_superiority(champion, section)


def _list_judged(champion: ChampionEvidence, section: PromotionSection) -> list[Comparison]:
    """List the comparisons that the events suffice for: only event recall counts those of earlier tests."""
    own_events = champion.events if champion.own_events is None else champion.own_events
    return [
        comparison
        for comparison in champion.comparisons
        if comparison.metric == "event_recall" or own_events >= section.minimum_test_events
    ]


def _check_against(comparison: Comparison, champion: ChampionEvidence, margin: float) -> Check:
    """G2, non-inferiority: the whole interval of the difference is at or above minus the margin."""
    name = f"champion version {champion.version} on the same later rows"
    budget = (
        f" at {champion.false_alarms_per_day:g} false alarms a day"
        if comparison.metric == "event_recall"
        else ""
    )
    figures = f"{_name_metric(comparison.metric)}{budget} {_describe(comparison)}, margin {margin:g}"
    if comparison.metric == "event_recall" and champion.tests > 1:
        figures += f", {count_things(champion.events, 'event')} of {champion.tests} tests"
    difference = comparison.difference
    outcome: Literal["pass", "fail", "unknown"]
    if difference is None:
        outcome, verdict = "unknown", "cannot be compared with"
    elif difference.low >= -margin:
        outcome, verdict = "pass", "not worse than"
    elif comparison.value < comparison.other_value - margin or difference.high < 0:
        outcome, verdict = "fail", "worse than"
    else:
        outcome, verdict = "unknown", "too few events to decide whether it is worse than"
    return Check(gate="G2", outcome=outcome, reason=f"{verdict} {name}: {figures}")


def _check_superiority(champion: ChampionEvidence, section: PromotionSection) -> Check:
    """G2, superiority, if required: at least one metric is clearly higher."""
    leads = [
        comparison
        for comparison in _list_judged(champion, section)
        if comparison.difference is not None and comparison.difference.low > 0
    ]
    if not leads:
        return Check(
            gate="G2",
            outcome="unknown",
            reason=f"not clearly better than champion version {champion.version} in any metric "
            "(promotion.needs_superiority)",
        )
    return Check(
        gate="G2",
        outcome="pass",
        reason=f"better than champion version {champion.version}: "
        + "; ".join(f"{_name_metric(lead.metric)} {_describe(lead)}" for lead in leads),
    )


def _check_operation(evidence: Evidence, section: PromotionSection) -> Iterator[Check]:
    """G3: fast and small enough, no slice flooded with false alarms, sane on corrupted readings."""
    trial = evidence.trial
    for figure, most, unit, key in (
        (trial.seconds_per_thousand_rows, section.seconds_per_thousand_rows, "s for 1,000 rows", "seconds"),
        (trial.megabytes, section.megabytes, "MB", "size"),
    ):
        if figure is not None:
            is_within = figure <= most
            verdict = "within" if is_within else "beyond"
            yield _answer(
                "G3",
                is_within,
                f"{key}: {figure:.3g} {unit}, {verdict} {most:g}",
            )
    yield _check_slices(evidence, section)
    for behaviour in trial.behaviours:
        least = section.least_rank_correlation if behaviour.name == "dead sensor" else section.spike_share
        meaning = "rank correlation" if behaviour.name == "dead sensor" else "share that raises the score"
        if behaviour.value is None:
            continue
        is_sane = behaviour.value >= least and not behaviour.undefined
        figures = f"{meaning} {behaviour.value:.2f}, at least {least:g} is required"
        yield _answer(
            "G3",
            is_sane,
            f"{behaviour.name} in each of {behaviour.sensors} sensors: {figures}; "
            f"{behaviour.undefined} scores lost",
        )


def _check_slices(evidence: Evidence, section: PromotionSection) -> Check:
    allowed = evidence.alarm_budget * section.slice_alarm_factor
    judged = [
        part
        for part in evidence.slices
        if part.days >= _SLICE_DAYS and part.false_alarms >= _SLICE_FALSE_ALARMS
    ]
    flooded = [part for part in judged if part.false_alarms_per_day > allowed]
    if not flooded:
        return Check(
            gate="G3",
            outcome="pass",
            reason=f"none of {len(evidence.slices)} slices has more than {allowed:g} false alarms a day",
        )
    names = ", ".join(f"{part.name} {part.value}: {part.false_alarms_per_day:.1f}" for part in flooded)
    return Check(
        gate="G3",
        outcome="fail",
        reason=f"false alarms a day in slices, {allowed:g} at most (promotion.slice_alarm_factor): {names}",
    )


def _check_approval(section: PromotionSection) -> Iterator[Check]:
    """G4: approval by a person, if required."""
    if section.needs_approval:
        yield Check(
            gate="G4",
            outcome="unknown",
            reason="waits for approval: forewarn promote --version N --why TEXT (promotion.needs_approval)",
        )


def _answer(gate: Gate, is_passed: bool, reason: str) -> Check:
    """Make a check whose outcome is known."""
    return Check(gate=gate, outcome="pass" if is_passed else "fail", reason=reason)


def _list_reasons(checks: list[Check], outcome: Literal["pass", "fail", "unknown"]) -> list[str]:
    return [f"{check.gate} {check.reason}" for check in checks if check.outcome == outcome]


def _describe(comparison: Comparison) -> str:
    difference = comparison.difference
    bounds = "" if difference is None else f", difference {difference.low:+.3f} to {difference.high:+.3f}"
    return f"{comparison.value:.3f} against {comparison.other_value:.3f}{bounds}"


def _name_metric(metric: str) -> str:
    return metric.replace("_", " ").replace("roc auc", "ROC area")
