"""What must be undone or closed when a flow does not come to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from flows import steps
from flows.environment import find_home
from schemas.configuration import TrackingSection
from schemas.errors import InputError
from schemas.readings import RawTable

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Run:
    """The MLflow run that a flow is recorded in."""

    client: MlflowClient
    id: str
    name: str
    tracking_uri: str
    code_version: str
    home: Path

    @property
    def report(self) -> Path:
        """Where the report is written, besides the copy among the run's artifacts."""
        return self.home / "mlruns" / "reports" / f"{self.name}-{self.id[:8]}.html"


@contextlib.contextmanager
def recorded_run(tracking: TrackingSection, raw: RawTable, tags: Mapping[str, str]) -> Iterator[Run]:
    """Open an MLflow run that ends FINISHED, FAILED after an error, or KILLED when interrupted.

    Args:
        tracking: The experiment.
        raw: The table that the run is made from: its tags trace the run to the data and the code.
        tags: Further tags of the run.

    Yields:
        The run.

    Raises:
        StoreUnreachableError: If the tracking store does not answer.
    """
    # plain functions, not tasks: Prefect starts no task once a flow is being interrupted
    from tasks import log

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
    log.close_orphaned_runs(client, experiment_id)
    run_id, run_name = log.start_run(client, experiment_id, {**traces, **tags})
    try:
        yield Run(client, run_id, run_name, tracking_uri, code_version, home)
    except Exception as error:
        log.end_run(client, run_id, "FAILED")
        log.tag_run(client, run_id, {"failure": _shorten(error)})
        raise
    except BaseException:
        # interrupted, or ended by a signal
        log.end_run(client, run_id, "KILLED")
        raise
    log.end_run(client, run_id, "FINISHED")


@contextlib.contextmanager
def registered_version(client: MlflowClient, model_name: str, *details: Any) -> Iterator[str]:
    """Register a version that is taken out again unless everything after it succeeds.

    A version that has an alias by then stays: an interrupt must not take the champion away.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        details: Logged model, run and tags, as `tasks.register.register_version` takes them.

    Yields:
        The version's number.
    """
    from tasks.delete import unregister_version

    number = steps.register_version(client, model_name, *details)
    try:
        yield number
    except BaseException:
        with contextlib.suppress(InputError):
            unregister_version(client, model_name, number)
        raise


def _shorten(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
