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
from tasks.evaluation.gate import judge_version
from tests.evidence import NOT_BETTER, interval, recall_with, warnings_with

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


def comparison_of(metric: str, value: float, low: float, high: float) -> Comparison:
    """A new version whose figure differs from 0.5 of the champion by `low` to `high`."""
    return Comparison(
        name="champion", metric=metric, value=value, other_value=0.5, difference=interval(low, high)
    )


def champion_with(
    *comparisons: Comparison,
    events: int = 12,
    problem: str | None = None,
    own_events: int | None = None,
    tests: int = 1,
) -> ChampionEvidence:
    return ChampionEvidence(
        version="3",
        problem=problem,
        judged_from="2024-01-01T00:00:00",
        events=events,
        own_events=own_events,
        tests=tests,
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


SILENT = warnings_with(own_alarm_rows=0, own_caught=(0, 0), own_expected=(0, 0), random=NOT_BETTER)


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
        "warnings": warnings_with(events=changes.get("test_events", 10)),
        "interpolated_share": 0.0,
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


def test_a_version_that_warns_says_how_much_better_than_random_alarms() -> None:
    decision = judge(warnings=warnings_with())
    assert decision.decision == "PROMOTE"
    (said,) = [reason for reason in decision.reasons if "random alarms" in reason]
    assert said.startswith("G1 warns better than random alarms at its own 4 false alarms a day")
    assert "within 2 rows 6 caught, random 1" in said
    assert "within 20 minutes 12 caught, random 2" in said


@pytest.mark.parametrize("area", [0.6, 0.99])
def test_a_version_no_better_than_random_alarms_is_held_whatever_its_area(area: float) -> None:
    decision = judge(
        warnings=warnings_with(random=NOT_BETTER), roc_auc=area, roc_auc_interval=interval(area - 0.05, area)
    )
    assert decision.decision == "HOLD"
    assert "not clearly better than random alarms at its own 4 false alarms a day" in decision.reasons[0]
    assert "more events should show that it warns" in decision.reasons[0]


def test_one_horizon_in_which_it_clearly_warns_is_enough() -> None:
    for random in ((NOT_BETTER[0], warnings_with().random[1]), (warnings_with().random[0], NOT_BETTER[1])):
        assert judge(warnings=warnings_with(random=random)).decision == "PROMOTE"


@pytest.mark.parametrize(
    ("low", "chance", "decision"),
    [(0.0, 0.01, "HOLD"), (0.01, 0.026, "HOLD"), (0.01, 0.025, "PROMOTE"), (0.01, None, "HOLD")],
)
def test_a_clear_lead_needs_the_interval_and_little_luck(
    low: float, chance: float | None, decision: str
) -> None:
    random = (NOT_BETTER[0], recall_with("random", "event_recall_20min", 9, 4, low, 0.4, chance))
    assert judge(warnings=warnings_with(random=random)).decision == decision


def test_a_version_that_catches_fewer_than_random_alarms_is_told_that_more_events_do_not_help() -> None:
    random = (NOT_BETTER[0], recall_with("random", "event_recall_20min", 1, 1.8, -0.05, 0.02, 0.9))
    (reason,) = judge(warnings=warnings_with(random=random)).reasons
    assert "more events alone will not show that it warns" in reason


def test_a_silent_version_is_held_and_told_what_to_do() -> None:
    decision = judge(warnings=SILENT)
    assert decision.decision == "HOLD"
    assert "silent: no alarm in its test, so it caught none of its 34 events" in decision.reasons[0]
    assert "threshold.false_alarms_per_day" in decision.reasons[0]


def test_a_version_below_another_floor_is_rejected_even_if_nobody_knows_whether_it_warns() -> None:
    decision = judge(warnings=warnings_with(random=NOT_BETTER), roc_auc_interval=interval(0.4, 0.6))
    assert decision.decision == "REJECT"


CLEARLY_FEWER = (
    recall_with("zscore", "event_recall", 6, 7, -0.1, 0.05, 0.4),
    recall_with("zscore", "event_recall_20min", 12, 20, -0.4, -0.1, 0.004),
)


def test_a_version_that_catches_clearly_fewer_events_than_a_control_is_rejected() -> None:
    decision = judge(warnings=warnings_with(controls=CLEARLY_FEWER))
    assert decision.decision == "REJECT"
    assert "clearly fewer events caught than by the control zscore" in decision.reasons[0]
    assert "within 20 minutes 12 of 34 events caught, zscore 20" in decision.reasons[0]


def test_too_few_runs_that_differ_do_not_reject() -> None:
    few = recall_with("zscore", "event_recall_20min", 12, 15, -0.15, -0.01, 0.125)
    assert judge(warnings=warnings_with(controls=(CLEARLY_FEWER[0], few))).decision == "PROMOTE"


def test_a_clear_lead_over_the_control_in_one_horizon_makes_up_for_the_other() -> None:
    ahead = recall_with("zscore", "event_recall", 6, 1, 0.05, 0.3, 1.0)
    assert judge(warnings=warnings_with(controls=(ahead, CLEARLY_FEWER[1]))).decision == "PROMOTE"


def test_earlier_tests_of_the_same_kind_add_up() -> None:
    own = {"own_events": 4, "own_caught": (1, 1), "own_expected": (0.1, 0.2), "tests": 3}
    decision = judge(warnings=warnings_with(**own), test_events=4, roc_auc_interval=interval(0.3, 0.9))
    assert decision.decision == "PROMOTE"
    assert "G1 34 events of 3 tests since 2024-01-01" in decision.reasons
    assert "G1 ROC area not judged on 4 events of its own test" in decision.reasons


def test_few_events_of_all_tests_are_held() -> None:
    decision = judge(warnings=warnings_with(events=9, tests=3), test_events=3)
    assert decision.reasons == (
        "G1 9 events of 3 tests since 2024-01-01, at least 10 are needed (promotion.minimum_test_events)",
    )


def earlier_with(chance: float) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            name="earlier tests", metric=metric, value=0.0, other_value=0.35, difference=None, chance=chance
        )
        for metric in ("event_recall", "event_recall_20min")
    )


@pytest.mark.parametrize(
    ("own", "chance", "decision"),
    [
        # so few events that missing them all means little
        ({"own_events": 3, "own_caught": (0, 0), "own_expected": (0.1, 0.2)}, 0.3, "PROMOTE"),
        # versions as good as those before it rarely miss so many
        ({"own_events": 9, "own_caught": (0, 0), "own_expected": (0.3, 0.6)}, 0.03, "HOLD"),
        # enough events, of which random alarms catch as many
        ({"own_events": 12, "own_caught": (0, 1), "own_expected": (0.3, 1.0)}, 0.2, "HOLD"),
        ({"own_events": 12, "own_caught": (0, 2), "own_expected": (0.3, 1.0)}, 0.2, "PROMOTE"),
    ],
)
def test_good_earlier_tests_do_not_make_up_for_an_own_test_that_contradicts_them(
    own: dict[str, Any], chance: float, decision: str
) -> None:
    judged = judge(warnings=warnings_with(tests=3, earlier=earlier_with(chance), **own))
    assert judged.decision == decision
    if decision == "HOLD":
        assert "its own test contradicts the earlier ones" in judged.reasons[0]


def test_an_own_test_that_shows_it_alone_may_be_behind_earlier_ones() -> None:
    clear = warnings_with().random
    assert judge(warnings=warnings_with(tests=3, earlier=earlier_with(0.03))).decision == "HOLD"
    assert judge(warnings=warnings_with(tests=3, earlier=earlier_with(0.03), own=clear)).decision == "PROMOTE"


@pytest.mark.parametrize(("share", "decision"), [(0.05, "PROMOTE"), (0.06, "HOLD")])
def test_a_table_that_looks_ahead_is_held_with_the_setting_to_use(share: float, decision: str) -> None:
    judged = judge(interpolated_share=share)
    assert judged.decision == decision
    assert decision == "PROMOTE" or "Train with readings.replay=causal" in judged.reasons[0]


def test_a_table_that_looks_ahead_is_no_evidence_against_a_version_either() -> None:
    decision = judge(interpolated_share=0.25, roc_auc_interval=interval(0.4, 0.6))
    assert decision.decision == "HOLD"
    assert len(decision.reasons) == 2


def test_few_own_events_against_the_champion_leave_its_average_precision_out() -> None:
    unclear = comparison_of("average_precision", 0.5, -0.3, 0.3)
    decision = judge(champion=champion_with(unclear, EQUAL[1], own_events=3, tests=4))
    assert decision.decision == "PROMOTE"
    (reason,) = [reason for reason in decision.reasons if reason.startswith("G2")]
    assert "event recall at 5 false alarms a day 0.500 against 0.500" in reason
    assert reason.endswith("12 events of 4 tests")
    assert judge(champion=champion_with(unclear, EQUAL[1], own_events=10, tests=4)).decision == "HOLD"


def test_a_recall_worse_than_the_champions_in_all_tests_is_rejected() -> None:
    worse = comparison_of("event_recall", 0.3, -0.4, -0.1)
    assert judge(champion=champion_with(worse, own_events=3, tests=4)).decision == "REJECT"
