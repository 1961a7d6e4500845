"""What features say of a row, and that they never look at a later one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import FeaturesSection, ReadingsSection
from schemas.detector import Detector
from schemas.evaluation import Threshold
from schemas.features import GROUPS, FeatureTable, find_columns
from schemas.readings import LabelledReadings, SensorReadings
from schemas.scaling import Scaler
from tasks.features.featurise import compute_features, count_rows_needed, count_rows_since_change
from tasks.scoring.resume import find_first_needed
from tasks.windows.label import label_ahead
from tests.builders import readings_with

# the sensors as they are, and nothing else
RAW = FeaturesSection(level="raw", volatility_rows=None, difference_rows=None, has_context=False)
EVERYTHING = FeaturesSection(
    level="both", trailing_rows=3, volatility_rows=2, difference_rows=2, has_context=True
)


def section_with(**settings: Any) -> FeaturesSection:
    return RAW.model_copy(update=settings)


def rows_with(
    values: Sequence[float] | np.ndarray,
    missing: Sequence[int] = (),
    events: Sequence[int] = (),
    grades: Sequence[int] | None = None,
    step_minutes: float = 2.0,
) -> LabelledReadings:
    """Rows of one sensor; `values` and `grades` are those of the steps that are there, events among them."""
    table = np.array(values, dtype=np.float64)[:, None]
    categories = None if grades is None else np.array(grades)
    rows = len(values) + len(missing)
    readings = readings_with(
        rows, missing, events, values=table, categories=categories, step_minutes=step_minutes
    )
    return label_ahead(readings, 1)


def column_of(table: FeatureTable, name: str) -> list[float]:
    """One feature of every row."""
    names = [column.name for column in table.columns]
    return table.values[:, names.index(name)].tolist()


def compute_column(labelled: LabelledReadings, name: str, **settings: Any) -> list[float]:
    """One feature of every row, by the settings that differ from `RAW`."""
    return column_of(compute_features(labelled, section_with(**settings)), name)


# level


def test_a_raw_level_is_the_sensor_as_it_is() -> None:
    assert compute_column(rows_with([4, 8, 0, 6]), "x1") == [4, 8, 0, 6]


def test_a_local_level_is_the_deviation_from_the_mean_of_the_rows_before() -> None:
    levels = compute_column(rows_with([4, 8, 0, 6]), "x1", level="local", trailing_rows=3)
    assert levels == [0, 8 - 4, 0 - (4 + 8) / 2, 6 - (4 + 8 + 0) / 3]


def test_a_local_level_looks_back_on_the_trailing_rows_alone() -> None:
    levels = compute_column(rows_with([4, 8, 0, 6]), "x1", level="local", trailing_rows=2)
    assert levels == [0, 4, -6, 6 - (8 + 0) / 2]


def test_more_trailing_rows_than_rows_are_all_rows_before() -> None:
    levels = compute_column(rows_with([4, 8, 0]), "x1", level="local", trailing_rows=99)
    assert levels == [0, 4, -6]


@pytest.mark.parametrize(
    ("values", "missing", "events"), [([4, 8, 10, 16], [2], []), ([4, 8, 99, 10, 16], [], [2])]
)
def test_a_local_level_begins_anew_in_each_run(
    values: list[float], missing: list[int], events: list[int]
) -> None:
    labelled = rows_with(values, missing, events)
    assert compute_column(labelled, "x1", level="local", trailing_rows=3) == [0, 4, 0, 6]


def test_a_local_level_does_not_lose_digits_where_a_sensor_is_large() -> None:
    noise = np.random.default_rng(0).integers(-999, 999, 200) / 1024
    small, large = (
        compute_column(rows_with(level + noise), "x1", level="local", trailing_rows=30)
        for level in (0.0, 1e6)
    )
    np.testing.assert_allclose(large, small, rtol=0, atol=1e-9)


def test_both_levels_are_the_deviation_and_as_another_column_the_sensor_as_it_is() -> None:
    settings = {"level": "both", "trailing_rows": 2}
    labelled = rows_with([4, 8, 0, 6])
    assert compute_column(labelled, "x1", **settings) == [0, 4, -6, 6 - (8 + 0) / 2]
    assert compute_column(labelled, "x1 raw", **settings) == [4, 8, 0, 6]


@pytest.mark.parametrize(("level", "rows"), [("raw", 0), ("local", 30), ("both", 30)])
def test_a_deviation_from_the_trailing_mean_needs_the_trailing_rows(level: str, rows: int) -> None:
    assert count_rows_needed(section_with(level=level)) == rows


# volatility


def test_volatility_is_the_deviation_of_the_last_rows() -> None:
    volatility = compute_column(rows_with([1, 3, 5, 5, 8]), "x1 volatility", volatility_rows=3)
    assert volatility == pytest.approx(
        [0, *(np.std(rows) for rows in ([1, 3], [1, 3, 5], [3, 5, 5], [5, 5, 8]))]
    )


def test_volatility_is_0_in_the_first_row_of_a_run() -> None:
    labelled = rows_with([1, 3, 9, 9, 5], missing=[2])
    assert compute_column(labelled, "x1 volatility", volatility_rows=4) == pytest.approx(
        [0, 1, 0, 0, np.std([9, 9, 5])]
    )


def test_volatility_of_a_constant_is_exactly_0() -> None:
    assert compute_column(rows_with([0.1] * 9), "x1 volatility", volatility_rows=7) == [0] * 9


def test_volatility_does_not_lose_digits_where_a_sensor_is_large() -> None:
    noise = np.random.default_rng(0).integers(-999, 999, 200) / 1024
    small, large = (
        compute_column(rows_with(level + noise), "x1 volatility", volatility_rows=10) for level in (0.0, 1e6)
    )
    np.testing.assert_allclose(large, small, rtol=0, atol=1e-12)


# difference


def test_a_difference_is_from_the_row_so_many_rows_before_or_the_first_of_the_run() -> None:
    differences = compute_column(rows_with([1, 3, 7, 4]), "x1 difference", difference_rows=2)
    assert differences == [0, 3 - 1, 7 - 1, 4 - 3]


def test_a_difference_never_bridges_a_gap() -> None:
    labelled = rows_with([1, 3, 7, 4], missing=[2])
    assert compute_column(labelled, "x1 difference", difference_rows=2) == [0, 2, 0, -3]


# context


def test_rows_since_a_restart_are_counted_within_a_run() -> None:
    labelled = rows_with([0] * 5, missing=[2])
    counts = np.expm1(compute_column(labelled, "rows since restart", has_context=True))
    assert counts == pytest.approx([0, 1, 0, 1, 2])


def test_a_restart_is_forgotten_after_the_configured_rows() -> None:
    rows_since = compute_column(
        rows_with([0] * 5), "rows since restart", has_context=True, context_rows_at_most=2
    )
    assert np.expm1(rows_since) == pytest.approx([0, 1, 2, 2, 2])


@pytest.mark.parametrize(
    ("values", "missing", "events"), [([0] * 7, [2], []), ([0] * 8, [], [2])], ids=["a gap", "an event"]
)
def test_a_stop_is_a_run_that_began_in_the_last_hours(
    values: list[float], missing: list[int], events: list[int]
) -> None:
    # the run begins at 3:00; at 5:00 that is two hours ago
    labelled = rows_with(values, missing, events, step_minutes=60)
    settings = {"has_context": True, "context_hours": (2.0,)}
    assert compute_column(labelled, "stops in 2 h", **settings) == [0, 0, 1, 1, 0, 0, 0]


def test_the_first_row_of_the_table_is_no_stop() -> None:
    labelled = rows_with([0, 0, 0])
    assert compute_column(labelled, "stops in 24 h", has_context=True) == [0, 0, 0]


def test_stops_are_counted_in_each_of_the_hours() -> None:
    labelled = rows_with([0] * 5, missing=[1, 3], step_minutes=60)
    table = compute_features(labelled, section_with(has_context=True, context_hours=(1.0, 3.5)))
    assert column_of(table, "stops in 1 h") == [0, 1, 1, 0, 0]
    assert column_of(table, "stops in 3.5 h") == [0, 1, 2, 2, 1]


def test_the_minutes_of_a_stop_are_those_between_the_runs() -> None:
    labelled = rows_with([0] * 5, missing=[2, 3])
    minutes = np.expm1(compute_column(labelled, "minutes of the stop", has_context=True))
    assert minutes == pytest.approx([0, 0, 6, 6, 6])


def test_the_minutes_of_a_stop_are_forgotten_after_the_configured_rows() -> None:
    labelled = rows_with([0] * 6, missing=[1])
    stops = compute_column(labelled, "minutes of the stop", has_context=True, context_rows_at_most=3)
    assert np.expm1(stops) == pytest.approx([0, 4, 4, 4, 0, 0])


def test_a_stop_is_a_day_long_at_most() -> None:
    labelled = rows_with([0, 0], missing=[1], step_minutes=2 * 24 * 60)
    minutes = np.expm1(compute_column(labelled, "minutes of the stop", has_context=True))
    assert minutes == pytest.approx([0, 24 * 60])


def test_rows_since_a_category_changed_are_counted_across_runs() -> None:
    labelled = rows_with([0] * 6, missing=[3], grades=[7, 7, 5, 5, 5, 7])
    settings = {"has_context": True, "context_rows_at_most": 9}
    counts = np.expm1(compute_column(labelled, "rows since grade changed", **settings))
    assert counts == pytest.approx([9, 9, 0, 1, 2, 0])


def test_a_change_is_as_long_ago_as_can_be_where_none_is_known_or_it_is_forgotten() -> None:
    assert count_rows_since_change(np.array([1, 1, 2, 2, 2, 2]), 2).tolist() == [2, 2, 0, 1, 2, 2]


# the table


def test_columns_are_named_by_what_they_are_made_of() -> None:
    labelled = rows_with([0] * 3, grades=[1, 1, 1])
    settings = {"volatility_rows": 2, "difference_rows": 2, "has_context": True, "context_hours": (0.5, 8.0)}
    table = compute_features(labelled, section_with(**settings))
    assert [(column.name, column.sensor) for column in table.columns] == [
        ("x1", "x1"),
        ("x1 volatility", "x1"),
        ("x1 difference", "x1"),
        ("rows since restart", None),
        ("stops in 0.5 h", None),
        ("stops in 8 h", None),
        ("minutes of the stop", None),
        ("rows since grade changed", None),
    ]


def test_raw_values_are_the_last_columns_of_a_table_with_both_levels() -> None:
    labelled = rows_with([0] * 3, grades=[1, 1, 1])
    table = compute_features(labelled, section_with(level="both", has_context=True))
    last = table.columns[-1]
    assert (last.name, last.sensor, last.group) == ("x1 raw", "x1", "raw")
    assert table.columns[0].group == "level"


def test_columns_come_in_the_order_of_the_groups() -> None:
    table = compute_features(label_ahead(readings_with(sensors=2), 1), EVERYTHING)
    groups = [column.group for column in table.columns]
    assert groups == sorted(groups, key=GROUPS.index)
    assert set(groups) == set(GROUPS)


def test_columns_of_some_groups_are_found() -> None:
    table = compute_features(label_ahead(readings_with(sensors=2), 1), EVERYTHING)
    assert find_columns(table.columns, ("difference", "level")).tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("level", "raw", "level_and_raw"),
    [("both", [4, 5], [0, 1, 4, 5]), ("local", [0, 1], [0, 1]), ("raw", [0, 1], [0, 1])],
)
def test_raw_columns_are_the_levels_where_there_is_no_such_group(
    level: str, raw: list[int], level_and_raw: list[int]
) -> None:
    settings = {"level": level, "volatility_rows": 2}
    columns = compute_features(label_ahead(readings_with(sensors=2), 1), section_with(**settings)).columns
    assert find_columns(columns, ("raw",)).tolist() == raw
    assert find_columns(columns, ("raw", "level")).tolist() == level_and_raw
    assert find_columns(columns, ("level",)).tolist() == [0, 1]


@pytest.mark.parametrize("section", [RAW, EVERYTHING], ids=["raw", "everything"])
def test_features_are_float64_in_c_order_and_there_is_one_for_each_column(section: FeaturesSection) -> None:
    table = compute_features(label_ahead(readings_with(rows=8, sensors=3), 1), section)
    assert (table.values.dtype, table.values.flags.c_contiguous) == (np.dtype(np.float64), True)
    assert table.values.shape == (8, len(table.columns))


def test_the_readings_are_left_as_they_are() -> None:
    labelled = rows_with([4, 8, 0, 6], missing=[2], grades=[1, 2, 2, 1])
    compute_features(labelled, EVERYTHING)
    assert labelled.values[:, 0].tolist() == [4, 8, 0, 6]
    assert labelled.category_values[:, 0].tolist() == [1, 2, 2, 1]


def test_a_table_of_events_alone_has_no_features() -> None:
    assert compute_features(rows_with([1, 2], events=[0, 1]), EVERYTHING).values.shape == (0, 9)


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({}, 0),
        ({"level": "local", "trailing_rows": 30}, 30),
        ({"volatility_rows": 10}, 10),
        ({"difference_rows": 7}, 7),
        ({"level": "local", "trailing_rows": 5, "volatility_rows": 10, "difference_rows": 7}, 10),
        ({"has_context": True, "context_rows_at_most": 720}, 721),
    ],
)
def test_as_many_rows_are_needed_as_the_longest_feature_looks_back_on(
    settings: dict[str, Any], rows: int
) -> None:
    assert count_rows_needed(section_with(**settings)) == rows


# what a feature depends on

SECTIONS = st.builds(
    FeaturesSection,
    level=st.sampled_from(["raw", "local"]),
    trailing_rows=st.integers(2, 9),
    volatility_rows=st.none() | st.integers(2, 6),
    difference_rows=st.none() | st.integers(1, 5),
    has_context=st.booleans(),
    # the rows are two minutes apart
    context_hours=st.lists(
        st.integers(1, 40).map(lambda rows: rows / 30), min_size=1, max_size=2, unique=True
    ),
    context_rows_at_most=st.integers(1, 9),
)


@st.composite
def any_graded_readings(draw: st.DrawFn) -> SensorReadings:
    """Draw long runs with a grade; thirds are rounded in binary, so sums in another order would show."""
    rows = draw(st.integers(5, 60))
    missing, events = (draw(st.lists(st.integers(1, rows - 1), max_size=most)) for most in (4, 2))
    kept = rows - len(set(missing))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from([0.0, 1e6])) + rng.integers(-99, 99, (kept, 2)) / 3
    grades = np.cumsum(rng.random(kept) < 0.2) % 3
    return readings_with(rows, missing, events, values=values, categories=grades)


def take_readings(readings: SensorReadings, start: int, stop: int | None = None) -> SensorReadings:
    """The readings as they are checked where the table begins and ends elsewhere."""
    rows = slice(start, stop)
    return replace(
        readings,
        times=readings.times[rows],
        events=readings.events[rows],
        values=readings.values[rows],
        category_values=readings.category_values[rows],
        runs=readings.runs[rows] - readings.runs[start],
    )


def take_rows(labelled: LabelledReadings, start: int, stop: int | None = None) -> LabelledReadings:
    """The rows in runs where the table begins and ends elsewhere."""
    rows = slice(start, stop)
    return replace(
        labelled,
        times=labelled.times[rows],
        values=labelled.values[rows],
        category_values=labelled.category_values[rows],
        runs=labelled.runs[rows],
    )


@given(any_graded_readings(), SECTIONS, st.integers(1, 59))
def test_later_rows_never_change_the_features_of_an_earlier_row(
    readings: SensorReadings, section: FeaturesSection, changed_from: int
) -> None:
    labelled = label_ahead(readings, 1)
    is_later = np.arange(len(labelled.times))[:, None] >= changed_from
    changed = replace(
        labelled,
        values=np.where(is_later, labelled.values * 3 + 1, labelled.values),
        category_values=np.where(is_later, 9 - labelled.category_values, labelled.category_values),
    )
    first, second = (compute_features(rows, section).values[:changed_from] for rows in (labelled, changed))
    assert first.tobytes() == second.tobytes()


@given(any_graded_readings(), SECTIONS, st.integers(1, 59))
def test_a_table_that_ends_earlier_has_the_features_of_the_whole_to_the_last_bit(
    readings: SensorReadings, section: FeaturesSection, stop: int
) -> None:
    labelled = label_ahead(readings, 1)
    whole = compute_features(labelled, section).values[:stop]
    assert compute_features(take_rows(labelled, 0, stop), section).values.tobytes() == whole.tobytes()


@given(any_graded_readings(), SECTIONS, st.integers(0, 58))
def test_a_table_that_begins_with_the_rows_needed_has_the_features_of_the_whole_to_the_last_bit(
    readings: SensorReadings, section: FeaturesSection, row: int
) -> None:
    labelled = label_ahead(readings, 1)
    row = min(row, len(labelled.times) - 1)
    begin = row - count_rows_needed(section)
    if section.has_context:
        hours = np.timedelta64(round(max(section.context_hours) * 3600e9), "ns")
        # and one row more, to see that a run begins there
        begin = min(begin, int(np.searchsorted(labelled.times, labelled.times[row] - hours)) - 1)
    begin = max(begin, 0)
    whole = compute_features(labelled, section).values[row:]
    piece = compute_features(take_rows(labelled, begin), section).values[row - begin :]
    assert piece.tobytes() == whole.tobytes()


@given(any_graded_readings(), SECTIONS, st.integers(1, 59), st.integers(1, 4))
def test_the_rows_that_scoring_in_pieces_keeps_are_enough_for_the_features_of_later_rows(
    readings: SensorReadings, section: FeaturesSection, history: int, window_rows: int
) -> None:
    history = min(history, len(readings.times))
    detector = Detector(
        readings=ReadingsSection(),
        are_event_rows_kept=False,
        features=section,
        sensors=readings.sensors,
        categories=readings.categories,
        window_rows=window_rows,
        convention="within_runs",
        scaler=Scaler(columns=(), floors=(), means=(), deviations=(), clip=None),
        threshold=Threshold(value=1.0, rule="fixed"),
    )
    first = find_first_needed(detector, label_ahead(take_readings(readings, 0, history), 1))
    labelled, piece = label_ahead(readings, 1), label_ahead(take_readings(readings, first), 1)
    whole = compute_features(labelled, section).values[labelled.source_rows >= history]
    kept = compute_features(piece, section).values[piece.source_rows >= history - first]
    assert kept.tobytes() == whole.tobytes()
