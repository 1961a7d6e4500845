"""Open, go on with and end MLflow runs: each belongs to a process, which may be killed or lost."""

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
# a run on another machine that has not been heard of for so long is lost
_LOST_SECONDS = 600.0
_PAGE = 1000


def start_run(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> tuple[str, str]:
    """Start a run that carries the process it belongs to.

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
    """Go on with a run that was stopped: it belongs to this process from now on.

    Args:
        client: Client of the tracking store.
        stopped: As `find_stopped_run` gave it.
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
    """Tag a run with host and process, so that a later start can tell whether it still lives."""
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
        is_resumable: Whether the same work, begun again, goes on with this run.
    """
    if is_resumable:
        client.set_tag(run_id, RESUMABLE_TAG, "true")
    client.set_terminated(run_id, status=status)


@contextlib.contextmanager
def shown_alive(client: MlflowClient, run_id: str, beat_seconds: float = _BEAT_SECONDS) -> Iterator[None]:
    """Note in a run, now and then, that its process lives: other machines cannot see the process.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        beat_seconds: Seconds between two notes.
    """
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(beat_seconds):
            # a store that does not answer is told by the next step; the next beat tries again
            with contextlib.suppress(Exception):
                client.set_tag(run_id, _ALIVE, str(time.time()))

    thread = threading.Thread(target=beat, name="show-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()


def find_stopped_run(client: MlflowClient, experiment_id: str, work: str) -> Run | None:
    """Find the newest run of some work that was stopped half-way, and may be gone on with.

    Args:
        client: Client of the tracking store.
        experiment_id: Experiment of the run.
        work: Key of data, configuration and code.

    Returns:
        The run; none where there is none, or where it is still going on.
    """
    runs = client.search_runs([experiment_id], f"tags.`{WORK_TAG}` = '{work}'", max_results=_PAGE)
    return next((run for run in runs if _is_stopped(run)), None)


def close_orphaned_runs(
    client: MlflowClient, experiment_ids: Sequence[str], kept: str | None = None
) -> list[Run]:
    """End runs KILLED whose process is gone, or that were lost with their machine.

    Args:
        client: Client of the tracking store.
        experiment_ids: Experiments whose runs are looked at.
        kept: Id of a run that is left as it is.

    Returns:
        The runs that were closed.
    """
    going_on = "attributes.status = 'RUNNING'"
    closed = []
    for run in client.search_runs(list(experiment_ids), going_on, max_results=_PAGE):
        if run.info.run_id != kept and is_orphaned(run.data.tags):
            client.set_tag(run.info.run_id, "forewarn.closed", "its process ended without closing it")
            end_run(client, run.info.run_id, "KILLED", is_resumable=True)
            closed.append(run)
    return closed


def is_orphaned(tags: Mapping[str, str]) -> bool:
    """Tell whether the process that a run belongs to is gone; runs that forewarn did not make never are.

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
    """Tell whether a process of this machine lives, and is not another one with the same number."""
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
        # a number without a name, as in a container
        return "unknown"
