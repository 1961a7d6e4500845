"""Move aliases of the registry: announced, done, recorded; or taken back.

The note of a move (its intent) is written before the first step and removed after the last. The
decisive step is `champion`, or the one alias that moves: once it is done, a stopped move is finished
by the next command, before that it is taken back.
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

# the alias that is decisive comes after the one that keeps the old champion
_FORWARDS = ("previous", "champion", "challenger")
_BACKWARDS = ("champion", "previous", "challenger")


def carry_out(client: MlflowClient, model_name: str, move: Move, lock: str) -> list[str]:
    """Carry out a move whole; after an error everything is as it was, as far as the store answers.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move.
        lock: Path of the lock that is held.

    Returns:
        What could not be copied to versions and runs, in words.

    Raises:
        StoreUnreachableError: If someone else moved the aliases meanwhile.
    """
    announce_move(client, model_name, Intent(move=move, host=socket.gethostname(), lock=lock))
    try:
        return finish_move(client, model_name, move)
    except BaseException as error:
        # what cannot be put back now, the next command puts back: the intent is still there
        with contextlib.suppress(Exception):
            if move.changed_aliases or not has_happened(client, model_name, move):
                take_back(client, model_name, move, f"{type(error).__name__}: {error}")
            else:
                finish_move(client, model_name, move)
        raise


def announce_move(client: MlflowClient, model_name: str, intent: Intent) -> None:
    """Write the intent, and make sure that nobody elsewhere wrote one at the same time."""
    write_intent(client, model_name, intent)
    state = read_registry(client, model_name)
    if state.intent is None or state.intent.move.id != intent.move.id:
        raise StoreUnreachableError(
            f"The registered model {model_name!r} must be moved by one command at a time. Another host "
            "began a move at the same moment. Nothing was moved by this command; try again."
        )


def finish_move(client: MlflowClient, model_name: str, move: Move) -> list[str]:
    """Do every step of a move that is not done yet, compare, and record it.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move.

    Returns:
        What could not be copied to versions and runs, in words.
    """
    for alias in _FORWARDS:
        if alias in move.changed_aliases:
            place_alias(client, model_name, alias, getattr(move.after, alias))
    _change_version(client, model_name, move)
    _require_standing(client, model_name, move.after)
    record_move(client, model_name, move)
    notes = copy_history(client, model_name, _list_concerned(move))
    remove_intent(client, model_name)
    return notes


def take_back(client: MlflowClient, model_name: str, move: Move, reason: str) -> None:
    """Undo the steps of a move that are done, and record that it was taken back.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        move: The move; its place in the history goes to the repair.
        reason: Why it did not come to its end.
    """
    standing = read_registry(client, model_name).standing
    for alias in _BACKWARDS:
        is_moved = getattr(standing, alias) == getattr(move.after, alias)
        if alias in move.changed_aliases and is_moved:
            place_alias(client, model_name, alias, getattr(move.before, alias))
    if move.quarantined is not None and move.changed_aliases:
        client.delete_model_version_tag(model_name, move.quarantined, QUARANTINE_TAG)
    repaired = read_registry(client, model_name).standing
    record_move(client, model_name, describe_repair(move, repaired, reason))
    copy_history(client, model_name, _list_concerned(move))
    remove_intent(client, model_name)


def has_happened(client: MlflowClient, model_name: str, move: Move) -> bool:
    """Tell whether the decisive step of a move is done."""
    if move.changed_aliases:
        decisive = move.changed_aliases[0]
        standing = read_registry(client, model_name).standing
        return bool(getattr(standing, decisive) == getattr(move.after, decisive))
    version = find_version(client, model_name, move.version)
    if move.kind == "delete" or version is None:
        return version is None and move.kind == "delete"
    return (QUARANTINE_TAG in version.tags) == (move.kind == "quarantine")


def describe_repair(move: Move, standing: Standing, reason: str) -> Move:
    """Enter in the place of a move that it was taken back."""
    why = shorten_reason(f"the {move.name} was taken back: {reason}")
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
    """Point an alias to a version, or to none."""
    if number is not None:
        client.set_registered_model_alias(model_name, alias, number)
    else:
        client.delete_registered_model_alias(model_name, alias)


def _change_version(client: MlflowClient, model_name: str, move: Move) -> None:
    """Do what a move does to versions rather than to aliases."""
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
            f"{found.model_dump()}: someone else moved them at the same time. See `forewarn models`, then "
            "try again."
        )


def _list_concerned(move: Move) -> list[str]:
    numbers = (move.version, move.before.champion, move.quarantined)
    return sorted({number for number in numbers if number is not None})
