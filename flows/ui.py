"""Serve the MLflow UI and the Prefect UI on this machine, until interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from schemas.errors import StoreUnreachableError
from tasks.track import find_tracking_uri, open_store

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.5


def serve_ui(home: Path, experiment: str, mlflow_port: int, prefect_port: int) -> None:
    """Start both servers on loopback, say where they are, and end them when interrupted.

    A server that is configured elsewhere (`MLFLOW_TRACKING_URI` or `PREFECT_API_URL` with an http
    address) has a UI of its own: it is named instead.

    Args:
        home: Folder that holds `mlruns/`.
        experiment: Experiment that must exist for the UI to show something.
        mlflow_port: Port of the MLflow UI.
        prefect_port: Port of the Prefect UI.

    Raises:
        StoreUnreachableError: If a server ends by itself, for example because its port is taken.
    """
    tracking_uri = find_tracking_uri(home)
    servers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if tracking_uri.startswith("http"):
            print(f"MLflow UI   {tracking_uri}")
        else:
            open_store(tracking_uri, experiment, home)
            servers["MLflow UI"] = _start(_describe_mlflow(tracking_uri, home, mlflow_port))
            print(f"MLflow UI   http://{_HOST}:{mlflow_port}")
        if os.environ.get("PREFECT_API_URL"):
            print(f"Prefect UI  {os.environ['PREFECT_API_URL'].removesuffix('/api')}")
        else:
            servers["Prefect UI"] = _start(["prefect", "server", "start", "--port", str(prefect_port)])
            print(f"Prefect UI  http://{_HOST}:{prefect_port}")
        print("Ready in about 20 seconds; stop with Ctrl-C.", flush=True)
        _wait(servers)
    finally:
        for server in servers.values():
            server.terminate()
        for server in servers.values():
            server.wait()


def _describe_mlflow(tracking_uri: str, home: Path, port: int) -> list[str]:
    artifacts = (home / "mlruns" / "artifacts").as_uri()
    return [
        *("mlflow", "server", "--host", _HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", tracking_uri, "--default-artifact-root", artifacts),
    ]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a console script of this environment, its log on standard error only when it fails."""
    program, *arguments = command
    script = Path(sys.executable).with_name(program)
    quiet = {
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return subprocess.Popen([str(script), *arguments], stdout=subprocess.DEVNULL, env={**quiet, **os.environ})


def _wait(servers: dict[str, subprocess.Popen[bytes]]) -> None:
    while servers:
        for name, server in servers.items():
            if server.poll() is not None:
                raise StoreUnreachableError(
                    f"The {name} must stay up. It ended with exit code {server.returncode}. Check whether "
                    "its port is taken, and choose another by --mlflow-port or --prefect-port."
                )
        time.sleep(_POLL_SECONDS)
