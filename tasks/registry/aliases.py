"""Move the registry's aliases: announce, carry out and record a move, or undo it.

The intent of a move is written before its first step and deleted after its last. The decisive step moves
`champion`, or the only alias that moves; of a quarantine, its lifting and a deletion it is the change of the
version, which comes first. The next command finishes an interrupted move that has taken this step, and undoes
one that has not.
"""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.errors import StoreUnreachableError
from schemas.registry import QUARANTINE_TAG, Intent, Move, Standing
from tasks.registry.history import (
    copy_history,
    read_registry,
    record_move,
    remove_intent,
    shorten_reason,
    write_intent,
)
from tasks.registry.versions import find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

# `previous` keeps the old champion, so it moves before the decisive alias
_FORWARDS = ("previous", "champion", "challenger")
_BACKWARDS = ("champion", "previous", "challenger")


def carry_out(client: MlflowClient, model_name: str, move: Move, lock: str) -> list[str]:
    """Carry out a whole move; after an error it is undone as far as the store responds.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move.
        lock: Path of the lock that is held.

    Returns:
        A message for each copy of the history that could not be written.

    Raises:
        StoreUnreachableError: If someone else moved the aliases at the same time.
    """
    announce_move(client, model_name, Intent(move=move, host=socket.gethostname(), lock=lock))
    try:
        return finish_move(client, model_name, move)
    except BaseException as error:
        # if this fails too, the intent remains and the next command repairs the registry
        with contextlib.suppress(Exception):
            if move.decisive_alias is not None or not has_happened(client, model_name, move):
                take_back(client, model_name, move, f"{type(error).__name__}: {error}")
            else:
                finish_move(client, model_name, move)
        raise


def announce_move(client: MlflowClient, model_name: str, intent: Intent) -> None:
    """Write the intent, and check that no other host wrote one at the same time."""
    write_intent(client, model_name, intent)
    state = read_registry(client, model_name)
    if state.intent is None or state.intent.move.id != intent.move.id:
        raise StoreUnreachableError(
            f"Only one command at a time may move the aliases of {model_name!r}. Another host began a move "
            "at the same moment. This command moved nothing; try again."
        )


def finish_move(client: MlflowClient, model_name: str, move: Move) -> list[str]:
    """Do the remaining steps of a move, check the aliases, and record the move.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move.

    Returns:
        A message for each copy of the history that could not be written.
    """
    if move.decisive_alias is None:
        _change_version(client, model_name, move)
    for alias in _FORWARDS:
        if alias in move.changed_aliases:
            place_alias(client, model_name, alias, getattr(move.after, alias))
    if move.decisive_alias is not None:
        _change_version(client, model_name, move)
    _require_standing(client, model_name, move.after)
    record_move(client, model_name, move)
    notes = copy_history(client, model_name, _list_concerned(move))
    remove_intent(client, model_name)
    return notes


def take_back(client: MlflowClient, model_name: str, move: Move, reason: str) -> None:
    """Undo the completed steps of a move, and record the repair.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move; the repair takes its number in the history.
        reason: Why the move was not completed.
    """
    standing = read_registry(client, model_name).standing
    for alias in _BACKWARDS:
        is_moved = getattr(standing, alias) == getattr(move.after, alias)
        if alias in move.changed_aliases and is_moved:
            place_alias(client, model_name, alias, getattr(move.before, alias))
    if move.quarantined is not None and move.decisive_alias is not None:
        client.delete_model_version_tag(model_name, move.quarantined, QUARANTINE_TAG)
    repaired = read_registry(client, model_name).standing
    record_move(client, model_name, describe_repair(move, repaired, reason))
    copy_history(client, model_name, _list_concerned(move))
    remove_intent(client, model_name)


def has_happened(client: MlflowClient, model_name: str, move: Move) -> bool:
    """Return whether the decisive step of a move is done."""
    decisive = move.decisive_alias
    if decisive is not None:
        standing = read_registry(client, model_name).standing
        return bool(getattr(standing, decisive) == getattr(move.after, decisive))
    version = find_version(client, model_name, move.version)
    if move.kind == "delete" or version is None:
        return version is None and move.kind == "delete"
    return (QUARANTINE_TAG in version.tags) == (move.kind == "quarantine")


def describe_repair(move: Move, standing: Standing, reason: str) -> Move:
    """Describe the undoing of a move, to be recorded in its place."""
    why = shorten_reason(f"the {move.name} was undone: {reason}")
    return Move(
        number=move.number,
        id=move.id,
        kind="repair",
        version=move.version,
        before=standing,
        after=standing,
        who=move.who,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why=why,
        gate=move.gate,
    )


def place_alias(client: MlflowClient, model_name: str, alias: str, number: str | None) -> None:
    """Point an alias to a version, or delete it."""
    if number is not None:
        client.set_registered_model_alias(model_name, alias, number)
    else:
        client.delete_registered_model_alias(model_name, alias)


def _change_version(client: MlflowClient, model_name: str, move: Move) -> None:
    """Do the step of a move that changes a version rather than an alias."""
    if move.quarantined is not None:
        client.set_model_version_tag(model_name, move.quarantined, QUARANTINE_TAG, move.why)
    elif move.kind == "lift":
        client.delete_model_version_tag(model_name, move.version, QUARANTINE_TAG)
    elif move.kind == "delete" and find_version(client, model_name, move.version) is not None:
        client.delete_model_version(model_name, move.version)


def _require_standing(client: MlflowClient, model_name: str, expected: Standing) -> None:
    found = read_registry(client, model_name).standing
    if found != expected:
        raise StoreUnreachableError(
            f"After the move the aliases of {model_name!r} must be {expected.model_dump()}. They are "
            f"{found.model_dump()}: someone else moved them at the same time. Check `forewarn models`, then "
            "try again."
        )


def _list_concerned(move: Move) -> list[str]:
    numbers = (move.version, move.before.champion, move.quarantined)
    return sorted({number for number in numbers if number is not None})
