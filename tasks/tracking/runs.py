"""Start, resume and end MLflow runs: each belongs to a process, which may be killed or lost."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import psutil

from schemas.work import RESUMABLE_TAG, RESUMED_TAG, WORK_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_HOST, _PROCESS, _STARTED, _ALIVE = (
    "forewarn.host",
    "forewarn.process",
    "forewarn.process_started",
    "forewarn.alive_at",
)
_BEAT_SECONDS = 30.0
# a run on another machine without a heartbeat for this long counts as lost
_LOST_SECONDS = 600.0
_PAGE = 1000


def start_run(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> tuple[str, str]:
    """Start a run whose tags identify the process that it belongs to.

    Args:
        client: Client of the tracking store.
        experiment_id: Experiment of the run.
        tags: Further tags.

    Returns:
        Id and name of the run.
    """
    run = client.create_run(experiment_id, tags=describe_process() | dict(tags))
    return run.info.run_id, run.info.run_name


def resume_run(client: MlflowClient, stopped: Run, tags: Mapping[str, str]) -> tuple[str, str]:
    """Resume a stopped run, which from now on belongs to this process.

    Args:
        client: Client of the tracking store.
        stopped: Run that `find_stopped_run` returned.
        tags: Further tags.

    Returns:
        Id and name of the run.
    """
    run_id = stopped.info.run_id
    times = int(stopped.data.tags.get(RESUMED_TAG, "0")) + 1
    for key, value in (describe_process() | dict(tags) | {RESUMED_TAG: str(times)}).items():
        client.set_tag(run_id, key, value)
    for key in (RESUMABLE_TAG, "forewarn.closed", "failure"):
        if key in stopped.data.tags:
            client.delete_tag(run_id, key)
    client.update_run(run_id, status="RUNNING")
    return run_id, stopped.info.run_name


def describe_process() -> dict[str, str]:
    """Return tags with the host and process, by which a later command checks whether the process is alive."""
    return {
        _HOST: socket.gethostname(),
        _PROCESS: str(os.getpid()),
        _STARTED: str(psutil.Process().create_time()),
        _ALIVE: str(time.time()),
        "mlflow.user": _find_user(),
        "mlflow.source.name": "forewarn retrain",
        "mlflow.source.type": "LOCAL",
    }


def end_run(
    client: MlflowClient,
    run_id: str,
    status: Literal["FINISHED", "FAILED", "KILLED"],
    *,
    is_resumable: bool = False,
) -> None:
    """End a run with a final status.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        status: How it ended.
        is_resumable: Whether the same work, started again, resumes this run.
    """
    if is_resumable:
        client.set_tag(run_id, RESUMABLE_TAG, "true")
    client.set_terminated(run_id, status=status)


@contextlib.contextmanager
def shown_alive(client: MlflowClient, run_id: str, beat_seconds: float = _BEAT_SECONDS) -> Iterator[None]:
    """Write heartbeats to a run's tags, because other machines cannot see its process.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        beat_seconds: Seconds between two heartbeats.
    """
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(beat_seconds):
            # the next step reports a store that does not answer; the next beat tries again
            with contextlib.suppress(Exception):
                client.set_tag(run_id, _ALIVE, str(time.time()))

    thread = threading.Thread(target=beat, name="show-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()


def find_stopped_run(client: MlflowClient, experiment_id: str, work: str) -> Run | None:
    """Find the newest interrupted run of some work that can be resumed.

    Args:
        client: Client of the tracking store.
        experiment_id: Experiment of the run.
        work: Key of data, configuration and code.

    Returns:
        The run, or none if no run of this work is interrupted.
    """
    runs = client.search_runs([experiment_id], f"tags.`{WORK_TAG}` = '{work}'", max_results=_PAGE)
    return next((run for run in runs if _is_stopped(run)), None)


def close_orphaned_runs(
    client: MlflowClient, experiment_ids: Sequence[str], kept: str | None = None
) -> list[Run]:
    """End runs as KILLED whose process is gone, or that were lost with their machine.

    Args:
        client: Client of the tracking store.
        experiment_ids: Experiments whose runs are checked.
        kept: Id of a run to leave as it is.

    Returns:
        The runs that were closed.
    """
    query = "attributes.status = 'RUNNING'"
    closed = []
    for run in client.search_runs(list(experiment_ids), query, max_results=_PAGE):
        if run.info.run_id != kept and is_orphaned(run.data.tags):
            client.set_tag(run.info.run_id, "forewarn.closed", "its process ended without ending the run")
            end_run(client, run.info.run_id, "KILLED", is_resumable=True)
            closed.append(run)
    return closed


def is_orphaned(tags: Mapping[str, str]) -> bool:
    """Return whether the process that a run belongs to is gone; runs not made by forewarn are not orphaned.

    Args:
        tags: Tags of the run.
    """
    if _PROCESS not in tags:
        return False
    if tags.get(_HOST) == socket.gethostname():
        return not _is_alive(int(tags[_PROCESS]), tags.get(_STARTED))
    return time.time() - float(tags.get(_ALIVE, "0")) > _LOST_SECONDS


def _is_stopped(run: Run) -> bool:
    if run.info.status == "RUNNING":
        return is_orphaned(run.data.tags)
    return run.data.tags.get(RESUMABLE_TAG) == "true"


def _is_alive(process: int, started: str | None) -> bool:
    """Return whether a process of this machine is alive, and is not another one with the same id."""
    try:
        found = psutil.Process(process)
        is_same = started is None or abs(found.create_time() - float(started)) < 1.0
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a user id without a name, as in a container
        return "unknown"
