"""Findings about a recall that is too low, in sentences with their figures."""

from __future__ import annotations

from schemas.monitoring import RecallCheck, RecallReason, RecallVerdict
from schemas.readings import Finding
from tasks.tables.format import count_things

_TITLES: dict[RecallReason, str] = {
    "no_better_than_random": "The alarms are not clearly better than random alarms",
    "below_test": "The alarms catch clearly fewer events than in the version's own test",
}
_CURES = (
    "`forewarn rollback` restores an earlier champion, `forewarn retrain` trains a new version, and "
    "`forewarn backtest` shows how many events can be caught in these readings."
)


def describe_recall(recall: RecallVerdict) -> list[Finding]:
    """Make a finding of each reason why recall is too low."""
    findings = []
    for reason in recall.reasons:
        against = "random" if reason == "no_better_than_random" else "test"
        checks = [check for check in recall.checks if check.against == against]
        figures = "; ".join(describe_check(check) for check in checks)
        findings.append(
            Finding(
                check=f"recall_{reason}",
                message=f"{_TITLES[reason]}: {figures}. {_CURES}",
                details={check.metric: check.model_dump(mode="json") for check in checks},
            )
        )
    return findings


def describe_check(check: RecallCheck) -> str:
    """Write the recall within a horizon with its interval, and what it is compared with."""
    horizon = "the version's horizon" if check.metric == "event_recall" else "the longer horizon"
    if check.interval is None:
        return f"within {horizon} no event"
    bounds, recall = check.interval, check.caught / check.events
    caught = f"{check.caught} of {count_things(check.events, 'event')} caught"
    expected = "unknown" if check.expected is None else f"{check.expected:.1%}"
    source = "expected of as many random alarms" if check.against == "random" else "in the test"
    return (
        f"within {horizon} {caught} ({recall:.0%}, interval {bounds.low:.0%} to {bounds.high:.0%}; "
        f"{expected} {source})"
    )
