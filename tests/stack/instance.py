"""A stack started for a test: its processes, addresses and secrets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from compose import list_secrets
from credentials import keep_credentials
from services import ROOT, SECRETS, find_marked, make_mark

from tests.stack.http import require, wait_for

_SERVICES = ("PREFECT", "MLFLOW", "SERVE", "POSTGRES")
_START_SECONDS = 400.0
_STOP_SECONDS = 120.0
# shorter intervals than the defaults of up to a minute, so that the test need not wait
_QUICK = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
}


class StackUnderTest:
    """A stack in a separate folder, on free ports."""

    def __init__(self, folder: Path) -> None:
        """Choose ports and generate secrets; nothing is started yet.

        Args:
            folder: Folder for all files of the stack.
        """
        self.folder = folder
        self.ports = dict(zip(_SERVICES, find_free_ports(len(_SERVICES)), strict=True))
        self.secrets = keep_credentials(folder / SECRETS, list_secrets())
        self._runner: subprocess.Popen[bytes] | None = None

    @property
    def prefect(self) -> str:
        """Address of the Prefect server."""
        return f"http://127.0.0.1:{self.ports['PREFECT']}"

    @property
    def mlflow(self) -> str:
        """Address of the MLflow server."""
        return f"http://127.0.0.1:{self.ports['MLFLOW']}"

    @property
    def serve(self) -> str:
        """Address of the scoring service."""
        return f"http://127.0.0.1:{self.ports['SERVE']}"

    @property
    def table(self) -> Path:
        """The table of readings."""
        return self.folder / "readings" / "readings.csv"

    @property
    def configuration(self) -> Path:
        """The plant's settings."""
        return self.folder / "readings" / "configuration.yaml"

    def start(self, *services: str) -> None:
        """Start the stack as `make stack` does, and wait until it is ready.

        Args:
            services: Services to start with their dependencies; all if none is given.
        """
        log = self.find_log("runner")
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as file:
            self._runner = subprocess.Popen(
                self._command("up", *services),
                env=self._make_environment(),
                stdout=file,
                stderr=file,
                cwd=ROOT,
            )
        wait_for(self._look_ready, _START_SECONDS, "a stack that is ready")

    def log_in(self) -> None:
        """Set the address and the login of the Prefect server for this process.

        Prefect reads them when it is imported, so call this before.
        """
        for name in list(os.environ):
            if name.startswith(("PREFECT_", "MLFLOW_")):
                del os.environ[name]
        home = self.folder / "temporary" / "client"
        home.mkdir(parents=True, exist_ok=True)
        os.environ.update(
            {
                "PREFECT_API_URL": f"{self.prefect}/api",
                "PREFECT_API_AUTH_STRING": self.secrets["PREFECT_API_AUTH_STRING"],
                "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
                "PREFECT_HOME": str(home),
                "DO_NOT_TRACK": "true",
            }
        )

    def restart(self, service: str) -> None:
        """Restart a service as a person would."""
        self._run("restart", service)

    def read_status(self) -> list[list[str]]:
        """Read the output of `status`, each line split into words."""
        return [line.split() for line in self._run("status").splitlines()]

    def stop(self) -> int:
        """Stop the stack by SIGTERM.

        Returns:
            The exit code of the runner.
        """
        if self._runner is None:
            return 0
        self._runner.send_signal(signal.SIGTERM)
        code = self._runner.wait(_STOP_SECONDS)
        self._runner = None
        return code

    def end(self) -> None:
        """Stop the stack if it is still running."""
        if self._runner is not None and self._runner.poll() is None:
            self.stop()

    def find_processes(self) -> list[psutil.Process]:
        """Find the processes of the stack."""
        return find_marked(make_mark(self.folder))

    def find_log(self, name: str) -> Path:
        """Return the log of a service."""
        return self.folder / "logs" / f"{name}.log"

    def hide(self, text: str) -> str:
        """Replace the secrets in a text that will be printed."""
        for name, secret in self.secrets.items():
            text = text.replace(secret, f"<{name}>")
        return text

    def _look_ready(self) -> bool | None:
        runner = self._runner
        require(runner is not None and runner.poll() is None, "the runner to keep running", "its end")
        return True if b"\nReady." in self.find_log("runner").read_bytes() else None

    def _run(self, command: str, *rest: str) -> str:
        done = subprocess.run(
            self._command(command, *rest),
            env=self._make_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        require(done.returncode == 0, f"{command} {' '.join(rest)} to succeed", done.stderr)
        return done.stdout

    def _command(self, command: str, *rest: str) -> Sequence[str]:
        script = str(ROOT / "docker" / "stack.py")
        return [sys.executable, script, command, "--folder", str(self.folder), *rest]

    def _make_environment(self) -> dict[str, str]:
        ours = ("PREFECT_", "MLFLOW_", "FOREWARN_", "POSTGRES_", "AWS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        ports = {f"FOREWARN_{name}_PORT": str(port) for name, port in self.ports.items()}
        own = {"FOREWARN_CONFIGURATION": str(self.configuration), "FOREWARN_HOME": str(self.folder)}
        return {**inherited, **ports, **own, **_QUICK}


def find_free_ports(count: int) -> list[int]:
    """Find distinct ports that nothing listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
