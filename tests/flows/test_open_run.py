"""Runs of MLflow belong to processes: what becomes of them when a process is killed or lost."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from schemas.work import RESUMED_TAG, WORK_TAG
from tasks.registry.promote import apply_decision
from tasks.registry.register import find_ready_model
from tasks.registry.sweep import close_abandoned_runs
from tasks.registry.versions import find_alias, find_version
from tasks.tracking.runs import (
    close_orphaned_runs,
    describe_process,
    end_run,
    find_stopped_run,
    resume_run,
    shown_alive,
    start_run,
)
from tests.detectors import open_test_store, register_quickly


@pytest.fixture(scope="module")
def store(home: Path) -> tuple[MlflowClient, str]:
    return open_test_store(home, "open-run")


@pytest.fixture(scope="module")
def gone() -> str:
    """Number of a process that has ended."""
    code = "import os; print(os.getpid())"
    return (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.decode().strip()
    )


def start(store: tuple[MlflowClient, str], tags: dict[str, str] | None = None) -> str:
    return start_run(*store, tags or {})[0]


def test_a_run_whose_process_is_gone_is_closed_by_the_next_start(
    store: tuple[MlflowClient, str], gone: str
) -> None:
    run_id = start(store, {"forewarn.process": gone})
    assert [run.info.run_id for run in close_orphaned_runs(store[0], [store[1]])] == [run_id]
    assert store[0].get_run(run_id).info.status == "KILLED"


def test_a_run_whose_process_lives_is_left_alone(store: tuple[MlflowClient, str]) -> None:
    run_id = start(store)
    assert close_orphaned_runs(store[0], [store[1]]) == []
    end_run(store[0], run_id, "FINISHED")


def test_another_process_with_the_same_number_is_not_taken_for_the_one_that_is_gone(
    store: tuple[MlflowClient, str],
) -> None:
    started_earlier = str(float(describe_process()["forewarn.process_started"]) - 60)
    run_id = start(store, {"forewarn.process_started": started_earlier})
    assert [run.info.run_id for run in close_orphaned_runs(store[0], [store[1]])] == [run_id]


def test_a_run_of_another_machine_is_lost_when_it_was_not_heard_of_for_long(
    store: tuple[MlflowClient, str],
) -> None:
    lost = start(store, {"forewarn.host": "elsewhere", "forewarn.alive_at": str(time.time() - 3600)})
    heard = start(store, {"forewarn.host": "elsewhere"})
    assert [run.info.run_id for run in close_orphaned_runs(store[0], [store[1]])] == [lost]
    end_run(store[0], heard, "FINISHED")


def test_runs_of_other_tools_are_not_ours_to_end(store: tuple[MlflowClient, str]) -> None:
    run = store[0].create_run(store[1])
    assert close_orphaned_runs(store[0], [store[1]]) == []
    store[0].set_terminated(run.info.run_id)


def test_a_run_says_now_and_then_that_it_lives(store: tuple[MlflowClient, str]) -> None:
    run_id = start(store, {"forewarn.alive_at": "0"})
    with shown_alive(store[0], run_id, beat_seconds=0.05):
        end = time.monotonic() + 20
        while store[0].get_run(run_id).data.tags["forewarn.alive_at"] == "0" and time.monotonic() < end:
            time.sleep(0.05)
    assert time.time() - float(store[0].get_run(run_id).data.tags["forewarn.alive_at"]) < 60
    end_run(store[0], run_id, "FINISHED")


def test_a_killed_run_is_gone_on_with_by_the_same_work(store: tuple[MlflowClient, str], gone: str) -> None:
    run_id = start(store, {WORK_TAG: "killed", "forewarn.process": gone})
    stopped = find_stopped_run(*store, "killed")
    assert stopped is not None
    assert resume_run(store[0], stopped, {}) == (run_id, stopped.info.run_name)
    run = store[0].get_run(run_id)
    assert (run.info.status, run.data.tags[RESUMED_TAG]) == ("RUNNING", "1")
    assert find_stopped_run(*store, "killed") is None
    end_run(store[0], run_id, "FINISHED")


def test_an_interrupted_run_is_gone_on_with_and_a_failed_one_is_not(store: tuple[MlflowClient, str]) -> None:
    interrupted, failed = start(store, {WORK_TAG: "both"}), start(store, {WORK_TAG: "both"})
    end_run(store[0], interrupted, "KILLED", is_resumable=True)
    end_run(store[0], failed, "FAILED")
    stopped = find_stopped_run(*store, "both")
    assert stopped is not None
    assert stopped.info.run_id == interrupted


def test_a_version_of_a_killed_run_is_taken_out_unless_it_has_an_alias(
    store: tuple[MlflowClient, str], gone: str
) -> None:
    client, name = store[0], "half-registered"
    plain, crowned = register_quickly(*store, name), register_quickly(*store, name)
    apply_decision(client, name, crowned, "PROMOTE")
    for number in (plain, crowned):
        version = find_version(client, name, number)
        assert version is not None
        client.update_run(version.run_id, status="RUNNING")
        client.set_tag(version.run_id, "forewarn.process", gone)
    assert len(close_abandoned_runs(client)) == 2
    assert find_version(client, name, plain) is None
    champion = find_alias(client, name, "champion")
    assert champion is not None
    assert str(champion.version) == crowned


def test_a_model_whose_files_did_not_all_arrive_is_deleted(
    store: tuple[MlflowClient, str], gone: str
) -> None:
    client, experiment_id = store
    run_id = start(store, {"forewarn.process": gone})
    half = client.create_logged_model(experiment_id, name="detector", source_run_id=run_id)
    assert len(close_abandoned_runs(client)) == 1
    assert find_ready_model(client, experiment_id, run_id) is None
    of_the_run = f"source_run_id = '{run_id}'"
    assert half.model_id not in [
        model.model_id for model in client.search_logged_models([experiment_id], filter_string=of_the_run)
    ]
