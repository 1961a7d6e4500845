"""The plot over time."""

import numpy as np

from schemas.monitoring import MonitorWindow, RecallVerdict, Review, Verdict
from tasks.reports.monitor_plot import plot_windows, render_monitor_plot
from tests.tasks.monitor.rows import windows_with


def review_with(windows: tuple[MonitorWindow, ...]) -> Review:
    return Review(
        rows=100,
        data_end="2024-01-10T00:00:00",
        judged_from="2024-01-01T00:00:00",
        reference=2.0,
        reference_part="validation",
        windows=windows,
        calibration=None,
        feature_drift=(),
        feature_test="tested",
        issues=(),
        findings=(),
        verdict=Verdict(
            status="NOT_CONFIRMED", message="No drift: as always.", above=1, judged=3, needed=4, ratio=2.0
        ),
        recall=RecallVerdict(status="CONFIRMED", message="Recall is low."),
    )


def test_ratios_above_the_bound_are_marked_and_missing_ones_leave_a_gap() -> None:
    figure = plot_windows(review_with(windows_with(1.0, None, 2.0)), 1.5, 5.0)
    ratios, above = figure.axes[0].get_lines()[:2]
    assert np.isnan(np.asarray(ratios.get_ydata(), dtype=float)).tolist() == [False, True, False]
    assert np.asarray(above.get_ydata()).tolist() == [2.0]


def test_false_alarms_lie_beside_the_promise_and_recall_beside_the_events() -> None:
    figure = plot_windows(review_with(windows_with(1.0, 1.2)), 1.5, 5.0)
    alarms, promise = figure.axes[1].get_lines()
    assert np.asarray(alarms.get_ydata()).tolist() == [1.0, 2.0]
    assert list(promise.get_ydata()) == [5.0, 5.0]
    recall = figure.axes[3].get_lines()[0]
    assert np.asarray(recall.get_ydata()).tolist() == [0.5, 0.5]


def test_both_verdicts_stand_above_the_panels() -> None:
    figure = plot_windows(review_with(windows_with(1.0)), 1.5, 5.0)
    assert figure.get_suptitle() == "No drift: as always.\nRecall is low."


def test_a_plot_without_windows_says_so() -> None:
    review = review_with(())
    assert render_monitor_plot(review, 1.5, None).startswith(b"\x89PNG")
    texts = [text.get_text() for text in plot_windows(review, 1.5, None).axes[0].texts]
    assert texts == ["No full window of rows that the champion has not seen"]
