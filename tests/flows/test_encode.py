"""The encoder's output of a registered version as a table of features."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flows.commands import run_command_line
from tests.detectors import open_test_store, register_quickly

SMALL = {"members": ["dense_autoencoder", "logistic"], "units": [8, 4]}


def register(home: Path, name: str, family: str, **sections: Any) -> str:
    client, experiment_id = open_test_store(home, "encode-tests")
    version = register_quickly(client, experiment_id, name, family=family, **sections)
    return f"models:/{name}/{version}"


@pytest.fixture(scope="module")
def version(home: Path) -> str:
    return register(home, "encode-join", "join", model=SMALL, training={"epochs": 1})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_row_with_enough_history_is_encoded(
    version: str, readings_file: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"encoded.{ending}"
    command = ["encode", "--data", str(readings_file), "--out", str(out), "--model", version]
    assert run_command_line(command) == 0
    encoded = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert list(encoded.columns) == ["time", *(f"encoding_{number}" for number in range(1, 5))]
    assert len(encoded) == len(pd.read_csv(readings_file))
    known = encoded["encoding_1"].notna()
    # the first four rows of the table have no window of five
    assert not known.iloc[:4].any()
    assert known.iloc[4]
    # tanh keeps them between -1 and 1, and they differ from row to row
    values = encoded.loc[known, "encoding_1"].to_numpy()
    assert np.abs(values).max() <= 1
    assert values.std() > 0


def test_a_version_without_a_network_has_no_encoding(
    home: Path, readings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = register(home, "encode-pca", "pca_t2")
    out = tmp_path / "encoded.csv"
    command = ["encode", "--data", str(readings_file), "--out", str(out), "--model", version]
    assert run_command_line(command) == 2
    assert "Expected a model with a network" in capsys.readouterr().err
    assert not out.exists()


def test_a_version_that_is_not_there_is_refused(
    readings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["encode", "--data", str(readings_file), "--out", str(tmp_path / "e.csv")]
    assert run_command_line([*command, "--model", "models:/nowhere/7"]) == 2
    assert "`--model` must name a version" in capsys.readouterr().err


def test_rows_at_another_interval_are_refused(
    version: str, readings_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(readings_file, nrows=100)
    table["time"] = pd.date_range("2024-05-01", periods=100, freq="10min").strftime("%Y-%m-%d %H:%M:%S")
    table.to_csv(tmp_path / "slow.csv", index=False)
    command = ["encode", "--data", str(tmp_path / "slow.csv"), "--out", str(tmp_path / "out.csv")]
    assert run_command_line([*command, "--model", version]) == 2
    assert "come every 10 minutes" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
