"""What is known of versions, their aliases and the moves of these."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

ALIASES = ("champion", "previous", "challenger")
MOVE_TAG = "forewarn.move."
INTENT_TAG = "forewarn.intent"
QUARANTINE_TAG = "quarantine"

# what a move is called in a sentence
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


class Standing(BaseModel):
    """The versions that the aliases point to, or none where an alias is not set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None


class Move(BaseModel):
    """One entry of a registered model's history.

    Attributes:
        number: Place in the history, from 1.
        id: The same for the move and for what a repair says of it.
        kind: Who or what moved: the gate, a person's command, or a repair.
        version: The version that it is about.
        before: Where the aliases pointed.
        after: Where they point from then on.
        who: Person and host.
        when: Time of the decision to move, UTC, ISO 8601.
        why: Reason that was given, shortened where it is long.
        gate: What the gate had said of the version: its decision and reasons; empty where unknown.
        quarantined: The version that goes into quarantine with the move, or none.
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
        """The move in a few words, such as `promotion of version 3 by a person`."""
        link = " " if self.kind == "rollback" else " of "
        return f"{MOVE_NAMES[self.kind]}{link}version {self.version} by {self.who}"

    @property
    def changed_aliases(self) -> tuple[str, ...]:
        """The aliases that it moves, the decisive one first."""
        return tuple(name for name in ALIASES if getattr(self.before, name) != getattr(self.after, name))


class Intent(BaseModel):
    """A move that was begun: what a stopped process leaves for the next command.

    Attributes:
        move: The move, as it will stand in the history.
        host: Host of the process.
        lock: File that the process holds locked; whoever holds it knows that the process is gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: Move
    host: str
    lock: str


class RegistryState(BaseModel):
    """A registered model in one reading.

    Attributes:
        aliases: Version of every alias, those of others too.
        history: All moves, oldest first.
        intent: A move that was begun and not ended, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aliases: dict[str, str]
    history: tuple[Move, ...]
    intent: Intent | None

    @property
    def standing(self) -> Standing:
        """Where our aliases point."""
        return Standing(**{name: self.aliases.get(name) for name in ALIASES})

    @property
    def next_number(self) -> int:
        """Place of the next move in the history."""
        return self.history[-1].number + 1 if self.history else 1


class Outcome(BaseModel):
    """What a command did to the registry.

    Attributes:
        move: The move, or none where nothing had to be changed.
        standing: Where the aliases point now.
        message: The outcome in words.
        repairs: What earlier, interrupted commands had left and was put in order, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: Move | None
    standing: Standing
    message: str
    repairs: tuple[str, ...] = ()


class VersionSummary(BaseModel):
    """A version as `forewarn models` lists it.

    Attributes:
        made_at: When it was registered, UTC, ISO 8601.
        status: `READY` where it can be loaded.
        metrics: Metrics of its run on the test part, by name; empty where the run is gone.
        quarantine: Why it must not be used, or none.
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
        versions: The newest first.
        history: The oldest move first.
        repairs: What earlier, interrupted commands had left and was put in order, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str
    standing: Standing
    versions: tuple[VersionSummary, ...]
    history: tuple[Move, ...]
    repairs: tuple[str, ...] = ()
