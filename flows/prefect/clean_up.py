"""Put in order what a killed process or a lost machine left: runs, versions, flow runs and servers."""

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
_ENDED = "Its process ended without a word, as the next start of forewarn found."
_PATIENCE_SECONDS = 5.0


def clean_up(client: MlflowClient, kept: str | None = None) -> list[str]:
    """End runs KILLED, and flow runs Crashed, whose process is gone.

    Versions that an orphaned run had registered, and no alias points to, are taken out.

    Args:
        client: Client of the tracking store.
        kept: Id of a run that is gone on with, and left as it is.

    Returns:
        Ids of the runs that were ended.
    """
    closed = close_abandoned_runs(client, kept)
    for run in closed:
        end_flow_run(run.data.tags.get("prefect.flow_run_id", ""))
    return [run.info.run_id for run in closed]


def sweep_at_start(home: Path) -> None:
    """Put in order what a lost machine left, before anything is begun, and say so on standard error.

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
        # the store may come later than the worker; the next retraining looks again
        print(f"not put in order: {error}", file=sys.stderr)
        return
    for run_id in ended:
        print(
            f"repaired  run {run_id}, which a killed process or a lost machine had left, is KILLED",
            file=sys.stderr,
        )


def end_flow_run(flow_run_id: str) -> None:
    """End a flow run Crashed, unless it has ended or another server knows it.

    Args:
        flow_run_id: As the run of MLflow is tagged with it; may be no id.
    """
    with contextlib.suppress(ValueError, ObjectNotFound), get_client(sync_client=True) as server:
        found = server.read_flow_run(UUID(flow_run_id))
        if found.state is None or not found.state.is_final():
            ended: State[Any] = Crashed(message=_ENDED)
            server.set_flow_run_state(found.id, ended, force=True)


def end_orphaned_servers() -> list[int]:
    """End embedded Prefect servers of this home whose command was killed.

    Returns:
        Their process numbers.
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
    """Tell whether a process is an embedded server of this home that no command owns any more."""
    try:
        if _SERVER not in process.cmdline():
            return False
        settings = process.environ()
        is_ours = settings.get("PREFECT_HOME") == os.environ.get("PREFECT_HOME")
        if settings.get("PREFECT__SERVER_EPHEMERAL") != "1" or not is_ours:
            return False
        # who loses its parent is given to the first process, or to one that collects such
        parent = process.parent()
        return parent is None or not _is_command(parent)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _is_command(process: psutil.Process) -> bool:
    return any(word in process.name().lower() for word in ("python", "forewarn", "pytest", "prefect"))
