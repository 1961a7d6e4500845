"""A fault planted in three sensors: every alarm names these three, and which way they went."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from tasks.readings.check import check_scored_table
from tasks.scoring.score import score_readings
from tasks.simulators.simulate import simulate_readings
from tasks.times.parse import parse_times
from tests.detectors import make_detector, simulated_table

# which way each goes, by how many training deviations of its level, over how many rows
FAULT = {"x5": 1, "x15": -1, "x31": 1}
DEVIATIONS, RAMP_ROWS = 8.0, 4
# rows at which a fault begins, none of them near a stop
BEGINS = (150, 400, 600, 800)
OTHERS = ("x1", "x3", "x9", "x11", "x20", "x40")
# x25 goes with x15: a correlation of 0.8 in training
PARTNERS = (*OTHERS, "x25")


@cache
def later_rows() -> pd.DataFrame:
    """Readings of the same plant, later than those of training, without labels."""
    table = simulate_readings(rows=1_000, seed=6).drop(columns="y")
    return table.assign(time=parse_times(table["time"], None, day_first=False) + pd.Timedelta(days=400))


def plant(table: pd.DataFrame, begin: int, deviations: dict[str, float]) -> pd.DataFrame:
    """Let the three sensors go off from a row on, and stay there."""
    ramp = np.clip((np.arange(len(table)) - begin + 1) / RAMP_ROWS, 0, 1)
    shifted = {name: table[name] + way * DEVIATIONS * deviations[name] * ramp for name, way in FAULT.items()}
    return table.assign(**shifted)


@cache
def scored_rows() -> pd.DataFrame:
    return score_readings(*make_detector("zscore"), later_rows())


def test_only_alarms_have_drivers() -> None:
    scored = scored_rows()
    assert scored["alarm"].sum() > 3
    assert scored["drivers"].ne("").tolist() == scored["alarm"].tolist()


def test_the_drivers_are_the_top_sensors_in_their_order() -> None:
    alarms = scored_rows().query("alarm")
    texts = [
        " ".join(f"{driver['sensor']}={driver['share']:.2f}" for driver in json.loads(text))
        for text in alarms["drivers"]
    ]
    assert texts == alarms["top_sensors"].tolist()


def test_a_table_with_drivers_passes_the_schema_of_scores() -> None:
    assert check_scored_table(scored_rows()) is scored_rows()


def find_drivers(family: str, sensors: tuple[str, ...]) -> list[list[dict[str, object]]]:
    """Drivers of the alarms in the six rows from the end of each fault's ramp on."""
    kept = {"time", "y", "x28", "x61", *FAULT, *sensors}
    detector, model = make_detector(
        family,
        readings={"drop_columns": [name for name in simulated_table().columns if name not in kept]},
        model={"units": [8, 4]},
        training={"epochs": 2, "compile": "never"},
    )
    deviations = {
        column.name: value or 0.0
        for column, value in zip(detector.scaler.columns, detector.scaler.deviations, strict=True)
    }
    found = []
    for begin in BEGINS:
        scored = score_readings(detector, model, plant(later_rows(), begin, deviations))
        stretch = scored.iloc[begin + RAMP_ROWS - 1 : begin + RAMP_ROWS + 5]
        found += [json.loads(text) for text in stretch.loc[stretch["alarm"], "drivers"]]
    return found


@pytest.fixture(
    scope="module",
    params=[
        ("zscore", PARTNERS),
        ("pca_t2", OTHERS),
        ("dense_autoencoder", PARTNERS),
        ("join", PARTNERS),
    ],
    ids=lambda parameters: parameters[0],
)
def drivers(request: pytest.FixtureRequest) -> list[list[dict[str, object]]]:
    return find_drivers(*request.param)


def test_a_fault_raises_alarms_wherever_it_begins(drivers: list[list[dict[str, object]]]) -> None:
    assert len(drivers) >= 4 * len(BEGINS)


def test_every_alarm_names_exactly_the_sensors_of_the_fault(drivers: list[list[dict[str, object]]]) -> None:
    assert {frozenset(driver["sensor"] for driver in of_alarm) for of_alarm in drivers} == {frozenset(FAULT)}


def test_levels_go_the_way_of_the_fault_and_volatilities_up(drivers: list[list[dict[str, object]]]) -> None:
    ways = {
        (driver["sensor"], driver["group"], driver["direction"])
        for of_alarm in drivers
        for driver in of_alarm
        if driver["group"] != "difference"
    }
    directions = {name: "above" if way > 0 else "below" for name, way in FAULT.items()}
    levels = {(name, group, way) for name, way in directions.items() for group in ("level", "raw")}
    assert ways <= levels | {(name, "volatility", "above") for name in FAULT}
    assert ways & levels


def test_the_last_row_lies_on_the_side_of_the_fault_of_what_was_expected(
    drivers: list[list[dict[str, object]]],
) -> None:
    sides = {
        (driver["sensor"], np.sign(driver["last"][-1] - driver["expected"][-1]))  # type: ignore[index]
        for of_alarm in drivers
        for driver in of_alarm
    }
    assert sides == set(FAULT.items())
