"""The same readings, written in the ways in which plants export them, are read as the same readings."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows import line
from flows.commands import run_command_line
from schemas.configuration import Configuration
from schemas.readings import SensorReadings
from tasks.configuration.configure import configure
from tests.plant_tables import SAME_READINGS, make_plant_table, write_page_tables

every_way = pytest.mark.parametrize("way", SAME_READINGS)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return make_plant_table()


def read(data: str, settings: Configuration) -> SensorReadings:
    return line.load_table(data, settings)[1]


def assert_plain(readings: SensorReadings, table: pd.DataFrame) -> None:
    np.testing.assert_array_equal(readings.times, table["time"].to_numpy("datetime64[ns]"))
    np.testing.assert_array_equal(readings.events, table["y"].to_numpy() == 1)
    assert readings.sensors == tuple(table.columns[2:])
    np.testing.assert_array_equal(readings.values, table.iloc[:, 2:].to_numpy())


@every_way
def test_readings_are_the_same(way: str, table: pd.DataFrame, tmp_path: Path) -> None:
    write, settings = SAME_READINGS[way]
    assert_plain(read(write(table, tmp_path), configure(None, None, settings)), table)


@every_way
def test_what_check_writes_reads_the_same(way: str, table: pd.DataFrame, tmp_path: Path) -> None:
    write, settings = SAME_READINGS[way]
    data, file = write(table, tmp_path), tmp_path / "settings.yaml"
    given = [part for setting in settings for part in ("--set", setting)]
    assert run_command_line(["check", "--data", data, "--write-config", str(file), *given]) == 0
    assert_plain(read(data, configure(None, file, [])), table)


# tables of docs/readings.md, and what must be set for them
TRAINED: dict[str, tuple[str, ...]] = {
    "readings.csv": (),
    "words.csv": ("readings.missing_values=no_score",),
    "sentinels.csv": ("readings.missing_words=default,-9999", "readings.missing_values=forward_fill"),
    "states.csv": (),
    "trips.csv": ("labels.positive_values=trip",),
    "no-labels.csv": (),
    "long.csv": (),
    "irregular.csv": ("readings.resample_minutes=1",),
    "machines.csv": ("readings.machine_column=machine", "readings.machine=PM2"),
    "days": (),
}


@pytest.mark.slow
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("name", TRAINED)
def test_what_check_writes_trains_and_scores(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_page_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    given = [part for setting in TRAINED[name] for part in ("--set", setting)]
    assert run_command_line(["check", "--data", name, "--write-config", "settings.yaml", *given]) == 0
    model = f"any-{name.partition('.')[0]}"
    quick = ["--set", "training.epochs=1", "--set", f"tracking.model_name={model}"]
    read = ["--data", name, "--config", "settings.yaml", *quick]
    assert run_command_line(["retrain", *read, "--json", "result.json"]) == 0
    result = json.loads(Path("result.json").read_text(encoding="utf-8"))
    integrity = [check["outcome"] for check in result["checks"] if check["gate"] == "G0"]
    assert integrity == ["pass"]
    version = f"models:/{model}/{result['model_version']}"
    assert run_command_line(["score", *read, "--out", "scores.csv", "--model", version]) == 0
    scores = pd.read_csv("scores.csv")["score"]
    assert len(scores) >= result["data"]["rows"]
    assert scores.notna().mean() > 0.5
