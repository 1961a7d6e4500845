"""Runs and versions that are closed or undone when a flow fails or is interrupted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from flows import steps
from flows.environment import find_home
from flows.prefect.clean_up import clean_up
from schemas.configuration import TrackingSection
from schemas.errors import InputError, StoreUnreachableError
from schemas.readings import RawTable
from schemas.work import WORK_TAG
from tasks.registry.delete import unregister_version
from tasks.tracking import runs
from tasks.tracking.log import tag_run
from tasks.tracking.store import report_trouble

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Run:
    """The MLflow run that a flow is recorded in.

    Attributes:
        is_resumed: Whether an earlier process, which was stopped, started the run.
    """

    client: MlflowClient
    id: str
    name: str
    tracking_uri: str
    code_version: str
    home: Path
    is_resumed: bool = False

    @property
    def report(self) -> Path:
        """Path of the report; the run's artifacts hold a copy."""
        return self.home / "mlruns" / "reports" / f"{self.name}-{self.id[:8]}.html"


@contextlib.contextmanager
def recorded_run(
    tracking: TrackingSection,
    raw: RawTable,
    tags: Mapping[str, str],
    work: str | None = None,
    *,
    is_new: bool = False,
) -> Iterator[Run]:
    """Open an MLflow run that ends FINISHED, FAILED after an error, or KILLED when interrupted.

    Leftovers of killed processes are cleaned up first. A run of the same work that was stopped, by a kill or
    by a failing store, is resumed, so that each piece of work has one run.

    Args:
        tracking: The experiment.
        raw: The table that the run is made from; tags trace the run to the data and the code.
        tags: Further tags of the run.
        work: Key of data, configuration and code, if a stopped run may be resumed.
        is_new: Whether to start a new run even if one was stopped.

    Yields:
        The run.

    Raises:
        StoreUnreachableError: If the tracking store does not answer, or a disk is full.
    """
    home = find_home()
    tracking_uri = steps.find_tracking_uri(home)
    client, experiment_id = steps.open_store(tracking_uri, tracking.experiment, home)
    code_version = steps.find_code_version()
    traces = {
        "data_sha256": raw.sha256,
        "data_source": raw.source,
        "code_version": code_version,
        "prefect.flow_run_id": str(flow_run.get_id()),
    }
    if raw.events_sha256 is not None:
        traces["events_sha256"] = raw.events_sha256
    # plain functions, not tasks: Prefect starts no task once a flow has been interrupted
    with report_trouble(tracking_uri):
        stopped = None if work is None or is_new else runs.find_stopped_run(client, experiment_id, work)
        clean_up(client, kept=None if stopped is None else stopped.info.run_id)
        if stopped is not None:
            run_id, run_name = runs.resume_run(client, stopped, {**traces, **tags})
        else:
            marks = {} if work is None else {WORK_TAG: work}
            run_id, run_name = runs.start_run(client, experiment_id, {**traces, **tags, **marks})
        with _ended_run(client, run_id, tracking_uri), runs.shown_alive(client, run_id):
            yield Run(client, run_id, run_name, tracking_uri, code_version, home, stopped is not None)


@contextlib.contextmanager
def _ended_run(client: MlflowClient, run_id: str, tracking_uri: str) -> Iterator[None]:
    """End a run as its body ends; if the store no longer answers, the next start of forewarn ends the run."""
    try:
        with report_trouble(tracking_uri):
            yield
    except Exception as error:
        with contextlib.suppress(Exception):
            tag_run(client, run_id, {"failure": _shorten(error)})
            is_resumable = isinstance(error, StoreUnreachableError)
            runs.end_run(client, run_id, "FAILED", is_resumable=is_resumable)
        raise
    except BaseException:
        # interrupted, or ended by a signal
        with contextlib.suppress(Exception):
            runs.end_run(client, run_id, "KILLED", is_resumable=True)
        raise
    runs.end_run(client, run_id, "FINISHED")


@contextlib.contextmanager
def registered_version(client: MlflowClient, model_name: str, *details: Any) -> Iterator[str]:
    """Register a version, and delete it again if the body fails.

    A version that has an alias by then is kept: an interrupt must not remove the champion.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        details: Logged model, run and tags, as `tasks.registry.register.register_version` takes them.

    Yields:
        The version's number.
    """
    number = steps.register_version(client, model_name, *details)
    try:
        yield number
    except BaseException:
        with contextlib.suppress(InputError):
            unregister_version(client, model_name, number)
        raise


def _shorten(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
