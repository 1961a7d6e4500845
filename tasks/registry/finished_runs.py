"""Find a finished run of the same work, so that no work is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.results import RetrainResult
from schemas.work import RESULT_FILE, WORK_TAG
from tasks.registry.history import read_registry
from tasks.registry.versions import find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def find_finished_work(client: MlflowClient, experiment: str, work: str) -> RetrainResult | None:
    """Find the result of the newest finished run of some work.

    Args:
        client: Client of the tracking store.
        experiment: Name of the experiment.
        work: Key of data, configuration and code.

    Returns:
        The result; None if no run has finished, or its version no longer exists.
    """
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    finished = f"tags.`{WORK_TAG}` = '{work}' and attributes.status = 'FINISHED'"
    results = (read_result(client, run) for run in client.search_runs([found.experiment_id], finished))
    newest = next((result for result in results if result is not None), None)
    return None if newest is None else newest.model_copy(update={"is_found": True})


def find_decided_run(client: MlflowClient, run_id: str) -> RetrainResult | None:
    """Find the result of a run that was stopped after the gate's decision had been carried out.

    Such a run must not be judged again: its version may be the champion that it would be compared with.

    Args:
        client: Client of the tracking store.
        run_id: The run.

    Returns:
        The result; None if the decision is still to be made, or moves no alias.
    """
    result = read_result(client, client.get_run(run_id))
    if result is None:
        return None
    moves = read_registry(client, result.model_name).history
    is_done = any(move.kind == "gate" and move.version == result.model_version for move in moves)
    return result.model_copy(update={"is_resumed": True}) if is_done else None


def read_result(client: MlflowClient, run: Run) -> RetrainResult | None:
    """Read the result of a run; None if it logged none, or its version no longer exists."""
    from mlflow.artifacts import load_text
    from mlflow.exceptions import MlflowException

    try:
        text = load_text(f"{run.info.artifact_uri}/{RESULT_FILE}")
        result = RetrainResult.model_validate_json(text)
    except (MlflowException, OSError, ValidationError):
        return None
    if find_version(client, result.model_name, result.model_version) is None:
        return None
    return result
