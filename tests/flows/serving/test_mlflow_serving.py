"""MLflow's own server runs the same version."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tasks.detect import detect_events
from tasks.track import find_tracking_uri
from tests.detectors import open_test_store, register_detector
from tests.flows.serving.services import as_rows, small_detector, small_table

NAME = "served-by-mlflow"


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 240
    while True:
        assert process.poll() is None
        assert time.monotonic() < end
        try:
            if httpx2.get(f"{address}/ping").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.5)


@pytest.mark.slow
def test_mlflow_serves_a_version_with_the_scores_of_detect_events(home: Path) -> None:
    client, experiment_id = open_test_store(home, "serving-tests")
    version = register_detector(client, experiment_id, NAME, *small_detector())
    table, port = small_table(0, 400), find_free_port()
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", f"models:/{NAME}/{version}", "--port", str(port), "--host", "127.0.0.1"]
    scripts = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": find_tracking_uri(home),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    with (home / "mlflow-serve.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True, cwd=home)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        answer = httpx2.post(
            f"http://127.0.0.1:{port}/invocations", json={"dataframe_records": as_rows(table)}, timeout=60
        )
    finally:
        process.terminate()
        process.wait(60)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["predictions"]
    expected = detect_events(*small_detector(), table)
    scores = np.array([row["score"] for row in rows], dtype=np.float64)
    np.testing.assert_array_equal(scores, expected["score"].to_numpy())
    assert [row["alarm"] for row in rows] == expected["alarm"].tolist()
