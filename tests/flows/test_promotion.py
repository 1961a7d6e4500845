"""Moves of aliases: whole or not at all, one at a time, recorded once, repaired after a kill."""

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from schemas.errors import InputError, StoreUnreachableError
from schemas.registry import Intent, Move, Standing
from tasks.registry.aliases import place_alias
from tasks.registry.delete import delete_version, unregister_version
from tasks.registry.history import read_registry, record_move, write_intent
from tasks.registry.list_versions import list_versions
from tasks.registry.promote import apply_decision, promote_version, rollback
from tasks.registry.quarantine import quarantine_version
from tasks.registry.versions import find_version
from tasks.tracking.locks import lock_registry
from tests.detectors import open_test_store

WHO = "a person@mill"
Store = tuple[MlflowClient, str]
_numbers = count()


@pytest.fixture(scope="module")
def store(home: Path) -> Store:
    return open_test_store(home, "promotion-tests")


@pytest.fixture
def name(store: Store) -> str:
    """A registered model with versions 1 to 4; 2 is champion, 1 previous."""
    client, experiment_id = store
    model_name = f"promotion-{next(_numbers)}"
    client.create_registered_model(model_name)
    for _ in range(4):
        run_id = client.create_run(experiment_id).info.run_id
        tags = {"decision": "HOLD", "decision_reasons": "too few events"}
        client.create_model_version(model_name, "file:///nowhere", run_id=run_id, tags=tags)
    for number in ("1", "2"):
        promote_version(client, model_name, number, "prepared", WHO)
    return model_name


def standing_of(store: Store, name: str) -> tuple[str | None, str | None, str | None]:
    standing = read_registry(store[0], name).standing
    return standing.champion, standing.previous, standing.challenger


def history_of(store: Store, name: str) -> tuple[Move, ...]:
    return read_registry(store[0], name).history


def change_database(home: Path, statement: str, *values: str) -> None:
    with sqlite3.connect(home / "mlruns" / "mlflow.db", timeout=20) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def require_refusal(store: Store, name: str, act: Callable[[], object], words: str) -> None:
    """An act is refused in words, and changes neither aliases nor history."""
    before = read_registry(store[0], name)
    with pytest.raises(InputError, match=words):
        act()
    assert read_registry(store[0], name) == before


def test_a_promotion_is_recorded_with_what_the_gate_had_said(store: Store, name: str) -> None:
    outcome = promote_version(store[0], name, "3", "it  caught\nboth breaks", WHO)
    assert standing_of(store, name) == ("3", "2", None)
    assert "The gate's decision on version 3 was HOLD: too few events" in outcome.message
    move = history_of(store, name)[-1]
    assert (move.number, move.kind, move.version, move.who) == (3, "promote", "3", WHO)
    assert (move.before.champion, move.after.champion) == ("2", "3")
    assert (move.why, move.gate) == ("it caught both breaks", "HOLD: too few events")


def test_a_promoted_version_and_its_run_say_so_too(store: Store, name: str) -> None:
    client = store[0]
    promote_version(client, name, "3", "better", WHO)
    version = client.get_model_version(name, "3")
    assert (version.tags["promoted_by"], version.tags["promoted_why"]) == (WHO, "better")
    moves = read_copy(client, version)
    assert [(move["kind"], move["after"]["champion"]) for move in moves] == [("promote", "3")]


def read_copy(client: MlflowClient, version: Any) -> Any:
    folder = Path(client.download_artifacts(version.run_id, "registry"))
    return json.loads((folder / "history.json").read_text(encoding="utf-8"))


def test_promoting_the_champion_changes_nothing(store: Store, name: str) -> None:
    before = read_registry(store[0], name)
    outcome = promote_version(store[0], name, "2", "again", WHO)
    assert outcome.move is None
    assert "is already champion" in outcome.message
    assert read_registry(store[0], name) == before


@pytest.mark.parametrize(
    ("number", "why", "words"),
    [("99", "better", "Version 99 does not exist"), ("3", " ", "`--why` must state")],
)
def test_a_promotion_needs_a_version_and_a_reason(
    store: Store, name: str, number: str, why: str, words: str
) -> None:
    require_refusal(store, name, lambda: promote_version(store[0], name, number, why, WHO), words)


def test_a_version_that_is_not_ready_is_refused(store: Store, name: str, home: Path) -> None:
    change_database(
        home,
        "UPDATE model_versions SET status = 'FAILED_REGISTRATION' WHERE name = ? AND version = '3'",
        name,
    )
    require_refusal(store, name, lambda: promote_version(store[0], name, "3", "x", WHO), "must be ready")


def test_a_model_that_does_not_exist_is_refused_by_name(store: Store) -> None:
    with pytest.raises(InputError, match="'nobody' does not exist"):
        promote_version(store[0], "nobody", "1", "better", WHO)


def test_each_rollback_walks_further_back_until_there_is_no_earlier_champion(store: Store, name: str) -> None:
    promote_version(store[0], name, "3", "better", WHO)
    first = rollback(store[0], name, "worse", WHO)
    assert standing_of(store, name) == ("2", "1", None)
    assert "`forewarn rollback --to 3 --why TEXT`" in first.message
    assert "The next rollback restores version 1." in first.message
    second = rollback(store[0], name, "worse too", WHO)
    assert standing_of(store, name) == ("1", None, None)
    assert "The next rollback finds no earlier champion." in second.message
    words = "has none. Name a version with `--to N`"
    require_refusal(store, name, lambda: rollback(store[0], name, "x", WHO), words)


def test_a_promotion_after_a_rollback_goes_on_from_there(store: Store, name: str) -> None:
    promote_version(store[0], name, "3", "better", WHO)
    rollback(store[0], name, "worse", WHO)
    promote_version(store[0], name, "4", "better still", WHO)
    assert standing_of(store, name) == ("4", "2", None)
    assert rollback(store[0], name, "worse", WHO).standing.champion == "2"
    assert rollback(store[0], name, "worse", WHO).standing.champion == "1"


def test_a_version_that_is_promoted_again_returns_by_itself_again(store: Store, name: str) -> None:
    rollback(store[0], name, "worse", WHO)
    promote_version(store[0], name, "2", "the sensor was at fault", WHO)
    promote_version(store[0], name, "3", "better", WHO)
    assert standing_of(store, name) == ("3", "2", None)


def test_a_rollback_goes_to_the_version_that_is_named(store: Store, name: str) -> None:
    rollback(store[0], name, "worse", WHO, to="4")
    # the champion before is rolled back from, and the one before it still there
    assert standing_of(store, name) == ("4", "1", None)
    assert rollback(store[0], name, "worse", WHO, to="2").standing.champion == "2"
    assert standing_of(store, name) == ("2", "1", None)


@pytest.mark.parametrize("decision", ["REJECT", "HOLD"])
def test_a_version_that_the_gate_rejected_returns_only_by_its_number(
    store: Store, name: str, decision: str
) -> None:
    client = store[0]
    client.set_model_version_tag(name, "3", "decision", decision)
    outcome = promote_version(client, name, "3", "I know better", WHO)
    assert "The next rollback restores version 2." in outcome.message
    outcome = promote_version(client, name, "4", "better", WHO)
    if decision == "HOLD":
        # a person has promoted it, and the gate had not decided
        assert standing_of(store, name) == ("4", "3", None)
        return
    assert standing_of(store, name) == ("4", "2", None)
    assert "It passes over version 3, which the gate rejected." in outcome.message
    outcome = rollback(client, name, "worse", WHO)
    assert (outcome.standing.champion, outcome.standing.previous) == ("2", "1")
    assert "Passed over version 3, which the gate rejected." in outcome.message
    assert rollback(client, name, "after all", WHO, to="3").standing.champion == "3"


def test_a_held_version_that_was_set_in_mlflow_returns_only_by_its_number(store: Store, name: str) -> None:
    store[0].set_registered_model_alias(name, "champion", "4")
    promote_version(store[0], name, "3", "better", WHO)
    assert standing_of(store, name) == ("3", "2", None)
    assert "version 4, which the gate held and nobody promoted" in rollback(store[0], name, "x", WHO).message


def test_previous_follows_a_quarantine_and_its_lifting(store: Store, name: str) -> None:
    client = store[0]
    promote_version(client, name, "3", "better", WHO)
    outcome = quarantine_version(client, name, "2", "broken sensor", WHO)
    assert standing_of(store, name) == ("3", "1", None)
    assert "It passes over version 2, which is in quarantine." in outcome.message
    quarantine_version(client, name, "1", "broken sensor", WHO)
    assert standing_of(store, name) == ("3", None, None)
    outcome = quarantine_version(client, name, "2", "the sensor was right", WHO, is_lifted=True)
    assert standing_of(store, name) == ("3", "2", None)
    assert "The next rollback restores version 2." in outcome.message
    assert list_versions(client, name).repairs == ()


def test_a_deleted_version_is_passed_over(store: Store, name: str) -> None:
    client = store[0]
    promote_version(client, name, "3", "better", WHO)
    promote_version(client, name, "4", "better", WHO)
    delete_version(client, name, "2", "wrong table", WHO)
    client.delete_model_version(name, "3")
    listing = list_versions(client, name)
    assert listing.rollback is not None
    assert (listing.rollback.version, listing.standing.previous) == ("1", "1")
    assert listing.rollback.skipped == (
        "version 3, which no longer exists",
        "version 2, which no longer exists",
    )
    assert rollback(client, name, "worse", WHO).standing.champion == "1"


def record_old_move(store: Store, name: str, kind: str, version: str, after: Standing) -> None:
    """Move and record as a release did whose rollback exchanged `champion` and `previous`."""
    state = read_registry(store[0], name)
    move = Move(
        number=state.next_number,
        id=f"old-{state.next_number}",
        kind=kind,  # type: ignore[arg-type]  # one of the kinds
        version=version,
        before=state.standing,
        after=after,
        who=WHO,
        when="2026-01-01T00:00:00+00:00",
        why="as it was",
    )
    for alias in ("champion", "previous"):
        place_alias(store[0], name, alias, getattr(after, alias))
    record_move(store[0], name, move)


def test_a_history_of_an_earlier_release_is_put_right_and_said(store: Store, name: str) -> None:
    promote_version(store[0], name, "3", "better", WHO)
    record_old_move(store, name, "rollback", "2", Standing(champion="2", previous="3"))
    (repair,) = list_versions(store[0], name).repairs
    assert "previous 3 -> 1" in repair
    assert "The next rollback restores version 1." in repair
    assert standing_of(store, name) == ("2", "1", None)
    assert list_versions(store[0], name).repairs == ()


def test_two_rollbacks_of_an_earlier_release_leave_no_way_to_the_version_between(
    store: Store, name: str
) -> None:
    record_old_move(store, name, "rollback", "1", Standing(champion="1", previous="2"))
    record_old_move(store, name, "rollback", "2", Standing(champion="2", previous="1"))
    require_words = "needs an earlier champion that was not rolled back from"
    with pytest.raises(InputError, match=require_words):
        rollback(store[0], name, "x", WHO)
    assert standing_of(store, name) == ("2", None, None)


def test_previous_that_was_deleted_in_mlflow_is_set_again(store: Store, name: str) -> None:
    store[0].delete_registered_model_alias(name, "previous")
    first, second = list_versions(store[0], name).repairs
    assert "changed without forewarn: previous 1 -> none" in first
    assert "previous none -> 1" in second
    assert rollback(store[0], name, "worse", WHO).standing.champion == "1"


def test_a_rollback_may_leave_the_old_champion_in_quarantine(store: Store, name: str) -> None:
    rollback(store[0], name, "it never stops", WHO, is_quarantined=True)
    assert store[0].get_model_version(name, "2").tags["quarantine"] == "it never stops"
    assert [move.quarantined for move in history_of(store, name)] == [None, None, "2"]
    assert standing_of(store, name) == ("1", None, None)


def test_a_version_in_quarantine_is_refused_by_everyone(store: Store, name: str) -> None:
    client = store[0]
    quarantine_version(client, name, "1", "broken sensor", WHO)
    words = "must not be in quarantine. Version 1 is: broken sensor"
    require_refusal(store, name, lambda: promote_version(client, name, "1", "x", WHO), words)
    require_refusal(store, name, lambda: rollback(client, name, "x", WHO, to="1"), words)
    words_of_none = "It may not return to version 1, which is in quarantine"
    require_refusal(store, name, lambda: rollback(client, name, "x", WHO), words_of_none)
    require_refusal(store, name, lambda: apply_decision(client, name, "1", "PROMOTE"), words)


def test_a_lifted_quarantine_no_longer_counts(store: Store, name: str) -> None:
    quarantine_version(store[0], name, "3", "broken sensor", WHO)
    quarantine_version(store[0], name, "3", "the sensor was right", WHO, is_lifted=True)
    promote_version(store[0], name, "3", "better", WHO)
    assert [move.kind for move in history_of(store, name)[2:]] == ["quarantine", "lift", "promote"]


def test_a_quarantine_that_holds_already_changes_nothing(store: Store, name: str) -> None:
    quarantine_version(store[0], name, "3", "broken sensor", WHO)
    assert quarantine_version(store[0], name, "3", "again", WHO).move is None
    assert quarantine_version(store[0], name, "4", "again", WHO, is_lifted=True).move is None
    assert len(history_of(store, name)) == 3


def test_the_champion_cannot_go_into_quarantine(store: Store, name: str) -> None:
    require_refusal(
        store,
        name,
        lambda: quarantine_version(store[0], name, "2", "x", WHO),
        "forewarn rollback --quarantine",
    )


@pytest.mark.parametrize(("number", "alias"), [("2", "champion"), ("1", "previous")])
def test_a_version_with_an_alias_is_not_deleted(store: Store, name: str, number: str, alias: str) -> None:
    client = store[0]
    words = f"Version {number} is {alias} and was not deleted"
    require_refusal(store, name, lambda: delete_version(client, name, number, "x", WHO), words)
    require_refusal(store, name, lambda: unregister_version(client, name, number), words)
    assert find_version(client, name, number) is not None


def test_a_deletion_is_recorded(store: Store, name: str) -> None:
    delete_version(store[0], name, "3", "wrong table", WHO)
    assert find_version(store[0], name, "3") is None
    move = history_of(store, name)[-1]
    assert (move.kind, move.version, move.why, move.gate) == (
        "delete",
        "3",
        "wrong table",
        "HOLD: too few events",
    )


def test_a_gate_and_a_person_share_one_history(store: Store, name: str) -> None:
    apply_decision(store[0], name, "3", "HOLD", "gate: too few events")
    promote_version(store[0], name, "3", "seen enough", WHO)
    assert standing_of(store, name) == ("3", "2", None)
    history = history_of(store, name)
    assert [move.kind for move in history] == ["promote", "promote", "gate", "promote"]
    assert all(earlier.after == later.before for earlier, later in pairwise(history))


@pytest.mark.parametrize("letter", ["x", '"', "ü"])
def test_a_long_reason_is_cut_with_a_word_and_fits_the_store(store: Store, name: str, letter: str) -> None:
    promote_version(store[0], name, "3", letter * 20_000, WHO)
    move = history_of(store, name)[-1]
    assert move.why.endswith("(shortened from 20,000 characters)")
    assert len(Intent(move=move, host="h" * 64, lock="l" * 500).model_dump_json()) < 5_000


def fail_on(client: MlflowClient, monkeypatch: pytest.MonkeyPatch, calls: set[int]) -> None:
    """Let some calls of `set_registered_model_alias` fail, by their number."""
    move, numbers = client.set_registered_model_alias, count()

    def place(model: str, alias: str, version: str) -> None:
        if next(numbers) in calls:
            raise ConnectionError("the store went away")
        move(model, alias, version)

    monkeypatch.setattr(client, "set_registered_model_alias", place)


def test_a_failed_second_step_takes_the_first_one_back(
    store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_on(store[0], monkeypatch, {1})
    with pytest.raises(ConnectionError):
        promote_version(store[0], name, "3", "better", WHO)
    assert standing_of(store, name) == ("2", "1", None)
    move = history_of(store, name)[-1]
    assert (move.kind, move.before) == ("repair", move.after)
    assert "the store went away" in move.why
    assert list_versions(store[0], name).repairs == ()


def test_what_could_not_be_taken_back_is_taken_back_by_the_next_command(
    store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_on(store[0], monkeypatch, {1, 2})
    with pytest.raises(ConnectionError):
        promote_version(store[0], name, "3", "better", WHO)
    assert standing_of(store, name) == ("2", "2", None)
    (repair,) = list_versions(store[0], name).repairs
    assert repair.startswith(f"The promotion of version 3 by {WHO}")
    assert standing_of(store, name) == ("2", "1", None)


def test_an_alias_to_a_version_that_does_not_exist_is_removed_and_said(
    store: Store, name: str, home: Path
) -> None:
    change_database(
        home,
        "UPDATE registered_model_aliases SET version = 77 WHERE name = ? AND alias = 'previous'",
        name,
    )
    repairs = list_versions(store[0], name).repairs
    assert (
        repairs[0] == "The alias previous pointed to version 77, which does not exist; the alias was deleted."
    )
    # it was champion before, and a rollback still returns to it
    assert standing_of(store, name) == ("2", "1", None)
    assert list_versions(store[0], name).repairs == ()


def test_a_champion_that_was_deleted_in_mlflow_is_missed(store: Store, name: str) -> None:
    store[0].delete_model_version(name, "2")
    (repair,) = list_versions(store[0], name).repairs
    assert "champion 2 -> none" in repair
    assert "There is no champion" in repair
    assert rollback(store[0], name, "the champion is gone", WHO).standing.champion == "1"


def test_an_alias_that_was_moved_in_mlflow_enters_the_history(store: Store, name: str) -> None:
    store[0].set_registered_model_alias(name, "champion", "4")
    outcome = promote_version(store[0], name, "3", "better", WHO)
    assert "changed without forewarn: champion 2 -> 4" in outcome.repairs[0]
    changes = [(move.kind, move.after.champion) for move in history_of(store, name)[-2:]]
    assert changes == [("repair", "4"), ("promote", "3")]


def leave_intent(store: Store, name: str, seconds_ago: float, host: str) -> None:
    before = Standing(champion="2", previous="1")
    begun = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    move = Move(
        number=3,
        id="another",
        kind="promote",
        version="3",
        before=before,
        after=Standing(champion="3", previous="2"),
        who="another",
        when=begun.isoformat(timespec="seconds"),
        why="x",
    )
    with lock_registry(store[0], name) as lock:
        write_intent(store[0], name, Intent(move=move, host=host, lock=lock))


def test_a_move_that_another_host_is_at_is_left_alone(store: Store, name: str) -> None:
    leave_intent(store, name, seconds_ago=5, host="elsewhere")
    with pytest.raises(StoreUnreachableError, match="promotion of version 3 by another on elsewhere began"):
        promote_version(store[0], name, "4", "better", WHO)
    assert standing_of(store, name) == ("2", "1", None)


@pytest.mark.parametrize(("seconds", "host"), [(600, "elsewhere"), (0, socket.gethostname())])
def test_a_move_that_nobody_is_at_any_more_is_settled(
    store: Store, name: str, seconds: float, host: str
) -> None:
    leave_intent(store, name, seconds, host)
    outcome = promote_version(store[0], name, "4", "better", WHO)
    assert "it was undone" in outcome.repairs[0]
    assert standing_of(store, name) == ("4", "2", None)
    assert [move.kind for move in history_of(store, name)[2:]] == ["repair", "promote"]


def test_a_history_that_someone_has_edited_is_named(store: Store, name: str) -> None:
    store[0].set_registered_model_tag(name, "forewarn.move.000002", "nonsense")
    with pytest.raises(
        InputError, match=r"'forewarn.move.000002' .* must have the form that forewarn writes"
    ):
        list_versions(store[0], name)


@pytest.fixture
def run_stops(home: Path, store: Store, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Run `tests.registry_stops` on a copy of the store."""
    path = tmp_path / "mlflow.db"
    source, copy = sqlite3.connect(home / "mlruns" / "mlflow.db"), sqlite3.connect(path)
    source.backup(copy)
    source.close()
    copy.close()

    def run(kind: str, *details: str) -> list[dict[str, Any]]:
        out = tmp_path / "results.jsonl"
        command = [
            sys.executable,
            "-m",
            "tests.registry_stops",
            kind,
            f"sqlite:///{path}",
            str(out),
            *details,
        ]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]

    return run


# the places where each command writes, and the first of them before which its decisive step is done
PLACES = {
    "promote": (10, 3),
    "rollback": (11, 3),
    "gate": (11, 3),
    "hold": (6, 2),
    "quarantine": (6, 2),
    "quarantine_previous": (7, 2),
    "lift_previous": (7, 2),
    "delete": (5, 2),
}
# a finished move as the history must have it: kind, champion before and after
MOVES = {
    "promote": ("promote", "2", "3"),
    "rollback": ("rollback", "2", "1"),
    "gate": ("gate", "2", "4"),
    "hold": ("gate", "2", "2"),
    "quarantine": ("quarantine", "2", "2"),
    "quarantine_previous": ("quarantine", "2", "2"),
    "lift_previous": ("lift", "2", "2"),
    "delete": ("delete", "2", "2"),
    "finish": ("promote", "2", "3"),
}
# the version that a rollback would restore after it, if not version 1
PREVIOUS = {"promote": "2", "finish": "2", "gate": "2", "rollback": None, "quarantine_previous": None}


def require_whole(result: dict[str, Any], move: tuple[str, str, str] | None) -> None:
    """After a kill and one more command all is as before, or as after the move; `move` is none for before."""
    before, after = result["before"], result["after"]
    place = (result["command"], result["place"])
    added = after["history"][len(before["history"]) :]
    kinds = [(entry["kind"], entry["before"]["champion"], entry["after"]["champion"]) for entry in added]
    if move is None:
        assert after["standing"] == before["standing"], place
        assert after["versions"] == before["versions"], place
        assert kinds in ([], [("repair", "2", "2")]), place
    else:
        assert kinds == [move], place
        assert after["standing"] == added[-1]["after"], place
        assert after["standing"]["previous"] == PREVIOUS.get(result["command"], "1"), place
    assert after["intent"] is None, place
    assert after["repairs_again"] == [], place


def require_all_whole(results: list[dict[str, Any]], commands: tuple[str, ...]) -> None:
    for command in commands:
        stops = [result for result in results if result["command"] == command]
        writes, decided = PLACES[command]
        assert [stop["code"] for stop in stops] == [-9] * writes + [0]
        for place, stop in enumerate(stops):
            require_whole(stop, MOVES[command] if place >= decided else None)
            is_repaired = 1 <= place < writes
            assert len(stop["after"]["repairs"]) == is_repaired, (command, place)


def test_a_promotion_killed_at_any_write_leaves_all_or_nothing(
    run_stops: Callable[..., list[dict[str, Any]]],
) -> None:
    require_all_whole(run_stops("stops", "promote"), ("promote",))


@pytest.mark.slow
def test_every_other_move_killed_at_any_write_leaves_all_or_nothing(
    run_stops: Callable[..., list[dict[str, Any]]],
) -> None:
    commands = ("rollback", "gate", "hold", "quarantine", "quarantine_previous", "lift_previous", "delete")
    require_all_whole(run_stops("stops", *commands), commands)


@pytest.mark.slow
def test_a_repair_killed_at_any_write_is_done_by_the_next_command(
    run_stops: Callable[..., list[dict[str, Any]]],
) -> None:
    results = run_stops("stops", "finish", "take_back")
    assert sum(result["code"] == -9 for result in results) >= 10
    for result in results:
        require_whole(result, MOVES.get(result["command"]))


def test_twenty_promotions_at_once_make_one_line_of_twenty_moves(
    run_stops: Callable[..., list[dict[str, Any]]],
) -> None:
    (result,) = run_stops("crowd", "20")
    history = result["after"]["history"]
    assert result["codes"] == [0] * 20
    assert [move["number"] for move in history] == list(range(1, 21))
    assert {move["version"] for move in history} == {str(number) for number in range(1, 21)}
    assert all(earlier["after"] == later["before"] for earlier, later in pairwise(history))
    last, before = history[-1]["version"], history[-2]["version"]
    assert result["after"]["standing"] == {"champion": last, "previous": before, "challenger": None}
