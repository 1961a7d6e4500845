"""What holds for every plant with planted faults: the list of faults, and the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import LabelsSection, ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.simulation import PlantKind, Simulation
from tasks.files.write import write_table
from tasks.labels.event_log import merge_events_file
from tasks.simulators.batch import simulate_batches
from tasks.simulators.faults import NORMAL_SHARE, draw_kinds_and_grades
from tasks.simulators.plants import simulate_file, simulate_plant
from tasks.simulators.simulate import simulate_readings
from tasks.simulators.steady import simulate_steady

SIMULATORS = {"steady": simulate_steady, "batch": simulate_batches}
with_faults = pytest.mark.parametrize("kind", ["steady", "batch"])
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def simulations() -> dict[str, Simulation]:
    return {kind: simulate(seed=1) for kind, simulate in SIMULATORS.items()}


def list_intervals(simulation: Simulation) -> list[tuple[int, int]]:
    """The first row of each fault, and the row after its last one."""
    rows = {time: row for row, time in enumerate(simulation.table["time"])}
    listed = simulation.faults[["start", "end"]].itertuples(index=False)
    return [(rows[fault.start], rows[fault.end] + 1) for fault in listed]


def mark_intervals(simulation: Simulation) -> np.ndarray:
    labels = np.zeros(len(simulation.table), dtype=int)
    for start, stop in list_intervals(simulation):
        labels[start:stop] += 1
    return labels


@with_faults
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_the_label_is_1_on_the_rows_of_listed_faults_alone(kind: PlantKind, seed: int) -> None:
    simulation = simulate_plant(kind, 5_000, seed)
    assert simulation.table["y"].tolist() == mark_intervals(simulation).tolist()


@with_faults
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_the_first_three_fifths_have_no_fault_and_the_rest_has_one_of_each_kind(
    kind: PlantKind, seed: int
) -> None:
    table, faults = simulate_plant(kind, 5_000, seed)
    assert table["y"].iloc[: round(NORMAL_SHARE * 5_000)].sum() == 0
    assert len(faults["kind"].unique()) == {"steady": 7, "batch": 8}[kind]


@with_faults
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_rows_outside_the_faults_are_those_of_the_same_plant_without_faults(
    kind: PlantKind, seed: int
) -> None:
    faulty, normal = SIMULATORS[kind](5_000, seed), SIMULATORS[kind](5_000, seed, has_faults=False)
    is_normal = faulty.table["y"] == 0
    pd.testing.assert_frame_equal(faulty.table[is_normal], normal.table[is_normal])
    assert normal.table["y"].sum() == len(normal.faults) == 0


@with_faults
def test_a_fault_shows_in_the_sensors_that_are_listed_and_in_no_other(
    kind: PlantKind, simulations: dict[str, Simulation]
) -> None:
    simulation, normal = simulations[kind], SIMULATORS[kind](seed=1, has_faults=False).table
    spread = normal.drop(columns=["time", "y"]).std()
    changes = (simulation.table[spread.index] - normal[spread.index]).abs() / spread
    for (start, stop), sensors in zip(
        list_intervals(simulation), simulation.faults["sensors"].str.split(), strict=True
    ):
        most = changes.iloc[start:stop].max()
        assert (most[sensors] > 0.05).all()
        assert (most.drop(sensors) < 0.2).all()


@with_faults
def test_faults_leave_more_rows_between_them_than_a_stop_bridges(
    kind: PlantKind, simulations: dict[str, Simulation]
) -> None:
    times = simulations[kind].faults[["start", "end"]].apply(pd.to_datetime)
    step = pd.to_datetime(simulations[kind].table["time"]).diff().median()
    assert ((times["start"].shift(-1) - times["end"]).dropna() > 11 * step).all()


@with_faults
def test_enough_faults_for_the_gate_lie_in_the_last_fifth(
    kind: PlantKind, simulations: dict[str, Simulation]
) -> None:
    table, faults = simulations[kind]
    assert (faults["start"] > table["time"].iloc[int(0.8 * len(table))]).sum() >= 12


@with_faults
def test_the_same_seed_writes_the_same_bytes(kind: PlantKind, tmp_path: Path) -> None:
    for name in ("first", "second"):
        table, faults = simulate_plant(kind, 5_000, 5)
        write_table(table, tmp_path / f"{name}.csv")
        write_table(faults, tmp_path / f"{name}.faults.csv")
    for ending in ("csv", "faults.csv"):
        assert (tmp_path / f"first.{ending}").read_bytes() == (tmp_path / f"second.{ending}").read_bytes()


@with_faults
def test_another_seed_gives_other_readings_of_the_same_plant(kind: PlantKind) -> None:
    first, second = (simulate_plant(kind, 20_000, seed).table for seed in (1, 2))
    assert first.columns.tolist() == second.columns.tolist()
    sensors = [name for name in first.columns[2:] if first[name].nunique() > 12]
    normal = [table[sensors].iloc[: int(0.6 * len(table))] for table in (first, second)]
    assert ((normal[0].mean() - normal[1].mean()).abs() < 0.5 * normal[0].std()).all()
    assert not np.isclose(normal[0], normal[1]).all(axis=0).any()


@with_faults
def test_a_table_with_the_list_of_faults_has_the_same_events(
    kind: PlantKind, simulations: dict[str, Simulation], tmp_path: Path
) -> None:
    table, faults = simulations[kind]
    write_table(faults, tmp_path / "faults.csv")
    labels = LabelsSection(rows_ahead=0, events_file=str(tmp_path / "faults.csv"))
    raw = RawTable(table.drop(columns="y"), "readings.csv", "")
    merged, readings = merge_events_file(raw, ReadingsSection(label_column=None), labels)
    assert merged.table[str(readings.label_column)].astype(int).tolist() == table["y"].tolist()
    assert merged.findings[0].details["kinds"] == faults["kind"].value_counts().to_dict()


@pytest.mark.parametrize("kind", ["mill", "steady", "batch"])
def test_a_simulated_file_holds_the_plant_that_was_asked_for(kind: PlantKind, tmp_path: Path) -> None:
    path = simulate_file(tmp_path / "simulated.csv", kind)
    pd.testing.assert_frame_equal(pd.read_csv(path), simulate_plant(kind).table, check_dtype=False)


def test_each_break_of_the_mill_is_listed_as_an_event_of_one_row() -> None:
    table, faults = simulate_plant("mill", 3_000, 2)
    pd.testing.assert_frame_equal(table, simulate_readings(3_000, 2))
    breaks = table["time"][table["y"] == 1].tolist()
    assert faults["start"].tolist() == faults["end"].tolist() == breaks
    assert set(faults["kind"]) == {"break"}


@pytest.mark.parametrize(
    ("kind", "rows", "seed", "message"),
    [
        ("steady", 2_999, 0, "`rows` must be at least 3,000. Received 2,999"),
        ("batch", 4_999, 0, "`rows` must be at least 5,000. Received 4,999"),
        ("steady", None, -1, "`seed` must be at least 0. Received -1"),
        ("batch", None, -1, "`seed` must be at least 0. Received -1"),
    ],
)
def test_too_few_rows_and_negative_seeds_are_refused(
    kind: PlantKind, rows: int | None, seed: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        simulate_plant(kind, rows, seed)


@with_faults
def test_only_readings_of_the_mill_can_be_interpolated(kind: PlantKind) -> None:
    with pytest.raises(InputError, match=f"can be interpolated. Received the kind `{kind}`"):
        simulate_plant(kind, interpolate=True)


def test_every_stretch_has_all_kinds_and_the_grades_of_a_kind_are_evenly_spread() -> None:
    drawn = draw_kinds_and_grades(("a", "b", "c"), 12, np.random.default_rng(0))
    assert [sorted(kind for kind, _ in drawn[first : first + 3]) for first in (0, 3, 6, 9)] == [
        ["a", "b", "c"]
    ] * 4
    for name in "abc":
        assert sorted(int(4 * grade) for kind, grade in drawn if kind == name) == [0, 1, 2, 3]
