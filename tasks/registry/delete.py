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
    """Delete a version by a person's word, and note it in the history; its run stays.

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
        said = f"Version {number} of {model_name} is deleted. Its run {version.run_id or ''} stays."
        return carry_through(client, model_name, move, opened, said)


def unregister_version(client: MlflowClient, model_name: str, number: str) -> None:
    """Remove a version whose run did not come to its end.

    Raises:
        InputError: If an alias points to it: MLflow would silently delete the alias with it.
    """
    with lock_registry(client, model_name):
        if find_version(client, model_name, number) is None:
            return
        require_no_alias(read_registry(client, model_name).aliases, number)
        client.delete_model_version(model_name, number)


def require_no_alias(aliases: dict[str, str], number: str) -> None:
    """Make sure that no alias points to a version.

    Raises:
        InputError: If one does.
    """
    held = sorted(alias for alias, version in aliases.items() if version == number)
    if held:
        raise InputError(
            f"A version that is deleted must have no alias. Version {number} is {', '.join(held)}; it stays. "
            "Move the alias to another version first: forewarn promote, or forewarn rollback."
        )
