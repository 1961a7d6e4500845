"""The command line: its messages, its exit codes and its result files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from mlflow import MlflowClient

from flows.commands import run_command_line
from tasks.tracking.store import find_tracking_uri
from tests.detectors import simulated_table

SMALL = [
    "training.epochs=2",
    "model.units=[8,4]",
    "windows.lookback=2",
    "evaluation.bootstrap_samples=100",
]
# a family without epochs, where the network is not the point
QUICK = ["model.family=pca_t2", *SMALL]
COMMANDS = ("simulate", "check", "retrain", "backtest", "compare", "encode", "ui", "doctor")


def set_all(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def count_runs_and_versions(home: Path) -> tuple[int, int]:
    uri = find_tracking_uri(home)
    if not (home / "mlruns" / "mlflow.db").exists():
        return 0, 0
    client = MlflowClient(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return len(client.search_runs(experiments)), len(client.search_model_versions())


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Example: forewarn {command}" in shown
    assert "--json" in shown
    assert "--config" in shown
    assert "--set" in shown


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("windows.lookbak=3", "`windows.lookbak`: unknown"),
        ("window.lookback=3", "`window`: unknown"),
        ("windows.lookback=0", "`windows.lookback`"),
        ("model.family=transformer", "`model.family`"),
        ("threshold.rule=fixed", "`threshold.value` must be set"),
        ("windows.lookback", "section.key=value"),
    ],
)
def test_a_bad_setting_is_refused_by_its_full_name(
    setting: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["retrain", "--set", setting]) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown


def test_an_unknown_preset_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["retrain", "--preset", "ranjan"]) == 2
    assert "ranjan-2019, shifted-2020, dense-baseline" in capsys.readouterr().err


def test_a_result_file_that_cannot_be_written_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out.json"
    assert run_command_line(["retrain", "--json", str(out)]) == 2
    assert "`--json` must name a writable file" in capsys.readouterr().err


def test_an_unknown_option_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["retrain", "--dta", "x.csv"]) == 2
    assert "--dta" in capsys.readouterr().err


def test_simulate_writes_what_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, report = tmp_path / "readings.csv.gz", tmp_path / "findings.json"
    assert run_command_line(["simulate", "--out", str(out), "--rows", "3000", "--seed", "2"]) == 0
    assert run_command_line(["check", "--data", str(out), "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    assert found["rows"] == 3000
    assert {"time_gaps"} <= {finding["check"] for finding in found["findings"]}
    assert "The schema check passed" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["steady", "batch"])
def test_simulate_writes_a_plant_and_the_list_of_its_faults(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, faults, report = (tmp_path / name for name in ("readings.csv", "faults.csv", "report.json"))
    options = ["--kind", kind, "--rows", "5000", "--out", str(out), "--faults", str(faults)]
    assert run_command_line(["simulate", *options, "--json", str(report)]) == 0
    written = json.loads(report.read_text())
    listed = pd.read_csv(faults)
    assert (written["kind"], written["rows"], written["events"]) == (kind, 5000, len(listed))
    assert f"Wrote 5,000 rows with {len(listed)} faults" in capsys.readouterr().out
    events = ["--set", "labels.rows_ahead=0", "--set", f"labels.events_file={faults}"]
    assert run_command_line(["check", "--data", str(out), *events, "--json", str(report)]) == 0
    assert json.loads(report.read_text())["events"] == len(listed)
    assert f"{len(listed)} of {len(listed)} events" in capsys.readouterr().out


def test_simulate_refuses_to_interpolate_another_plant_than_the_mill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "readings.csv"
    assert run_command_line(["simulate", "--kind", "batch", "--interpolate", "--out", str(out)]) == 2
    assert "Only readings of the kind `mill`" in capsys.readouterr().err
    assert not out.exists()


def test_check_counts_the_newest_rows_without_a_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, report = simulated_table().head(1_000).astype({"y": float}), tmp_path / "findings.json"
    table.loc[990:, "y"] = None
    table.to_csv(tmp_path / "late.csv", index=False)
    assert run_command_line(["check", "--data", str(tmp_path / "late.csv"), "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    assert found["rows"] == 1_000
    assert "late_labels" in {finding["check"] for finding in found["findings"]}
    assert "last 10 rows have no label" in capsys.readouterr().out


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    report = tmp_path / "doctor.json"
    assert run_command_line(["doctor", "--json", str(report)]) == 0
    points = json.loads(report.read_text())["points"]
    assert [point["name"] for point in points if not point["ok"]] == []


def test_doctor_says_what_to_do_about_a_folder_as_tracking_store(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:./mlruns")
    assert run_command_line(["doctor"]) == 0
    assert "NOT OK  tracking store: `MLFLOW_TRACKING_URI` must name a database" in capsys.readouterr().out


@pytest.mark.usefixtures("server")
def test_a_required_promotion_that_fails_exits_with_3(readings_file: Path) -> None:
    names = set_all(*QUICK, "tracking.model_name=held", "promotion.minimum_test_events=1000")
    assert run_command_line(["retrain", "--data", str(readings_file), "--require-promotion", *names]) == 3


@pytest.mark.usefixtures("server")
def test_a_foreign_table_needs_settings_alone(home: Path, readings_file: Path, tmp_path: Path) -> None:
    table = pd.read_csv(readings_file, usecols=["time", "y", *[f"x{number}" for number in range(1, 9)]])
    table["time"] = pd.to_datetime(table["time"], format="%m/%d/%y %H:%M").dt.strftime("%Y-%m-%d %H:%M:%S")
    # anomalies last for some rows here, and are to be found themselves
    table["y"] = table["y"].rolling(4, min_periods=1).max().astype(int)
    table["changepoint"] = 0.0
    foreign = tmp_path / "foreign.csv"
    table.rename(columns={"time": "datetime", "y": "anomaly"}).to_csv(foreign, sep=";", index=False)
    out = tmp_path / "out.json"
    settings = set_all(
        "readings.time_column=datetime",
        "readings.label_column=anomaly",
        "readings.drop_columns=changepoint",
        "readings.separator=;",
        "labels.rows_ahead=0",
        "tracking.model_name=foreign",
        *QUICK,
    )
    assert run_command_line(["retrain", "--data", str(foreign), "--json", str(out), *settings]) == 0
    result = json.loads(out.read_text())
    assert result["data"]["rows"] == len(table)
    assert result["metrics"]["event_recall"] is not None


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def put(column: str, row: int, value: object) -> Spoil:
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table

    return spoil


def repeat_time(table: pd.DataFrame) -> pd.DataFrame:
    return put("time", 100, table["time"].iloc[99])(table)


def double_column(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table[["x5"]]], axis=1)


SPOILT: dict[str, tuple[Spoil, str]] = {
    "no time": (lambda table: table.drop(columns="time"), "time (`readings.time_column`)"),
    "no sensor 17": (lambda table: table.drop(columns="x17"), "lacks x17"),
    "double column": (double_column, "more than one column named x5"),
    "text": (put("x5", 100, "open"), "x5: text where a number is expected, 1 row, first in row 102: 'open'"),
    "infinite": (put("x5", 100, "inf"), "x5: infinite"),
    "missing": (put("x5", 100, None), "x5: missing value, 1 row, first in row 102"),
    "no time there": (put("time", 100, "yesterday"), "time: not a time"),
    "time repeated": (repeat_time, "time: same time as an earlier row, 1 row, first in row 102"),
    "label 2": (put("y", 100, 2), "labels that are 0 or 1 in `y`"),
    "all events": (lambda table: table.assign(y=1), "events to be rare"),
    "no rows": (lambda table: table.head(0), "rows"),
}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_table_gives_one_message_and_leaves_nothing(
    spoilt: str, home: Path, table_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, words = SPOILT[spoilt]
    path, out = tmp_path / "spoilt.csv", tmp_path / "out.json"
    spoil(pd.read_csv(table_file, nrows=2_000)).to_csv(path, index=False)
    before = count_runs_and_versions(home)
    assert run_command_line(["retrain", "--data", str(path), "--json", str(out)]) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown
    assert count_runs_and_versions(home) == before
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "UTF-8"),
        ("letter.csv", b"Dear colleagues,\nthe sheet broke again.\n", ""),
        ("table.parquet", b"PAR1 but no table", "arquet"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    name: str, content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert run_command_line(["check", "--data", str(path)]) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["check", "--data", str(tmp_path / "gone.csv")]) == 2
    assert "gone.csv" in capsys.readouterr().err


def run_forewarn(
    home: Path, *arguments: str, start_new_session: bool = False, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments],
        env={**os.environ, "FOREWARN_HOME": str(home), "PREFECT_HOME": str(home / "prefect"), **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


@pytest.mark.slow
def test_a_store_that_does_not_answer_exits_with_4(tmp_path: Path, readings_file: Path) -> None:
    with run_forewarn(
        tmp_path, "retrain", "--data", str(readings_file), MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    ) as process:
        _, shown = process.communicate(timeout=240)
    assert process.returncode == 4
    assert "http://127.0.0.1:9 must answer" in shown
    assert "Traceback" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_killed(number: signal.Signals, tmp_path: Path, readings_file: Path) -> None:
    endless = set_all("training.epochs=100000", "training.patience=null", "training.compile=never")
    with run_forewarn(tmp_path, "retrain", "--data", str(readings_file), *endless) as process:
        assert process.stderr is not None
        assert any(line.startswith("training: epoch 1 of") for line in process.stderr)
        process.send_signal(number)
        _, shown = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("forewarn")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["KILLED"]
    assert client.search_model_versions() == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ctrl_c_ends_a_backtest_and_its_workers(tmp_path: Path, readings_file: Path) -> None:
    endless = set_all("training.epochs=100000", "training.patience=null", "training.compile=never")
    command = ("backtest", "--data", str(readings_file), "--workers", "2")
    with run_forewarn(tmp_path, *command, *endless, start_new_session=True) as process:
        workers = wait_for_workers(process.pid, 2)
        # a terminal sends it to every process of the command
        os.killpg(process.pid, signal.SIGINT)
        _, shown = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    assert not any(worker.is_running() for worker in workers)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("forewarn")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["KILLED"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_worker_ends_a_backtest_with_4(tmp_path: Path, readings_file: Path) -> None:
    endless = set_all("training.epochs=100000", "training.patience=null", "training.compile=never")
    command = ("backtest", "--data", str(readings_file), "--workers", "2")
    with run_forewarn(tmp_path, *command, *endless) as process:
        workers = wait_for_workers(process.pid, 2)
        workers[0].kill()
        _, shown = process.communicate(timeout=300)
    assert process.returncode == 4
    assert "Use a smaller `--workers`" in shown
    assert "Traceback" not in shown
    assert not any(worker.is_running() for worker in workers)


def wait_for_workers(parent: int, count: int) -> list[psutil.Process]:
    """Wait until as many worker processes of a command are training."""
    until = time.monotonic() + 480
    while time.monotonic() < until:
        children = psutil.Process(parent).children(recursive=True)
        workers = [child for child in children if "multiprocessing.spawn" in " ".join(child.cmdline())]
        if len(workers) == count and all(is_training(worker) for worker in workers):
            return workers
        time.sleep(0.5)
    raise AssertionError("the workers did not start")


def is_training(worker: psutil.Process) -> bool:
    """Return whether a process has loaded TensorFlow and computed for some seconds."""
    is_loaded = any("tensorflow" in image.path for image in worker.memory_maps())
    return is_loaded and worker.cpu_times().user > 5


def test_a_configuration_file_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"windows": {"lookback": -1}}), encoding="utf-8")
    assert run_command_line(["retrain", "--config", str(path)]) == 2
    assert "`windows.lookback`" in capsys.readouterr().err


def test_a_table_of_which_most_rows_are_events_is_found_and_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "readings.csv"
    table = simulated_table(1_000, seed=8)
    table.assign(y=(np.arange(len(table)) % 40 > 0).astype(int)).to_csv(path, index=False)
    assert run_command_line(["check", "--data", str(path)]) == 0
    assert "mostly_events: 975 of 1,000 rows (98 %) are labelled as events" in capsys.readouterr().out
    assert run_command_line(["retrain", "--data", str(path), *set_all(*QUICK)]) == 2
    shown = capsys.readouterr().err
    assert "Expected events to be rare. Only 25 of the rows are not labelled as events" in shown
