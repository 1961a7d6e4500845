"""Evaluate scores and alarms on one part, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.configuration import EvaluationSection
from schemas.decision import Comparison
from schemas.evaluation import Evaluation, Interval, Metrics, PartScores, Threshold
from schemas.readings import LabelledReadings
from schemas.windows import Part, Split, Windows
from tasks.alarms.episodes import (
    count_false_alarms,
    find_event_rows,
    find_horizon_starts,
    find_horizon_starts_in_minutes,
    find_lead_minutes,
    mark_part,
    select_events,
)
from tasks.alarms.recalibrate import follow_scores
from tasks.evaluation.blocks import number_test_blocks
from tasks.evaluation.bootstrap import (
    draw_weights,
    resample_average_precision,
    resample_roc_auc,
    take_interval,
)

# one seed for every bootstrap: scorers evaluated on the same part share the same resamples
BOOTSTRAP_SEED = 0

# a shorter part is not cut: rows of pieces below 20 rows would be as alike as those of neighbouring pieces
LEAST_ROWS_TO_CUT = 400

# columns of `Tally.counts`, from which the rates are computed
_CAUGHT_POSITIVES, _FLAGGED, _POSITIVES, _EVENTS, _CAUGHT, _CAUGHT_IN_MINUTES, _FALSE_ALARMS, _DAYS = range(8)


class Blocks(NamedTuple):
    """The blocks of a part: whole runs of rows or, where they are too few, pieces of them.

    Attributes:
        rows: Block of each row of the table, from 0, -1 outside the part, shape (rows,).
        number: How many there are.
    """

    rows: np.ndarray
    number: int


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of one scorer's scores and alarms on one part.

    Attributes:
        scores: Score of each window, shape (windows,).
        labels: Whether the window's last row is positive, bool, shape (windows,).
        blocks: Block of each window, shape (windows,); see `find_blocks`.
        counts: Rows, events and alarms in each block, shape (blocks, 8).
        leads: Minutes from the first alarm within the longer horizon to each event of the part, NaN for a
            missed event, shape (events,); with `rows_ahead` 0 from the first alarm within the event, so 0 or
            less.
    """

    scores: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray
    counts: np.ndarray
    leads: np.ndarray


def evaluate_scores(
    scorer: str,
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    thresholds: np.ndarray,
    section: EvaluationSection,
) -> Evaluation:
    """Evaluate one scorer on one part.

    A row is positive if it is 1 to `rows_ahead` rows before an event. An event is caught if a row within
    the horizon before it, in the same run, is flagged; events with too little history count as missed.
    The two horizons are `rows_ahead` rows and `section.horizon_minutes`; false alarms are alarms outside
    the first. Intervals come from resampling blocks of rows.

    Args:
        scorer: Name of the scorer.
        scores: Scores of the part's windows, float64, shape (windows,).
        part: The part; its labels are those of the windows' last rows.
        labelled: All rows and events.
        thresholds: Threshold of each window, shape (windows,); an alarm is `score >= threshold`.
        section: Horizon, repeats, and the bootstrap.

    Returns:
        Metrics under the names of the contract, with intervals if they are defined.
    """
    tally = tally_alarms(scores, part, labelled, thresholds, section)
    weights = draw_weights(len(tally.counts), section.bootstrap_samples, BOOTSTRAP_SEED)
    metrics = measure(tally)
    intervals = take_intervals(resample_metrics(tally, weights), section.confidence)
    return Evaluation(
        scorer=scorer,
        part=part.name,
        threshold=float(np.median(thresholds)),
        rows=len(scores),
        events=len(tally.leads),
        metrics=metrics,
        intervals={
            name: interval for name, interval in intervals.items() if getattr(metrics, name) is not None
        },
    )


def tally_alarms(
    scores: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    thresholds: np.ndarray,
    section: EvaluationSection,
) -> Tally:
    """Count rows, events and alarms on one part, block by block; arguments as for `evaluate_scores`."""
    is_flagged = np.zeros(len(labelled.labels), dtype=bool)
    is_flagged[part.end_rows[scores >= thresholds]] = True
    events = select_events(labelled, part)
    leads = tuple(
        find_lead_minutes(is_flagged, labelled, starts)[events]
        for starts in find_horizons(labelled, section.horizon_minutes)
    )
    return Tally(
        scores=scores,
        labels=part.labels,
        blocks=number_blocks(part, labelled),
        counts=_count_blocks(is_flagged, part, labelled, events, leads, section),
        # an alarm before an event that is to be detected, not foreseen, is not its alarm
        leads=leads[1] if labelled.rows_ahead else leads[0],
    )


def join_tallies(tallies: Sequence[Tally]) -> Tally:
    """Join the tallies of one scorer on several parts; a block belongs to one part."""
    firsts = np.cumsum([0, *(len(tally.counts) for tally in tallies)])[:-1]
    return Tally(
        scores=np.concatenate([tally.scores for tally in tallies]),
        labels=np.concatenate([tally.labels for tally in tallies]),
        blocks=np.concatenate([tally.blocks + first for tally, first in zip(tallies, firsts, strict=True)]),
        counts=np.concatenate([tally.counts for tally in tallies]),
        leads=np.concatenate([tally.leads for tally in tallies]),
    )


def measure(tally: Tally) -> Metrics:
    """Compute the metrics of a tally under the names of the contract; undefined ones are none."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    labels = tally.labels
    has_both = bool(labels.any()) and not labels.all()
    caught = tally.leads[np.isfinite(tally.leads)]
    figures = {
        name: float(values[0]) for name, values in _derive_rates(tally.counts.sum(axis=0)[None]).items()
    }
    figures |= {
        "roc_auc": float(roc_auc_score(labels, tally.scores)) if has_both else np.nan,
        "average_precision": (
            float(average_precision_score(labels, tally.scores)) if labels.any() else np.nan
        ),
        "lead_minutes_median": float(np.median(caught)) if len(caught) else np.nan,
    }
    if not labels.any():
        # without a positive row no alarm could be right
        figures |= {"precision": np.nan, "f1": np.nan}
    defined = {name: value if np.isfinite(value) else None for name, value in figures.items()}
    return Metrics(prevalence=float(labels.mean()), **defined)


def resample_metrics(tally: Tally, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the metrics of every resample of a tally's blocks.

    Args:
        tally: The tally.
        weights: How often each block is drawn, from `draw_weights`, shape (samples, blocks).

    Returns:
        By metric, float64, shape (samples,), NaN where undefined; without lead time and prevalence.
    """
    return _derive_rates(weights @ tally.counts) | {
        "roc_auc": resample_roc_auc(tally.scores, tally.labels, tally.blocks, weights),
        "average_precision": resample_average_precision(tally.scores, tally.labels, tally.blocks, weights),
    }


def take_intervals(resampled: Mapping[str, np.ndarray], confidence: float) -> dict[str, Interval]:
    """Take the interval of each metric that is defined in at least one resample."""
    intervals = {name: take_interval(values, confidence) for name, values in resampled.items()}
    return {name: interval for name, interval in intervals.items() if interval is not None}


def evaluate_scorers(
    scores: Mapping[str, np.ndarray],
    thresholds: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> dict[str, Evaluation]:
    """Evaluate the model on every part and each control on the test part.

    Args:
        scores: By scorer, of all windows, shape (windows,); the scorer `model` is among them.
        thresholds: By scorer, then by part, from `hold_thresholds`.
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
    """Find the threshold that applies to each window of each part.

    On the test part a moving threshold follows the scores seen before. Training and validation are evaluated
    at `threshold.value`.

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
        # all windows that end in the test part, including those that begin before it
        first = 0 if split.test.is_scattered else int(np.searchsorted(windows.end_rows, split.test.start))
        stop = int(np.searchsorted(windows.end_rows, split.test.stop))
        end_rows = windows.end_rows[first:stop]
        moving = follow_scores(
            threshold, labelled.times[end_rows], labelled.runs[end_rows], scores[first:stop]
        )
        held[split.test.name] = moving[split.test.places - first]
    return held


def find_horizons(labelled: LabelledReadings, horizon_minutes: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the first row of each event's horizon: of `rows_ahead` rows, and of the longer of both horizons.

    Returns:
        Two arrays of positions, each shape (events,).
    """
    near = find_horizon_starts(labelled, labelled.rows_ahead)
    return near, np.minimum(near, find_horizon_starts_in_minutes(labelled, horizon_minutes))


def find_blocks(part: Part, labelled: LabelledReadings) -> Blocks:
    """Find the blocks of rows that the bootstrap of a part draws; see `number_test_blocks`.

    The blocks of a part that is scattered or short are the runs with a row in it.
    """
    if part.is_scattered or part.stop - part.start < LEAST_ROWS_TO_CUT:
        runs = np.unique(labelled.runs[mark_part(part, len(labelled.runs))])
        return Blocks(np.searchsorted(runs, labelled.runs), len(runs))
    starts = find_horizon_starts(labelled, labelled.rows_ahead)
    ranges = np.clip(np.column_stack([starts, labelled.event_stops]), part.start, part.stop) - part.start
    rows = np.full(len(labelled.runs), -1)
    stretch = slice(part.start, part.stop)
    rows[stretch] = number_test_blocks(labelled.runs[stretch], ranges[ranges[:, 0] < ranges[:, 1]])
    return Blocks(rows, int(rows.max(initial=-1)) + 1)


def number_blocks(part: Part, labelled: LabelledReadings) -> np.ndarray:
    """Number the block of each window of a part from 0, counting every block with a row in the part.

    Returns:
        int64, shape (windows,).
    """
    return find_blocks(part, labelled).rows[part.end_rows]


def compare_tallies(
    name: str, tallies: tuple[Tally, Tally], metrics: Sequence[str], section: EvaluationSection
) -> tuple[Comparison, ...]:
    """Compare two scorers on the same windows, metric by metric, by paired resamples of blocks of rows.

    Args:
        name: Name of the other scorer.
        tallies: Tally of the scorer, and tally of the other scorer on the same windows.
        metrics: Names of metrics; a metric that is undefined for either scorer is left out.
        section: The bootstrap.
    """
    weights = draw_weights(len(tallies[0].counts), section.bootstrap_samples, BOOTSTRAP_SEED)
    figures = [measure(tally).model_dump() for tally in tallies]
    resampled = [resample_metrics(tally, weights) for tally in tallies]
    return tuple(
        Comparison(
            name=name,
            metric=metric,
            value=figures[0][metric],
            other_value=figures[1][metric],
            difference=take_interval(resampled[0][metric] - resampled[1][metric], section.confidence),
        )
        for metric in metrics
        if figures[0][metric] is not None and figures[1][metric] is not None
    )


def compare_best_control(
    scores: Mapping[str, np.ndarray],
    part: Part,
    labelled: LabelledReadings,
    section: EvaluationSection,
) -> Comparison | None:
    """Compare the model with the control of largest ROC area on a part; none without both classes."""
    from sklearn.metrics import roc_auc_score

    if not part.has_both_classes:
        return None
    of_part = {name: values[part.places] for name, values in scores.items()}
    model = of_part.pop("model")
    best = max(sorted(of_part), key=lambda name: roc_auc_score(part.labels, of_part[name]))
    # ROC areas do not depend on alarms, so none are raised
    silent = np.full(len(model), np.inf)
    tallies = (
        tally_alarms(model, part, labelled, silent, section),
        tally_alarms(of_part[best], part, labelled, silent, section),
    )
    return compare_tallies(best, tallies, ["roc_auc"], section)[0]


def collect_scores(
    scores: Mapping[str, np.ndarray],
    thresholds: Mapping[str, Mapping[str, np.ndarray]],
    split: Split,
    labelled: LabelledReadings,
) -> dict[str, dict[str, PartScores]]:
    """Collect scores with the times, labels, thresholds and runs of their windows, by scorer and part."""
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


def _count_blocks(
    is_flagged: np.ndarray,
    part: Part,
    labelled: LabelledReadings,
    events: np.ndarray,
    leads: Sequence[np.ndarray],
    section: EvaluationSection,
) -> np.ndarray:
    """Count rows, events and alarms by block, shape (blocks, 8); `leads` are those of `events`."""
    blocks = find_blocks(part, labelled)

    def count(rows: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(blocks.rows[rows], values, blocks.number).astype(float)

    false_alarms = count_false_alarms(is_flagged, labelled, section.repeat_alarm_minutes)
    false_rows = np.flatnonzero(false_alarms)
    inside_rows = np.flatnonzero(mark_part(part, len(labelled.labels)))
    flagged = part.end_rows[is_flagged[part.end_rows]]
    event_rows = find_event_rows(labelled)[events]
    near, far = (np.isfinite(minutes) for minutes in leads)
    counts = np.zeros((blocks.number, 8))
    counts[:, _CAUGHT_POSITIVES] = count(flagged, labelled.labels[flagged].astype(float))
    counts[:, _FLAGGED] = count(flagged)
    counts[:, _POSITIVES] = count(part.end_rows, part.labels.astype(float))
    counts[:, _EVENTS] = count(event_rows)
    counts[:, _CAUGHT] = count(event_rows, near.astype(float))
    counts[:, _CAUGHT_IN_MINUTES] = count(event_rows, far.astype(float))
    counts[:, _FALSE_ALARMS] = count(false_rows, false_alarms[false_rows].astype(float))
    counts[:, _DAYS] = count(inside_rows) * (labelled.step_minutes / (24 * 60))
    return counts


def _derive_rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Turn counts, shape (samples, 8), into rates, shape (samples,); NaN where undefined."""

    def divide(numerator: int, denominator: int, empty: float = np.nan) -> np.ndarray:
        below = counts[:, denominator]
        return np.where(below > 0, counts[:, numerator] / np.where(below > 0, below, 1), empty)

    # as in scikit-learn, precision is 0 if there is no alarm at all
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
