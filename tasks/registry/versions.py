"""Find versions in the registry, without loading what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from schemas.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

_MISSING = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
# what MLflow says of an alias that is not set, and of a number that is none
_MISSING_OR_WRONG = (_MISSING, ErrorCode.Name(INVALID_PARAMETER_VALUE))


def find_champion(client: MlflowClient, model_name: str) -> ModelVersion | None:
    """Find the version with the alias `champion`, or none where there is none."""
    return find_alias(client, model_name, "champion")


def find_alias(client: MlflowClient, model_name: str, alias: str) -> ModelVersion | None:
    """Find the version that an alias points to, or none where it points to none."""
    try:
        return client.get_model_version_by_alias(model_name, alias)
    except MlflowException as error:
        if error.error_code not in _MISSING_OR_WRONG:
            raise
        return None


def find_version(client: MlflowClient, model_name: str, number: str) -> ModelVersion | None:
    """Find a version by its number, or none where there is none."""
    try:
        return client.get_model_version(model_name, number)
    except MlflowException as error:
        if error.error_code not in _MISSING_OR_WRONG:
            raise
        return None


def find_model(client: MlflowClient, model_name: str) -> RegisteredModel | None:
    """Find a registered model with its tags and aliases, or none where there is none."""
    try:
        return client.get_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
        return None


def require_version(client: MlflowClient, model_name: str, number: str) -> ModelVersion:
    """Find a version that a user has named.

    Raises:
        InputError: If there is no such version.
    """
    version = find_version(client, model_name, number)
    if version is None:
        raise InputError(
            f"The version must be one of the registered model {model_name!r}. Version {number} does not "
            "exist. `forewarn models` lists the versions."
        )
    return version


def find_run_metrics(client: MlflowClient, run_id: str, prefix: str) -> dict[str, float]:
    """Find a run's metrics by what follows a prefix; nothing where the run is gone.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        prefix: Such as `test_`.
    """
    try:
        metrics = client.get_run(run_id).data.metrics
    except MlflowException as error:
        if error.error_code not in _MISSING_OR_WRONG:
            raise
        return {}
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
