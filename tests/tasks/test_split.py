"""How windows are divided into training, validation and test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from schemas.configuration import SplitSection
from schemas.errors import InputError
from schemas.readings import SensorReadings
from schemas.windows import Split, Windows
from tasks.label import label_ahead
from tasks.split import split_at_random, split_in_time, split_windows
from tasks.window import make_windows
from tests.builders import readings_with

# 101 steps, 98 rows in three runs: test from row 78 on, validation from row 62 on
READINGS = readings_with(rows=101, missing=[40], events=[71, 91])


def windows_of(readings: SensorReadings = READINGS, lookback: int = 1, rows_ahead: int = 2) -> Windows:
    return make_windows(label_ahead(readings, rows_ahead), lookback)


def divide(lookback: int = 1, purge_rows: int = 2) -> Split:
    return split_in_time(windows_of(lookback=lookback), 0.2, 0.2, purge_rows)


def windows_with(windows: int, positives: list[int]) -> Windows:
    labels = np.isin(np.arange(windows), positives)
    return Windows(end_rows=np.arange(windows), labels=labels, lookback=1, rows=windows)


def test_parts_are_stretches_of_rows_one_after_the_other() -> None:
    stretches = [(part.start, part.stop) for part in divide().parts]
    assert stretches == [(0, 62), (62, 78), (78, 98)]


def test_the_last_rows_before_a_boundary_end_no_window() -> None:
    split = divide(purge_rows=2)
    assert (split.train.end_rows[-1], split.validation.end_rows[-1]) == (59, 75)


def test_no_row_is_left_out_before_the_end_of_the_table() -> None:
    assert divide(purge_rows=2).test.end_rows[-1] == 97


def test_the_first_windows_of_a_part_lie_wholly_in_it() -> None:
    split = divide(lookback=5)
    assert (split.validation.end_rows[0], split.test.end_rows[0]) == (66, 82)


def test_labels_stay_with_their_windows() -> None:
    split = divide()
    assert split.validation.end_rows[split.validation.labels].tolist() == [68, 69]
    assert split.test.end_rows[split.test.labels].tolist() == [87, 88]


def test_a_split_in_time_does_not_leak() -> None:
    assert not divide().is_leaky


def test_a_random_split_says_that_it_leaks() -> None:
    assert split_at_random(windows_with(200, list(range(0, 200, 9))), 0.2, 0.2, seed=123).is_leaky


def test_a_random_split_gives_every_window_to_one_part() -> None:
    windows = windows_with(200, list(range(0, 200, 9)))
    split = split_at_random(windows, 0.2, 0.2, seed=123)
    together = np.concatenate([part.end_rows for part in split.parts])
    assert sorted(together) == windows.end_rows.tolist()


def test_a_random_split_draws_the_published_windows() -> None:
    windows = windows_with(200, list(range(0, 200, 9)))
    split = split_at_random(windows, 0.2, 0.2, seed=123)
    x_train, x_test = train_test_split(np.arange(200), test_size=0.2, random_state=123)
    x_train, x_valid = train_test_split(x_train, test_size=0.2, random_state=123)
    published = [sorted(x) for x in (x_train, x_valid, x_test)]
    assert [part.end_rows.tolist() for part in split.parts] == published


def test_a_random_split_has_the_published_numbers_of_windows() -> None:
    windows = windows_with(18_268, list(range(0, 18_268, 33)))
    counts = split_at_random(windows, 0.2, 0.2, seed=123).window_counts
    assert (counts["train"], counts["validation"], counts["test"]) == (11_691, 2_923, 3_654)


def test_window_counts_tell_normal_training_windows_apart() -> None:
    split = split_in_time(windows_with(100, [3, 4, 70, 90]), 0.2, 0.2, purge_rows=0)
    assert split.window_counts == {"train": 64, "train_normal": 62, "validation": 16, "test": 20}


@pytest.mark.parametrize(("method", "is_leaky"), [("time", False), ("random", True)])
def test_the_method_is_the_configured_one(method: str, is_leaky: bool) -> None:
    section = SplitSection.model_validate({"method": method})
    assert split_windows(windows_with(200, list(range(0, 200, 9))), section, 2).is_leaky == is_leaky


def test_the_purge_is_the_configured_one() -> None:
    split = split_windows(windows_with(100, [70, 90]), SplitSection(), purge_rows=5)
    assert split.train.end_rows[-1] == 64 - 1 - 5


def test_too_few_training_windows_are_refused() -> None:
    with pytest.raises(InputError, match=r"at least 50 normal windows\. Received 32\."):
        split_in_time(windows_with(50, [35, 45]), 0.2, 0.2, purge_rows=0)


@pytest.mark.parametrize(("positives", "part"), [([90], "validation"), ([70], "test")])
def test_a_part_without_a_row_before_an_event_is_refused(positives: list[int], part: str) -> None:
    with pytest.raises(InputError, match=rf"The {part} part .* windows, 0 of them before an event"):
        split_in_time(windows_with(100, positives), 0.2, 0.2, purge_rows=0)


def test_a_part_without_a_normal_row_is_refused() -> None:
    with pytest.raises(InputError, match=r"The test part .* 20 windows, 20 of them before an event"):
        split_in_time(windows_with(100, [70, *range(80, 100)]), 0.2, 0.2, purge_rows=0)


def test_too_few_windows_to_divide_at_random_are_refused() -> None:
    with pytest.raises(InputError, match=r"Received 1 windows"):
        split_at_random(windows_with(1, []), 0.2, 0.2, seed=0)


@st.composite
def any_long_readings(draw: st.DrawFn) -> SensorReadings:
    """Readings with an event every 14 to 20 steps and some gaps, long enough for every part."""
    steps = np.cumsum(draw(st.lists(st.integers(14, 20), min_size=12, max_size=12))).tolist()
    missing = draw(st.lists(st.integers(1, steps[-1]).filter(lambda step: step not in steps), max_size=9))
    return readings_with(rows=steps[-1] + 3, missing=missing, events=steps)


def split_or_reject(windows: Windows, purge_rows: int) -> Split:
    """Divide; drawn tables whose gaps leave a part without a row before an event are passed over."""
    try:
        return split_in_time(windows, 0.2, 0.2, purge_rows)
    except InputError:
        reject()


@given(any_long_readings(), st.integers(1, 4), st.integers(1, 3))
def test_no_label_depends_on_a_row_of_a_later_part(
    readings: SensorReadings, rows_ahead: int, lookback: int
) -> None:
    labelled = label_ahead(readings, rows_ahead)
    split = split_or_reject(make_windows(labelled, lookback), purge_rows=rows_ahead)
    for part in (split.train, split.validation):
        is_later = np.arange(len(readings.events)) >= labelled.source_rows[part.stop]
        changed = replace(readings, events=readings.events ^ is_later)
        labels = label_ahead(changed, rows_ahead).labels
        assert labels[part.end_rows].tolist() == part.labels.tolist()


@given(any_long_readings(), st.integers(1, 3), st.integers(0, 4))
def test_windows_never_cross_a_boundary(readings: SensorReadings, lookback: int, purge_rows: int) -> None:
    windows = windows_of(readings, lookback)
    for part in split_or_reject(windows, purge_rows).parts:
        assert part.start <= part.end_rows[0] - lookback + 1
        assert part.end_rows[-1] < part.stop
