"""The line of champions, from the history of moves, and the version that the next rollback restores.

A promotion puts a version on top of the line, and a rollback takes versions off it: what was rolled back from
is no longer in the line, until it becomes champion again at a person's request or by the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from schemas.registry import QUARANTINE_TAG, READY, Move, MoveKind, RollbackTarget
from tasks.registry.versions import find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


class Reign(NamedTuple):
    """A version's time as champion, and the kind of move that made it so."""

    version: str
    kind: MoveKind


class ChampionLine(NamedTuple):
    """The champion, and the champions before it that a rollback may return to, oldest first."""

    earlier: tuple[Reign, ...] = ()
    champion: Reign | None = None


def trace_champions(history: Sequence[Move]) -> ChampionLine:
    """Trace the line of champions through the moves of a registered model.

    Moves of earlier releases count alike: their rollback exchanged `champion` and `previous`, so the second
    of two in a row went back to a version that had been rolled back from. Changes made without forewarn are
    recorded as repairs: one to a version of the line walks back to it, one to another version is a promotion.

    Args:
        history: All moves, oldest first.
    """
    line = ChampionLine()
    for place, move in enumerate(history):
        if not place:
            line = _begin_line(move)
        # an entry may be missing
        line = _follow(line, move.before.champion, "repair")
        line = _follow(line, move.after.champion, move.kind)
    return line


def find_rollback_target(
    client: MlflowClient, model_name: str, history: Sequence[Move], planned: Move | None = None
) -> RollbackTarget:
    """Find the version that a rollback without `--to` restores: the last champion before that may return.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        history: All moves, oldest first.
        planned: A move after which the rollback would come, or None.
    """
    skipped: list[str] = []
    moves = history if planned is None else (*history, planned)
    for reign in reversed(trace_champions(moves).earlier):
        problem = _find_problem(find_version(client, model_name, reign.version), reign, planned)
        if problem is None:
            return RollbackTarget(version=reign.version, skipped=tuple(skipped))
        skipped.append(f"version {reign.version}, which {problem}")
    return RollbackTarget(version=None, skipped=tuple(skipped))


def describe_target(target: RollbackTarget) -> str:
    """Say what the next rollback restores, and what it passes over."""
    past = f" It passes over {'; '.join(target.skipped)}." if target.skipped else ""
    if target.version is not None:
        return f"The next rollback restores version {target.version}.{past}"
    return (
        f"The next rollback finds no earlier champion.{past} `forewarn rollback --to N --why TEXT` restores "
        "a version that you choose."
    )


def _begin_line(first: Move) -> ChampionLine:
    """Take the aliases as they were before the first move, or as they were first found."""
    found = first.after if first.kind == "repair" and first.before.champion is None else first.before
    if found.champion is None:
        return ChampionLine()
    earlier = () if found.previous is None else (Reign(found.previous, "repair"),)
    return ChampionLine(earlier, Reign(found.champion, "repair"))


def _follow(line: ChampionLine, number: str | None, kind: MoveKind) -> ChampionLine:
    """Follow one change of the champion."""
    before = line.champion
    if number == (None if before is None else before.version):
        return line
    if number is None:
        return ChampionLine(line.earlier, None)
    versions = [reign.version for reign in line.earlier]
    if kind == "rollback" or (kind == "repair" and number in versions):
        kept = line.earlier[: versions.index(number)] if number in versions else line.earlier
    else:
        kept = tuple(reign for reign in line.earlier if reign.version != number)
        kept += () if before is None else (before,)
    return ChampionLine(kept, Reign(number, kind))


def _find_problem(version: ModelVersion | None, reign: Reign, planned: Move | None) -> str | None:
    """Explain why a version of the line may not return by itself; None if it may."""
    if version is None:
        return "no longer exists"
    if _is_quarantined(version, planned):
        return "is in quarantine"
    decision = version.tags.get("decision")
    if decision == "REJECT":
        return "the gate rejected"
    if decision == "HOLD" and reign.kind == "repair":
        return "the gate held and nobody promoted with forewarn"
    return None if version.status == READY else f"is {version.status}"


def _is_quarantined(version: ModelVersion, planned: Move | None) -> bool:
    """Return whether a version is in quarantine, once a planned move is done."""
    number = str(version.version)
    if planned is not None and planned.quarantined == number:
        return True
    is_lifted = planned is not None and planned.kind == "lift" and planned.version == number
    return QUARANTINE_TAG in version.tags and not is_lifted
