"""The figures of a stream, by hand and against the metrics of a backtest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import EvaluationSection
from schemas.readings import LabelledReadings, SensorReadings
from tasks.evaluation.benchmark.figures import find_weighted_median, measure_stream
from tasks.evaluation.benchmark.streams import Stream, join_folds
from tasks.evaluation.evaluate import find_blocks, measure, tally_alarms
from tasks.windows.label import label_ahead
from tests.builders import any_readings, labelled_with
from tests.folds import flags, fold_of, fold_scores

SECTION = EvaluationSection(bootstrap_samples=100, alarm_rates=(1.0, 50.0))


def stream_of(labelled: LabelledReadings, scores: np.ndarray, threshold: float = 1.0) -> Stream:
    """Make the stream of one fold that tests on every row."""
    fold = fold_of(1, 0, len(labelled.labels))
    return join_folds([fold_scores(fold, scores, entrant="a", threshold=threshold)], labelled)["a"][0]


def figures_of(labelled: LabelledReadings, scores: np.ndarray, threshold: float = 1.0) -> dict[str, float]:
    """Measure without resampling."""
    stream = stream_of(labelled, scores, threshold)
    blocks, number = find_blocks(stream.part, labelled)
    measured = measure_stream(stream, labelled, blocks, np.ones((1, number)), SECTION)
    return {name: float(values[0]) for name, values in measured.items()}


def test_alarms_on_an_event_and_beside_it() -> None:
    # rows 40 to 43 are the event; alarms on two of its rows and on two rows long before
    labelled = labelled_with(rows=100, events=[40, 41, 42, 43], rows_ahead=0, are_event_rows_kept=True)
    figures = figures_of(labelled, flags(labelled, [10, 11, 42, 43]))
    assert figures["event_recall"] == 1.0
    assert figures["lead_minutes_median"] == -4.0
    assert figures["false_alarms_per_day"] == pytest.approx(24 * 60 / 200)
    assert figures["range_recall"] == 0.5
    assert figures["range_precision"] == 0.5
    assert figures["affiliation_recall"] > 0.9
    assert figures["roc_auc"] == pytest.approx((2 * (94 + 2 / 2) + 2 * 94 / 2) / (4 * 96))


def test_the_best_threshold_of_each_rate_is_looked_up_on_the_test() -> None:
    labelled = labelled_with(rows=100, events=[40, 41, 80], rows_ahead=0, are_event_rows_kept=True)
    scores = flags(labelled, [40]) * 3 + flags(labelled, [10]) * 2 + flags(labelled, [80])
    figures = figures_of(labelled, scores, threshold=9.0)
    # 200 minutes allow no false alarm at 1 a day, and six at 50 a day
    assert (figures["recall_at_1"], figures["recall_at_50"]) == (0.5, 1.0)
    assert (figures["event_recall"], figures["false_alarms_per_day"]) == (0.0, 0.0)
    assert np.isnan(figures["lead_minutes_median"])
    assert np.isnan(figures["affiliation_precision"])
    assert figures["affiliation_recall"] == 0.0


@settings(max_examples=40)
@given(any_readings(least_rows=12), st.integers(0, 2**32 - 1))
def test_the_figures_without_resampling_are_the_metrics_of_a_backtest(
    readings: SensorReadings, seed: int
) -> None:
    labelled = label_ahead(readings, 2)
    if len(labelled.labels) < 4:
        return
    scores = np.random.default_rng(seed).integers(0, 4, len(labelled.labels)) / 2
    stream = stream_of(labelled, scores)
    metrics = measure(tally_alarms(scores, stream.part, labelled, stream.thresholds, SECTION)).model_dump()
    figures = figures_of(labelled, scores)
    names = ["event_recall", "event_recall_20min", "false_alarms_per_day", "lead_minutes_median"]
    if stream.part.has_both_classes:
        names += ["roc_auc", "average_precision"]
    for name in names:
        expected = np.nan if metrics[name] is None else metrics[name]
        assert figures[name] == pytest.approx(expected, nan_ok=True), name


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3)), min_size=1, max_size=9))
def test_a_weighted_median_is_that_of_repeated_values(pairs: list[tuple[int, int]]) -> None:
    values = np.array([value for value, _ in pairs], dtype=float)
    counts = np.array([count for _, count in pairs])
    found = find_weighted_median(values, counts[None].astype(float))[0]
    repeated = np.repeat(values, counts)
    assert found == pytest.approx(np.median(repeated) if len(repeated) else np.nan, nan_ok=True)
