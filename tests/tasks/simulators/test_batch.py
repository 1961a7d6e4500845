"""The batch plant: recipes, pauses, and what each kind of fault does to a batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.simulation import Simulation
from tasks.simulators.batch import (
    CHARGE,
    COOL,
    DOSE,
    HEAT,
    IDLE,
    INSTRUMENTS,
    PAUSE_MINUTES,
    RECIPES,
    SIZES,
    simulate_batches,
)
from tests.planted_faults import FaultsByKind, list_planted_faults

SEED = 2
ROWS = 60_000


@pytest.fixture(scope="module")
def normal() -> pd.DataFrame:
    return simulate_batches(ROWS, SEED, has_faults=False).table


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate_batches(ROWS, SEED)


@pytest.fixture(scope="module")
def shown(simulation: Simulation, normal: pd.DataFrame) -> FaultsByKind:
    swings = {name: instrument.swing for name, instrument in INSTRUMENTS.items()}
    return list_planted_faults(simulation, normal, SIZES, swings)


def number_batches(table: pd.DataFrame) -> np.ndarray:
    return np.cumsum(np.diff(table["KI127"], prepend=CHARGE + 1) < 0)


def test_every_batch_goes_through_the_phases_in_order(normal: pd.DataFrame) -> None:
    for _, phases in normal.groupby(number_batches(normal))["KI127"]:
        assert (phases.diff().dropna().isin([0, 1])).all()
        assert phases.iloc[0] == CHARGE + 1


def test_a_pause_is_a_gap_or_recorded_as_idle_rows(normal: pd.DataFrame) -> None:
    minutes = pd.to_datetime(normal["time"]).diff().dt.total_seconds().iloc[1:] / 60
    pauses = minutes[minutes > 1]
    assert pauses.between(PAUSE_MINUTES[0], PAUSE_MINUTES[1] + 1).all()
    is_idle = normal["KI127"] == IDLE + 1
    batches = number_batches(normal)
    assert 0.2 < len(np.unique(batches[is_idle])) / (batches[-1] + 1) < 0.5
    assert (normal["KI127"].shift().loc[pauses.index] == IDLE).all()


def test_every_recipe_is_made_in_campaigns(normal: pd.DataFrame) -> None:
    recipes = normal["KI126"].groupby(number_batches(normal)).first()
    assert set(recipes) == {recipe.code for recipe in RECIPES}
    assert (recipes.diff() != 0).mean() < 0.4


def test_a_batch_follows_its_recipe(normal: pd.DataFrame) -> None:
    is_dosing = normal["KI127"] == DOSE + 1
    for recipe in RECIPES:
        rows = normal[is_dosing & (normal["KI126"] == recipe.code)]
        assert rows["TI101"].median() == pytest.approx(recipe.temperature, abs=1.5)
        assert rows["SI113"].median() == pytest.approx(recipe.speed, rel=0.03)


def test_batches_of_a_recipe_differ_in_length(normal: pd.DataFrame) -> None:
    batches = number_batches(normal)
    is_heating = (normal["KI127"] == HEAT + 1) & (normal["KI126"] == RECIPES[0].code)
    lengths = np.unique(batches[is_heating], return_counts=True)[1][1:-1]
    assert 0.02 < lengths.std() / lengths.mean() < 0.15


def test_a_fault_lies_within_one_batch(simulation: Simulation) -> None:
    is_faulty, batches = simulation.table["y"] == 1, number_batches(simulation.table)
    starts = np.flatnonzero(np.diff(is_faulty.astype(int), prepend=0) == 1)
    assert len(starts) == len(simulation.faults) == len(np.unique(batches[is_faulty]))


def test_about_half_of_the_later_batches_have_a_fault(simulation: Simulation) -> None:
    batches = number_batches(simulation.table)
    later = np.unique(batches[int(0.6 * ROWS) :])
    assert 0.4 < len(simulation.faults) / len(later) < 0.5


def test_a_shift_adds_its_size_to_one_sensor(shown: FaultsByKind) -> None:
    for fault in shown["shift"]:
        change = fault.change(fault.sensors[0])
        # a sensor shows nothing below 0
        is_free = fault.faulty[fault.sensors[0]] > 0
        assert change[is_free] == pytest.approx(np.full(int(is_free.sum()), fault.size), abs=0.05)


def test_a_wrong_set_point_moves_the_temperature_but_not_what_the_recipe_asks_for(
    shown: FaultsByKind,
) -> None:
    for fault in shown["set_point"]:
        moved = (fault.faulty["TI101"] - fault.normal["TI101"])[fault.faulty["KI127"] == DOSE + 1]
        assert moved.median() == pytest.approx(fault.size, rel=0.1)
        assert (fault.faulty["TC101"] == fault.normal["TC101"]).all()


def test_a_leak_lowers_the_pressure_to_the_end_of_cooling(shown: FaultsByKind) -> None:
    for fault in shown["ramp"]:
        lost = fault.normal["PI106"] - fault.faulty["PI106"]
        assert lost.iloc[-1] == pytest.approx(fault.size, abs=0.01)
        assert (lost.diff().dropna() > -0.01).all()
        assert fault.faulty["KI127"].iloc[-1] == COOL + 1


def test_wrong_dosing_changes_what_is_added_and_what_becomes_of_it(
    shown: FaultsByKind,
) -> None:
    for fault in shown["dosing"]:
        end = fault.faulty.index[fault.faulty["KI127"] == COOL + 1][-1]
        added = (fault.faulty["LI108"] - fault.normal["LI108"])[end]
        assert np.sign(added) == np.sign(fault.size)
        assert abs(fault.change("CI118")[-1]) > 0.2


def test_a_decoupled_agitator_draws_less_current_at_the_same_speed(
    shown: FaultsByKind,
) -> None:
    for fault in shown["decoupled"]:
        assert fault.change("II114")[-10:].mean() < -0.2
        assert (fault.faulty["SI113"] == fault.normal["SI113"]).all()


def test_an_oscillation_swings_about_the_recipe(shown: FaultsByKind) -> None:
    for fault in shown["oscillation"]:
        change = fault.change("TI101")
        crossings = np.diff(np.sign(change[np.abs(change) > 1e-9])) != 0
        assert 4 < len(change) / (crossings.sum() / 2) < 26
        assert abs(change.mean()) < 0.3 * change.std()


def test_a_frozen_sensor_keeps_its_last_value(shown: FaultsByKind) -> None:
    for fault in shown["frozen"]:
        assert len(fault.sensors) == fault.size
        assert (fault.faulty[fault.sensors] == fault.before[fault.sensors]).all().all()


def test_the_noise_of_a_sensor_grows_by_its_size(shown: FaultsByKind) -> None:
    for fault in shown["noise"]:
        # a sensor shows nothing below 0
        assert fault.change(fault.sensors[0]).std() == pytest.approx(fault.size, rel=0.35)
