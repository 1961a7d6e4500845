"""Clean up after a killed process or a lost machine: runs, versions, flow runs and servers."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from schemas.errors import StoreUnreachableError
from tasks.registry.sweep import close_abandoned_runs
from tasks.tracking.store import connect_store, find_tracking_uri, has_store, report_unreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SERVER = "prefect.server.api.server:create_app"
_ENDED = "The process of this run is gone; the next start of forewarn found the run still open."
_PATIENCE_SECONDS = 5.0


def clean_up(client: MlflowClient, kept: str | None = None) -> list[str]:
    """Set runs whose process is gone KILLED, and their flow runs Crashed.

    Versions that such a run had registered are deleted unless an alias points to them.

    Args:
        client: Client of the tracking store.
        kept: Id of a run to leave open because it is being resumed.

    Returns:
        Ids of the runs that were closed.
    """
    closed = close_abandoned_runs(client, kept)
    for run in closed:
        end_flow_run(run.data.tags.get("prefect.flow_run_id", ""))
    return [run.info.run_id for run in closed]


def sweep_at_start(home: Path) -> None:
    """Clean up after a lost machine before anything is started, and report on standard error.

    Args:
        home: Folder that holds `mlruns/`.
    """
    uri = find_tracking_uri(home)
    if not has_store(uri):
        return
    try:
        with report_unreachable(uri):
            ended = clean_up(connect_store(uri))
    except StoreUnreachableError as error:
        # the store may start after the worker; the next retraining cleans up
        print(f"not cleaned up: {error}", file=sys.stderr)
        return
    for run_id in ended:
        print(
            f"repaired  run {run_id}, left open by a killed process or a lost machine, was set KILLED",
            file=sys.stderr,
        )


def end_flow_run(flow_run_id: str) -> None:
    """Set a flow run Crashed, unless it has ended or is unknown to this server.

    Args:
        flow_run_id: Value of the MLflow run's tag; an invalid id is ignored.
    """
    with contextlib.suppress(ValueError, ObjectNotFound), get_client(sync_client=True) as server:
        found = server.read_flow_run(UUID(flow_run_id))
        if found.state is None or not found.state.is_final():
            ended: State[Any] = Crashed(message=_ENDED)
            server.set_flow_run_state(found.id, ended, force=True)


def end_orphaned_servers() -> list[int]:
    """End embedded Prefect servers of this home whose command was killed.

    Returns:
        Their process ids.
    """
    orphans = [server for server in psutil.process_iter() if _is_orphaned_server(server)]
    for server in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.terminate()
    _, alive = psutil.wait_procs(orphans, timeout=_PATIENCE_SECONDS)
    for server in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.kill()
    return [server.pid for server in orphans]


def _is_orphaned_server(process: psutil.Process) -> bool:
    """Return whether a process is an embedded server of this home that has lost its command."""
    try:
        if _SERVER not in process.cmdline():
            return False
        settings = process.environ()
        is_ours = settings.get("PREFECT_HOME") == os.environ.get("PREFECT_HOME")
        if settings.get("PREFECT__SERVER_EPHEMERAL") != "1" or not is_ours:
            return False
        # an orphan is adopted by init or by a subreaper
        parent = process.parent()
        return parent is None or not _is_command(parent)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _is_command(process: psutil.Process) -> bool:
    return any(word in process.name().lower() for word in ("python", "forewarn", "pytest", "prefect"))
