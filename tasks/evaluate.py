"""Judge scores and alarms on one part, with intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from schemas.configuration import EvaluationSection
from schemas.decision import Comparison
from schemas.evaluation import Evaluation, Metrics, PartScores, Threshold
from schemas.readings import LabelledReadings
from schemas.windows import Part, Split, Windows
from tasks.alarm import (
    count_false_alarms,
    find_event_rows,
    find_horizon_starts,
    find_horizon_starts_in_minutes,
    find_lead_minutes,
    mark_part,
    select_events,
)
from tasks.bootstrap import (
    draw_weights,
    resample_average_precision,
    resample_roc_auc,
    take_interval,
)
from tasks.recalibrate import follow_scores

# one seed for every bootstrap: scorers judged on the same part are judged on the same resamples
BOOTSTRAP_SEED = 0

# per block of rows, what the rates are made of
_CAUGHT_POSITIVES, _FLAGGED, _POSITIVES, _EVENTS, _CAUGHT, _CAUGHT_IN_MINUTES, _FALSE_ALARMS, _DAYS = range(8)


def evaluate_scores(
    scorer: str,
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    thresholds: np.ndarray,
    section: EvaluationSection,
) -> Evaluation:
    """Judge one scorer on one part.

    A row is positive when it lies 1 to `rows_ahead` rows before an event. An event is caught when a
    row within the horizon before it, in the same run, is flagged; events with too little history
    count as missed. Horizons are `rows_ahead` rows and `section.horizon_minutes`; false alarms lie
    outside the first. Intervals come from resampling whole runs of rows.

    Args:
        scorer: Name of the scorer.
        scores: Scores of the part's windows, float64, shape (windows,).
        part: The part; its labels are those of the windows' last rows.
        labelled: All rows and events.
        thresholds: The threshold that holds at each window, shape (windows,); an alarm is
            `score >= threshold`.
        section: Horizon, repeats, and the bootstrap.

    Returns:
        Metrics by the contract's names, with intervals where they are defined.
    """
    is_flagged = np.zeros(len(labelled.labels), dtype=bool)
    is_flagged[part.end_rows[scores >= thresholds]] = True
    is_inside = mark_part(part, len(labelled.labels))
    events = select_events(labelled, part)
    leads = _find_leads(is_flagged, labelled, section.horizon_minutes)
    tallies = _tally_blocks(is_flagged, is_inside, part, labelled, events, leads, section)
    blocks = number_blocks(part, labelled)
    weights = draw_weights(tallies.shape[0], section.bootstrap_samples, BOOTSTRAP_SEED)
    resampled = _derive_rates(weights @ tallies) | {
        "roc_auc": resample_roc_auc(scores, part.labels, blocks, weights),
        "average_precision": resample_average_precision(scores, part.labels, blocks, weights),
    }
    intervals = {name: take_interval(values, section.confidence) for name, values in resampled.items()}
    return Evaluation(
        scorer=scorer,
        part=part.name,
        threshold=float(np.median(thresholds)),
        rows=len(scores),
        events=len(events),
        metrics=_measure(scores, part.labels, tallies.sum(axis=0), leads[1][events]),
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
    )


def evaluate_scorers(
    scores: Mapping[str, np.ndarray],
    thresholds: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> dict[str, Evaluation]:
    """Judge the model on every part and each control on the test.

    Args:
        scores: By scorer, of all windows, shape (windows,); the scorer `model` is among them.
        thresholds: By scorer, then by part, as `hold_thresholds` gives them.
        split: The parts.
        labelled: All rows and events.
        section: Horizon, repeats, and the bootstrap.

    Returns:
        By the prefix of the metrics: `train`, `validation`, `test` and `control_<name>`.
    """
    judged = {part.name: ("model", part) for part in split.parts}
    judged |= {f"control_{name}": (name, split.test) for name in scores if name != "model"}
    return {
        prefix: evaluate_scores(
            scorer, scores[scorer][part.places], part, labelled, thresholds[scorer][part.name], section
        )
        for prefix, (scorer, part) in judged.items()
    }


def hold_thresholds(
    threshold: Threshold, scores: np.ndarray, windows: Windows, split: Split, labelled: LabelledReadings
) -> dict[str, np.ndarray]:
    """Find the threshold that holds at each window of each part.

    In the test it moves as the rule has it, from scores that came before; training and validation
    are judged at the threshold that validation ended with.

    Args:
        threshold: The threshold and how it moves.
        scores: Scores of all windows, shape (windows,).
        windows: All windows.
        split: The parts.
        labelled: All rows, for times and runs.

    Returns:
        By part, float64, shape (windows of the part,).
    """
    held = {part.name: np.full(len(part.places), threshold.value) for part in split.parts}
    if threshold.trailing is not None:
        # all windows since the test began, those too that reach back over its beginning
        first = 0 if split.test.is_scattered else int(np.searchsorted(windows.end_rows, split.test.start))
        end_rows = windows.end_rows[first:]
        moving = follow_scores(threshold, labelled.times[end_rows], labelled.runs[end_rows], scores[first:])
        held[split.test.name] = moving[split.test.places - first]
    return held


def find_runs(part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Find the runs with a row in a part: the blocks that intervals are made of, rising, shape (runs,)."""
    return np.unique(labelled.runs[mark_part(part, len(labelled.labels))])


def number_blocks(part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Number the run of each window of a part from 0, counting every run with a row in the part.

    Returns:
        int64, shape (windows,).
    """
    return np.searchsorted(find_runs(part, labelled), labelled.runs[part.end_rows])


def compare_scores(
    name: str,
    scores: np.ndarray,
    others: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> Comparison:
    """Compare the ROC areas of two scorers on the same rows, by paired resamples.

    Args:
        name: Name of the other scorer.
        scores: Scores of the part's windows, shape (windows,).
        others: Scores of the same windows by the other scorer.
        part: The part; it holds positive and normal windows.
        labelled: All rows, for the runs.
        section: The bootstrap.
    """
    blocks = number_blocks(part, labelled)
    weights = draw_weights(len(find_runs(part, labelled)), section.bootstrap_samples, BOOTSTRAP_SEED)
    areas = [resample_roc_auc(values, part.labels, blocks, weights) for values in (scores, others)]
    return Comparison(
        name=name,
        roc_auc=float(roc_auc_score(part.labels, scores)),
        other_roc_auc=float(roc_auc_score(part.labels, others)),
        difference=take_interval(areas[0] - areas[1], section.confidence),
    )


def compare_best_control(
    scores: Mapping[str, np.ndarray],
    part: Part,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> Comparison | None:
    """Compare the model with the control that has the largest ROC area on a part; none without events."""
    if not part.has_both_classes:
        return None
    of_part = {name: values[part.places] for name, values in scores.items()}
    model = of_part.pop("model")
    best = max(sorted(of_part), key=lambda name: roc_auc_score(part.labels, of_part[name]))
    return compare_scores(best, model, of_part[best], part, labelled, section)


def collect_scores(
    scores: Mapping[str, np.ndarray],
    thresholds: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    labelled: LabelledReadings,
) -> dict[str, dict[str, PartScores]]:
    """Put scores beside the times, labels, thresholds and runs of their windows, by scorer and part."""
    return {
        scorer: {
            part.name: PartScores(
                part=part.name,
                times=labelled.times[part.end_rows],
                labels=part.labels,
                scores=of_all[part.places],
                thresholds=thresholds[scorer][part.name],
                runs=labelled.runs[part.end_rows],
            )
            for part in split.parts
        }
        for scorer, of_all in scores.items()
    }


def _find_leads(
    is_flagged: np.ndarray, labelled: LabelledReadings, horizon_minutes: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lead minutes within `rows_ahead` rows, and within the longer of both horizons."""
    near = find_horizon_starts(labelled, labelled.rows_ahead)
    far = np.minimum(near, find_horizon_starts_in_minutes(labelled, horizon_minutes))
    return (
        find_lead_minutes(is_flagged, labelled, near),
        find_lead_minutes(is_flagged, labelled, far),
    )


def _tally_blocks(
    is_flagged: np.ndarray,
    is_inside: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    events: np.ndarray,
    leads: tuple[np.ndarray, np.ndarray],
    section: EvaluationSection,
) -> np.ndarray:
    """Count rows, events and alarms in each run of the part; shape (runs, 8)."""
    runs = find_runs(part, labelled)

    def count(rows: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(np.searchsorted(runs, labelled.runs[rows]), values, len(runs)).astype(float)

    false_alarms = count_false_alarms(is_flagged, labelled, section.repeat_alarm_minutes)
    false_rows = np.flatnonzero(false_alarms)
    inside_rows = np.flatnonzero(is_inside)
    flagged = part.end_rows[is_flagged[part.end_rows]]
    event_rows = find_event_rows(labelled)[events]
    near, far = (np.isfinite(minutes[events]) for minutes in leads)
    tallies = np.zeros((len(runs), 8))
    tallies[:, _CAUGHT_POSITIVES] = count(flagged, labelled.labels[flagged].astype(float))
    tallies[:, _FLAGGED] = count(flagged)
    tallies[:, _POSITIVES] = count(part.end_rows, part.labels.astype(float))
    tallies[:, _EVENTS] = count(event_rows)
    tallies[:, _CAUGHT] = count(event_rows, near.astype(float))
    tallies[:, _CAUGHT_IN_MINUTES] = count(event_rows, far.astype(float))
    tallies[:, _FALSE_ALARMS] = count(false_rows, false_alarms[false_rows].astype(float))
    tallies[:, _DAYS] = count(inside_rows) * (labelled.step_minutes / (24 * 60))
    return tallies


def _derive_rates(tallies: np.ndarray) -> dict[str, np.ndarray]:
    """Turn tallies, shape (samples, 8), into rates, shape (samples,); NaN where undefined."""

    def divide(numerator: int, denominator: int, empty: float = np.nan) -> np.ndarray:
        below = tallies[:, denominator]
        return np.where(below > 0, tallies[:, numerator] / np.where(below > 0, below, 1), empty)

    # as scikit-learn has it: no alarm at all has precision 0
    precision = divide(_CAUGHT_POSITIVES, _FLAGGED, empty=0.0)
    recall = divide(_CAUGHT_POSITIVES, _POSITIVES)
    total = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), total),
        "event_recall": divide(_CAUGHT, _EVENTS),
        "event_recall_20min": divide(_CAUGHT_IN_MINUTES, _EVENTS),
        "false_alarms_per_day": divide(_FALSE_ALARMS, _DAYS),
    }


def _measure(scores: np.ndarray, labels: np.ndarray, tallies: np.ndarray, leads: np.ndarray) -> Metrics:
    rates = {name: float(values[0]) for name, values in _derive_rates(tallies[None]).items()}
    has_both = bool(labels.any()) and not labels.all()
    lead_minutes = leads[np.isfinite(leads)]
    figures = rates | {
        "roc_auc": float(roc_auc_score(labels, scores)) if has_both else np.nan,
        "average_precision": float(average_precision_score(labels, scores)) if labels.any() else np.nan,
        "lead_minutes_median": float(np.median(lead_minutes)) if len(lead_minutes) else np.nan,
    }
    defined = {name: value if np.isfinite(value) else None for name, value in figures.items()}
    return Metrics(prevalence=float(labels.mean()), **defined)
