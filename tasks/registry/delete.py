"""Delete versions that no alias points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import InputError
from schemas.registry import Outcome
from tasks.registry.history import read_registry
from tasks.registry.promote import carry_through, plan_move, require_reason
from tasks.registry.repair import open_registry
from tasks.registry.versions import find_version, require_version
from tasks.tracking.locks import lock_registry

if TYPE_CHECKING:
    from mlflow import MlflowClient


def delete_version(client: MlflowClient, model_name: str, number: str, why: str, who: str) -> Outcome:
    """Delete a version at a person's request, and record it in the history; its run is kept.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version.
        why: The reason, for the history.
        who: The person.

    Raises:
        InputError: If there is no reason, the version is missing, or an alias points to it.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        version, state = require_version(client, model_name, number), opened.state
        require_no_alias(state.aliases, str(version.version))
        move = plan_move(state, "delete", version, why, who, state.standing)
        message = f"Version {number} of {model_name} is deleted. Its run {version.run_id or ''} is kept."
        return carry_through(client, model_name, move, opened, message)


def unregister_version(client: MlflowClient, model_name: str, number: str) -> None:
    """Delete a version whose run did not finish.

    Raises:
        InputError: If an alias points to the version: MLflow would silently delete the alias too.
    """
    with lock_registry(client, model_name):
        if find_version(client, model_name, number) is None:
            return
        require_no_alias(read_registry(client, model_name).aliases, number)
        client.delete_model_version(model_name, number)


def require_no_alias(aliases: dict[str, str], number: str) -> None:
    """Require that no alias points to a version.

    Raises:
        InputError: If an alias does.
    """
    held = sorted(alias for alias, version in aliases.items() if version == number)
    if held:
        raise InputError(
            f"A version to delete must have no alias. Version {number} is {', '.join(held)} and was not "
            "deleted. Move the alias to another version first: forewarn promote, forewarn rollback, or for "
            "previous forewarn quarantine, after which the version before it is previous."
        )
