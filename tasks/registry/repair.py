"""Repair the registry after interrupted commands and foreign changes, and report the repairs."""

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
from tasks.registry.aliases import finish_move, has_happened, place_alias, take_back
from tasks.registry.champions import describe_target, find_rollback_target
from tasks.registry.history import describe_person, read_registry, record_move
from tasks.registry.versions import find_version
from tasks.tracking.locks import lock_registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

# a move takes a second; after this time the process on another host is presumed dead
_ABANDONED_SECONDS = 120


@dataclass(frozen=True)
class OpenRegistry:
    """A registered model, locked and repaired.

    Attributes:
        lock: Path of the lock.
        state: The model's state after the repairs.
        repairs: A message for each repair.
    """

    lock: str
    state: RegistryState
    repairs: tuple[str, ...]


@contextlib.contextmanager
def open_registry(client: MlflowClient, model_name: str) -> Iterator[OpenRegistry]:
    """Lock a registered model and repair it.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Yields:
        The locked model. A later error lists the repairs as well.

    Raises:
        InputError: If there is no such model.
        StoreUnreachableError: If another command holds the lock.
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
    """Finish or undo an interrupted move, delete dangling aliases, record foreign changes, set `previous`.

    Args:
        client: Client of the registry.
        model_name: Registered model, locked.
        lock: Path of the lock that is held.

    Returns:
        A message for each repair.

    Raises:
        InputError: If there is no such model.
        StoreUnreachableError: If a command on another host may be at work.
    """
    intent = read_registry(client, model_name).intent
    repairs = [] if intent is None else _settle_intent(client, model_name, intent, lock)
    repairs += _drop_dangling_aliases(client, model_name)
    repairs += _record_foreign_moves(client, model_name)
    return repairs + _point_previous(client, model_name)


def _settle_intent(client: MlflowClient, model_name: str, intent: Intent, lock: str) -> list[str]:
    _require_abandoned(intent, lock)
    move = _forget_missing_versions(client, model_name, intent.move)
    begun = f"The {move.name} at {move.when} was interrupted"
    if has_happened(client, model_name, move):
        return [
            f"{begun}; it is now finished: {describe_change(move)}.",
            *finish_move(client, model_name, move),
        ]
    take_back(client, model_name, move, "it was interrupted before its decisive step")
    return [f"{begun}; it was undone, and the aliases are as they were before."]


def _require_abandoned(intent: Intent, lock: str) -> None:
    """Require that no process is still carrying out a move: if its lock is the one we hold, none is."""
    if intent.lock == lock and intent.host == socket.gethostname():
        return
    age = (datetime.now(UTC) - datetime.fromisoformat(intent.move.when)).total_seconds()
    if age < _ABANDONED_SECONDS:
        raise StoreUnreachableError(
            f"Only one command at a time may move aliases. The {intent.move.name} on {intent.host} began "
            f"{age:.0f} s ago. Try again in {_ABANDONED_SECONDS - age:.0f} s."
        )


def _forget_missing_versions(client: MlflowClient, model_name: str, move: Move) -> Move:
    """Drop deleted versions from a move, and take the aliases that it does not move from the registry."""
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
    """Delete aliases that point to versions which no longer exist."""
    dropped = []
    for alias, number in read_registry(client, model_name).aliases.items():
        if alias in ALIASES and find_version(client, model_name, number) is None:
            client.delete_registered_model_alias(model_name, alias)
            dropped.append(
                f"The alias {alias} pointed to version {number}, which does not exist; the alias was deleted."
            )
    return dropped


def _record_foreign_moves(client: MlflowClient, model_name: str) -> list[str]:
    """Record changes of aliases made without forewarn, such as in the MLflow UI."""
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
        why="the aliases were moved, or a version deleted, without forewarn",
    )
    record_move(client, model_name, move)
    repair = (
        f"The aliases were changed without forewarn: {describe_change(move)}. This is now in the history."
    )
    if state.standing.champion is None and last.champion is not None:
        repair += " There is no champion: set one with `forewarn promote` or `forewarn rollback`."
    return [repair]


def _point_previous(client: MlflowClient, model_name: str) -> list[str]:
    """Let `previous` name the version that the next rollback restores; earlier releases set it otherwise."""
    state = read_registry(client, model_name)
    target = find_rollback_target(client, model_name, state.history)
    if target.version == state.standing.previous:
        return []
    move = Move(
        number=state.next_number,
        id=uuid.uuid4().hex,
        kind="repair",
        version=target.version or state.standing.previous or "",
        before=state.standing,
        after=state.standing.model_copy(update={"previous": target.version}),
        who=describe_person(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why="previous names the version that the next rollback restores, by the history of champions",
    )
    place_alias(client, model_name, "previous", target.version)
    record_move(client, model_name, move)
    return [f"By the history of champions: {describe_change(move)}. {describe_target(target)}"]


def describe_change(move: Move) -> str:
    """Describe how a move changed the aliases."""
    changes = [
        f"{name} {getattr(move.before, name) or 'none'} -> {getattr(move.after, name) or 'none'}"
        for name in move.changed_aliases
    ]
    return ", ".join(changes) if changes else f"version {move.version}"
