"""The UI command: both servers answer on loopback and end with it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_ui(home: Path, mlflow_port: int, prefect_port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows", "ui", "--mlflow-port", str(mlflow_port)]
    return subprocess.Popen(
        [*command, "--prefect-port", str(prefect_port)],
        env={**os.environ, "FOREWARN_HOME": str(home), "PREFECT_HOME": str(home / "prefect")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_both_uis_answer_and_end_with_the_command(tmp_path: Path) -> None:
    ports = find_free_port(), find_free_port()
    with start_ui(tmp_path, *ports) as process:
        assert process.stdout is not None
        assert any(line.startswith("Ready") for line in process.stdout)
        for port in ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/ui-settings", timeout=30) as answer:
            assert json.load(answer)["api_url"] == f"http://127.0.0.1:{ports[1]}/api"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
    time.sleep(3)
    for port in ports:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = int(listener.getsockname()[1])
        process = start_ui(tmp_path, taken, find_free_port())
        _, shown = process.communicate(timeout=120)
    assert process.returncode == 4
    assert f"port {taken}" in shown
