"""The worker: does what the server's schedules, triggers and people ask for, with forewarn's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flows.deploy import POOL
from flows.server import require_configured_server

_HEARTBEAT_SECONDS = 30


def run_worker(home: Path, name: str | None, limit: int | None, log_level: str) -> None:
    """Become Prefect's process worker; signals reach it as they come.

    Args:
        home: Folder that holds `mlruns/`, for every run.
        name: The worker's name; Prefect chooses one without it.
        limit: Runs at a time, or none.
        log_level: Least level of what the worker and its runs write here; the server keeps all of it.

    Raises:
        InputError: If no server is configured.
        StoreUnreachableError: If the server does not answer or refuses the credentials.
    """
    require_configured_server()
    sys.stdout.flush()
    sys.stderr.flush()
    arguments, environment = list_arguments(name, limit), prepare_worker_environment(home, log_level)
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - the signals of a shell's job reach it


def list_arguments(name: str | None, limit: int | None) -> list[str]:
    """List the words of the command that starts Prefect's worker."""
    words = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    words += ["--no-create-pool-if-not-found", "--install-policy", "never"]
    if name is not None:
        words += ["--name", name]
    if limit is not None:
        words += ["--limit", str(limit)]
    return words


def prepare_worker_environment(home: Path, log_level: str) -> dict[str, str]:
    """Add to this environment what runs need: they begin in an empty folder, and are to send heartbeats."""
    return {
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(_HEARTBEAT_SECONDS),
        **os.environ,
        "FOREWARN_HOME": str(home),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": log_level,
    }
