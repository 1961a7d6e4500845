"""Sensors with any names, those of the program's own columns among them, from the table to scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from flows.commands import run_command_line
from schemas.readings import LabelledReadings, RawTable
from schemas.tables import name_labelled_columns
from schemas.windows import Part
from tasks.registry.loading import load_version
from tasks.registry.register import GOLDEN_SCORE, GOLDEN_THRESHOLD
from tasks.registry.smoke_test import examine_version
from tasks.scoring.score import score_readings
from tasks.tables.columns import replace_columns
from tasks.tracking.log import log_datasets
from tasks.tracking.runs import end_run, start_run
from tasks.tracking.store import find_tracking_uri
from tests.detectors import open_test_store, register_detector, simulated_table, train_on_table

NAME = "any-names"
OWN = (
    *("time", "run", "label"),
    *("score", "threshold", "alarm", "episode", "top_sensors", "drivers", "model_version", "scored_at"),
    *(GOLDEN_SCORE, GOLDEN_THRESHOLD),
    *("context", "rows since restart", "stops in 1 h", "minutes of the stop", "rows since x28 changed"),
    *("x1 volatility", "x1 difference", "row", "reasons", "values", "set_aside_at", "data"),
    *("self", "index", "level_0", "machine", "rows"),
)
# separators, marks of HTML, of mathematical text and of formats, and other alphabets
SPECIAL = (
    "a b",
    "a|b",
    "a;b",
    '"a"',
    "<b>&amp;",
    "p$a$",
    r"\frac{",
    "x^2_{i}",
    "100 %",
    "{x}",
    "a=b",
    "Größe",
)


def rename_sensors() -> pd.DataFrame:
    """Simulated readings whose sensors have awkward names, and whose time column is `when`."""
    table = simulated_table().rename(columns={"time": "when"})
    sensors = [name for name in table.columns if name not in ("when", "y", "x1", "x28", "x61")]
    return table.rename(columns=dict(zip(sensors, (*OWN, *SPECIAL), strict=False)))


@pytest.fixture(scope="module")
def client(home: Path) -> MlflowClient:
    return open_test_store(home, NAME)[0]


@pytest.fixture(scope="module")
def labelled(client: MlflowClient) -> LabelledReadings:
    """Train on the renamed readings, and register version 1."""
    raw = RawTable(rename_sensors(), "renamed", "0" * 64)
    prepared, detector, model, _ = train_on_table(raw, readings={"time_column": "when"})
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    golden = raw.table.tail(200)
    register_detector(client, experiment.experiment_id, NAME, detector, model, golden=golden)
    return prepared.labelled


def test_a_version_of_sensors_with_any_names_passes_its_smoke_test(
    client: MlflowClient, labelled: LabelledReadings, home: Path
) -> None:
    assert {*OWN, *SPECIAL} <= {*labelled.sensors}
    source = client.get_model_version(NAME, "1").source
    trial = examine_version(find_tracking_uri(home), source.removeprefix("models:/"))
    assert (trial.problem, trial.largest_difference, trial.undefined) == (None, 0, 0)
    assert all(each.sensors > 0 and each.undefined == 0 for each in trial.behaviours)


def test_the_data_sets_of_a_run_hold_sensors_with_any_names(
    client: MlflowClient, labelled: LabelledReadings
) -> None:
    rows = np.arange(10, 30)
    part = Part("test", rows, rows, labelled.labels[rows], 0, len(labelled.times), is_scattered=False)
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    run_id, _ = start_run(client, experiment.experiment_id, {})
    log_datasets(client, run_id, labelled, (part,), "renamed")
    end_run(client, run_id, "FINISHED")
    (dataset,) = client.get_run(run_id).inputs.dataset_inputs
    assert dataset.dataset.name == "test"
    assert name_labelled_columns(labelled.sensors) == ("time_", "run_", "label_")


def test_new_readings_of_sensors_with_any_names_are_scored(
    labelled: LabelledReadings, server: None, tmp_path: Path
) -> None:
    data, out = tmp_path / "new.csv", tmp_path / "scores.csv"
    table = rename_sensors().head(300)
    table.to_csv(data, index=False)
    named = ["--set", f"tracking.model_name={NAME}", "--set", f"tracking.experiment={NAME}"]
    command = ["score", "--data", str(data), "--out", str(out), "--model", f"models:/{NAME}/1", *named]
    assert run_command_line(command) == 0
    expected = score_readings(*load_version(f"models:/{NAME}/1"), table)
    assert pd.read_csv(out)["score"].tolist() == pytest.approx(expected["score"].tolist(), nan_ok=True)


@pytest.mark.parametrize("name", ["self", "index", "a b"])
def test_a_column_of_any_name_is_replaced_in_a_copy(name: str) -> None:
    table = pd.DataFrame({name: [1.0, 2.0]})
    assert replace_columns(table, {name: 5.0})[name].tolist() == [5.0, 5.0]
    assert table[name].tolist() == [1.0, 2.0]
