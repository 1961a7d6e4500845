"""One embedded Prefect server and one tracking store for all tests of flows."""

import os
import shutil
import tempfile
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
