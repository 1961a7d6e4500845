"""A terminal that is not UTF-8: characters that it lacks are escaped, and nothing crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.detectors import simulated_table

ASCII = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def run_forewarn(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    places = {"FOREWARN_HOME": str(folder), "PREFECT_HOME": str(folder / "prefect")}
    environment = os.environ | ASCII | places | more
    command = [sys.executable, "-m", "flows", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table with an umlaut in its path, and others in the names of its sensors."""
    path = tmp_path / "grün.csv"
    simulated_table().head(500).rename(columns={"x5": "Größe [°C]"}).to_csv(path, index=False)
    return path


def test_a_result_with_an_umlaut_is_shown_on_a_terminal_of_ascii(data: Path) -> None:
    settings = ["--set", "readings.absent_columns=x5", "--set", "readings.day_first=false"]
    done = run_forewarn(data.parent, "check", "--data", str(data), *settings)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"gr\xfcn.csv: 500 rows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (
            ("--set", "readings.day_first=false", "--set", "readings.label_column=Störung"),
            rb"St\xf6rung (`readings.label_column`)",
        ),
        (("--set", "readings.größe=1"), rb"`readings.gr\xf6\xdfe`: unknown"),
    ],
)
def test_a_message_with_an_umlaut_is_shown_on_a_terminal_of_ascii(
    data: Path, arguments: tuple[str, ...], shown: bytes
) -> None:
    done = run_forewarn(data.parent, "check", "--data", str(data), *arguments)
    assert done.returncode == 2
    assert shown in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("retrain",), ("check", "--set", "readings.label_column=Störung")])
def test_a_name_that_is_no_text_in_a_locale_of_ascii_is_refused(data: Path, command: tuple[str, ...]) -> None:
    done = run_forewarn(data.parent, *command, "--data", str(data), LC_ALL="C", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 2
    assert b"must be text in the encoding of this process, ascii" in done.stderr
    assert b"PYTHONUTF8=1" in done.stderr
    assert b"Traceback" not in done.stderr
