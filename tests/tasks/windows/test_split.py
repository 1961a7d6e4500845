"""How windows are divided into training, validation and test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from schemas.configuration import SplitSection
from schemas.errors import InputError
from schemas.readings import SensorReadings
from schemas.windows import Split, Windows
from tasks.windows.label import label_ahead
from tasks.windows.split import cut_in_time, require_enough, split_at_random, split_in_time, split_windows
from tasks.windows.window import make_windows
from tests.builders import readings_with

# 101 steps, 98 rows in four runs: test from row 78 on, validation from row 62 on
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


def test_rows_can_be_cut_at_any_two_moments() -> None:
    split = cut_in_time(windows_of(), 30, 50, 70, purge_rows=2)
    assert [(part.start, part.stop) for part in split.parts] == [(0, 30), (30, 50), (50, 70)]
    assert [part.end_rows[-1] for part in split.parts] == [27, 47, 69]


def test_rows_after_the_test_belong_to_no_part() -> None:
    split = cut_in_time(windows_of(), 30, 50, 70, purge_rows=0)
    assert sum(split.window_counts[name] for name in ("train", "validation", "test")) == 70


def test_a_part_knows_the_places_of_its_windows_among_all() -> None:
    windows = windows_of(lookback=5)
    for part in divide(lookback=5).parts:
        assert windows.end_rows[part.places].tolist() == part.end_rows.tolist()


def test_a_random_part_knows_the_places_of_its_windows_among_all() -> None:
    windows = windows_of(lookback=5)
    for part in split_at_random(windows, 0.2, 0.2, seed=123).parts:
        assert windows.end_rows[part.places].tolist() == part.end_rows.tolist()


def test_windows_of_a_part_can_be_selected() -> None:
    part = divide(lookback=5).test
    chosen = part.select(part.labels)
    assert (chosen.end_rows.tolist(), chosen.labels.tolist()) == ([87, 88], [True, True])
    assert chosen.places.tolist() == part.places[part.labels].tolist()
    assert (chosen.start, chosen.stop) == (part.start, part.stop)


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


def test_labels_stay_with_windows_that_are_divided_at_random() -> None:
    for part in split_at_random(windows_with(200, [3, 50, 77, 150]), 0.2, 0.2, seed=123).parts:
        assert part.labels.tolist() == np.isin(part.end_rows, [3, 50, 77, 150]).tolist()


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


SECTION = SplitSection()


def test_too_few_training_windows_are_refused() -> None:
    with pytest.raises(InputError, match=r"at least 50 normal windows\. Received 32\."):
        split_windows(windows_with(50, [35, 45]), SECTION, purge_rows=0)


UNMOVED = SplitSection(move_boundaries=False)


@pytest.mark.parametrize("positives", [[90], [70], [70, *range(80, 100)]])
def test_a_part_may_hold_windows_of_one_kind(positives: list[int]) -> None:
    split = split_windows(windows_with(100, positives), UNMOVED, purge_rows=0)
    assert [part.start for part in split.parts] == [0, 64, 80]
    assert split.findings == ()


def test_a_validation_part_without_a_normal_window_is_refused() -> None:
    windows = windows_with(100, list(range(64, 80)))
    with pytest.raises(InputError, match=r"The validation part must hold normal windows.* 16 windows, none"):
        split_windows(windows, UNMOVED, purge_rows=0)


def test_boundaries_move_until_both_parts_hold_events() -> None:
    split = split_windows(windows_with(100, [83, 84, 95]), SECTION, purge_rows=0)
    assert split.validation.labels.any()
    assert split.test.labels.any()
    [finding] = split.findings
    assert finding.check == "moved_boundaries"
    assert finding.details["test"] == {"from": 80, "to": split.test.start}
    assert f"test begins at row {split.test.start} instead of row 80" in finding.message


def test_boundaries_stay_where_both_parts_hold_events() -> None:
    split = split_windows(windows_with(100, [70, 90]), SECTION, purge_rows=0)
    assert [part.start for part in split.parts] == [0, 64, 80]
    assert split.findings == ()


def test_boundaries_stay_if_no_event_is_near() -> None:
    assert split_windows(windows_with(100, [5]), SECTION, purge_rows=0).validation.start == 64


def test_the_test_part_keeps_the_events_that_a_decision_needs() -> None:
    windows = windows_with(200, [165, 170, 175, 180])
    assert split_windows(windows, SECTION, purge_rows=0, test_events=3).validation.labels.any()
    assert not split_windows(windows, SECTION, purge_rows=0, test_events=4).validation.labels.any()


def test_a_validation_part_inside_a_long_event_moves_out_of_it() -> None:
    split = split_windows(windows_with(1100, list(range(570, 970))), SECTION, purge_rows=0)
    assert split.validation.has_both_classes
    assert split.test.has_both_classes
    assert len(split.train.normal_end_rows) >= 704 / 2


@given(st.lists(st.integers(0, 399), max_size=20), st.integers(0, 3))
def test_moved_boundaries_keep_half_of_each_part_and_no_part_loses_its_events(
    positives: list[int], purge_rows: int
) -> None:
    windows = windows_with(400, sorted(set(positives)))
    before = split_windows(windows, UNMOVED, purge_rows)
    after = split_windows(windows, SECTION, purge_rows)
    kinds = [
        sum(part.has_both_classes for part in (split.validation, split.test)) for split in (before, after)
    ]
    assert kinds[1] >= kinds[0]
    for old, new in zip(before.parts, after.parts, strict=True):
        assert new.stop - new.start >= (old.stop - old.start) // 2
    if kinds[0] == 2:
        assert [part.start for part in after.parts] == [part.start for part in before.parts]


def test_parts_without_events_are_enough() -> None:
    split = split_windows(windows_with(100, []), SECTION, purge_rows=0)
    assert split.window_counts == {"train": 64, "train_normal": 64, "validation": 16, "test": 20}


def test_a_part_without_windows_is_refused() -> None:
    with pytest.raises(InputError, match=r"validation part must hold normal windows.* Received 0 windows"):
        split_windows(windows_with(200, []), SECTION, purge_rows=32)


def test_small_parts_are_divided_before_anything_is_asked_of_them() -> None:
    split = split_in_time(windows_with(50, []), 0.2, 0.2, purge_rows=0)
    assert split.window_counts == {"train": 32, "train_normal": 32, "validation": 8, "test": 10}


def test_a_split_with_enough_windows_is_given_back() -> None:
    split = split_in_time(windows_with(100, [70, 90]), 0.2, 0.2, purge_rows=0)
    assert require_enough(split) is split


def test_too_few_windows_to_divide_at_random_are_refused() -> None:
    with pytest.raises(InputError, match=r"Received 1 windows"):
        split_at_random(windows_with(1, []), 0.2, 0.2, seed=0)


@st.composite
def any_long_readings(draw: st.DrawFn) -> SensorReadings:
    """Readings with an event every 14 to 20 steps and some gaps."""
    steps = np.cumsum(draw(st.lists(st.integers(14, 20), min_size=12, max_size=12))).tolist()
    missing = draw(st.lists(st.integers(1, steps[-1]).filter(lambda step: step not in steps), max_size=9))
    return readings_with(rows=steps[-1] + 3, missing=missing, events=steps)


@given(any_long_readings(), st.integers(1, 4), st.integers(1, 3))
def test_no_label_depends_on_a_row_of_a_later_part(
    readings: SensorReadings, rows_ahead: int, lookback: int
) -> None:
    labelled = label_ahead(readings, rows_ahead)
    split = split_in_time(make_windows(labelled, lookback), 0.2, 0.2, purge_rows=rows_ahead)
    for part in (split.train, split.validation):
        is_later = np.arange(len(readings.events)) >= labelled.source_rows[part.stop]
        changed = replace(readings, events=readings.events ^ is_later)
        labels = label_ahead(changed, rows_ahead).labels
        assert labels[part.end_rows].tolist() == part.labels.tolist()


@given(any_long_readings(), st.integers(1, 3), st.integers(0, 4))
def test_windows_never_cross_a_boundary(readings: SensorReadings, lookback: int, purge_rows: int) -> None:
    windows = windows_of(readings, lookback)
    for part in split_in_time(windows, 0.2, 0.2, purge_rows).parts:
        assert (part.start <= part.end_rows - lookback + 1).all()
        assert (part.end_rows < part.stop).all()
