"""The worker's command and environment; what it does is in test_deployed_life.py."""

from pathlib import Path

import pytest

from flows.commands import run_command_line
from flows.prefect.worker import list_arguments, prepare_worker_environment


def test_runs_find_the_home_although_they_begin_in_an_empty_folder(tmp_path: Path) -> None:
    assert prepare_worker_environment(tmp_path, "INFO")["FOREWARN_HOME"] == str(tmp_path)


def test_the_limit_reaches_prefect() -> None:
    assert list_arguments("mill", 2)[-4:] == ["--name", "mill", "--limit", "2"]


def test_without_a_server_no_worker_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert run_command_line(["worker"]) == 2
    assert "PREFECT_API_URL" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["sqlite:///mlruns/mlflow.db", "sqlite:///{here}/mlruns/mlflow.db"])
def test_runs_find_a_database_whose_address_was_relative(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(here=tmp_path))
    environment = prepare_worker_environment(tmp_path, "INFO")
    assert environment["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
