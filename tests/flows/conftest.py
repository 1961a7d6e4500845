"""One embedded Prefect server and one tracking store for all tests of flows."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.environment import prepare_environment
from tests.mill import require_mill_file
from tests.postgres import Server, throw_away_postgres

# Prefect reads its settings when it is imported, which the tests of this folder do
HOME = Path(tempfile.mkdtemp(prefix="forewarn-tests-"))
os.environ["FOREWARN_HOME"] = str(HOME)
for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME"):
    os.environ.pop(name, None)
prepare_environment(HOME)


def pytest_unconfigure() -> None:
    """Delete what the tests have written."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def home() -> Path:
    """The folder that holds `mlruns/` in these tests."""
    return HOME


@pytest.fixture(scope="module", autouse=True)
def _no_store_of_another_file() -> None:
    """Forget the store that another file of tests had opened: MLflow hands it on to processes."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A Prefect server with a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A throw-away PostgreSQL; its tests are skipped, saying so, where it is not installed."""
    with throw_away_postgres("postgres") as server:
        yield server


@pytest.fixture(scope="session")
def readings_file(home: Path) -> Path:
    """Simulated readings: enough for a test part with ten events."""
    from tasks.files.write import write_table
    from tasks.simulators.simulate import simulate_readings

    path = home / "readings.csv"
    write_table(simulate_readings(rows=9_000, seed=5), path)
    return path


@pytest.fixture(scope="session", params=["simulated", pytest.param("mill", marks=pytest.mark.mill)])
def table_file(request: pytest.FixtureRequest, readings_file: Path) -> Path:
    """A table to spoil: simulated readings, and the real mill file where it is there."""
    if request.param == "simulated":
        return readings_file
    return require_mill_file()


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[str]:
    """A real local cluster: a scheduler and two workers, each a process of its own."""
    address_file = tmp_path / "scheduler.json"
    named = ["--scheduler-file", str(address_file)]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", *named]
    processes = [subprocess.Popen([*scheduler, "--port", "0", "--dashboard-address", ":0"])]
    try:
        while not address_file.exists():
            time.sleep(0.2)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", *named]
        processes += [subprocess.Popen([*worker, "--nthreads", "1", "--no-dashboard"]) for _ in range(2)]
        yield json.loads(address_file.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)
