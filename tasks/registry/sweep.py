"""Clean up the tracking store after killed processes and lost machines."""

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
    """End the orphaned runs of all experiments as KILLED, and delete their versions and incomplete models.

    Args:
        client: Client of the tracking store.
        kept: Id of a run that is being resumed, and is left alone.

    Returns:
        The closed runs.
    """
    experiments = [each.experiment_id for each in client.search_experiments()]
    closed = close_orphaned_runs(client, experiments, kept)
    for run in closed:
        take_versions_out(client, run.info.run_id)
        find_ready_model(client, run.info.experiment_id, run.info.run_id)
    return closed


def take_versions_out(client: MlflowClient, run_id: str) -> None:
    """Delete the versions of a run that did not finish, except those with an alias.

    Args:
        client: Client of the registry.
        run_id: The run.
    """
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        with contextlib.suppress(InputError):
            unregister_version(client, version.name, str(version.version))
