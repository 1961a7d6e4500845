"""Put a version into quarantine, so that nothing makes it champion, and take it out again."""

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
        why: The reason, for the history; it stands in the version's tag.
        who: The person.
        is_lifted: Whether the quarantine ends.

    Returns:
        What was changed; no move where the version stands so already.

    Raises:
        InputError: If there is no reason, the version is missing, or it is champion.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        version, standing = require_version(client, model_name, number), opened.state.standing
        if standing.champion == str(version.version) and not is_lifted:
            raise InputError(
                f"The champion cannot go into quarantine. Version {number} is champion. Go back first, which "
                "may do both: forewarn rollback --quarantine --why TEXT."
            )
        if (QUARANTINE_TAG in version.tags) != is_lifted:
            state = f"in quarantine already: {version.tags.get(QUARANTINE_TAG)}"
            said = f"Version {number} is {'not in quarantine' if is_lifted else state}; nothing was changed."
            return Outcome(move=None, standing=standing, message=said, repairs=opened.repairs)
        move = plan_move(opened.state, "lift" if is_lifted else "quarantine", version, why, who, standing)
        if not is_lifted:
            move = move.model_copy(update={"quarantined": move.version})
        said = f"Version {number} of {model_name} is {'out of' if is_lifted else 'in'} quarantine."
        return carry_through(client, model_name, move, opened, said)
