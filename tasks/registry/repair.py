"""Put in order what interrupted commands have left in the registry, and say so."""

from __future__ import annotations

import contextlib
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.errors import ForewarnError, StoreUnreachableError
from schemas.registry import ALIASES, Intent, Move, RegistryState, Standing
from tasks.registry.aliases import finish_move, has_happened, take_back
from tasks.registry.history import describe_person, read_registry, record_move
from tasks.registry.versions import find_version
from tasks.tracking.locks import lock_registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

# a move takes a second; so long after it began, a process on another host is taken to be gone
_ABANDONED_SECONDS = 120


@dataclass(frozen=True)
class OpenRegistry:
    """A registered model that is locked and in order.

    Attributes:
        lock: Path of the lock.
        state: The model as it was read last.
        repairs: What was put in order, in words.
    """

    lock: str
    state: RegistryState
    repairs: tuple[str, ...]


@contextlib.contextmanager
def open_registry(client: MlflowClient, model_name: str) -> Iterator[OpenRegistry]:
    """Lock a registered model and put it in order.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Yields:
        Its state. An error that comes later tells of the repairs, too.

    Raises:
        InputError: If there is no such model.
        StoreUnreachableError: If another command holds it.
    """
    with lock_registry(client, model_name) as lock:
        repairs = repair_registry(client, model_name, lock)
        try:
            yield OpenRegistry(lock, read_registry(client, model_name), tuple(repairs))
        except ForewarnError as error:
            if not repairs:
                raise
            lines = [str(error), *(f"Repaired before that: {repair}" for repair in repairs)]
            raise type(error)("\n".join(lines)) from error


def repair_registry(client: MlflowClient, model_name: str, lock: str) -> list[str]:
    """Finish or take back a move that was left half-way; drop aliases to nothing; note foreign moves.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        lock: Path of the lock that is held.

    Returns:
        What was done, in words; nothing where all was in order.

    Raises:
        InputError: If there is no such model.
        StoreUnreachableError: If a command on another host may be at work.
    """
    intent = read_registry(client, model_name).intent
    repairs = [] if intent is None else _settle_intent(client, model_name, intent, lock)
    repairs += _drop_dangling_aliases(client, model_name)
    return repairs + _record_foreign_moves(client, model_name)


def _settle_intent(client: MlflowClient, model_name: str, intent: Intent, lock: str) -> list[str]:
    _require_abandoned(intent, lock)
    move = _forget_missing_versions(client, model_name, intent.move)
    begun = f"The {move.name} at {move.when} had been interrupted"
    if has_happened(client, model_name, move):
        return [f"{begun}; it was finished: {describe_change(move)}.", *finish_move(client, model_name, move)]
    take_back(client, model_name, move, "it was interrupted before its decisive step")
    return [f"{begun}; it was taken back: the aliases are as before it."]


def _require_abandoned(intent: Intent, lock: str) -> None:
    """Make sure that nobody is still at work: whoever holds our lock is ourselves."""
    if intent.lock == lock and intent.host == socket.gethostname():
        return
    age = (datetime.now(UTC) - datetime.fromisoformat(intent.move.when)).total_seconds()
    if age < _ABANDONED_SECONDS:
        raise StoreUnreachableError(
            f"Nobody else may be moving aliases. The {intent.move.name} on {intent.host} began {age:.0f} s "
            f"ago. Try again in {_ABANDONED_SECONDS - age:.0f} s."
        )


def _forget_missing_versions(client: MlflowClient, model_name: str, move: Move) -> Move:
    """Leave out of a move the versions that were deleted since, and aliases that it does not move."""
    current = read_registry(client, model_name).standing.model_dump()
    sides = {}
    for side, standing in (("before", move.before), ("after", move.after)):
        moved = {name: getattr(standing, name) for name in move.changed_aliases}
        kept = {
            name: number
            for name, number in moved.items()
            if number is not None and find_version(client, model_name, number) is not None
        }
        sides[side] = Standing(**(current | dict.fromkeys(moved) | kept))
    is_gone = move.quarantined is not None and find_version(client, model_name, move.quarantined) is None
    return move.model_copy(update={**sides, "quarantined": None if is_gone else move.quarantined})


def _drop_dangling_aliases(client: MlflowClient, model_name: str) -> list[str]:
    """Remove aliases that point to versions which no longer exist."""
    dropped = []
    for alias, number in read_registry(client, model_name).aliases.items():
        if alias in ALIASES and find_version(client, model_name, number) is None:
            client.delete_registered_model_alias(model_name, alias)
            dropped.append(
                f"The alias {alias} pointed to version {number}, which does not exist; it is removed."
            )
    return dropped


def _record_foreign_moves(client: MlflowClient, model_name: str) -> list[str]:
    """Note in the history what was moved without forewarn, such as in the MLflow UI."""
    state = read_registry(client, model_name)
    last = state.history[-1].after if state.history else Standing()
    if state.standing == last:
        return []
    move = Move(
        number=state.next_number,
        id=uuid.uuid4().hex,
        kind="repair",
        version=state.standing.champion or last.champion or "",
        before=last,
        after=state.standing,
        who=describe_person(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why="found so: the aliases were moved, or a version deleted, without forewarn",
    )
    record_move(client, model_name, move)
    said = f"The aliases had been changed without forewarn: {describe_change(move)}. The history has it now."
    if state.standing.champion is None and last.champion is not None:
        said += " There is no champion: `forewarn promote` or `forewarn rollback` makes one."
    return [said]


def describe_change(move: Move) -> str:
    """Say from where to where the aliases moved."""
    changes = [
        f"{name} {getattr(move.before, name) or 'none'} -> {getattr(move.after, name) or 'none'}"
        for name in move.changed_aliases
    ]
    return ", ".join(changes) if changes else f"version {move.version}"
