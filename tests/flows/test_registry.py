"""The tracking store and the registry, as the tasks that log, register and promote use them."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from schemas.configuration import EvaluationSection
from schemas.errors import InputError
from schemas.evaluation import ChampionScores
from tasks.alarms.episodes import select_events
from tasks.registry.promote import apply_decision
from tasks.registry.rescore import DROPPED_ROWS, compare_champion, keep_later
from tasks.registry.versions import find_alias
from tasks.tracking.runs import describe_process
from tasks.tracking.store import find_tracking_uri, open_store
from tasks.windows.split import split_in_time
from tasks.windows.window import make_windows
from tests.builders import labelled_with, part_of, scattered_part_of


@pytest.fixture(scope="module")
def store(home: Path) -> tuple[MlflowClient, str]:
    return open_store(find_tracking_uri(home), "registry-tests", home)


def register_versions(client: MlflowClient, name: str, count: int) -> list[str]:
    client.create_registered_model(name)
    return [str(client.create_model_version(name, source="file:///nowhere").version) for _ in range(count)]


def aliases(client: MlflowClient, name: str) -> dict[str, str]:
    found = {alias: find_alias(client, name, alias) for alias in ("champion", "previous", "challenger")}
    return {alias: str(version.version) for alias, version in found.items() if version is not None}


def test_the_first_promotion_makes_a_champion_without_a_previous(store: tuple[MlflowClient, str]) -> None:
    (version,) = register_versions(store[0], "promote-first", 1)
    apply_decision(store[0], "promote-first", version, "PROMOTE")
    assert aliases(store[0], "promote-first") == {"champion": version}


def test_a_promotion_makes_the_old_champion_previous(store: tuple[MlflowClient, str]) -> None:
    first, second = register_versions(store[0], "promote-second", 2)
    apply_decision(store[0], "promote-second", first, "PROMOTE")
    apply_decision(store[0], "promote-second", second, "PROMOTE")
    assert aliases(store[0], "promote-second") == {"champion": second, "previous": first}


def test_a_rejected_version_moves_no_alias(store: tuple[MlflowClient, str]) -> None:
    first, second = register_versions(store[0], "promote-rejected", 2)
    apply_decision(store[0], "promote-rejected", first, "PROMOTE")
    apply_decision(store[0], "promote-rejected", second, "REJECT")
    assert aliases(store[0], "promote-rejected") == {"champion": first}


def test_a_held_version_is_challenger_until_it_is_promoted(store: tuple[MlflowClient, str]) -> None:
    (version,) = register_versions(store[0], "promote-held", 1)
    apply_decision(store[0], "promote-held", version, "HOLD")
    assert aliases(store[0], "promote-held") == {"challenger": version}
    apply_decision(store[0], "promote-held", version, "PROMOTE")
    assert aliases(store[0], "promote-held") == {"champion": version}


def test_a_promotion_that_fails_half_way_leaves_the_aliases_as_they_were(
    store: tuple[MlflowClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, name = store[0], "promote-half-way"
    first, second, third = register_versions(client, name, 3)
    apply_decision(client, name, first, "PROMOTE")
    apply_decision(client, name, second, "PROMOTE")
    move, calls = client.set_registered_model_alias, []

    def fail_once(model: str, alias: str, version: str) -> None:
        calls.append(alias)
        if calls == ["previous", "champion"]:
            raise ConnectionError("the store went away")
        move(model, alias, version)

    monkeypatch.setattr(client, "set_registered_model_alias", fail_once)
    with pytest.raises(ConnectionError):
        apply_decision(client, name, third, "PROMOTE")
    assert aliases(client, name) == {"champion": second, "previous": first}


def test_a_user_without_a_name_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", fail)
    assert describe_process()["mlflow.user"] == "unknown"


def test_a_folder_is_no_tracking_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:./mlruns")
    with pytest.raises(InputError, match="must name a database or a server"):
        find_tracking_uri(tmp_path)


def test_a_deleted_experiment_is_refused_by_name(home: Path) -> None:
    client, experiment_id = open_store(find_tracking_uri(home), "deleted-one", home)
    client.delete_experiment(experiment_id)
    with pytest.raises(InputError, match="'deleted-one' must be active"):
        open_store(find_tracking_uri(home), "deleted-one", home)


def open_new_store(home: Path, results: "multiprocessing.Queue[str]") -> None:
    results.put(open_store(find_tracking_uri(home), "forewarn", home)[1])


@pytest.mark.slow
def test_four_processes_may_use_a_new_store_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = context.Queue()
    processes = [context.Process(target=open_new_store, args=(tmp_path, results)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [results.get(timeout=240) for _ in processes]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert len(set(found)) == 1


def champion_seen_until(last_seen: str | None, rows: int, problem: str | None = None) -> ChampionScores:
    return ChampionScores(
        version="1",
        scores=np.linspace(0, 1, rows),
        thresholds=np.full(rows, 0.5),
        last_seen=None if last_seen is None else np.datetime64(last_seen),
        problem=problem,
    )


def compare_on_small_table(champion: ChampionScores) -> tuple[str | None, bool]:
    labelled = labelled_with(rows=200, events=[20, 60, 110, 140, 170, 190])
    windows = make_windows(labelled, lookback=2)
    split = split_in_time(windows, test_fraction=0.4, validation_fraction=0.3, purge_rows=2)
    scores = np.linspace(0, 1, len(split.test.end_rows))
    section = EvaluationSection(bootstrap_samples=100)
    thresholds = np.full(len(scores), 0.5)
    evidence = compare_champion(champion, scores, thresholds, split.test, labelled, 5.0, section)
    return evidence.problem, bool(evidence.comparisons)


def test_a_champion_that_has_seen_the_test_rows_is_not_compared() -> None:
    problem, is_compared = compare_on_small_table(champion_seen_until("2024-01-01T07:00", 200))
    assert problem is not None
    assert problem.startswith("it has seen rows up to 2024-01-01T07:00")
    assert not is_compared


def test_a_champion_that_has_seen_the_first_test_rows_is_compared_on_the_others() -> None:
    assert compare_on_small_table(champion_seen_until("2024-01-01T05:00", 200)) == (None, True)


def test_a_champion_that_ended_before_the_test_is_compared() -> None:
    assert compare_on_small_table(champion_seen_until("2024-01-01T03:00", 200)) == (None, True)


def test_only_runs_that_begin_after_what_the_champion_has_seen_are_judged() -> None:
    labelled = labelled_with(rows=30, missing=[10, 20], events=[16, 26])
    part = part_of(labelled)
    # the second run begins with row 10, its fourth row has been seen; the third begins with row 18
    later = keep_later(part, labelled, labelled.times[13])
    assert (later.start, later.stop) == (
        int(np.searchsorted(labelled.runs, labelled.runs[13] + 1)),
        part.stop,
    )
    assert later.end_rows.min() == later.start
    assert labelled.runs[later.start] == labelled.runs[13] + 1


def test_later_rows_of_a_plant_that_never_stops_are_judged() -> None:
    labelled = labelled_with(rows=900, rows_ahead=0, are_event_rows_kept=True)
    later = keep_later(part_of(labelled), labelled, labelled.times[299])
    assert (later.start, later.stop, later.end_rows.min()) == (300 + DROPPED_ROWS, 900, 300 + DROPPED_ROWS)


@pytest.mark.parametrize("rows_ahead", [0, 2])
def test_an_event_that_has_begun_before_the_first_new_row_is_not_judged(rows_ahead: int) -> None:
    first = 300 + DROPPED_ROWS
    labelled = labelled_with(
        rows=900,
        events=range(first - 3, first + 20) if rows_ahead == 0 else [first + 1],
        rows_ahead=rows_ahead,
        are_event_rows_kept=rows_ahead == 0,
    )
    later = keep_later(part_of(labelled), labelled, labelled.times[299])
    assert later.start == (first + 20 if rows_ahead == 0 else first + 1)
    assert len(select_events(labelled, later)) == 0
    assert not later.labels.any()


def test_a_part_that_the_champion_has_not_seen_is_kept_whole() -> None:
    labelled = labelled_with(rows=30)
    part = part_of(labelled, start=20)
    assert keep_later(part, labelled, labelled.times[19]) is part
    assert keep_later(part, labelled, None) is part


def test_a_scattered_part_is_kept_whole_or_not_at_all() -> None:
    labelled = labelled_with(rows=30)
    part = scattered_part_of(labelled, [5, 15, 25])
    assert keep_later(part, labelled, labelled.times[4]) is part
    assert len(keep_later(part, labelled, labelled.times[5]).end_rows) == 0


def test_event_recall_is_compared_at_equal_alarms() -> None:
    labelled = labelled_with(rows=900, events=[20 * place for place in range(1, 45)])
    part = part_of(labelled)
    scores = labelled.labels + np.random.default_rng(0).random(len(part.end_rows)) * 0.5
    # the same order of rows on another scale, with a threshold that never alarms
    champion = ChampionScores("1", np.full(900, np.nan), np.full(900, 1e9), None, None)
    champion.scores[labelled.source_rows] = 100 * scores
    section = EvaluationSection(bootstrap_samples=100)
    evidence = compare_champion(champion, scores, np.zeros(len(scores)), part, labelled, 2.0, section)
    compared = {each.metric: (each.value, each.other_value) for each in evidence.comparisons}
    assert compared["event_recall"] == (1.0, 1.0)
    assert evidence.champion is not None
    assert evidence.champion.metrics.event_recall == 0


def test_a_champion_without_scores_is_a_problem_and_not_an_error() -> None:
    champion = champion_seen_until(None, 0, problem="it cannot score these readings: x9 is missing")
    assert compare_on_small_table(champion) == ("it cannot score these readings: x9 is missing", False)


def test_a_bundle_of_another_format_is_refused(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from tasks.registry.pyfunc import EarlyWarner

    bundle = tmp_path / "detector.json"
    bundle.write_text(json.dumps({"format_version": 99}), encoding="utf-8")
    context = SimpleNamespace(artifacts={"detector": str(bundle), "model": "none"})
    with pytest.raises(InputError, match="format version 2. Received 99"):
        EarlyWarner().load_context(context)
