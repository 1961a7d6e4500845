"""Keep the history of a registered model: who moved which alias, when and why.

The tags of the registered model are the record. The tags of versions and the files of runs are copies.
"""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from schemas.errors import InputError
from schemas.registry import INTENT_TAG, MOVE_TAG, Intent, Move, RegistryState
from tasks.registry.versions import find_model, find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# a tag of a registered model holds 5,000 characters, and JSON escapes may double some of them
_WHY_CHARACTERS = 1_000
_GATE_CHARACTERS = 700
_WHO_CHARACTERS = 100
_COPY = "registry/history.json"

Entry = TypeVar("Entry", Move, Intent)


def read_registry(client: MlflowClient, model_name: str) -> RegistryState:
    """Read the aliases, the history and the intent of an unfinished move in one request.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Raises:
        InputError: If there is no such model, or someone changed a tag of the history.
    """
    model = find_model(client, model_name)
    if model is None:
        raise InputError(
            f"`tracking.model_name` must name a registered model. {model_name!r} does not exist. "
            "`forewarn retrain` creates it."
        )
    moves = {key: text for key, text in model.tags.items() if key.startswith(MOVE_TAG)}
    history = [_read_tag(Move, key, text) for key, text in moves.items()]
    intent = model.tags.get(INTENT_TAG)
    return RegistryState(
        aliases={alias: str(number) for alias, number in model.aliases.items()},
        history=tuple(sorted(history, key=lambda move: move.number)),
        intent=None if intent is None else _read_tag(Intent, INTENT_TAG, intent),
    )


def write_intent(client: MlflowClient, model_name: str, intent: Intent) -> None:
    """Write the intent of a move before its first step."""
    client.set_registered_model_tag(model_name, INTENT_TAG, intent.model_dump_json())


def remove_intent(client: MlflowClient, model_name: str) -> None:
    """Delete the intent of a move after its last step."""
    client.delete_registered_model_tag(model_name, INTENT_TAG)


def record_move(client: MlflowClient, model_name: str, move: Move) -> None:
    """Add a move to the history; adding it again changes nothing."""
    client.set_registered_model_tag(model_name, f"{MOVE_TAG}{move.number:06d}", move.model_dump_json())


def copy_history(client: MlflowClient, model_name: str, numbers: Sequence[str]) -> list[str]:
    """Update the copies of the history in the tags of versions and in their runs.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        numbers: The versions; those that do not exist are skipped.

    Returns:
        A message for each copy that could not be written; a failed copy does not undo the move.
    """
    history, notes = read_registry(client, model_name).history, []
    for number in numbers:
        version = find_version(client, model_name, number)
        if version is not None:
            _tag_promotion(client, version, history)
            notes += _write_copy(client, version, history)
    return notes


def shorten(text: str, characters: int) -> str:
    """Put a text on one line, and cut it, with a note of its length, to at most `characters`."""
    line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    if len(line) <= characters:
        return line
    mark = f" ... (shortened from {len(line):,} characters)"
    return line[: characters - len(mark)] + mark


def shorten_reason(why: str) -> str:
    """Cut a reason to the length that the history can hold."""
    return shorten(why, _WHY_CHARACTERS)


def describe_gate(version: ModelVersion) -> str:
    """Describe the gate's decision on a version, with its reasons; empty if there was none."""
    decision, reasons = version.tags.get("decision", ""), version.tags.get("decision_reasons", "")
    return shorten(f"{decision}: {reasons}" if reasons else decision, _GATE_CHARACTERS)


def describe_person() -> str:
    """Name the person at work, as user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # a user id without a name, as in a container
        user = "unknown"
    return shorten(f"{user}@{socket.gethostname()}", _WHO_CHARACTERS)


def _read_tag(schema: type[Entry], key: str, text: str) -> Entry:
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"The tag {key!r} of the registered model must have the form that forewarn writes. It contains "
            f"{text[:80]!r}. Restore the tag, or delete it in MLflow."
        ) from error


def _tag_promotion(client: MlflowClient, version: ModelVersion, history: Sequence[Move]) -> None:
    """Tag a version with its last promotion, or remove these tags if it has none."""
    number = str(version.version)
    promotions = [move for move in history if move.after.champion == number != move.before.champion]
    last = promotions[-1] if promotions else None
    tags = {} if last is None else {"at": last.when, "by": last.who, "why": last.why}
    for name in ("promoted_at", "promoted_by", "promoted_why"):
        value, held = tags.get(name.removeprefix("promoted_")), version.tags.get(name)
        if value is not None and value != held:
            client.set_model_version_tag(version.name, number, name, value)
        elif value is None and held is not None:
            client.delete_model_version_tag(version.name, number, name)


def _write_copy(client: MlflowClient, version: ModelVersion, history: Sequence[Move]) -> list[str]:
    """Write the moves that concern a version into the run that produced it."""
    from mlflow.exceptions import MlflowException

    if not version.run_id:
        return []
    number = str(version.version)
    moves = [
        move.model_dump(mode="json")
        for move in history
        if number in (move.version, move.before.champion, move.after.champion, move.quarantined)
    ]
    try:
        client.log_text(version.run_id, json.dumps(moves, indent=1, ensure_ascii=False), _COPY)
    except (MlflowException, OSError) as error:
        reason = str(error).splitlines()[0]
        return [f"The copy of the history in the run of version {number} could not be written: {reason}"]
    return []
