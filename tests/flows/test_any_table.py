"""The same readings, written in the ways in which plants export them, are read as the same readings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows import line
from flows.commands import run_command_line
from schemas.configuration import Configuration
from schemas.readings import SensorReadings
from tasks.configuration.configure import configure
from tests.plant_tables import SAME_READINGS, make_plant_table

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
