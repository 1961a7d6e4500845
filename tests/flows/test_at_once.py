"""Several retrainings at once on one store, as a plant with several machines has them."""

import json
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.postgres import Server
from tests.retrainings import finish, retrain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MACHINES = ("winder", "press", "dryer", "coater")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tasks.files.write import write_table
    from tasks.simulators.simulate import simulate_readings

    path = tmp_path_factory.mktemp("at-once") / "readings.csv"
    write_table(simulate_readings(rows=5_000, seed=5), path)
    return path


def retrain_all(home: Path, uri: str | None, table: Path) -> dict[str, tuple[int, str]]:
    """Retrain four machines' models at once; give exit code and what was said, by machine."""
    home.mkdir(exist_ok=True)
    running: dict[str, subprocess.Popen] = {
        name: retrain(home, uri, table, name, out=home / f"{name}.json") for name in MACHINES
    }
    return {name: finish(process) for name, process in running.items()}


def require_all_well(home: Path, uri: str, ended: dict[str, tuple[int, str]]) -> None:
    for name, (code, said) in ended.items():
        assert code == 0, f"{name}: {said[-2000:]}"
        assert "database is locked" not in said
        result = json.loads((home / f"{name}.json").read_text())
        client = MlflowClient(uri)
        run = client.get_run(result["run_id"])
        assert run.info.status == "FINISHED"
        assert run.data.metrics["test_roc_auc"] == result["metrics"]["roc_auc"]
        assert str(client.get_model_version(name, result["model_version"]).run_id) == result["run_id"]


def test_four_retrainings_at_once_end_well_on_the_store_of_a_new_home(table: Path, tmp_path: Path) -> None:
    ended = retrain_all(tmp_path, None, table)
    require_all_well(tmp_path, f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}", ended)


def test_four_retrainings_at_once_end_well_on_postgres(table: Path, tmp_path: Path, postgres: Server) -> None:
    uri = postgres.make_database()
    require_all_well(tmp_path, uri, retrain_all(tmp_path, uri, table))
