"""Choose the rule of the threshold: a rule that needs events gives way where validation holds none."""

from __future__ import annotations

from schemas.configuration import ThresholdSection
from schemas.readings import Finding, LabelledReadings
from schemas.windows import Split
from tasks.alarms.episodes import select_events

# rules that weigh alarms against the events of the validation part
RULES_OF_EVENTS = frozenset({"pr_crossing", "f_beta", "cost"})
FALLBACK = "alarm_budget"


def choose_rule(
    section: ThresholdSection, split: Split, labelled: LabelledReadings
) -> tuple[ThresholdSection, tuple[Finding, ...]]:
    """Replace a rule that needs events by the alarm budget, if the validation part holds none.

    Args:
        section: The configured rule.
        split: The parts.
        labelled: All rows and events.

    Returns:
        The settings to choose the threshold by, and the finding `threshold_rule` if the rule was replaced.
    """
    part = split.validation
    has_events = bool(part.labels.any())
    if section.rule == "cost":
        has_events = has_events and len(select_events(labelled, part)) > 0
    if section.rule not in RULES_OF_EVENTS or has_events:
        return section, ()
    message = (
        f"The rule {section.rule} of the threshold needs events in the validation part, which holds none: "
        f"the threshold keeps the budget of {section.false_alarms_per_day:g} false alarms a day instead (the "
        f"rule {FALLBACK}, `threshold.false_alarms_per_day`)."
    )
    finding = Finding(
        check="threshold_rule", message=message, details={"configured": section.rule, "used": FALLBACK}
    )
    return section.model_copy(update={"rule": FALLBACK}), (finding,)
