"""A store that fails in the middle of a retraining: it is waited for, or nothing is left half done."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from schemas.work import RESUMED_TAG
from tests.flaky_store import Door, flaky_server
from tests.postgres import Server
from tests.retrainings import LONGEST, finish, retrain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ARTIFACTS = "PUT /api/2.0/mlflow-artifacts/"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with flaky_server(tmp_path_factory.mktemp("server")) as door:
        yield door


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tasks.files.write import write_table
    from tasks.simulators.simulate import simulate_readings

    path = tmp_path_factory.mktemp("failures") / "readings.csv"
    write_table(simulate_readings(rows=5_000, seed=5), path)
    return path


def look_at(uri: str, name: str) -> tuple[list, list, dict]:
    """Give the runs, the versions and the aliases of a name."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(name)
    runs = [] if found is None else client.search_runs([found.experiment_id])
    versions = client.search_model_versions(f"name = '{name}'")
    aliases = client.get_registered_model(name).aliases if versions else {}
    return runs, versions, aliases


def test_an_artifact_store_that_fails_for_a_while_is_waited_for(
    door: Door, table: Path, tmp_path: Path
) -> None:
    door.shut("500", ARTIFACTS, seconds=60)
    code, said = finish(retrain(tmp_path, door.address, table, "waited"))
    assert code == 0, said
    assert door.turned_away
    runs, versions, aliases = look_at(door.address, "waited")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert [str(version.version) for version in versions] == ["1"]
    assert set(aliases) <= {"champion", "challenger"}


def test_a_store_that_stays_out_of_order_ends_clearly_and_the_next_try_goes_on_with_the_run(
    door: Door, table: Path, tmp_path: Path
) -> None:
    shorter = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    door.shut("500", ARTIFACTS)
    code, said = finish(retrain(tmp_path, door.address, table, "out-of-order", **shorter))
    door.open()
    assert code == 4, said
    assert "The tracking store http://127.0.0.1" in said
    assert "Traceback" not in said
    runs, versions, _ = look_at(door.address, "out-of-order")
    assert ([run.info.status for run in runs], versions) == (["FAILED"], [])

    code, said = finish(retrain(tmp_path, door.address, table, "out-of-order"))
    assert code == 0, said
    runs, versions, _ = look_at(door.address, "out-of-order")
    assert [(run.info.status, run.data.tags[RESUMED_TAG]) for run in runs] == [("FINISHED", "1")]
    assert len(versions) == 1


def test_a_store_that_fails_while_the_version_is_registered_keeps_no_version_without_a_decision(
    door: Door, table: Path, tmp_path: Path
) -> None:
    shorter = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    door.shut("500", "/mlflow/registered-models/alias")
    code, said = finish(retrain(tmp_path, door.address, table, "no-alias", **shorter))
    door.open()
    runs, versions, aliases = look_at(door.address, "no-alias")
    if code == 0:
        pytest.fail("the gate must move an alias here, or the test shows nothing")
    assert code == 4, said
    assert [run.info.status for run in runs] == ["FAILED"]
    assert (versions, aliases) == ([], {})


def test_a_store_that_hangs_is_given_up(door: Door, table: Path, tmp_path: Path) -> None:
    impatient = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "3", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    door.shut("hang", "POST /api/2.0/mlflow/runs/log-batch")
    begin = time.monotonic()
    code, said = finish(retrain(tmp_path, door.address, table, "hanging", **impatient))
    door.open()
    assert code == 4, said
    assert "must answer" in said
    assert time.monotonic() - begin < LONGEST
    _, versions, _ = look_at(door.address, "hanging")
    assert versions == []


def test_a_database_that_restarts_while_a_run_is_logged_is_waited_for(
    table: Path, tmp_path: Path, postgres: Server
) -> None:
    uri = postgres.make_database()
    process = retrain(tmp_path, uri, table, "restarted")
    client = None
    while process.poll() is None:
        client = client or (MlflowClient(uri) if list((tmp_path / "mlruns").glob("artifacts/*")) else None)
        if client is not None and look_at(uri, "restarted")[0]:
            break
        time.sleep(0.1)
    postgres.stop()
    time.sleep(5)
    postgres.start()
    code, said = finish(process)
    assert code == 0, said
    runs, versions, _ = look_at(uri, "restarted")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert len(versions) == 1


def test_a_full_disk_is_named_and_leaves_nothing_half_registered(table: Path, tmp_path: Path) -> None:
    home = tmp_path / "small"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(home)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    ballast = home / "ballast"
    try:
        process = retrain(home, None, table, "full")
        threading.Thread(target=fill_when_it_trains, args=(home, ballast, process), daemon=True).start()
        code, said = finish(process)
        assert code == 4, said
        assert "must have free space" in said
        assert "Traceback" not in said
        ballast.unlink()
        code, said = finish(retrain(home, None, table, "full"))
        assert code == 0, said
        runs, versions, _ = look_at(f"sqlite:///{home / 'mlruns' / 'mlflow.db'}", "full")
        assert [run.info.status for run in runs] == ["FINISHED"]
        assert len(versions) == 1
        assert json.loads((home / "out.json").read_text())["run_id"] == runs[0].info.run_id
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def fill_when_it_trains(home: Path, ballast: Path, process: subprocess.Popen) -> None:
    """Fill the disk once a run has been started."""
    database = home / "mlruns" / "mlflow.db"
    while process.poll() is None and not (database.is_file() and list((home / "mlruns").glob("artifacts/*"))):
        time.sleep(0.05)
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            return
