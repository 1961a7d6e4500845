"""The plant at constant levels: each kind of fault does what its name says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tasks.simulators.steady import (
    NAMES,
    PERIODS,
    RECOVERY_ROWS,
    SECOND_PUMP,
    SENSORS,
    SIZES,
    VALVES,
    simulate_steady,
)
from tests.planted_faults import FaultsByKind, PlantedFault, list_planted_faults

SEED = 2
DEVIATIONS = {sensor.name: sensor.deviation for sensor in SENSORS}


@pytest.fixture(scope="module")
def shown() -> FaultsByKind:
    """A long table has faults of each kind in many sensors."""
    normal = simulate_steady(100_000, SEED, has_faults=False).table
    return list_planted_faults(simulate_steady(100_000, SEED), normal, SIZES, DEVIATIONS)


def skip_controlled(faults: list[PlantedFault]) -> Iterator[PlantedFault]:
    """Faults of sensors that no loop brings back, and that are read at every row."""
    held = {sensor.name for sensor in SENSORS if sensor.held_rows > 1}
    return (fault for fault in faults if fault.sensors[0] not in VALVES and fault.sensors[0] not in held)


def test_levels_are_constant_without_faults() -> None:
    table = simulate_steady(40_000, SEED, has_faults=False).table
    first, last = (table[list(NAMES)].iloc[rows] for rows in (slice(20_000), slice(20_000, None)))
    assert ((first.mean() - last.mean()).abs() < 0.25 * first.std()).all()


def test_sensors_have_the_levels_and_deviations_that_are_listed() -> None:
    table = simulate_steady(40_000, SEED, has_faults=False).table
    for sensor in SENSORS:
        if sensor.name not in SECOND_PUMP:
            assert table[sensor.name].mean() == pytest.approx(sensor.level, abs=0.3 * sensor.deviation)
            assert table[sensor.name].std() == pytest.approx(sensor.deviation, rel=0.15)


def test_sensors_of_an_area_are_correlated_and_disturbances_are_slow() -> None:
    table = simulate_steady(20_000, SEED, has_faults=False).table
    trays = table[["TI301", "TI302", "TI303", "TI304"]]
    correlations = trays.corr().abs().to_numpy()
    assert correlations[~np.eye(4, dtype=bool)].min() > 0.3
    assert min(trays[name].autocorr(5) for name in trays) > 0.6


def test_a_loop_keeps_its_sensor_steady_and_moves_its_valve() -> None:
    table = simulate_steady(20_000, SEED, has_faults=False).table
    for name, (valve, _, _) in VALVES.items():
        assert abs(table[name].autocorr(24)) < 0.2
        assert table[valve].autocorr(24) > 0.3


def test_some_columns_have_few_values() -> None:
    table = simulate_steady(20_000, SEED).table
    assert [sorted(table[name].unique()) for name in ("P503", "XV405", "KI601")] == [
        [0, 1],
        [0, 1, 2, 3, 4],
        list(range(12)),
    ]


def test_an_analyser_has_a_new_value_every_six_rows() -> None:
    values = simulate_steady(6_000, SEED, has_faults=False).table["AI104"].to_numpy().reshape(-1, 6)
    assert (values == values[:, :1]).all()


def test_a_shift_moves_the_level_by_its_size(shown: FaultsByKind) -> None:
    faults = list(skip_controlled(shown["shift"]))
    assert len(faults) > 4
    for fault in faults:
        # a sensor shows nothing below 0
        change = fault.first_change[fault.faulty[fault.sensors[0]] > 0]
        assert change == pytest.approx(np.full(len(change), fault.size), abs=0.3)


def test_a_loop_hides_a_shift_in_its_valve(shown: FaultsByKind) -> None:
    faults = [fault for fault in shown["shift"] if fault.sensors[0] in VALVES]
    assert faults
    for fault in faults:
        settled = slice(-RECOVERY_ROWS - 4, -RECOVERY_ROWS)
        valve = fault.sensors[1]
        assert abs(fault.first_change[0]) > 0.5 * abs(fault.size)
        assert np.abs(fault.first_change[settled]).max() < 0.3 * abs(fault.size)
        assert np.abs((fault.faulty[valve] - fault.normal[valve]).iloc[settled]).min() >= 1


def test_a_ramp_grows_slowly_to_its_size(shown: FaultsByKind) -> None:
    faults = list(skip_controlled(shown["ramp"]))
    assert len(faults) > 4
    for fault in faults:
        line = fault.size * (np.arange(len(fault.first_change)) + 1) / len(fault.first_change)
        is_free = fault.faulty[fault.sensors[0]] > 0
        assert fault.first_change[is_free] == pytest.approx(line[is_free], abs=0.3)


def test_a_frozen_sensor_keeps_its_last_value(shown: FaultsByKind) -> None:
    assert {len(fault.sensors) for fault in shown["frozen"]} >= {1, 3}
    for fault in shown["frozen"]:
        assert len(fault.sensors) == fault.size
        assert (fault.faulty[fault.sensors] == fault.before[fault.sensors]).all().all()


def test_a_decoupled_sensor_keeps_its_spread_but_not_its_relations(
    shown: FaultsByKind,
) -> None:
    strong = [fault for fault in shown["decoupled"] if fault.size > 0.8]
    assert len(strong) > 3
    spread, kept = [], []
    for fault in strong:
        for name in fault.sensors:
            spread.append(fault.faulty[name].std() / fault.normal[name].std())
            kept.append(np.corrcoef(fault.faulty[name], fault.normal[name])[0, 1])
    assert 0.6 < np.median(spread) < 1.6
    assert np.mean(kept) < 0.6


def test_an_oscillation_has_one_period_within_limits(shown: FaultsByKind) -> None:
    faults = list(skip_controlled(shown["oscillation"]))
    assert len(faults) > 4
    for fault in faults:
        power = np.abs(np.fft.rfft(fault.first_change, 4_096)) ** 2
        period = 4_096 / int(power.argmax())
        assert PERIODS[0] * 0.8 < period < PERIODS[1] * 1.3
        assert fault.first_change.std() == pytest.approx(fault.size / np.sqrt(2), rel=0.2)


def test_the_noise_of_a_sensor_grows_by_its_size(shown: FaultsByKind) -> None:
    faults = list(skip_controlled(shown["noise"]))
    assert len(faults) > 4
    for fault in faults:
        assert fault.first_change.std() == pytest.approx(fault.size, rel=0.35)
        assert abs(np.corrcoef(fault.first_change[1:], fault.first_change[:-1])[0, 1]) < 0.5


def test_a_disturbance_moves_an_area_along_its_usual_relations(shown: FaultsByKind) -> None:
    usual = simulate_steady(20_000, SEED, has_faults=False).table[["TI302", "TI303"]].corr().iloc[0, 1]
    faults = [fault for fault in shown["disturbance"] if fault.sensors[0] == "TI301"]
    assert faults
    for fault in faults:
        trays = ["TI302", "TI303"]
        moved = (fault.faulty[trays] - fault.normal[trays]).iloc[10:-RECOVERY_ROWS].mean()
        assert np.sign(moved["TI302"] * moved["TI303"]) == np.sign(usual)
        assert (moved.abs() > 1).all()
