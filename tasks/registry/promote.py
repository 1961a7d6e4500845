"""Move the registry's aliases: by the gate's decision, or at a person's request."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from schemas.errors import InputError
from schemas.registry import (
    QUARANTINE_TAG,
    READY,
    Move,
    MoveKind,
    Outcome,
    RegistryState,
    RollbackTarget,
    Standing,
)
from tasks.registry.aliases import carry_out
from tasks.registry.champions import describe_target, find_rollback_target
from tasks.registry.history import describe_gate, describe_person, read_registry, shorten_reason
from tasks.registry.repair import OpenRegistry, open_registry
from tasks.registry.versions import require_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def apply_decision(
    client: MlflowClient,
    model_name: str,
    number: str,
    decision: Literal["PROMOTE", "REJECT", "HOLD"],
    why: str = "gate",
    who: str | None = None,
) -> Outcome | None:
    """Make a version champion, keep it as challenger, or leave the aliases alone.

    On PROMOTE the old champion becomes `previous`, to which a rollback returns; on HOLD the version becomes
    `challenger`.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version that was judged.
        decision: The gate's decision on it.
        why: The gate's reasons, for the history.
        who: The person who ran the gate; by default the current user and host.

    Returns:
        The outcome, or None if the decision moves no alias.

    Raises:
        InputError: If the version is in quarantine; then nothing moves.
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
    """Make a version champion at a person's request, whatever the gate decided.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version.
        why: The reason, for the history.
        who: The person.

    Returns:
        The outcome, without a move if the version is already champion.

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
    """Make the champion before, or a given version, champion again.

    Without `to` it walks back through the history of champions: each rollback restores the last champion
    before that still exists, was not rolled back from or rejected by the gate, and is not in quarantine. The
    version that it replaces counts as rolled back from, and returns by `to` or a promotion alone.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        why: The reason, for the history.
        who: The person.
        to: The version to go back to; by default `previous`.
        is_quarantined: Whether to quarantine the old champion.

    Returns:
        The outcome, without a move if the version is already champion.

    Raises:
        InputError: If there is no reason or no version to go back to, or the version cannot be used.
    """
    require_reason(why)
    with open_registry(client, model_name) as opened:
        standing, history = opened.state.standing, opened.state.history
        target = find_rollback_target(client, model_name, history)
        number = to or require_target(target, model_name)
        version = require_version(client, model_name, number)
        require_usable(version)
        after = put_champion(standing, number)
        move = plan_move(opened.state, "rollback", version, why, who, after)
        if is_quarantined and standing.champion != number:
            move = move.model_copy(update={"quarantined": standing.champion})
        return perform(client, model_name, move, opened, () if to else target.skipped)


def put_champion(standing: Standing, number: str) -> Standing:
    """Work out where `champion` and `challenger` point once a version is champion.

    The new champion is no longer `challenger`; `previous` follows from the history (`carry_through`).
    """
    if standing.champion == number:
        return standing
    challenger = standing.challenger if standing.challenger != number else None
    return standing.model_copy(update={"champion": number, "challenger": challenger})


def plan_move(
    state: RegistryState, kind: MoveKind, version: ModelVersion, why: str, who: str, after: Standing
) -> Move:
    """Describe a move before it is made, with its number in the history."""
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


def perform(
    client: MlflowClient, model_name: str, move: Move, opened: OpenRegistry, skipped: Sequence[str] = ()
) -> Outcome:
    """Carry out a move of aliases, unless they already point where they should.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move.
        opened: The model's state before it.
        skipped: The champions that a rollback has passed over, and why.
    """
    if not move.changed_aliases:
        alias = "champion" if move.after.champion == move.version else "challenger"
        message = f"Version {move.version} of {model_name} is already {alias}; nothing was changed."
        return Outcome(move=None, standing=opened.state.standing, message=message, repairs=opened.repairs)
    return carry_through(client, model_name, move, opened, describe_move(move, model_name, skipped))


def carry_through(
    client: MlflowClient, model_name: str, move: Move, opened: OpenRegistry, message: str
) -> Outcome:
    """Carry out a move and return its outcome, with the repairs made before it.

    `previous` is moved along, to the version that the next rollback restores.
    """
    target = find_rollback_target(client, model_name, opened.state.history, move)
    after = move.after.model_copy(update={"previous": target.version})
    move = move.model_copy(update={"after": after})
    notes = carry_out(client, model_name, move, opened.lock)
    if {"champion", "previous"}.intersection(move.changed_aliases):
        message = f"{message}\n{describe_target(target)}"
    standing = read_registry(client, model_name).standing
    return Outcome(move=move, standing=standing, message=message, repairs=(*opened.repairs, *notes))


def describe_move(move: Move, model_name: str, skipped: Sequence[str] = ()) -> str:
    """Describe the result of a move of aliases, and the gate's decision on the version."""
    if "champion" not in move.changed_aliases:
        return f"Version {move.version} of {model_name} is now challenger."
    lines = [f"Version {move.version} of {model_name} is now champion."]
    lines += [f"Passed over {each}." for each in skipped]
    if move.quarantined is not None:
        lines.append(f"Version {move.quarantined} is in quarantine.")
    elif move.kind == "rollback" and move.before.champion is not None:
        lines.append(
            f"Version {move.before.champion}, the old champion, returns only if it is named: `forewarn "
            f"rollback --to {move.before.champion} --why TEXT`."
        )
    if move.gate:
        lines.append(f"The gate's decision on version {move.version} was {move.gate}")
    return "\n".join(lines)


def require_target(target: RollbackTarget, model_name: str) -> str:
    """Require that there is a version to roll back to.

    Raises:
        InputError: If no earlier champion may return by itself.
    """
    if target.version is not None:
        return target.version
    past = f" It may not return to {'; '.join(target.skipped)}." if target.skipped else ""
    raise InputError(
        f"A rollback needs an earlier champion that was not rolled back from. {model_name!r} has none.{past} "
        "Name a version with `--to N`, or promote one; `forewarn models` lists the versions."
    )


def require_reason(why: str) -> None:
    """Require that a person gives a reason.

    Raises:
        InputError: If the text is empty.
    """
    if not why.strip():
        raise InputError(
            "`--why` must state a reason, for the readers of the history. Received an empty text. Write for "
            "example --why 'the new sensors are in'."
        )


def require_usable(version: ModelVersion) -> None:
    """Require that a version may become champion.

    Raises:
        InputError: If it is in quarantine, or not ready.
    """
    reason = version.tags.get(QUARANTINE_TAG)
    if reason is not None:
        raise InputError(
            f"The version must not be in quarantine. Version {version.version} is: {reason}. Choose another "
            f"version, or lift it: forewarn quarantine --version {version.version} --lift --why TEXT."
        )
    if version.status != READY:
        raise InputError(
            f"The version must be ready. Version {version.version} is {version.status}: "
            f"{version.status_message}. Choose another version, or register it again."
        )
