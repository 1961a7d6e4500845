"""Choose the threshold on training and validation scores; an alarm is `score >= threshold`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from schemas.configuration import ThresholdSection
from schemas.errors import InputError
from schemas.evaluation import Threshold, TrailingBudget
from schemas.readings import LabelledReadings
from schemas.windows import Part, Split, Windows
from tasks.alarms.adaptive_budget import find_first_threshold, start_adaptive
from tasks.alarms.episodes import (
    count_days,
    count_false_alarms,
    find_horizon_starts,
    find_lead_minutes,
    mark_part,
    select_events,
)
from tasks.alarms.recalibrate import keep_recent

# candidate thresholds of the rule `cost`, besides a threshold without alarms
MOST_CANDIDATES = 400


@dataclass(frozen=True, eq=False)
class RuleInputs:
    """The inputs of a rule, which must not use test scores. Attributes as for `choose_threshold`."""

    scores: np.ndarray
    windows: Windows
    split: Split
    labelled: LabelledReadings
    section: ThresholdSection
    repeat_minutes: float

    @property
    def part(self) -> Part:
        """The validation part."""
        return self.split.validation

    @property
    def judged(self) -> np.ndarray:
        """Scores of the validation part, shape (windows of the part,)."""
        return self.scores[self.part.places]


def choose_thresholds(
    scores: Mapping[str, np.ndarray],
    windows: Windows,
    split: Split,
    labelled: LabelledReadings,
    section: ThresholdSection,
    repeat_minutes: float,
) -> dict[str, Threshold]:
    """Choose a threshold for the model and for each control, by the same rule.

    A `fixed` value is meaningless on the scale of a control: each control then flags as many normal
    validation windows as the model does (more only if scores are tied).

    Args:
        scores: By scorer, float64, shape (windows of the table,); the scorer `model` is among them.
        windows: All windows of the table.
        split: The parts.
        labelled: All rows, for the runs and the step.
        section: The rule and its parameters.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.

    Returns:
        Thresholds by scorer.
    """
    chosen = {
        name: choose_threshold(values, windows, split, labelled, section, repeat_minutes)
        for name, values in scores.items()
    }
    if section.rule == "fixed":
        normal = split.validation.places[~split.validation.labels]
        flagged = int(np.sum(scores["model"][normal] >= chosen["model"].value))
        for name in scores.keys() - {"model"}:
            chosen[name] = Threshold(value=flag_highest(scores[name][normal], flagged), rule="quantile")
    return chosen


def flag_highest(scores: np.ndarray, flagged: int) -> float:
    """Find the threshold that flags the `flagged` highest scores, 0 to all; ties are flagged together."""
    ordered = np.sort(scores)
    if flagged == 0:
        return float(np.nextafter(ordered[-1], np.inf))
    return float(ordered[-flagged])


def choose_threshold(
    scores: np.ndarray,
    windows: Windows,
    split: Split,
    labelled: LabelledReadings,
    section: ThresholdSection,
    repeat_minutes: float,
) -> Threshold:
    """Choose a threshold by the configured rule; test scores are never used.

    Args:
        scores: Scores of all windows of the table, float64, shape (windows,).
        windows: All windows of the table.
        split: The parts; all rules but `quantile` use labels of the validation part only.
        labelled: All rows, for the runs and the step.
        section: The rule and its parameters.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.

    Returns:
        The threshold and its rule, with `trailing` for a rule that moves over time.

    Raises:
        InputError: If the rule needs rows before an event and the validation part has none.
    """
    inputs = RuleInputs(scores, windows, split, labelled, section, repeat_minutes)
    chosen = RULES[section.rule](inputs)
    return chosen if isinstance(chosen, Threshold) else Threshold(value=chosen, rule=section.rule)


def take_quantile(inputs: RuleInputs) -> float:
    """Take the configured quantile of normal scores, of validation or of training."""
    part = inputs.split.train if inputs.section.quantile_part == "train" else inputs.part
    return float(np.quantile(inputs.scores[part.places[~part.labels]], inputs.section.quantile))


def keep_budget(inputs: RuleInputs, false_alarms_per_day: float) -> float:
    """Find the threshold that keeps a budget on validation; see `meet_alarm_budget`."""
    return meet_alarm_budget(
        inputs.judged, inputs.part, inputs.labelled, false_alarms_per_day, inputs.repeat_minutes
    )


def cross_precision_and_recall(scores: np.ndarray, labels: np.ndarray) -> float:
    """Find the threshold at which precision and recall are closest; of ties, the highest.

    Thresholds at which both are 0 are left out.

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
    """Find the threshold with the highest F-beta; of ties, the highest.

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
    """Find, by bisection over the scores, a low threshold that keeps a budget of false alarms a day.

    The budget holds on this part at the threshold returned. If even the highest score exceeds it, the
    threshold is just above that score.

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
        is_flagged = _flag_rows(scores, part, labelled, threshold)
        return int(count_false_alarms(is_flagged, labelled, repeat_minutes).sum()) <= allowed

    # invariant: candidates[stop] keeps the budget, or stop is past the end; candidates[start - 1] exceeds it
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


def start_trailing_budget(inputs: RuleInputs) -> Threshold:
    """Initialise a threshold that moves over time; see `tasks.alarms.recalibrate`.

    It aims at the share `section.safety` of the budget. `value` keeps that share on the validation part, and
    `recent` holds the scores before the test part. After a random split `recent` is empty, because no time
    is before the test part.
    """
    section, labelled, test = inputs.section, inputs.labelled, inputs.split.test
    budget = section.false_alarms_per_day * section.safety
    trailing = TrailingBudget(
        false_alarms_per_day=budget,
        rows=max(round(section.trailing_days * 24 * 60 / labelled.step_minutes), 1),
        recalibrate_minutes=section.recalibrate_minutes,
        repeat_alarm_minutes=inputs.repeat_minutes,
        step_minutes=labelled.step_minutes,
    )
    threshold = Threshold(value=keep_budget(inputs, budget), rule="trailing_budget", trailing=trailing)
    if test.is_scattered:
        return threshold
    is_before = inputs.windows.end_rows < test.start
    rows = inputs.windows.end_rows[is_before]
    return keep_recent(threshold, labelled.times[rows], labelled.runs[rows], inputs.scores[is_before])


def choose_budget_rule(inputs: RuleInputs) -> Threshold:
    """Keep the budget by `adaptive_budget`, or by `alarm_budget` where event rows are the positive ones.

    Such an event lasts, and an alarm is right all through it. Without labels the alarms of a long fault
    cannot be told from false ones: they would use up an adaptive budget, and the next fault would be missed.
    """
    rule = "adaptive_budget" if inputs.labelled.rows_ahead else "alarm_budget"
    chosen = RULES[rule](inputs)
    return chosen if isinstance(chosen, Threshold) else Threshold(value=chosen, rule=rule)


def start_adaptive_budget(inputs: RuleInputs) -> Threshold:
    """Initialise a threshold that adapts at every row; see `tasks.alarms.adaptive_budget`.

    It starts from the scores of the normal windows of validation: of all, if none is normal. It begins with
    the test part: earlier rows have the first threshold. After a random split any row may be the first.
    """
    section, labelled, test = inputs.section, inputs.labelled, inputs.split.test
    is_normal = ~inputs.part.labels
    before = inputs.windows.end_rows[inputs.windows.end_rows < test.start]
    is_ordered = len(before) > 0 and not test.is_scattered
    budget = start_adaptive(
        inputs.judged[is_normal] if is_normal.any() else inputs.judged,
        section.false_alarms_per_day,
        section.trailing_days,
        labelled.rows_ahead,
        inputs.repeat_minutes,
        labelled.step_minutes,
        labelled.times[before[-1]] if is_ordered else None,
    )
    return Threshold(value=find_first_threshold(budget), rule="adaptive_budget", trailing=budget)


def minimise_cost(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    missed_event_cost: float,
    repeat_minutes: float,
) -> float:
    """Find the threshold with the lowest cost of false alarms and missed events on a part.

    The cost is `false-alarm episodes + missed_event_cost * missed events`; of ties, the highest threshold is
    taken. The candidates are no alarm at all and every score. Of more than `MOST_CANDIDATES` windows, only
    the scores are tried that flag geometrically spaced numbers of windows, from 1 to all.

    Args:
        scores: Scores of the part's windows, shape (windows,).
        part: The part that the scores belong to.
        labelled: All rows and events.
        missed_event_cost: Cost of a missed event, in false-alarm episodes.
        repeat_minutes: Minutes after which a lasting false alarm is counted again.

    Raises:
        InputError: If the part has no event, or no window before an event.
    """
    events = select_events(labelled, part)
    _require_positives(len(events) > 0 and bool(part.labels.any()), "cost")
    horizon_starts = find_horizon_starts(labelled, labelled.rows_ahead)

    def find_cost(threshold: float) -> float:
        is_flagged = _flag_rows(scores, part, labelled, threshold)
        missed = np.isnan(find_lead_minutes(is_flagged, labelled, horizon_starts)[events]).sum()
        episodes = count_false_alarms(is_flagged, labelled, repeat_minutes).sum()
        return float(episodes + missed_event_cost * missed)

    candidates = _pick_candidates(scores)
    return float(candidates[np.argmin([find_cost(candidate) for candidate in candidates])])


def _pick_candidates(scores: np.ndarray) -> np.ndarray:
    """Pick candidate thresholds, falling from just above the highest score, shape (at most 401,)."""
    falling = np.sort(scores)[::-1]
    if len(falling) > MOST_CANDIDATES:
        flagged = np.unique(np.geomspace(1, len(falling), MOST_CANDIDATES).round().astype(np.int64))
        falling = falling[flagged - 1]
    return np.concatenate([[np.nextafter(falling[0], np.inf)], np.unique(falling)[::-1]])


def _flag_rows(scores: np.ndarray, part: Part, labelled: LabelledReadings, threshold: float) -> np.ndarray:
    """Flag the rows with an alarm in a part, bool, shape (rows,)."""
    is_flagged = np.zeros(len(labelled.labels), dtype=bool)
    is_flagged[part.end_rows[scores >= threshold]] = True
    return is_flagged


def _require_positives(has_positives: bool, rule: str) -> None:
    if not has_positives:
        raise InputError(
            f"`threshold.rule` {rule} needs rows before an event in the validation part. Received none. "
            "Use the rule quantile or alarm_budget, or a longer table."
        )


def _trace_curve(
    scores: np.ndarray, labels: np.ndarray, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and rising thresholds, each of shape (thresholds,)."""
    from sklearn.metrics import precision_recall_curve

    _require_positives(bool(labels.any()), rule)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    return precision[:-1], recall[:-1], thresholds


# the names are those of `threshold.rule`; a rule returns a value, or a threshold that moves over time
RULES: dict[str, Callable[[RuleInputs], float | Threshold]] = {
    "auto": choose_budget_rule,
    # the settings require a value for this rule
    "fixed": lambda inputs: cast("float", inputs.section.value),
    "pr_crossing": lambda inputs: cross_precision_and_recall(inputs.judged, inputs.part.labels),
    "f_beta": lambda inputs: maximise_f_beta(inputs.judged, inputs.part.labels, inputs.section.beta),
    "alarm_budget": lambda inputs: keep_budget(inputs, inputs.section.false_alarms_per_day),
    "trailing_budget": start_trailing_budget,
    "adaptive_budget": start_adaptive_budget,
    "cost": lambda inputs: minimise_cost(
        inputs.judged,
        inputs.part,
        inputs.labelled,
        inputs.section.missed_event_cost,
        inputs.repeat_minutes,
    ),
    "quantile": take_quantile,
}
