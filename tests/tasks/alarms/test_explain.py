"""Explanations of alarms: which sensors, which way, and their rows against what the model expected."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from schemas.configuration import FeaturesSection, ReadingsSection
from schemas.detector import Detector
from schemas.evaluation import Threshold
from schemas.explanation import Driver, PreparedRows
from schemas.features import Column
from schemas.model import FittedModel
from schemas.scaling import Scaler
from tasks.alarms import explain
from tasks.alarms.explain import (
    count_minutes_ahead,
    explain_alarms,
    explain_part,
    list_episodes,
    name_top_sensors,
    rank_sensors,
    write_drivers,
)
from tasks.features.featurise import compute_features
from tasks.features.scale import scale_rows
from tasks.models.families.logistic import LogisticModel
from tasks.models.families.pca import ProjectionModel
from tasks.models.families.zscore import DeviationModel
from tasks.windows.label import label_ahead
from tests.builders import labelled_with, part_of, readings_with

# two sensors; the mean of the two rows before a row is what its level deviates from
VALUES = np.array([[10, 5], [12, 5], [14, 5], [13, 5], [23, 1], [12, 9]], dtype=np.float64)
BOTH = DeviationModel(np.array([0, 1]))


def prepare(
    values: np.ndarray = VALUES,
    deviations: tuple[float | None, ...] = (2.0, 1.0),
    means: tuple[float, ...] = (0.5, 0.0),
    clip: float | None = None,
    missing: tuple[int, ...] = (),
    **features: Any,
) -> tuple[Detector, PreparedRows]:
    """A detector with windows of two rows, its means and deviations as said, and the rows it prepares."""
    section = FeaturesSection(
        **{
            "level": "local",
            "trailing_rows": 2,
            "volatility_rows": None,
            "difference_rows": None,
            "has_context": False,
        }
        | {"clip": clip}
        | features
    )
    labelled = label_ahead(
        readings_with(rows=len(values) + len(missing), missing=missing, values=values), rows_ahead=1
    )
    table = compute_features(labelled, section)
    detector = Detector(
        readings=ReadingsSection(),
        are_event_rows_kept=False,
        features=section,
        sensors=labelled.sensors,
        categories=(),
        window_rows=2,
        convention="within_runs",
        scaler=Scaler(
            columns=table.columns,
            floors=(None,) * len(table.columns),
            means=means,
            deviations=deviations,
            clip=clip,
        ),
        threshold=Threshold(value=1.0, rule="fixed"),
    )
    return detector, PreparedRows(labelled, table, scale_rows(detector.scaler, table.values))


def explain_row(row: int, model: FittedModel = BOTH, **changes: Any) -> dict[str, Driver]:
    detector, prepared = prepare(**changes)
    (drivers,) = explain_alarms(detector, model, prepared, np.array([row]))
    return {driver.sensor: driver for driver in drivers}


def columns_of(*names: str) -> list[Column]:
    """Columns told by their names, such as `x1`, `x1 volatility`, or `stops`, which no sensor makes."""
    groups = {"volatility": "volatility", "difference": "difference"}
    return [
        Column(
            name=name,
            sensor=name.split()[0] if name.startswith("x") else None,
            group=groups.get(name.split()[-1], "level") if name.startswith("x") else "context",
        )
        for name in names
    ]


# ranks


def test_a_sensor_named_context_is_not_the_process_context() -> None:
    sensor = Column(name="context", sensor="context", group="level")
    ranked = rank_sensors(np.array([[1, 3]], dtype=np.float32), [sensor, *columns_of("stops")])
    assert ranked.names == ("context", "context_")
    assert ranked.shares.tolist() == [[0.75, 0.25]]


def test_the_shares_of_all_features_of_a_sensor_are_added() -> None:
    columns = columns_of("x1", "x2", "x1 volatility", "x2 volatility")
    ranked = rank_sensors(np.array([[1, 4, 4, 1]], dtype=np.float32), columns)
    assert ranked.places.tolist() == [[0, 1]]
    assert ranked.shares.tolist() == [[0.5, 0.5]]


def test_the_driving_column_is_the_one_of_the_sensor_that_adds_most() -> None:
    columns = columns_of("x1", "x2", "x1 volatility", "x2 volatility")
    assert rank_sensors(np.array([[1, 5, 2, 0]], dtype=np.float32), columns).columns.tolist() == [[1, 2]]


def test_three_sensors_are_named_the_largest_first() -> None:
    columns = columns_of("x1", "x2", "x3", "x4", "stops")
    ranked = rank_sensors(np.array([[1, 2, 3, 4, 5]], dtype=np.float32), columns)
    assert [ranked.names[place] for place in ranked.places[0]] == ["context", "x4", "x3"]


def test_a_score_that_nothing_drives_has_shares_of_0() -> None:
    ranked = rank_sensors(np.zeros((1, 2), dtype=np.float32), columns_of("x1", "x2"))
    assert ranked.shares.tolist() == [[0.0, 0.0]]


def test_top_sensors_are_the_drivers_with_their_shares() -> None:
    drivers = explain_row(4)
    # squares of (23 - 13.5 - 0.5) / 2 and of 1 - 5
    assert name_top_sensors(list(drivers.values())) == "x1=0.56 x2=0.44"


# directions and rows, worked out by hand


def test_a_level_above_what_was_expected_is_above() -> None:
    drivers = explain_row(4)
    assert {name: driver.direction for name, driver in drivers.items()} == {"x1": "above", "x2": "below"}


def test_the_last_rows_are_the_sensors_raw_values_oldest_first() -> None:
    drivers = explain_row(4)
    assert {name: driver.last for name, driver in drivers.items()} == {"x1": (13, 23), "x2": (5, 1)}


def test_what_was_expected_is_the_trailing_mean_and_the_scaled_expectation_in_the_sensors_units() -> None:
    # rows 3 and 4 follow 12, 14 and 14, 13; the training mean of the deviation from them is 0.5
    assert explain_row(4)["x1"].expected == (13.5, 14.0)


def test_a_clipped_value_does_not_bend_what_was_expected() -> None:
    drivers = explain_row(4, clip=1.0)
    assert drivers["x1"].expected == (13.5, 14.0)


def test_a_raw_level_is_expected_at_its_training_mean() -> None:
    assert explain_row(4, level="raw", means=(13.0, 5.0))["x1"].expected == (13.0, 13.0)


# the deviations of both sensors, and after them their raw values
WITH_RAW: dict[str, Any] = {
    "level": "both",
    "means": (0.5, 0.0, 13.0, 6.0),
    "deviations": (2.0, 1.0, 2.0, 1.0),
    "model": DeviationModel(np.arange(4)),
}


def test_a_raw_value_that_drives_is_expected_at_its_training_mean() -> None:
    drivers = explain_row(4, **WITH_RAW)
    # (23 - 13) / 2 is more than (23 - 13.5 - 0.5) / 2, and 1 - 6 more than 1 - 5
    assert {name: (driver.column, driver.group, driver.direction) for name, driver in drivers.items()} == {
        "x1": ("x1 raw", "raw", "above"),
        "x2": ("x2 raw", "raw", "below"),
    }
    assert {name: driver.expected for name, driver in drivers.items()} == {"x1": (13, 13), "x2": (6, 6)}


def test_a_deviation_that_drives_beside_raw_values_is_expected_at_the_trailing_mean() -> None:
    drivers = explain_row(4, **WITH_RAW | {"means": (0.5, 0.0, 22.0, 6.0)})
    assert (drivers["x1"].column, drivers["x1"].expected) == ("x1", (13.5, 14.0))
    assert (drivers["x2"].column, drivers["x2"].expected) == ("x2 raw", (6, 6))


def test_a_raw_value_is_expected_in_the_first_row_of_a_run_too() -> None:
    detector, prepared = prepare(**{name: value for name, value in WITH_RAW.items() if name != "model"})
    alone = detector.model_copy(update={"window_rows": 1})
    (drivers,) = explain_alarms(alone, DeviationModel(np.arange(4)), prepared, np.array([0]))
    assert {driver.sensor: driver.expected for driver in drivers} == {"x1": (13,), "x2": (6,)}


def test_what_windows_of_raw_values_expect_comes_back_in_the_units_of_the_sensor() -> None:
    # the first sensor's raw value is expected to be what it was in the row before
    model = ProjectionModel("q", np.array([2]), np.zeros(2), np.full((1, 2), 0.5**0.5), np.ones(1), rows=2)
    driver = explain_row(4, **WITH_RAW | {"model": model})["x1"]
    # halfway between the rows 13 and 23, and before that between 14 and 13
    assert (driver.group, driver.direction, driver.expected) == ("raw", "above", (13.5, 18))


def test_a_raw_value_that_the_model_does_not_see_has_no_expectation() -> None:
    driver = explain_row(4, **WITH_RAW | {"model": DeviationModel(np.array([0, 2]))})["x2"]
    assert (driver.expected, driver.direction) == ((None, None), None)


def test_a_row_that_ends_no_window_has_no_expectation() -> None:
    assert explain_row(1)["x1"].expected == (None, 10.5)


def test_a_row_before_a_gap_is_no_row_of_a_window_after_it() -> None:
    # row 3 of the table comes after a gap: the window of row 4 is the first one of its run
    assert explain_row(4, missing=(3,))["x1"].expected == (None, 13.5)


def test_the_first_row_of_a_run_has_nothing_to_deviate_from() -> None:
    detector, prepared = prepare()
    alone = detector.model_copy(update={"window_rows": 1})
    (drivers,) = explain_alarms(alone, BOTH, prepared, np.array([0]))
    assert [driver.expected for driver in drivers] == [(None,), (None,)]


def test_a_sensor_that_was_constant_in_training_has_no_expectation() -> None:
    assert explain_row(4, deviations=(2.0, None))["x2"].expected == (None, None)


def test_a_column_that_the_model_does_not_see_has_neither_expectation_nor_direction() -> None:
    driver = explain_row(4, DeviationModel(np.array([0])))["x2"]
    assert (driver.expected, driver.direction) == ((None, None), None)


def test_a_restless_sensor_is_above_in_its_volatility() -> None:
    settings: dict[str, Any] = {
        "volatility_rows": 2,
        "means": (0, 0, 1, 1),
        "deviations": (9.0, 9.0, 1.0, 1.0),
    }
    driver = explain_row(4, DeviationModel(np.arange(4)), **settings)["x1"]
    assert (driver.group, driver.column, driver.direction) == ("volatility", "x1 volatility", "above")


def test_a_calm_sensor_is_below_in_its_volatility() -> None:
    settings: dict[str, Any] = {
        "volatility_rows": 2,
        "means": (0, 0, 9, 9),
        "deviations": (9.0, 9.0, 1.0, 1.0),
    }
    driver = explain_row(2, DeviationModel(np.arange(4)), **settings)["x1"]
    assert (driver.group, driver.direction) == ("volatility", "below")


def test_process_context_names_its_column_and_has_no_rows() -> None:
    context = {"has_context": True, "context_hours": (2.0,)}
    settings: dict[str, Any] = {**context, "means": (0,) * 5, "deviations": (9.0, 9.0, 0.1, 1.0, 1.0)}
    driver = explain_row(4, DeviationModel(np.arange(5)), **settings)["context"]
    assert (driver.column, driver.group, driver.direction) == ("rows since restart", "context", "above")
    assert (driver.last, driver.expected) == ((), ())


def test_floats_have_six_digits() -> None:
    assert explain_row(4, values=VALUES + 1 / 3)["x1"].last == (13.3333, 23.3333)


def test_drivers_are_written_as_compact_json() -> None:
    text = write_drivers(list(explain_row(1).values()))
    assert json.loads(text)[0]["expected"] == [None, 10.5]
    assert " " not in text


def test_no_windows_have_no_explanations() -> None:
    detector, prepared = prepare()
    assert explain_alarms(detector, BOTH, prepared, np.zeros(0, dtype=np.int64)) == []


# nothing but the window and what comes before it

RANDOM = np.random.default_rng(3).normal(size=(300, 4))
MODELS: dict[str, FittedModel] = {
    "zscore": DeviationModel(np.arange(4)),
    **{
        f"pca_{statistic}": ProjectionModel(
            statistic,
            np.arange(4),
            np.full(4, 0.1),
            np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0][:2],
            np.array([1.5, 0.5]),
        )
        for statistic in ("t2", "q")
    },
    "pca_windows": ProjectionModel(
        "q",
        np.arange(4),
        np.full(8, 0.1),
        np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0][:2],
        np.array([1.5, 0.5]),
        rows=2,
    ),
    "logistic": LogisticModel(
        np.arange(4), np.arange(4), np.zeros(8), np.ones(8), np.linspace(-1, 1, 8), intercept=-1.0
    ),
}
FOUR: dict[str, Any] = {"values": RANDOM, "means": (0.0,) * 4, "deviations": (1.0,) * 4, "missing": (40, 90)}


@pytest.mark.parametrize("family", MODELS)
def test_an_alarm_explained_alone_is_explained_as_among_others(family: str) -> None:
    detector, prepared = prepare(**FOUR)
    rows = np.arange(60, 80)
    together = explain_alarms(detector, MODELS[family], prepared, rows)
    assert [explain_alarms(detector, MODELS[family], prepared, rows[[i]])[0] for i in range(20)] == together


@pytest.mark.parametrize("family", MODELS)
def test_later_rows_change_no_explanation(family: str) -> None:
    changed = RANDOM.copy()
    changed[101:] += 7
    rows = np.arange(95, 101)
    before, after = (
        explain_alarms(*pair, rows)
        for pair in (
            (prepare(**FOUR)[0], MODELS[family], prepare(**FOUR)[1]),
            (prepare(**FOUR)[0], MODELS[family], prepare(**FOUR | {"values": changed})[1]),
        )
    )
    assert after == before


# alarms of a part, and their episodes


def test_the_alarms_of_a_part_are_explained_with_time_score_and_threshold() -> None:
    detector, prepared = prepare()
    part = part_of(prepared.labelled, 1)
    scores = np.array([0.0, 2.0, 0.0, 3.0, 0.0])
    explained = explain_part(detector, BOTH, prepared, part, scores, np.full(5, 2.0))
    assert [(alarm.score, alarm.threshold) for alarm in explained.alarms] == [(2, 2), (3, 2)]
    assert [alarm.time.minute for alarm in explained.alarms] == [4, 8]
    assert list(explained.alarms[1].drivers) == list(explain_row(4).values())


def test_of_many_alarms_the_last_ones_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "ALARMS_AT_MOST", 2)
    detector, prepared = prepare()
    part = part_of(prepared.labelled, 1)
    explained = explain_part(detector, BOTH, prepared, part, np.full(5, 3.0), np.full(5, 2.0))
    assert (explained.total, [alarm.time.minute for alarm in explained.alarms]) == (5, [8, 10])


def test_a_part_without_alarms_has_nothing_to_explain() -> None:
    detector, prepared = prepare()
    part = part_of(prepared.labelled, 1)
    explained = explain_part(detector, BOTH, prepared, part, np.zeros(5), np.full(5, 2.0))
    assert (explained.total, explained.alarms, explained.episodes) == (0, (), ())


def episodes_of(rows: list[int], labels: list[bool], missing: tuple[int, ...] = ()) -> list[tuple[int, bool]]:
    """Rows and outcome of each episode of alarms on the given rows."""
    detector, prepared = prepare(missing=missing)
    end_rows = np.array(rows)
    part = part_of(prepared.labelled, 0)
    scores = np.zeros(6)
    scores[end_rows] = 5.0
    one_row = detector.model_copy(update={"window_rows": 1})
    alarms = explain_part(one_row, BOTH, prepared, part, scores, np.ones(6)).alarms
    found = list_episodes(alarms, end_rows, np.array(labels), prepared.labelled)
    return [(episode.rows, episode.is_caught) for episode in found]


def test_alarms_in_rows_one_after_the_other_are_one_episode() -> None:
    assert episodes_of([0, 1, 3], [False, False, False]) == [(2, False), (1, False)]


def test_a_gap_ends_an_episode() -> None:
    assert episodes_of([2, 3], [False, False], missing=(3,)) == [(1, False), (1, False)]


def test_an_episode_with_a_positive_row_is_caught() -> None:
    assert episodes_of([0, 1, 4], [False, True, False]) == [(2, True), (1, False)]


def test_minutes_ahead_are_those_to_the_event_that_ended_the_run() -> None:
    labelled = labelled_with(rows=12, events=[5, 9])
    # row 6 of the rows that were kept is step 7
    assert [count_minutes_ahead(labelled, row) for row in (0, 4, 6, 9)] == [10, 2, 4, None]
