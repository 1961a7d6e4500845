"""Windows of new rows: their median normal score, their alarms and their events."""

import numpy as np
import pytest

from schemas.configuration import EvaluationSection
from schemas.monitoring import MonitorWindow, WatchedRows
from tasks.monitor.measure import calibrate, cut_windows, measure_windows
from tests.tasks.monitor.rows import SECTION, version_with, watched_with

EVALUATION = EvaluationSection(bootstrap_samples=100)


def measure(watched: WatchedRows, reference: float | None = 2.0) -> tuple[MonitorWindow, ...]:
    parts = cut_windows(watched, SECTION.window_hours)
    return measure_windows(watched, parts, reference, SECTION, EVALUATION)


def test_windows_are_counted_back_from_the_newest_row_and_hold_new_rows_alone() -> None:
    parts = cut_windows(watched_with(rows=45, start=12), SECTION.window_hours)
    assert [(part.start, part.stop) for part in parts] == [(15, 25), (25, 35), (35, 45)]


def test_less_than_a_window_of_new_rows_is_none() -> None:
    assert cut_windows(watched_with(rows=15, start=10), SECTION.window_hours) == []


def test_the_ratio_is_the_median_of_normal_scores_by_the_reference() -> None:
    scores = np.full(20, 3.0)
    # the two rows before the event at row 19 are not normal
    scores[[17, 18]] = 100.0
    window = measure(watched_with(rows=20, events=[19], start=9, scores=scores))[-1]
    assert (window.rows, window.normal_rows, window.median_score, window.ratio) == (10, 8, 3.0, 1.5)
    assert window.is_above is False


def test_a_window_with_too_few_scores_has_no_ratio() -> None:
    scores = np.full(20, np.nan)
    scores[-2:] = 9.0
    window = measure(watched_with(rows=20, scores=scores))[-1]
    assert (window.normal_rows, window.median_score, window.is_above) == (2, None, None)


def test_without_a_reference_the_median_stands_alone() -> None:
    window = measure(watched_with(rows=20, scores=3.0), reference=None)[-1]
    assert (window.median_score, window.ratio, window.is_above) == (3.0, None, None)


def test_an_event_is_caught_by_an_alarm_in_the_window_before() -> None:
    scores = np.ones(31)
    scores[19] = 9.0
    # 30 rows without the event at 21: the newest window begins with row 20
    windows = measure(watched_with(rows=31, events=[21], start=9, scores=scores))
    assert windows[-1].first == "2024-01-01T00:40:00"
    assert [(window.events, window.caught, window.caught_20min) for window in windows] == [
        (0, 0, 0),
        (1, 1, 1),
    ]


def test_false_alarms_of_the_windows_add_up_to_those_of_the_whole() -> None:
    scores = np.ones(40)
    scores[[3, 12, 13, 19, 20, 21, 33, 36]] = 9.0
    watched = watched_with(events=[38], scores=scores)
    windows = measure(watched)
    whole = calibrate(watched, version_with(), EVALUATION)
    assert whole is not None
    per_day = whole.metrics.false_alarms_per_day
    assert per_day is not None
    # rows 36 and 37 lie in the horizon of the event; one row is left out before the first window
    assert [window.false_alarms for window in windows] == [1, 1]
    assert per_day * 29 * 2 / (24 * 60) == pytest.approx(3)


def test_rows_without_a_label_yet_are_left_out_of_the_calibration() -> None:
    scores = np.ones(40)
    scores[[15, 35]] = 9.0
    watched = watched_with(scores=scores, labelled_stop=30)
    found = calibrate(watched, version_with(), EVALUATION)
    assert found is not None
    assert found.metrics.false_alarms_per_day == pytest.approx(24 * 60 / (20 * 2))
    assert [window.unlabelled_rows for window in measure(watched)] == [0, 0, 10]


def test_nothing_new_means_no_calibration() -> None:
    assert calibrate(watched_with(start=40), version_with(), EVALUATION) is None
