"""Choose the threshold on validation scores; an alarm is `score >= threshold`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import precision_recall_curve

from schemas.configuration import ThresholdSection
from schemas.errors import InputError
from schemas.evaluation import Threshold
from schemas.readings import LabelledReadings
from schemas.windows import Part, Split
from tasks.alarm import count_days, count_false_alarms, mark_part


def choose_thresholds(
    scores: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    labelled: LabelledReadings,
    section: ThresholdSection,
    repeat_minutes: float,
) -> dict[str, Threshold]:
    """Choose a threshold on validation for the model and for each control, by the same rule.

    A `fixed` value means nothing on another scale: each control then flags as many normal
    validation windows as the model flags (more only where scores are equal).

    Args:
        scores: By scorer, then by part; the scorer `model` is among them.
        split: The parts.
        labelled: All rows, for the runs and the step.
        section: The rule and its parameters.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.

    Returns:
        By scorer.
    """
    part = split.validation
    chosen = {
        name: choose_threshold(by_part[part.name], part, labelled, section, repeat_minutes)
        for name, by_part in scores.items()
    }
    if section.rule == "fixed":
        flagged = int(np.sum(scores["model"][part.name][~part.labels] >= chosen["model"].value))
        for name in scores.keys() - {"model"}:
            value = flag_highest(scores[name][part.name][~part.labels], flagged)
            chosen[name] = Threshold(value=value, rule="quantile")
    return chosen


def flag_highest(scores: np.ndarray, flagged: int) -> float:
    """Find the threshold that flags the `flagged` highest scores, 0 to all; equal ones go together."""
    ordered = np.sort(scores)
    if flagged == 0:
        return float(np.nextafter(ordered[-1], np.inf))
    return float(ordered[-flagged])


def choose_threshold(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    section: ThresholdSection,
    repeat_minutes: float,
) -> Threshold:
    """Choose a threshold by the configured rule.

    Args:
        scores: Scores of the validation windows, shape (windows,).
        part: The validation part.
        labelled: All rows, for the runs and the step.
        section: The rule and its parameters.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.

    Returns:
        The threshold and its rule.

    Raises:
        InputError: If a rule needs positive rows and validation has none.
    """
    if section.value is not None:
        value = section.value
    elif section.rule == "quantile":
        value = float(np.quantile(scores[~part.labels], section.quantile))
    elif section.rule == "alarm_budget":
        value = meet_alarm_budget(scores, part, labelled, section.false_alarms_per_day, repeat_minutes)
    elif section.rule == "pr_crossing":
        value = cross_precision_and_recall(scores, part.labels)
    else:
        value = maximise_f_beta(scores, part.labels, section.beta)
    return Threshold(value=value, rule=section.rule)


def cross_precision_and_recall(scores: np.ndarray, labels: np.ndarray) -> float:
    """Find the threshold where precision and recall lie closest.

    Where no point is exactly equal the nearest is taken, the higher threshold of two equally near.
    Points with precision and recall 0 are equal without meaning and are left out.

    Args:
        scores: Shape (windows,).
        labels: bool, shape (windows,).

    Raises:
        InputError: If no window is positive.
    """
    precision, recall, thresholds = _trace_curve(scores, labels, "pr_crossing")
    distance = np.where(recall > 0, np.abs(precision - recall), np.inf)
    return float(thresholds[np.flatnonzero(distance == distance.min())[-1]])


def maximise_f_beta(scores: np.ndarray, labels: np.ndarray, beta: float) -> float:
    """Find the threshold with the highest F-beta, the higher threshold of two equally good.

    Args:
        scores: Shape (windows,).
        labels: bool, shape (windows,).
        beta: Weight of recall against precision, above 0.

    Raises:
        InputError: If no window is positive.
    """
    precision, recall, thresholds = _trace_curve(scores, labels, "f_beta")
    denominator = beta**2 * precision + recall
    f_beta = (1 + beta**2) * precision * recall / np.where(denominator > 0, denominator, 1)
    return float(thresholds[np.flatnonzero(f_beta == f_beta.max())[-1]])


def meet_alarm_budget(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    false_alarms_per_day: float,
    repeat_minutes: float,
) -> float:
    """Find, by bisection over the scores, a low threshold that keeps within so many false alarms a day.

    At the answer the budget holds on this part. Where even the highest score breaks it, the answer
    lies just above that score.

    Args:
        scores: Scores of the part's windows, shape (windows,).
        part: The part that the scores belong to.
        labelled: All rows, for the runs and the step.
        false_alarms_per_day: The budget, above 0.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.
    """
    allowed = false_alarms_per_day * count_days(mark_part(part, len(labelled.labels)), labelled.step_minutes)
    candidates = np.unique(scores)

    def is_within_budget(threshold: float) -> bool:
        is_flagged = np.zeros(len(labelled.labels), dtype=bool)
        is_flagged[part.end_rows[scores >= threshold]] = True
        return int(count_false_alarms(is_flagged, labelled, repeat_minutes).sum()) <= allowed

    # candidates[stop] keeps the budget, or stop is past the end; candidates[start - 1] breaks it
    start, stop = 0, len(candidates)
    while start < stop:
        middle = (start + stop) // 2
        if is_within_budget(candidates[middle]):
            stop = middle
        else:
            start = middle + 1
    if stop == len(candidates):
        return float(np.nextafter(candidates[-1], np.inf))
    return float(candidates[stop])


def _trace_curve(
    scores: np.ndarray, labels: np.ndarray, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall at each threshold, all of one length, thresholds rising."""
    if not labels.any():
        raise InputError(
            f"`threshold.rule` {rule} needs rows before an event in the validation part. Received none. "
            "Use the rule quantile or alarm_budget, or give a longer table."
        )
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    return precision[:-1], recall[:-1], thresholds
