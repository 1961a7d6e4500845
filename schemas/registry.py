"""Registered versions, their aliases, and the history of alias moves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

ALIASES = ("champion", "previous", "challenger")
MOVE_TAG = "forewarn.move."
INTENT_TAG = "forewarn.intent"
QUARANTINE_TAG = "quarantine"
# status of a version that can be loaded
READY = "READY"

# names of the moves in messages
MOVE_NAMES = {
    "gate": "gate's move",
    "promote": "promotion",
    "rollback": "rollback to",
    "quarantine": "quarantine",
    "lift": "lifting of the quarantine",
    "delete": "deletion",
    "repair": "repair",
}

MoveKind = Literal["gate", "promote", "rollback", "quarantine", "lift", "delete", "repair"]


# moves that are decided by a change of the version, not of an alias
_MOVES_OF_VERSIONS = ("quarantine", "lift", "delete")


class Standing(BaseModel):
    """The versions that the aliases point to; None for an alias that is not set.

    Attributes:
        champion: The version that scores, serves and is monitored.
        previous: The version that the next rollback restores.
        challenger: The version that the gate last put on HOLD.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None


class Move(BaseModel):
    """One entry of a registered model's history.

    Attributes:
        number: Position in the history, from 1.
        id: Identifier of the move; a repair of the move has the same one.
        kind: What caused the move: the gate, a person's command, or a repair.
        version: The version concerned.
        before: Aliases before the move.
        after: Aliases after the move.
        who: Person and host.
        when: Time of the decision, UTC, ISO 8601.
        why: The stated reason, shortened if long.
        gate: The gate's decision on the version with its reasons; empty if unknown.
        quarantined: The version that the move puts into quarantine, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    id: str
    kind: MoveKind
    version: str
    before: Standing
    after: Standing
    who: str
    when: str
    why: str
    gate: str = ""
    quarantined: str | None = None

    @property
    def name(self) -> str:
        """Short description of the move, such as `promotion of version 3 by a person`."""
        link = " " if self.kind == "rollback" else " of "
        return f"{MOVE_NAMES[self.kind]}{link}version {self.version} by {self.who}"

    @property
    def changed_aliases(self) -> tuple[str, ...]:
        """The aliases that the move changes, the most important first."""
        return tuple(name for name in ALIASES if getattr(self.before, name) != getattr(self.after, name))

    @property
    def decisive_alias(self) -> str | None:
        """The alias whose move decides; None if a change of the version does."""
        return None if self.kind in _MOVES_OF_VERSIONS else next(iter(self.changed_aliases), None)


class Intent(BaseModel):
    """A move in progress; if its process is stopped, the next command finds it and repairs the registry.

    Attributes:
        move: The move, as it will be recorded in the history.
        host: Host of the process.
        lock: File that the process holds a lock on; once the lock is free, the process has ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: Move
    host: str
    lock: str


class RegistryState(BaseModel):
    """The state of a registered model, read at one time.

    Attributes:
        aliases: Version of every alias, including aliases that forewarn does not manage.
        history: All moves, oldest first.
        intent: A move that was started but not finished, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aliases: dict[str, str]
    history: tuple[Move, ...]
    intent: Intent | None

    @property
    def standing(self) -> Standing:
        """The versions that forewarn's aliases point to."""
        return Standing(**{name: self.aliases.get(name) for name in ALIASES})

    @property
    def next_number(self) -> int:
        """Position of the next move in the history."""
        return self.history[-1].number + 1 if self.history else 1


class Outcome(BaseModel):
    """Result of a command that changes the registry.

    Attributes:
        move: The move, or None if nothing had to change.
        standing: The aliases now.
        message: The result as a sentence.
        repairs: Descriptions of the repairs made first, after interrupted commands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: Move | None
    standing: Standing
    message: str
    repairs: tuple[str, ...] = ()


class RollbackTarget(BaseModel):
    """What a rollback without `--to` does.

    Attributes:
        version: The version that it restores; None if no earlier champion may return.
        skipped: The champions after it, or all earlier ones, that may not return by themselves, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str | None
    skipped: tuple[str, ...] = ()


class VersionSummary(BaseModel):
    """A version as `forewarn models` lists it.

    Attributes:
        made_at: Time of registration, UTC, ISO 8601.
        status: `READY` if it can be loaded.
        metrics: Test metrics of its run, by name; empty if the run no longer exists.
        quarantine: Reason why it must not be used, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    aliases: tuple[str, ...]
    status: str
    decision: str | None
    decided_at: str | None
    made_at: str
    run_id: str | None
    data_sha256: str | None
    metrics: dict[str, float]
    quarantine: str | None


class RegistryListing(BaseModel):
    """All versions of a registered model and the moves of its aliases.

    Attributes:
        versions: All versions, newest first.
        history: All moves, oldest first.
        repairs: Descriptions of the repairs made first, after interrupted commands.
        rollback: What the next rollback would do, or None without a version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str
    standing: Standing
    versions: tuple[VersionSummary, ...]
    history: tuple[Move, ...]
    repairs: tuple[str, ...] = ()
    rollback: RollbackTarget | None = None
