"""Look up versions in the registry, without loading their models."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from schemas.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

# MLflow's error codes for a missing model, version or alias, and for an invalid version number
_MISSING = ("RESOURCE_DOES_NOT_EXIST",)
_MISSING_OR_WRONG = (*_MISSING, "INVALID_PARAMETER_VALUE")

T = TypeVar("T")


def find_champion(client: MlflowClient, model_name: str) -> ModelVersion | None:
    """Find the version with the alias `champion`, or None."""
    return find_alias(client, model_name, "champion")


def find_alias(client: MlflowClient, model_name: str, alias: str) -> ModelVersion | None:
    """Find the version that an alias points to, or None."""
    return _find(lambda: client.get_model_version_by_alias(model_name, alias))


def find_version(client: MlflowClient, model_name: str, number: str) -> ModelVersion | None:
    """Find a version by its number, or None."""
    return _find(lambda: client.get_model_version(model_name, number))


def find_model(client: MlflowClient, model_name: str) -> RegisteredModel | None:
    """Find a registered model with its tags and aliases, or None."""
    return _find(lambda: client.get_registered_model(model_name), _MISSING)


def list_model_versions(client: MlflowClient, model_name: str) -> list[ModelVersion]:
    """List the versions of a registered model; none if it does not exist."""
    quote = '"' if "'" in model_name else "'"
    found: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(f"name={quote}{model_name}{quote}", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def require_version(client: MlflowClient, model_name: str, number: str) -> ModelVersion:
    """Find a version that the user named.

    Raises:
        InputError: If there is no such version.
    """
    version = find_version(client, model_name, number)
    if version is None:
        raise InputError(
            f"The version must belong to the registered model {model_name!r}. Version {number} does not "
            "exist. `forewarn models` lists the versions."
        )
    return version


def find_run_metrics(client: MlflowClient, run_id: str, prefix: str) -> dict[str, float]:
    """Find a run's metrics with a prefix, named without it; empty if the run no longer exists.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        prefix: Such as `test_`.
    """
    run = _find(lambda: client.get_run(run_id))
    metrics = {} if run is None else run.data.metrics
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


def _find(look_up: Callable[[], T], missing: Collection[str] = _MISSING_OR_WRONG) -> T | None:
    """Look something up, or return None if MLflow raises one of the error codes in `missing`."""
    from mlflow.exceptions import MlflowException

    try:
        return look_up()
    except MlflowException as error:
        if error.error_code not in missing:
            raise
        return None
