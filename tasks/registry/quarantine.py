"""Quarantine a version, so that it cannot become champion, and lift the quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import InputError
from schemas.registry import QUARANTINE_TAG, Outcome
from tasks.registry.promote import carry_through, plan_move, require_reason
from tasks.registry.repair import open_registry
from tasks.registry.versions import require_version

if TYPE_CHECKING:
    from mlflow import MlflowClient


def quarantine_version(
    client: MlflowClient, model_name: str, number: str, why: str, who: str, is_lifted: bool = False
) -> Outcome:
    """Set or lift a version's quarantine.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version.
        why: The reason, for the history and the version's tag.
        who: The person.
        is_lifted: Whether to lift the quarantine rather than set it.

    Returns:
        The outcome, without a move if nothing had to be changed.

    Raises:
        InputError: If there is no reason, the version is missing, or it is champion.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        version, standing = require_version(client, model_name, number), opened.state.standing
        if standing.champion == str(version.version) and not is_lifted:
            raise InputError(
                f"A version to quarantine must not be champion. Version {number} is. Roll back first, which "
                "can do both: forewarn rollback --quarantine --why TEXT."
            )
        if (QUARANTINE_TAG in version.tags) != is_lifted:
            state = f"already in quarantine: {version.tags.get(QUARANTINE_TAG)}"
            message = (
                f"Version {number} is {'not in quarantine' if is_lifted else state}; nothing was changed."
            )
            return Outcome(move=None, standing=standing, message=message, repairs=opened.repairs)
        move = plan_move(opened.state, "lift" if is_lifted else "quarantine", version, why, who, standing)
        if not is_lifted:
            move = move.model_copy(update={"quarantined": move.version})
        message = f"Version {number} of {model_name} is {'out of' if is_lifted else 'in'} quarantine."
        return carry_through(client, model_name, move, opened, message)
