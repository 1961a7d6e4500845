"""The worker: runs what schedules, triggers and people request, with forewarn's environment."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import psutil

from flows.prefect.clean_up import sweep_at_start
from flows.prefect.deploy import POOL
from flows.prefect.server import require_configured_server

_STOP_SECONDS = 30.0
_SQLITE = "sqlite:///"


class _StoppedError(Exception):
    """A signal has asked the worker to stop."""


def run_worker(home: Path, name: str | None, limit: int | None, log_level: str) -> int:
    """Clean up after lost processes, and run Prefect's process worker until it ends or is stopped.

    Prefect's worker kills its runs when it stops, before they can close anything. So a stop (Ctrl-C, SIGTERM)
    goes to the runs first, which end Crashed with their MLflow runs closed, and then to the worker.

    Args:
        home: Folder that holds `mlruns/`, for every run.
        name: The worker's name; by default Prefect chooses one.
        limit: Maximum number of concurrent runs, or none.
        log_level: Lowest level of the messages shown here; the server keeps all of them.

    Returns:
        The worker's exit code; 0 if it was stopped.

    Raises:
        InputError: If no server is configured.
        StoreUnreachableError: If the server does not answer or refuses the credentials.
    """
    require_configured_server()
    sweep_at_start(home)
    # in a separate session, so that Ctrl-C reaches this process alone. A background job of a shell ignores
    # SIGINT, which stops Prefect's worker, so it is reset
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    worker = psutil.Popen(
        list_arguments(name, limit), env=prepare_worker_environment(home, log_level), start_new_session=True
    )

    def stop(number: int, frame: FrameType | None) -> None:
        raise _StoppedError

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        return int(worker.wait())
    except _StoppedError:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        stop_worker(worker)
        return 0


def stop_worker(worker: psutil.Popen) -> None:
    """End the runs of a worker, wait until they have ended, and end the worker."""
    runs = worker.children(recursive=True)
    if runs:
        print(f"stopping  {len(runs)} run processes, then the worker ...", file=sys.stderr)
    for process in runs:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(runs, timeout=_STOP_SECONDS)
    with contextlib.suppress(psutil.NoSuchProcess):
        worker.terminate()
    _, alive = psutil.wait_procs([worker], timeout=_STOP_SECONDS)
    for process in alive:
        process.kill()


def list_arguments(name: str | None, limit: int | None) -> list[str]:
    """List the arguments of the command that starts Prefect's worker."""
    arguments = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    arguments += ["--no-create-pool-if-not-found", "--install-policy", "never"]
    if name is not None:
        arguments += ["--name", name]
    if limit is not None:
        arguments += ["--limit", str(limit)]
    return arguments


def prepare_worker_environment(home: Path, log_level: str) -> dict[str, str]:
    """Add to this environment what runs need, such as absolute paths: they start in an empty folder."""
    environment = {
        **os.environ,
        "FOREWARN_HOME": str(home),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": log_level,
    }
    uri = environment.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(_SQLITE):
        environment["MLFLOW_TRACKING_URI"] = f"{_SQLITE}{Path(uri.removeprefix(_SQLITE)).absolute()}"
    return environment
