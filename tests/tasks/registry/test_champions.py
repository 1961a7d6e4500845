"""The line of champions: whatever happened before, a rollback restores only what may return by itself."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mlflow import MlflowClient

from schemas.errors import InputError
from schemas.registry import Move, MoveKind, Standing
from tasks.registry.champions import trace_champions
from tasks.registry.delete import delete_version
from tasks.registry.history import read_registry
from tasks.registry.promote import apply_decision, promote_version, rollback
from tasks.registry.quarantine import quarantine_version
from tasks.registry.repair import open_registry
from tests.memory_registry import MemoryRegistry

WHO, WHY = "a person", "a test"


def moves_with(*steps: tuple[MoveKind, str | None]) -> list[Move]:
    """Make the moves that let these versions be champion, one after the other."""
    moves, before = [], Standing()
    for number, (kind, champion) in enumerate(steps, start=1):
        after = Standing(champion=champion)
        moves.append(
            Move(
                number=number,
                id=str(number),
                kind=kind,
                version=champion or "",
                before=before,
                after=after,
                who=WHO,
                when="2026-01-01T00:00:00+00:00",
                why=WHY,
            )
        )
        before = after
    return moves


def line_of(moves: list[Move]) -> tuple[list[str], str | None]:
    line = trace_champions(moves)
    return [reign.version for reign in line.earlier], line.champion.version if line.champion else None


@pytest.mark.parametrize(
    ("steps", "earlier", "champion"),
    [
        ([], [], None),
        ([("gate", "1"), ("promote", "2"), ("gate", "3")], ["1", "2"], "3"),
        ([("gate", "1"), ("gate", "2"), ("gate", "3"), ("rollback", "2")], ["1"], "2"),
        ([("gate", "1"), ("gate", "2"), ("gate", "3"), ("rollback", "1")], [], "1"),
        # back to a version that was rolled back from: by name, or by a release that exchanged the two
        ([("gate", "1"), ("gate", "2"), ("rollback", "1"), ("rollback", "2")], [], "2"),
        ([("gate", "1"), ("gate", "2"), ("rollback", "1"), ("promote", "2")], ["1"], "2"),
        ([("gate", "1"), ("gate", "2"), ("gate", "3"), ("promote", "1")], ["2", "3"], "1"),
        ([("gate", "1"), ("gate", "2"), ("quarantine", "2"), ("lift", "2")], ["1"], "2"),
        # moved in MLflow: to another version, back, and away
        ([("gate", "1"), ("repair", "2")], ["1"], "2"),
        ([("gate", "1"), ("gate", "2"), ("gate", "3"), ("repair", "2")], ["1"], "2"),
        ([("gate", "1"), ("gate", "2"), ("repair", None)], ["1"], None),
        ([("gate", "1"), ("gate", "2"), ("repair", None), ("gate", "3")], ["1"], "3"),
    ],
)
def test_the_line_is_what_the_moves_leave(
    steps: list[tuple[MoveKind, str | None]], earlier: list[str], champion: str | None
) -> None:
    assert line_of(moves_with(*steps)) == (earlier, champion)


def test_a_missing_entry_counts_as_a_change_made_without_forewarn() -> None:
    moves = moves_with(("gate", "1"), ("gate", "2"), ("gate", "3"))
    assert line_of([moves[0], moves[2]]) == (["1", "2"], "3")


@pytest.mark.parametrize("kind", ["gate", "repair"])
def test_a_history_begins_with_the_aliases_that_were_found(kind: MoveKind) -> None:
    found = Standing(champion="2", previous="1")
    first = moves_with(("gate", "3"))[0]
    if kind == "repair":
        moves = [first.model_copy(update={"kind": "repair", "after": found})]
        assert line_of(moves) == (["1"], "2")
    else:
        assert line_of([first.model_copy(update={"before": found})]) == (["1", "2"], "3")


def test_previous_that_was_set_without_a_champion_was_never_one() -> None:
    first = moves_with(("gate", "3"))[0]
    found = first.model_copy(update={"kind": "repair", "after": Standing(previous="1")})
    assert line_of([found]) == ([], None)


class Registry(RuleBasedStateMachine):
    """Moves of every kind, in any order, beside a plain account of who was champion and who was left."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = MemoryRegistry(f"sqlite:///{Path(self.folder.name)}/none.db")
        self.reigned: set[str] = set()
        self.left: set[str] = set()

    @property
    def client(self) -> MlflowClient:
        return cast("MlflowClient", self.memory)

    @property
    def standing(self) -> Standing:
        return read_registry(self.client, self.memory.name).standing

    def draw(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.memory.versions)), label="version")

    def act(self, command: Callable[..., Any], *details: Any, is_rollback: bool = False, **more: Any) -> bool:
        """Run a command, and take account of a change of the champion; false if it was refused."""
        before = self.standing.champion
        try:
            command(self.client, self.memory.name, *details, **more)
        except InputError:
            return False
        self.account(before, is_rollback)
        return True

    def account(self, before: str | None, is_rollback: bool) -> None:
        champion = self.standing.champion
        if champion == before or champion is None:
            return
        self.reigned.add(champion)
        self.left.discard(champion)
        if is_rollback and before is not None:
            self.left.add(before)

    @initialize(decisions=st.lists(st.sampled_from(["PROMOTE", "HOLD", "REJECT"]), min_size=1, max_size=5))
    def begin(self, decisions: list[str]) -> None:
        for decision in decisions:
            self.act(promote_version, self.memory.register(decision), WHY, WHO)

    @rule(decision=st.sampled_from(["PROMOTE", "HOLD", "REJECT"]))
    def retrain(self, decision: Any) -> None:
        number = self.memory.register(decision)
        self.act(apply_decision, number, decision)

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        self.act(promote_version, self.draw(data), WHY, WHO)

    @rule(is_quarantined=st.booleans())
    def roll_back(self, is_quarantined: bool) -> None:
        self.roll_back_by_itself(is_quarantined)

    def roll_back_by_itself(self, is_quarantined: bool = False) -> bool:
        """Roll back without naming a version: what comes back may come back."""
        expected, before = self.standing.previous, self.standing.champion
        may_return = {
            number
            for number in self.reigned - self.left - {before}
            if number in self.memory.versions
            and self.memory.versions[number].tags["decision"] != "REJECT"
            and "quarantine" not in self.memory.versions[number].tags
        }
        is_done = self.act(rollback, WHY, WHO, is_quarantined=is_quarantined, is_rollback=True)
        champion = self.standing.champion
        assert is_done == (expected is not None)
        assert champion == (expected if is_done else before)
        if is_done:
            assert champion in may_return
        return is_done

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data())
    def roll_back_to(self, data: st.DataObject) -> None:
        self.act(rollback, WHY, WHO, to=self.draw(data), is_rollback=True)

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data(), is_lifted=st.booleans())
    def quarantine(self, data: st.DataObject, is_lifted: bool) -> None:
        self.act(quarantine_version, self.draw(data), WHY, WHO, is_lifted=is_lifted)

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.act(delete_version, self.draw(data), WHY, WHO)

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data(), alias=st.sampled_from(["champion", "previous", "challenger"]))
    def move_in_mlflow(self, data: st.DataObject, alias: str) -> None:
        before = self.standing.champion
        self.client.set_registered_model_alias(self.memory.name, alias, self.draw(data))
        self.settle()
        self.account(before, is_rollback=False)

    @precondition(lambda self: self.memory.versions)
    @rule(data=st.data())
    def delete_in_mlflow(self, data: st.DataObject) -> None:
        self.client.delete_model_version(self.memory.name, self.draw(data))
        self.settle()

    def settle(self) -> tuple[str, ...]:
        with open_registry(self.client, self.memory.name) as opened:
            return opened.repairs

    @invariant()
    def the_aliases_agree_with_the_history(self) -> None:
        state = read_registry(self.client, self.memory.name)
        assert state.intent is None
        assert not state.history or state.history[-1].after == state.standing
        assert all(earlier.after == later.before for earlier, later in pairwise(state.history))
        assert self.settle() == ()

    @invariant()
    def rollbacks_come_to_an_end_and_never_to_a_version_twice(self) -> None:
        kept = copy.deepcopy((self.memory, self.reigned, self.left))
        champions = [self.standing.champion]
        while self.roll_back_by_itself():
            champions.append(self.standing.champion)
        assert len(set(champions)) == len(champions)
        self.memory, self.reigned, self.left = kept

    def teardown(self) -> None:
        with contextlib.suppress(OSError):
            self.folder.cleanup()


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)
