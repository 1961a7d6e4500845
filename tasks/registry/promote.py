"""Move the aliases of the registry: by the gate's decision, or by a person's word."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from schemas.errors import InputError
from schemas.registry import QUARANTINE_TAG, Move, MoveKind, Outcome, RegistryState, Standing
from tasks.registry.aliases import carry_out
from tasks.registry.history import describe_gate, describe_person, read_registry, shorten_reason
from tasks.registry.repair import OpenRegistry, open_registry
from tasks.registry.versions import require_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_READY = "READY"


def apply_decision(
    client: MlflowClient,
    model_name: str,
    number: str,
    decision: Literal["PROMOTE", "REJECT", "HOLD"],
    why: str = "gate",
    who: str | None = None,
) -> Outcome | None:
    """Make a version champion, keep it as challenger, or leave the aliases alone.

    On PROMOTE the old champion becomes `previous`; on HOLD the version becomes `challenger`.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version that was judged.
        decision: What the gate said of it.
        why: Its reasons, for the history.
        who: Who ran it; the user and host without it.

    Returns:
        What was moved, or none where the decision moves nothing.

    Raises:
        InputError: If the version is in quarantine; nothing moves then.
    """
    if decision == "REJECT":
        return None
    with open_registry(client, model_name) as opened:
        version = require_version(client, model_name, number)
        after = opened.state.standing.model_copy(update={"challenger": number})
        if decision == "PROMOTE":
            require_usable(version)
            after = put_champion(opened.state.standing, number)
        move = plan_move(opened.state, "gate", version, why, who or describe_person(), after)
        return perform(client, model_name, move, opened)


def promote_version(client: MlflowClient, model_name: str, number: str, why: str, who: str) -> Outcome:
    """Make a version champion by a person's word, whatever the gate had said of it.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version.
        why: The reason, for the history.
        who: The person.

    Returns:
        What was moved; no move where the version is champion already.

    Raises:
        InputError: If there is no reason, or the version is missing, not ready or in quarantine.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        version = require_version(client, model_name, number)
        require_usable(version)
        after = put_champion(opened.state.standing, number)
        move = plan_move(opened.state, "promote", version, why, who, after)
        return perform(client, model_name, move, opened)


def rollback(
    client: MlflowClient,
    model_name: str,
    why: str,
    who: str,
    to: str | None = None,
    is_quarantined: bool = False,
) -> Outcome:
    """Make `previous`, or the version named, champion again; what was champion becomes `previous`.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        why: The reason, for the history.
        who: The person.
        to: The version to go back to; `previous` without it.
        is_quarantined: Whether the version that is left goes into quarantine.

    Returns:
        What was moved; no move where the version is champion already.

    Raises:
        InputError: If there is no reason, nothing to go back to, or the version cannot be used.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        standing = opened.state.standing
        number = to or standing.previous
        if number is None:
            raise InputError(
                f"A rollback needs a version to go back to. {model_name!r} has no alias previous. Name one "
                "with `--to`; `forewarn models` lists the versions."
            )
        version = require_version(client, model_name, number)
        require_usable(version)
        after = put_champion(standing, number)
        move = plan_move(opened.state, "rollback", version, why, who, after)
        if is_quarantined and standing.champion != number:
            move = move.model_copy(update={"quarantined": standing.champion})
        return perform(client, model_name, move, opened)


def put_champion(standing: Standing, number: str) -> Standing:
    """Say where the aliases point once a version is champion.

    The old champion becomes `previous`; the new one is neither `previous` nor `challenger`.
    """
    if standing.champion == number:
        return standing
    kept = standing.previous if standing.previous != number else None
    return Standing(
        champion=number,
        previous=standing.champion or kept,
        challenger=standing.challenger if standing.challenger != number else None,
    )


def plan_move(
    state: RegistryState, kind: MoveKind, version: ModelVersion, why: str, who: str, after: Standing
) -> Move:
    """Write down a move before it is made, with its place in the history."""
    return Move(
        number=state.next_number,
        id=uuid.uuid4().hex,
        kind=kind,
        version=str(version.version),
        before=state.standing,
        after=after,
        who=who,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why=shorten_reason(why),
        gate=describe_gate(version),
    )


def perform(client: MlflowClient, model_name: str, move: Move, opened: OpenRegistry) -> Outcome:
    """Carry out a move of aliases, unless the aliases stand so already."""
    if not move.changed_aliases:
        alias = "champion" if move.after.champion == move.version else "challenger"
        said = f"Version {move.version} of {model_name} is {alias} already; nothing was changed."
        return Outcome(move=None, standing=opened.state.standing, message=said, repairs=opened.repairs)
    return carry_through(client, model_name, move, opened, describe_move(move, model_name))


def carry_through(
    client: MlflowClient, model_name: str, move: Move, opened: OpenRegistry, message: str
) -> Outcome:
    """Carry out a move and say what it has come to, with what had been put in order before."""
    notes = carry_out(client, model_name, move, opened.lock)
    standing = read_registry(client, model_name).standing
    return Outcome(move=move, standing=standing, message=message, repairs=(*opened.repairs, *notes))


def describe_move(move: Move, model_name: str) -> str:
    """Say what a move of aliases has come to, and what the gate had said of the version."""
    if "champion" not in move.changed_aliases:
        return f"Version {move.version} of {model_name} is challenger now."
    said = [f"Version {move.version} of {model_name} is champion now."]
    if move.before.champion is not None:
        said.append(f"Version {move.before.champion}, champion until now, is previous.")
    if move.quarantined is not None:
        said.append(f"Version {move.quarantined} is in quarantine.")
    if move.gate:
        said.append(f"The gate had said of version {move.version}: {move.gate}")
    return "\n".join(said)


def require_reason(why: str) -> None:
    """Make sure that a person gives a reason.

    Raises:
        InputError: If the text is empty.
    """
    if not why.strip():
        raise InputError(
            "`--why` must give the reason, for those who read the history. It was empty. Such as: "
            "--why 'the new sensors are in'."
        )


def require_usable(version: ModelVersion) -> None:
    """Make sure that a version may become champion.

    Raises:
        InputError: If it is in quarantine, or not ready.
    """
    reason = version.tags.get(QUARANTINE_TAG)
    if reason is not None:
        raise InputError(
            f"The version must not be in quarantine. Version {version.version} is: {reason}. Choose "
            f"another, or lift it: forewarn quarantine --version {version.version} --lift --why TEXT."
        )
    if version.status != _READY:
        raise InputError(
            f"The version must be ready. Version {version.version} is {version.status}: "
            f"{version.status_message}. Choose another, or register it again."
        )
