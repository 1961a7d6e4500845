"""When a version may become champion, and when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.configuration import PromotionSection
from schemas.decision import (
    Behaviour,
    ChampionEvidence,
    Comparison,
    Decision,
    Evidence,
    Slice,
    Trial,
)
from schemas.evaluation import Interval
from tasks.evaluation.gate import judge_version

SECTION = PromotionSection(minimum_test_events=10, margin=0.02, event_recall_margin=0.1)
SOUND = Trial(
    format_version=2,
    golden_rows=300,
    golden_scores=280,
    largest_difference=0.0,
    seconds_per_thousand_rows=0.5,
    megabytes=3.0,
    behaviours=(
        Behaviour(name="dead sensor", sensors=8, value=0.9, undefined=0),
        Behaviour(name="spike", sensors=8, value=1.0, undefined=0),
    ),
)


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high)


def comparison_of(metric: str, value: float, low: float, high: float) -> Comparison:
    """A new version whose figure differs from 0.5 of the champion by `low` to `high`."""
    return Comparison(
        name="champion", metric=metric, value=value, other_value=0.5, difference=interval(low, high)
    )


def champion_with(*comparisons: Comparison, events: int = 12, problem: str | None = None) -> ChampionEvidence:
    return ChampionEvidence(
        version="3",
        problem=problem,
        judged_from="2024-01-01T00:00:00",
        events=events,
        false_alarms_per_day=5.0,
        comparisons=comparisons,
    )


def control_with(low: float, high: float) -> Comparison:
    """A control whose area differs from the version's by `low` to `high`."""
    return Comparison(
        name="pca", metric="roc_auc", value=0.70, other_value=0.72, difference=interval(low, high)
    )


def slice_with(false_alarms: int, days: float = 2.0) -> Slice:
    return Slice(name="x28", value="96", days=days, events=1, caught=0, false_alarms=false_alarms)


def judge(section: PromotionSection = SECTION, **changes: Any) -> Decision:
    """Judge a version that is good in all respects but the changed ones; there is no champion yet."""
    good = {
        "trial": SOUND,
        "is_leaky_split": False,
        "test_events": 10,
        "roc_auc": 0.70,
        "roc_auc_interval": interval(0.60, 0.80),
        "best_control": control_with(-0.05, 0.05),
        "alarm_budget": 5.0,
        "false_alarms_per_day": 4.0,
        "false_alarms_interval": interval(3.0, 5.0),
        "slices": (slice_with(4),),
        "champion": None,
    }
    return judge_version(Evidence.model_validate({**good, **changes}), section)


EQUAL = (
    comparison_of("average_precision", 0.5, -0.01, 0.01),
    comparison_of("event_recall", 0.5, -0.05, 0.05),
)


def test_a_good_first_version_becomes_champion() -> None:
    decision = judge()
    assert decision.decision == "PROMOTE"
    assert "G2 there is no champion yet" in decision.reasons


def test_the_same_evidence_gives_the_same_decision() -> None:
    assert judge() == judge()


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (Trial(problem="KeyError: x"), "G0 a fresh process cannot run it: KeyError: x"),
        (SOUND.model_copy(update={"largest_difference": 0.01}), "scores differ in a fresh process"),
        (SOUND.model_copy(update={"undefined": 1}), "scores differ in a fresh process"),
        (SOUND.model_copy(update={"golden_scores": 0}), "none of its 300 golden rows has a score"),
    ],
)
def test_a_version_without_integrity_is_rejected_before_anything_else(trial: Trial, said: str) -> None:
    decision = judge(trial=trial, is_leaky_split=True, test_events=0)
    assert decision.decision == "REJECT"
    assert said in decision.reasons[0]
    assert {check.gate for check in decision.checks} == {"G0"}


def test_a_leaky_split_is_held() -> None:
    decision = judge(is_leaky_split=True)
    assert decision.decision == "HOLD"
    assert "split.method=time" in decision.reasons[0]


def test_too_few_events_are_held() -> None:
    decision = judge(test_events=9)
    assert decision.decision == "HOLD"
    assert decision.reasons == (
        "G1 9 events in the test, at least 10 are needed (promotion.minimum_test_events)",
    )


def test_too_few_events_are_held_even_below_a_floor() -> None:
    assert judge(test_events=9, roc_auc_interval=interval(0.4, 0.9)).decision == "HOLD"


def test_every_reason_to_hold_is_told() -> None:
    assert len(judge(is_leaky_split=True, test_events=0).reasons) == 2


def test_a_first_version_that_cannot_be_told_from_chance_is_rejected() -> None:
    decision = judge(roc_auc_interval=interval(0.5, 0.9))
    assert decision.decision == "REJECT"
    assert "not clearly better than chance" in decision.reasons[0]


def test_a_version_without_an_interval_is_rejected() -> None:
    assert judge(roc_auc_interval=None).decision == "REJECT"


def test_a_version_clearly_worse_than_the_best_control_is_rejected() -> None:
    decision = judge(best_control=control_with(-0.05, -0.01))
    assert decision.decision == "REJECT"
    assert "clearly worse than the control pca" in decision.reasons[0]


def test_a_version_that_may_be_as_good_as_the_best_control_passes() -> None:
    assert judge(best_control=control_with(-0.05, 0.0)).decision == "PROMOTE"


@pytest.mark.parametrize(
    ("rate", "low", "decision"),
    [(7.5, 6.0, "PROMOTE"), (7.6, 6.0, "REJECT"), (7.6, 5.0, "PROMOTE"), (None, 6.0, "PROMOTE")],
)
def test_alarms_are_beyond_the_budget_by_more_than_chance_and_the_tolerance(
    rate: float | None, low: float, decision: str
) -> None:
    judged = judge(false_alarms_per_day=rate, false_alarms_interval=interval(low, 9.0))
    assert judged.decision == decision


def test_every_failed_floor_is_told() -> None:
    decision = judge(
        roc_auc_interval=interval(0.4, 0.6),
        best_control=control_with(-0.05, -0.01),
        false_alarms_per_day=20.0,
        false_alarms_interval=interval(18.0, 22.0),
    )
    assert len(decision.reasons) == 3


def test_an_equal_challenger_is_promoted() -> None:
    decision = judge(champion=champion_with(*EQUAL))
    assert decision.decision == "PROMOTE"
    assert any("not worse than champion version 3" in reason for reason in decision.reasons)


@pytest.mark.parametrize(
    ("comparison", "decision"),
    [
        # the whole interval above minus the margin
        (comparison_of("average_precision", 0.49, -0.02, 0.01), "PROMOTE"),
        # clearly below, even within the margin's reach
        (comparison_of("average_precision", 0.47, -0.05, -0.001), "REJECT"),
        # below by more than the margin
        (comparison_of("average_precision", 0.47, -0.10, 0.04), "REJECT"),
        # may be worse, may be not
        (comparison_of("average_precision", 0.50, -0.10, 0.10), "HOLD"),
        (comparison_of("event_recall", 0.45, -0.10, 0.00), "PROMOTE"),
        (comparison_of("event_recall", 0.30, -0.30, 0.10), "REJECT"),
        (comparison_of("event_recall", 0.50, -0.20, 0.20), "HOLD"),
    ],
)
def test_non_inferiority_decides_against_a_champion(comparison: Comparison, decision: str) -> None:
    others = [other for other in EQUAL if other.metric != comparison.metric]
    assert judge(champion=champion_with(comparison, *others)).decision == decision


def test_the_margin_is_that_of_the_configuration() -> None:
    wide = comparison_of("average_precision", 0.5, -0.1, 0.1)
    section = SECTION.model_copy(update={"margin": 0.1})
    assert judge(section, champion=champion_with(wide, EQUAL[1])).decision == "PROMOTE"


def test_the_roc_area_against_the_champion_decides_nothing() -> None:
    worse = comparison_of("roc_auc", 0.2, -0.4, -0.2)
    assert judge(champion=champion_with(worse, *EQUAL)).decision == "PROMOTE"


def test_superiority_may_be_asked_for() -> None:
    section = SECTION.model_copy(update={"needs_superiority": True})
    assert judge(section, champion=champion_with(*EQUAL)).decision == "HOLD"
    better = comparison_of("average_precision", 0.6, 0.01, 0.2)
    assert judge(section, champion=champion_with(better, EQUAL[1])).decision == "PROMOTE"


def test_a_champion_that_has_seen_the_test_is_no_comparison() -> None:
    decision = judge(champion=champion_with(problem="it has seen rows up to 2024-03-01"))
    assert decision.decision == "HOLD"
    assert decision.reasons == ("G2 champion version 3: it has seen rows up to 2024-03-01",)


def test_too_few_events_that_neither_has_seen_are_held() -> None:
    decision = judge(champion=champion_with(*EQUAL, events=9))
    assert decision.decision == "HOLD"
    assert "9 events in rows that neither version has seen" in decision.reasons[0]


def test_a_version_below_a_floor_is_rejected_even_where_the_champion_says_nothing() -> None:
    decision = judge(roc_auc_interval=interval(0.4, 0.6), champion=champion_with(problem="seen"))
    assert decision.decision == "REJECT"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seconds_per_thousand_rows": 11.0}, "11 s for 1,000 rows, beyond 10"),
        ({"megabytes": 300.0}, "300 MB, beyond 200"),
        (
            {"behaviours": (Behaviour(name="dead sensor", sensors=8, value=0.1, undefined=0),)},
            "dead sensor in each of 8 sensors",
        ),
        ({"behaviours": (Behaviour(name="spike", sensors=8, value=0.4, undefined=0),)}, "spike in each of 8"),
        ({"behaviours": (Behaviour(name="spike", sensors=8, value=1.0, undefined=2),)}, "2 scores lost"),
    ],
)
def test_a_version_that_does_not_behave_in_use_is_rejected(changes: dict[str, Any], said: str) -> None:
    decision = judge(trial=SOUND.model_copy(update=changes))
    assert decision.decision == "REJECT"
    assert said in decision.reasons[0]


@pytest.mark.parametrize(
    ("part", "decision"),
    [
        (slice_with(60), "PROMOTE"),
        (slice_with(61), "REJECT"),
        # too little to judge a slice by
        (slice_with(4, days=0.1), "PROMOTE"),
        (slice_with(50, days=0.9), "PROMOTE"),
    ],
)
def test_a_slice_flooded_with_alarms_is_rejected(part: Slice, decision: str) -> None:
    assert judge(slices=(part,)).decision == decision


def test_a_version_waits_for_approval_where_that_is_asked_for() -> None:
    section = SECTION.model_copy(update={"needs_approval": True})
    decision = judge(section)
    assert decision.decision == "HOLD"
    assert "forewarn promote" in decision.reasons[0]
    assert judge(section, roc_auc_interval=interval(0.4, 0.6)).decision == "REJECT"
