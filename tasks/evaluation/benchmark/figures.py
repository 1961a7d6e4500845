"""The figures of one method with one seed on one table, and the same figures of every resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings
from tasks.alarms.episodes import count_false_alarms, find_event_rows, find_lead_minutes, select_events
from tasks.evaluation.affiliation import measure_affiliation
from tasks.evaluation.backtest.ceiling import find_catchable_events
from tasks.evaluation.benchmark.streams import Stream
from tasks.evaluation.bootstrap import resample_average_precision, resample_roc_auc
from tasks.evaluation.evaluate import find_horizons
from tasks.evaluation.range_based import score_ranges
from tasks.evaluation.ranges import find_event_ranges, find_ranges

# mean of a value over things, given the block of each: shape (samples,), NaN where there are none
Average = Callable[[np.ndarray, np.ndarray], np.ndarray]


def name_rate(rate: float, horizon: str = "") -> str:
    """Name the recall at a rate of false alarms a day, such as `recall_at_5`."""
    return f"recall{horizon}_at_{rate:g}"


def measure_stream(
    stream: Stream,
    labelled: LabelledReadings,
    blocks: np.ndarray,
    weights: np.ndarray,
    section: EvaluationSection,
) -> dict[str, np.ndarray]:
    """Measure a stream, and every resample of its blocks.

    Args:
        stream: The stream.
        labelled: All rows and events.
        blocks: Block of each row of the test, from 0, shape (rows of the test,).
        weights: How often each block is drawn in each sample, shape (samples, blocks).
        section: Rates, horizon and repeats.

    Returns:
        By figure, float64, shape (samples,); NaN where undefined.
    """
    part, start = stream.part, stream.part.start
    of_windows = blocks[part.end_rows - start]
    events = select_events(labelled, part)
    of_events = blocks[find_event_rows(labelled)[events] - start]

    def average(values: np.ndarray, of_values: np.ndarray) -> np.ndarray:
        return _divide(_weigh(weights, of_values, values), _weigh(weights, of_values))

    is_flagged = np.zeros(len(labelled.labels), dtype=bool)
    is_flagged[part.end_rows[stream.scores >= stream.thresholds]] = True
    near, far = (
        find_lead_minutes(is_flagged, labelled, starts)[events]
        for starts in find_horizons(labelled, section.horizon_minutes)
    )
    return {
        "roc_auc": resample_roc_auc(stream.scores, part.labels, of_windows, weights),
        "average_precision": resample_average_precision(stream.scores, part.labels, of_windows, weights),
        **_measure_ceilings(stream, labelled, of_events, average, section),
        "event_recall": average(np.isfinite(near).astype(float), of_events),
        "event_recall_20min": average(np.isfinite(far).astype(float), of_events),
        "false_alarms_per_day": _count_false_alarms(is_flagged, stream, labelled, blocks, weights, section),
        "lead_minutes_median": find_weighted_median(
            far if labelled.rows_ahead else near, weights[:, of_events]
        ),
        **_measure_ranges(is_flagged, stream, labelled, blocks, of_events, average),
    }


def find_weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Find the median of the defined values in every sample.

    Args:
        values: NaN where undefined, shape (values,).
        weights: How often each value occurs in each sample, shape (samples, values).

    Returns:
        float64, shape (samples,); NaN where no defined value occurs.
    """
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    if len(order) == 0:
        return np.full(len(weights), np.nan)
    rising, below = values[order], np.cumsum(weights[:, order], axis=1)
    half = below[:, -1:] / 2
    lower, upper = (below < half).sum(axis=1), (below <= half).sum(axis=1)
    last = len(rising) - 1
    medians = (rising[np.minimum(lower, last)] + rising[np.minimum(upper, last)]) / 2
    return np.where(below[:, -1] > 0, medians, np.nan)


def _measure_ceilings(
    stream: Stream,
    labelled: LabelledReadings,
    of_events: np.ndarray,
    average: Average,
    section: EvaluationSection,
) -> dict[str, np.ndarray]:
    """Measure the recall at the best fixed threshold of each fold for each rate, chosen on its test."""
    caught = np.concatenate(
        [
            find_catchable_events(scores, part, labelled, section.alarm_rates, section)
            for part, scores in map(stream.cut, stream.folds)
            if len(part.end_rows)
        ],
        axis=-1,
    )  # (rates, 2, events)
    return {
        name_rate(rate, horizon): average(caught[place, column].astype(float), of_events)
        for place, rate in enumerate(section.alarm_rates)
        for column, horizon in enumerate(("", "_20min"))
    }


def _count_false_alarms(
    is_flagged: np.ndarray,
    stream: Stream,
    labelled: LabelledReadings,
    blocks: np.ndarray,
    weights: np.ndarray,
    section: EvaluationSection,
) -> np.ndarray:
    """Count the false alarms per 24 hours of rows."""
    part = stream.part
    episodes = count_false_alarms(is_flagged, labelled, section.repeat_alarm_minutes)[part.start : part.stop]
    days = _weigh(weights, blocks) * labelled.step_minutes / (24 * 60)
    return _divide(_weigh(weights, blocks, episodes.astype(float)), days)


def _measure_ranges(
    is_flagged: np.ndarray,
    stream: Stream,
    labelled: LabelledReadings,
    blocks: np.ndarray,
    of_events: np.ndarray,
    average: Average,
) -> dict[str, np.ndarray]:
    """Measure range-based and affiliation figures of the alarms."""
    start, stop = stream.part.start, stream.part.stop
    inside = slice(start, stop)
    events = find_event_ranges(stream.part, labelled) - start
    alarms = find_ranges(is_flagged[inside], labelled.runs[inside])
    has_rows = events[:, 1] > events[:, 0]
    precision, recall = measure_affiliation(events[has_rows], alarms, 0, stop - start)
    zones, is_defined = of_events[has_rows], np.isfinite(precision)
    return {
        "range_recall": average(score_ranges(events, alarms), of_events),
        "range_precision": average(score_ranges(alarms, events[has_rows]), blocks[alarms[:, 0]]),
        "affiliation_recall": average(recall, zones),
        "affiliation_precision": average(precision[is_defined], zones[is_defined]),
    }


def _weigh(weights: np.ndarray, of_values: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
    """Add up values, or count them, weighted by how often their blocks are drawn, shape (samples,)."""
    return weights @ np.bincount(of_values, values, weights.shape[1]).astype(np.float64)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    empty = np.full(denominator.shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)
