"""Parquet files with types that CSV does not know, from the file to a version that passes its smoke test."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.configuration import ReadingsSection
from schemas.readings import RawTable
from tasks.registry.smoke_test import examine_version
from tasks.sources.load import load_readings
from tasks.tracking.store import find_tracking_uri
from tests.detectors import open_test_store, register_detector, simulated_table, train_on_table

NAME = "parquet-types"
DROPPED = ("vector", "day")


def write_types(path: Path) -> Path:
    """Write simulated readings, two decimals each, as decimals, booleans, dictionaries and float16."""
    table = simulated_table()
    columns = {name: pa.array(table[name]) for name in table.columns}
    for name in ("x5", "x6"):
        values = [Decimal(f"{value:.2f}") for value in table[name]]
        columns[name] = pa.array(values, pa.decimal128(12, 2) if name == "x5" else pa.decimal256(50, 2))
    columns["y"] = pa.array([Decimal(int(label)) for label in table["y"]], pa.decimal128(1, 0))
    columns["x7"] = pa.array((table["x7"] > table["x7"].median()).tolist())
    columns["x8"] = pa.array([f"{value:.2f}" for value in table["x8"]]).dictionary_encode()
    columns["x9"] = pa.array([f"{value:.2f}".encode() for value in table["x9"]])
    columns["x10"] = pa.array(table["x10"].to_numpy(np.float16))
    columns["x28"] = pa.array([f"grade {value}" for value in table["x28"]]).dictionary_encode()
    columns["vector"] = pa.array([[1.0, 2.0]] * len(table))
    columns["day"] = pa.array(np.full(len(table), "2024-01-01", dtype="datetime64[D]"))
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def raw(tmp_path: Path) -> RawTable:
    return load_readings(write_types(tmp_path / "readings.parquet"), ReadingsSection())


def test_a_version_of_a_parquet_file_of_any_types_passes_its_smoke_test(raw: RawTable, home: Path) -> None:
    prepared, detector, model, _ = train_on_table(raw, readings={"drop_columns": list(DROPPED)})
    assert {"x5", "x6", "x7", "x8", "x9", "x10"} <= {*prepared.labelled.sensors}
    client, experiment_id = open_test_store(home, NAME)
    number = register_detector(client, experiment_id, NAME, detector, model, golden=raw.table.tail(200))
    source = client.get_model_version(NAME, number).source
    trial = examine_version(find_tracking_uri(home), source.removeprefix("models:/"))
    assert (trial.problem, trial.largest_difference, trial.undefined) == (None, 0, 0)


def test_the_values_of_a_parquet_file_are_those_of_the_table(raw: RawTable) -> None:
    table = simulated_table()
    for name in ("x5", "x6", "x8", "x9"):
        read = raw.table[name].astype(np.float64).to_numpy()
        assert read.tolist() == table[name].round(2).tolist(), name
