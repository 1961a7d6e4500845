import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

DOCKER = Path(__file__).resolve().parents[2] / "docker"


@contextmanager
def answering(*statuses):
    """A server that answers with one status after the other, and with the last one for ever."""
    left, asked = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def run(script, address, *arguments):
    environment = {
        "PATH": os.environ["PATH"],
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_TRACKING_USERNAME": "forewarn",
        "MLFLOW_TRACKING_PASSWORD": "password",
        "FOREWARN_MODEL": "mill",
    }
    command = [sys.executable, str(DOCKER / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_program_begins_once_there_is_a_champion():
    with answering(404, 200) as (address, asked):
        done = run("wait_for_champion.py", address, sys.executable, "-c", "print('began')")
    assert done.stdout.split("\n")[:2] == ["waiting for a champion", "began"]
    assert asked[0][0] == "/api/2.0/mlflow/registered-models/alias?name=mill&alias=champion"
    assert asked[0][1] == "Basic Zm9yZXdhcm46cGFzc3dvcmQ="


def test_a_refused_login_is_not_waited_on():
    with answering(401) as (address, _):
        done = run("wait_for_champion.py", address, sys.executable, "-c", "print('began')")
    assert done.returncode != 0
    assert "401" in done.stderr
    assert "began" not in done.stdout


def test_the_health_check_distinguishes_success_from_failure():
    with answering(200) as (address, _):
        assert run("answer.py", f"{address}/health", f"{address}/health").returncode == 0
    with answering(503) as (address, _):
        done = run("answer.py", f"{address}/health", f"{address}/health")
    assert done.returncode == 1
    assert "503" in done.stderr
    assert run("answer.py", address, address).returncode == 1
