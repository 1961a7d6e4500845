"""A threshold rule that needs events gives way to the alarm budget."""

from typing import Any

import pytest

from schemas.configuration import ThresholdSection
from schemas.windows import Split
from tasks.alarms.rule import choose_rule
from tests.builders import labelled_with, part_of


def choose(rule: str, events: list[int], **section: Any) -> tuple[str, list[str]]:
    labelled = labelled_with(rows=60, events=events)
    parts = [part_of(labelled, start, start + 18, name) for start, name in ((0, "train"), (18, "validation"))]
    split = Split(*parts, part_of(labelled, 36), is_leaky=False)
    chosen, findings = choose_rule(ThresholdSection(rule=rule, **section), split, labelled)
    return chosen.rule, [finding.message for finding in findings]


@pytest.mark.parametrize("rule", ["pr_crossing", "f_beta", "cost"])
def test_a_rule_that_needs_events_gives_way_to_the_budget(rule: str) -> None:
    used, [message] = choose(rule, events=[5, 50], false_alarms_per_day=3.0)
    assert used == "alarm_budget"
    assert message.startswith(f"The rule {rule} of the threshold needs events in the validation part")
    assert "3 false alarms a day" in message


@pytest.mark.parametrize("rule", ["pr_crossing", "f_beta", "cost"])
def test_a_rule_stays_where_validation_holds_events(rule: str) -> None:
    assert choose(rule, events=[5, 25, 50]) == (rule, [])


@pytest.mark.parametrize("rule", ["auto", "alarm_budget", "trailing_budget", "adaptive_budget", "quantile"])
def test_a_rule_that_needs_no_events_stays(rule: str) -> None:
    assert choose(rule, events=[]) == (rule, [])
