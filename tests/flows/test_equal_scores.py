"""One row has one score: in training, from `forewarn score`, from the service, from MLflow's server."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest

from flows.commands import run_command_line
from tasks.tracking.store import find_tracking_uri
from tests.detectors import open_test_store, register_detector, simulated_table, train_detector

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.slow]

NAME = "equal-scores"
# rows with gaps, events and alarms
ROWS = 400
JOIN = {"members": ["lstm_autoencoder", "pca_t2", "logistic"], "units": [8, 4]}


@pytest.fixture(scope="module")
def trained(home: Path) -> tuple[str, np.ndarray]:
    """A registered version of the default family, and the scores of its training."""
    client, experiment_id = open_test_store(home, NAME)
    detector, model, scores = train_detector("join", model=JOIN, training={"epochs": 1})
    version = register_detector(client, experiment_id, NAME, detector, model, "join")
    client.set_registered_model_alias(NAME, "champion", version)
    return version, scores[:ROWS]


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("equal") / "rows.parquet"
    simulated_table().head(ROWS).to_parquet(path)
    return path


def list_rows() -> list[dict[str, Any]]:
    """The rows as JSON, every number whole."""
    table = simulated_table().head(ROWS).astype({"time": "str"})
    return [
        {name: value if isinstance(value, str) else float(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


@contextlib.contextmanager
def started(home: Path, ready: str, *command: str) -> Iterator[str]:
    """Start a server on a free port, wait until `ready` answers, and stop it in the end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": find_tracking_uri(home),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=log, stderr=log, cwd=home
        )
        try:
            end = time.monotonic() + 240
            while not answers(address + ready):
                assert process.poll() is None, (home / "server.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(60)


def answers(address: str) -> bool:
    try:
        return httpx2.get(address, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def post(address: str, content: Any) -> Any:
    answer = httpx2.post(address, json=content, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()


def as_array(values: list[float | None]) -> np.ndarray:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def test_the_score_command_gives_the_scores_of_training(
    trained: tuple[str, np.ndarray], rows_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    command = [
        "score",
        "--data",
        str(rows_file),
        "--out",
        str(out),
        "--model",
        f"models:/{NAME}/{trained[0]}",
    ]
    assert run_command_line(command) == 0
    scored = pd.read_parquet(out)
    np.testing.assert_array_equal(scored["score"].to_numpy(np.float64), trained[1])
    assert (scored["model_version"].astype(str) == trained[0]).all()


def test_the_service_gives_the_scores_of_training_row_by_row(
    home: Path, trained: tuple[str, np.ndarray]
) -> None:
    forewarn = [sys.executable, "-m", "flows", "serve", "--set", f"tracking.model_name={NAME}"]
    with started(home, "/ready", *forewarn) as address:
        answered = [post(f"{address}/score", {"rows": [row], "machine": "PM1"}) for row in list_rows()]
    assert {answer["version"] for answer in answered} == {trained[0]}
    scores = as_array([answer["rows"][0]["score"] for answer in answered])
    np.testing.assert_array_equal(scores, trained[1])


def test_mlflow_serves_the_scores_of_training(home: Path, trained: tuple[str, np.ndarray]) -> None:
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    mlflow += ["--model-uri", f"models:/{NAME}/{trained[0]}", "--host", "127.0.0.1"]
    with started(home, "/ping", *mlflow) as address:
        answer = post(f"{address}/invocations", {"dataframe_records": list_rows()})
    scores = as_array([row["score"] for row in answer["predictions"]])
    np.testing.assert_array_equal(scores, trained[1])
