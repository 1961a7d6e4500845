"""Judge whether a version may become champion."""

from __future__ import annotations

from schemas.configuration import PromotionSection
from schemas.decision import ChampionEvidence, Decision, Evidence

CHANCE = 0.5


def judge_version(evidence: Evidence, section: PromotionSection) -> Decision:
    """Decide from evidence alone: the same evidence gives the same decision.

    HOLD where the test says nothing (a leaky split, too few events, a champion that cannot be
    compared); REJECT below a floor (chance, the best control) or below the champion; else PROMOTE.
    The first champion has to pass the floors too.

    Args:
        evidence: What is known of the version, the controls and the champion.
        section: Least number of events, and the margin towards the champion.

    Returns:
        The decision, with every reason for it.
    """
    unjudged = _find_missing_evidence(evidence, section)
    if unjudged:
        return Decision(decision="HOLD", reasons=tuple(unjudged))
    failures = _find_failed_floors(evidence)
    if evidence.champion is not None:
        failures += _find_champion_lead(evidence.champion, section.margin)
    if failures:
        return Decision(decision="REJECT", reasons=tuple(failures))
    if evidence.champion is not None and evidence.champion.comparison is None:
        problem = evidence.champion.problem or "it was not compared on these rows"
        return Decision(
            decision="HOLD", reasons=(f"champion version {evidence.champion.version}: {problem}",)
        )
    return Decision(decision="PROMOTE", reasons=tuple(_list_merits(evidence)))


def _find_missing_evidence(evidence: Evidence, section: PromotionSection) -> list[str]:
    reasons = []
    if evidence.is_leaky_split:
        reasons.append(
            "leaky split: test rows are neighbours of training rows, or the scaler has seen them, so the "
            "test says nothing about later rows (set split.method=time and "
            "features.scale_order=split_scale_window)"
        )
    if evidence.test_events < section.minimum_test_events:
        reasons.append(
            f"{evidence.test_events} events in the test, at least {section.minimum_test_events} are needed "
            "(promotion.minimum_test_events)"
        )
    return reasons


def _find_failed_floors(evidence: Evidence) -> list[str]:
    reasons = []
    interval = evidence.roc_auc_interval
    if evidence.roc_auc is None or interval is None or interval.low <= CHANCE:
        area = "unknown" if evidence.roc_auc is None else f"{evidence.roc_auc:.3f}"
        bounds = "unknown" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
        reasons.append(
            f"not clearly better than chance: ROC area {area}, interval {bounds}, must lie above {CHANCE}"
        )
    control = evidence.best_control
    if control is not None and control.difference is not None and control.difference.high < 0:
        reasons.append(
            f"clearly worse than the control {control.name}: ROC area {control.roc_auc:.3f} against "
            f"{control.other_roc_auc:.3f}, difference {control.difference.low:+.3f} to "
            f"{control.difference.high:+.3f}"
        )
    return reasons


def _find_champion_lead(champion: ChampionEvidence, margin: float) -> list[str]:
    comparison = champion.comparison
    if comparison is None or comparison.roc_auc >= comparison.other_roc_auc - margin:
        return []
    return [
        f"worse than champion version {champion.version} on the same test rows: ROC area "
        f"{comparison.roc_auc:.3f} against {comparison.other_roc_auc:.3f}, margin {margin:g}"
    ]


def _list_merits(evidence: Evidence) -> list[str]:
    low = evidence.roc_auc_interval.low if evidence.roc_auc_interval else CHANCE
    control = evidence.best_control
    reasons = [f"better than chance: ROC area {evidence.roc_auc:.3f}, lower bound {low:.3f}"]
    if control is not None:
        reasons.append(
            f"not clearly worse than the best control, {control.name}: {control.roc_auc:.3f} against "
            f"{control.other_roc_auc:.3f}"
        )
    champion = evidence.champion
    if champion is None:
        return [*reasons, "there is no champion yet"]
    if champion.comparison is not None:
        reasons.append(
            f"not worse than champion version {champion.version} on the same test rows: "
            f"{champion.comparison.roc_auc:.3f} against {champion.comparison.other_roc_auc:.3f}"
        )
    return reasons
