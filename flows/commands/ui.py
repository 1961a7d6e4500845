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
    # in memory, the concurrency leases of running deployments would be lost on a restart and their runs crash
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Server:
    """A server started by this command."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    port: int


def serve_ui(home: Path, experiment: str, mlflow_port: int, prefect_port: int) -> None:
    """Start both servers on loopback, print their addresses, and end them when interrupted.

    A configured server (`MLFLOW_TRACKING_URI` with an http address, or `PREFECT_API_URL`) has its own UI,
    whose address is printed instead.

    Args:
        home: Folder that holds `mlruns/`.
        experiment: Experiment to create if missing, so that the UI has something to show.
        mlflow_port: Port of the MLflow UI.
        prefect_port: Port of the Prefect UI.

    Raises:
        StoreUnreachableError: If a port is taken, or a server ends unexpectedly.
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
            # the page calls the API at this address, which otherwise has the wrong port
            address = {"PREFECT_SERVER_UI_API_URL": f"http://{_HOST}:{prefect_port}/api"}
            command = ["prefect", "server", "start", "--host", _HOST, "--port", str(prefect_port)]
            servers["Prefect UI"] = _start(command, prefect_port, address)
            print(f"Prefect UI  http://{_HOST}:{prefect_port}")
        print("Starting; this takes about 20 seconds ...", flush=True)
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
    """Start a console script of this environment; its log is shown only if it fails."""
    if _answers(port):
        raise StoreUnreachableError(
            f"port {port} must be free, but another program listens on it. Stop that program, or choose "
            "another port with --mlflow-port or --prefect-port."
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
                f"The {name} ended unexpectedly with exit code {server.process.returncode}. Try "
                "`forewarn doctor`. The end of its log:\n" + "\n".join(f"  {line}" for line in lines)
            )
