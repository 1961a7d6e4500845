"""Serve the MLflow UI and the Prefect UI on this machine, until interrupted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.errors import StoreUnreachableError
from tasks.tracking.store import find_tracking_uri, open_store

_HOST = "127.0.0.1"
_QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # kept in memory, the places of running deployments are lost with a restart, and their runs crash
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Server:
    """A server that was started here."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    port: int


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
    servers: dict[str, Server] = {}
    try:
        if tracking_uri.startswith("http"):
            print(f"MLflow UI   {tracking_uri}")
        else:
            open_store(tracking_uri, experiment, home)
            servers["MLflow UI"] = _start(_describe_mlflow(tracking_uri, home, mlflow_port), mlflow_port)
            print(f"MLflow UI   http://{_HOST}:{mlflow_port}")
        if os.environ.get("PREFECT_API_URL"):
            print(f"Prefect UI  {os.environ['PREFECT_API_URL'].removesuffix('/api')}")
        else:
            # the page asks the API at the address that the server tells it, on another port than its own else
            address = {"PREFECT_SERVER_UI_API_URL": f"http://{_HOST}:{prefect_port}/api"}
            command = ["prefect", "server", "start", "--host", _HOST, "--port", str(prefect_port)]
            servers["Prefect UI"] = _start(command, prefect_port, address)
            print(f"Prefect UI  http://{_HOST}:{prefect_port}")
        print("Starting; this takes some 20 seconds ...", flush=True)
        _wait_until_ready(servers)
        print("Ready. Stop with Ctrl-C.", flush=True)
        while servers:
            _require_running(servers)
            time.sleep(_POLL_SECONDS)
    finally:
        for server in servers.values():
            server.process.terminate()
        for server in servers.values():
            server.process.wait()


def _describe_mlflow(tracking_uri: str, home: Path, port: int) -> list[str]:
    artifacts = (home / "mlruns" / "artifacts").as_uri()
    return [
        *("mlflow", "server", "--host", _HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", tracking_uri, "--default-artifact-root", artifacts),
    ]


def _start(command: list[str], port: int, environment: Mapping[str, str] | None = None) -> Server:
    """Start a console script of this environment; what it logs is shown only when it fails."""
    if _answers(port):
        raise StoreUnreachableError(
            f"port {port} must be free. Another program listens there. Stop it, or choose another port by "
            "--mlflow-port or --prefect-port."
        )
    program, *arguments = command
    script = Path(sys.executable).with_name(program)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
    process = subprocess.Popen(
        [str(script), *arguments], stdout=log, stderr=log, env={**_QUIET, **os.environ, **(environment or {})}
    )
    return Server(process, log, port)


def _wait_until_ready(servers: Mapping[str, Server]) -> None:
    for server in servers.values():
        while not _answers(server.port):
            _require_running(servers)
            time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(_POLL_SECONDS)
        return client.connect_ex((_HOST, port)) == 0


def _require_running(servers: Mapping[str, Server]) -> None:
    for name, server in servers.items():
        if server.process.poll() is not None:
            server.log.seek(0)
            lines = server.log.read().decode(errors="replace").strip().splitlines()[-5:]
            raise StoreUnreachableError(
                f"The {name} must stay up. It ended with exit code {server.process.returncode}. Try "
                "`forewarn doctor`. Its last words:\n" + "\n".join(f"  {line}" for line in lines)
            )
