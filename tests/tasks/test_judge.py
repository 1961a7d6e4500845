"""When a version may become champion, and when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.configuration import PromotionSection
from schemas.decision import ChampionEvidence, Comparison, Decision, Evidence
from schemas.evaluation import Interval
from tasks.judge import judge_version

SECTION = PromotionSection(minimum_test_events=10, margin=0.02)


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high)


def champion_with(roc_auc: float) -> ChampionEvidence:
    """A champion with this ROC area on the test rows, where the new version has 0.70."""
    comparison = Comparison(
        name="champion", roc_auc=0.70, other_roc_auc=roc_auc, difference=interval(-0.1, 0.1)
    )
    return ChampionEvidence(version="3", comparison=comparison)


def control_with(low: float, high: float) -> Comparison:
    """A control whose area differs from the version's by `low` to `high`."""
    return Comparison(name="pca", roc_auc=0.70, other_roc_auc=0.72, difference=interval(low, high))


def judge(**changes: Any) -> Decision:
    """Judge a version that is good in all respects but the changed ones; there is no champion yet."""
    good = {
        "is_leaky_split": False,
        "test_events": 10,
        "roc_auc": 0.70,
        "roc_auc_interval": interval(0.60, 0.80),
        "best_control": control_with(-0.05, 0.05),
        "champion": None,
    }
    return judge_version(Evidence.model_validate({**good, **changes}), SECTION)


def test_a_good_first_version_becomes_champion() -> None:
    decision = judge()
    assert (decision.decision, decision.reasons[-1]) == ("PROMOTE", "there is no champion yet")


def test_a_leaky_split_is_held() -> None:
    decision = judge(is_leaky_split=True)
    assert decision.decision == "HOLD"
    assert "split.method=time" in decision.reasons[0]


def test_too_few_events_are_held() -> None:
    decision = judge(test_events=9)
    assert decision.decision == "HOLD"
    assert decision.reasons == (
        "9 events in the test, at least 10 are needed (promotion.minimum_test_events)",
    )


def test_every_reason_to_hold_is_told() -> None:
    assert len(judge(is_leaky_split=True, test_events=0).reasons) == 2


def test_a_version_that_cannot_be_told_from_chance_is_rejected() -> None:
    decision = judge(roc_auc_interval=interval(0.5, 0.9))
    assert decision.decision == "REJECT"
    assert "not clearly better than chance" in decision.reasons[0]


def test_a_version_without_an_interval_is_rejected() -> None:
    assert judge(roc_auc_interval=None).decision == "REJECT"


def test_a_version_clearly_worse_than_the_best_control_is_rejected() -> None:
    decision = judge(best_control=control_with(-0.09, -0.01))
    assert decision.decision == "REJECT"
    assert "clearly worse than the control pca" in decision.reasons[0]


def test_every_failed_floor_is_told() -> None:
    changes = {"roc_auc_interval": interval(0.4, 0.6), "best_control": control_with(-0.09, -0.01)}
    assert len(judge(**changes, champion=champion_with(0.90)).reasons) == 3


@pytest.mark.parametrize("champion", [0.60, 0.70, 0.715], ids=["better", "equal", "worse within the margin"])
def test_a_version_not_worse_than_the_champion_by_more_than_the_margin_is_promoted(champion: float) -> None:
    assert judge(champion=champion_with(champion)).decision == "PROMOTE"


def test_a_version_worse_than_the_champion_by_more_than_the_margin_is_rejected() -> None:
    decision = judge(champion=champion_with(0.73))
    assert decision.decision == "REJECT"
    assert "worse than champion version 3" in decision.reasons[0]


def test_a_version_whose_champion_cannot_be_compared_is_held() -> None:
    decision = judge(champion=ChampionEvidence(version="3", problem="it has seen these rows"))
    assert (decision.decision, decision.reasons) == ("HOLD", ("champion version 3: it has seen these rows",))


def test_a_champion_that_was_not_compared_for_no_known_reason_is_not_replaced() -> None:
    assert judge(champion=ChampionEvidence(version="3")).decision == "HOLD"


def test_a_bad_version_is_rejected_even_if_the_champion_cannot_be_compared() -> None:
    champion = ChampionEvidence(version="3", problem="it has seen these rows")
    assert judge(roc_auc_interval=interval(0.4, 0.6), champion=champion).decision == "REJECT"


def test_a_bad_version_is_rejected_even_if_the_champion_is_worse() -> None:
    decision = judge(roc_auc_interval=interval(0.4, 0.6), champion=champion_with(0.50))
    assert decision.decision == "REJECT"


def test_a_leaky_split_is_held_even_if_the_version_looks_bad() -> None:
    assert judge(is_leaky_split=True, roc_auc_interval=interval(0.4, 0.6)).decision == "HOLD"
