"""What must be undone or closed when a flow does not come to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from flows.steps import register_version

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextlib.contextmanager
def recorded_run(
    client: MlflowClient, experiment_id: str, tags: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Open an MLflow run that ends FINISHED, FAILED after an error, or KILLED when interrupted.

    Args:
        client: Client of the tracking store.
        experiment_id: Experiment of the run.
        tags: Tags of the run.

    Yields:
        Id and name of the run.
    """
    # plain functions, not tasks: Prefect starts no task once a flow is being interrupted
    from tasks import log

    log.close_orphaned_runs(client, experiment_id)
    run_id, run_name = log.start_run(
        client, experiment_id, {**tags, "prefect.flow_run_id": str(flow_run.get_id())}
    )
    try:
        yield run_id, run_name
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

    Args:
        client: Client of the registry.
        model_name: Registered model.
        details: Logged model, run and tags, as `tasks.register.register_version` takes them.

    Yields:
        The version's number.
    """
    from tasks.register import unregister_version

    number = register_version(client, model_name, *details)
    try:
        yield number
    except BaseException:
        unregister_version(client, model_name, number)
        raise


def _shorten(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
