"""Put in order what a killed process or a lost machine left in the tracking store."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from schemas.errors import InputError
from tasks.registry.delete import unregister_version
from tasks.registry.register import find_ready_model
from tasks.tracking.runs import close_orphaned_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def close_abandoned_runs(client: MlflowClient, kept: str | None = None) -> list[Run]:
    """End orphaned runs of all experiments KILLED, and take out what they had half registered.

    Args:
        client: Client of the tracking store.
        kept: Id of a run that is gone on with, and left as it is.

    Returns:
        The runs that were closed.
    """
    experiments = [each.experiment_id for each in client.search_experiments()]
    closed = close_orphaned_runs(client, experiments, kept)
    for run in closed:
        take_versions_out(client, run.info.run_id)
        find_ready_model(client, run.info.experiment_id, run.info.run_id)
    return closed


def take_versions_out(client: MlflowClient, run_id: str) -> None:
    """Take out the versions of a run that did not come to its end; one that has an alias stays.

    Args:
        client: Client of the registry.
        run_id: The run.
    """
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        with contextlib.suppress(InputError):
            unregister_version(client, version.name, str(version.version))
