"""What a crash leaves behind: a retraining killed at any moment ends as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from mlflow import MlflowClient

from schemas.work import RESUMED_TAG
from tasks.registry.versions import find_alias
from tests.detectors import open_test_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# an LSTM whose epochs are long enough to be killed in; a fresh process is given time to begin
SETTINGS = (
    "model.family=lstm_autoencoder",
    "model.units=[64,32]",
    "model.dropout=0.1",
    "training.epochs=30",
    "training.patience=30",
    "windows.lookback=10",
    "training.compile=never",
)
KILLS = 10
LAST_MINUTES = 900


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tasks.files.write import write_table
    from tasks.simulators.simulate import simulate_readings

    path = tmp_path_factory.mktemp("crash") / "readings.csv"
    write_table(simulate_readings(rows=6_000, seed=5), path)
    return path


def start_retraining(home: Path, table: Path, *flags: str) -> subprocess.Popen:
    """Start `forewarn retrain` in a process and a home of its own; what it says goes to a file."""
    command = [
        sys.executable,
        "-m",
        "flows",
        "retrain",
        "--data",
        str(table),
        "--json",
        str(home / "out.json"),
    ]
    command += [part for setting in SETTINGS for part in ("--set", setting)]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))
    }
    for name in ("MPLCONFIGDIR", "KERAS_HOME"):
        environment.pop(name, None)
    home.mkdir(exist_ok=True)
    with (home / "said.txt").open("ab") as said:
        return subprocess.Popen(
            [*command, *flags],
            env=environment | {"FOREWARN_HOME": str(home)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def finish_retraining(home: Path, table: Path, *flags: str) -> dict:
    """Retrain to the end."""
    process = start_retraining(home, table, *flags)
    assert process.wait(LAST_MINUTES) == 0, (home / "said.txt").read_text()[-2000:]
    return json.loads((home / "out.json").read_text(encoding="utf-8"))


def kill_at_random(
    process: subprocess.Popen, home: Path, mark: str, most_seconds: float, rng: np.random.Generator
) -> str:
    """Kill a retraining some random time after it has said something; give what it had said by then."""
    before = (home / "said.txt").read_text().count(mark)
    while process.poll() is None and (home / "said.txt").read_text().count(mark) <= before:
        time.sleep(0.02)
    time.sleep(rng.uniform(0, most_seconds))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return (home / "said.txt").read_text().splitlines()[-1]


def look_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MlflowClient, str]:
    """Open the store of a home."""
    monkeypatch.setenv("FOREWARN_HOME", str(home))
    return open_test_store(home, "forewarn")


def leave_seconds_out(result: dict) -> dict:
    """Leave out what may differ between two runs of the same work."""
    # the checks tell how fast a process was; a fast machine may have finished before the last kill
    differing = ("run_id", "run_name", "report", "tracking_uri", "seconds", "checks", "reasons")
    differing += ("is_resumed", "is_found")
    return {key: value for key, value in result.items() if key not in differing}


def test_a_retraining_killed_ten_times_ends_with_one_run_and_the_same_figures(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finish_retraining(tmp_path / "whole", table)
    killed, rng, moments = tmp_path / "killed", np.random.default_rng(2), []
    for _ in range(KILLS):
        # seven of ten in the training, the others wherever the time falls
        process = start_retraining(killed, table)
        mark = "training: " if rng.random() < 0.7 else "starting"
        moments.append(kill_at_random(process, killed, mark, 2.0 if mark == "training: " else 12.0, rng))
    print(*moments, sep="\n")
    resumed = finish_retraining(killed, table)

    assert leave_seconds_out(resumed) == leave_seconds_out(whole)
    client, experiment_id = look_at(killed, monkeypatch)
    runs = client.search_runs([experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert int(runs[0].data.tags[RESUMED_TAG]) >= 1
    assert [str(each.version) for each in client.search_model_versions("name = 'forewarn'")] == [
        resumed["model_version"]
    ]
    other, other_experiment = look_at(tmp_path / "whole", monkeypatch)
    assert runs[0].data.metrics == other.search_runs([other_experiment])[0].data.metrics
    # every epoch once
    run_id = runs[0].info.run_id
    steps = [metric.step for metric in client.get_metric_history(run_id, "train_loss")]
    assert steps == list(range(whole["epochs"]))


def test_a_retraining_killed_after_the_training_ends_with_one_run_one_version_and_one_champion(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    for mark in ("evaluate", "log  "):
        process = start_retraining(tmp_path, table)
        kill_at_random(process, tmp_path, mark, 6.0 if mark == "evaluate" else 1.5, rng)
    result = finish_retraining(tmp_path, table)
    client, experiment_id = look_at(tmp_path, monkeypatch)
    assert [run.info.status for run in client.search_runs([experiment_id])] == ["FINISHED"]
    versions = client.search_model_versions("name = 'forewarn'")
    assert [str(each.version) for each in versions] == [result["model_version"]]
    models = client.search_logged_models([experiment_id])
    assert [str(model.status) for model in models] == ["READY"]
    champion = find_alias(client, "forewarn", "champion")
    assert (champion is not None) == (result["decision"] == "PROMOTE")
    assert "training: epoch" not in (tmp_path / "said.txt").read_text().partition("resumed")[2]


def test_a_killed_command_leaves_no_server_behind_for_long(tmp_path: Path, table: Path) -> None:
    def servers() -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("FOREWARN_HOME") == str(tmp_path) and "uvicorn" in process.cmdline():
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    process = start_retraining(tmp_path, table)
    while "load  " not in (tmp_path / "said.txt").read_text():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    left = servers()
    finish_retraining(tmp_path, table)
    assert len(left) == 1
    assert not set(left) & set(servers())
