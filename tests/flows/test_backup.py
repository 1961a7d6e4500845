"""Backup and restore of a registry with real versions, aliases and history."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from flows.commands import run_command_line
from schemas.backup import BackupOutcome, RestoreOutcome
from schemas.errors import InputError
from schemas.registry import Intent, Move, Standing
from tasks.backup.back_up import back_up
from tasks.backup.restore import restore
from tasks.backup.unpack import verify_archive
from tasks.files.lock import hold_file
from tasks.registry.history import write_intent
from tasks.registry.list_versions import list_versions
from tasks.registry.promote import apply_decision, promote_version
from tasks.registry.versions import find_alias
from tasks.tracking.locks import find_lock
from tests.archives import write_archive
from tests.detectors import open_test_store, register_quickly
from tests.postgres import Server

NAME = "forewarn"
ROOT = Path(__file__).parents[2]


def address(home: Path) -> str:
    return f"sqlite:///{home / 'mlruns' / 'mlflow.db'}"


def artifacts(home: Path) -> Path:
    return home / "mlruns" / "artifacts"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with two versions that score, a third that was put on HOLD, and their history."""
    before = mlflow.get_tracking_uri()
    home = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOREWARN_HOME", str(home))
        # MLflow sets it to the store that was opened last
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client, experiment_id = open_test_store(home, "kept")
        for _ in range(3):
            register_quickly(client, experiment_id, NAME)
        promote_version(client, NAME, "1", "the first", "a test")
        promote_version(client, NAME, "2", "the better", "a test")
        apply_decision(client, NAME, "3", "HOLD", "gate: too few events", "a test")
        yield home
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def archive(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archives") / "kept.tar.gz"
    back_up(path, address(store), artifacts(store))
    return path


@pytest.fixture(scope="module")
def restored(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RestoreOutcome]:
    home = tmp_path_factory.mktemp("moved") / "another home"
    return home, restore(archive, address(home), artifacts(home))


@pytest.fixture
def without_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore without trying the champion in a fresh process, where a test is about something else."""
    monkeypatch.setattr("tasks.backup.restore.verify_champions", lambda _: ())


def list_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def describe(uri: str) -> Any:
    listing = list_versions(MlflowClient(uri), NAME)
    assert listing.repairs == ()
    return listing.model_dump()


def test_versions_aliases_and_history_are_the_same_elsewhere(
    store: Path, restored: tuple[Path, RestoreOutcome]
) -> None:
    assert describe(address(restored[0])) == describe(address(store))
    assert [move["why"] for move in describe(address(store))["history"]][:2] == ["the first", "the better"]


def test_the_restored_champion_loads_from_its_new_place_and_scores_the_same(
    store: Path, restored: tuple[Path, RestoreOutcome]
) -> None:
    home, outcome = restored
    (champion,) = outcome.champions
    assert (champion.version, champion.is_same, champion.largest_difference) == ("2", True, 0.0)
    assert champion.scores > 100
    client = MlflowClient(address(home))
    version = find_alias(client, NAME, "champion")
    assert version is not None
    location = client.get_logged_model(version.source.removeprefix("models:/")).artifact_location
    assert location.startswith(artifacts(home).as_uri())


def test_every_artifact_is_restored_and_nothing_else_is_left(
    store: Path, restored: tuple[Path, RestoreOutcome]
) -> None:
    home, outcome = restored
    assert list_files(artifacts(home)) == list_files(artifacts(store))
    assert sorted(path.name for path in (home / "mlruns").iterdir() if ".lock" not in path.name) == [
        "artifacts",
        "mlflow.db",
    ]
    assert outcome.relocated
    assert outcome.notes == ()


def test_a_restored_store_goes_on(restored: tuple[Path, RestoreOutcome], tmp_path: Path) -> None:
    home = Path(shutil.copytree(restored[0], tmp_path / "copy"))
    client = MlflowClient(address(home))
    experiment = client.get_experiment_by_name("kept").experiment_id
    run_id = client.create_run(experiment).info.run_id
    version = client.create_model_version(NAME, "file:///nowhere", run_id=run_id)
    assert str(version.version) == "4"


def test_the_commands_tell_what_they_saved_and_restored(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, saved = tmp_path / "backup.tar.gz", tmp_path / "saved.json"
    assert run_command_line(["backup", "--out", str(out), "--json", str(saved)]) == 0
    assert "3 runs, 3 versions, 3 aliases" in capsys.readouterr().out
    outcome = BackupOutcome.model_validate_json(saved.read_text())
    assert (outcome.manifest.contents.counts["model_versions"], outcome.manifest.findings) == (3, ())
    assert out.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path / "new"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run_command_line(["restore", "--from", str(out), "--json", str(saved)]) == 0
    assert "version 2 of forewarn loads from here and reproduces all" in capsys.readouterr().out
    assert json.loads(saved.read_text())["champions"][0]["problem"] is None
    assert run_command_line(["restore", "--from", str(out)]) == 2
    assert "must be a database that does not exist yet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_each_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([command, "--help"]) == 0
    assert f"Example: forewarn {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "--out", "b.tar.gz", "--store", "http://127.0.0.1:5000"), "where the server runs"),
        (("backup", "--out", "b.tar.gz", "--store", "mysql://u:secret@h/d"), "must be sqlite:///FILE"),
        (
            ("backup", "--out", "b.tar.gz", "--store", "sqlite:///x.db"),
            "`--artifacts` must name the artifact folder",
        ),
        (
            ("backup", "--out", "b.tar.gz", "--store", "sqlite:///none.db", "--database-only"),
            "does not exist",
        ),
        (("backup", "--out", "b.zip"), "must name a `.tar.gz` file"),
        (("backup", "--out", "b.tar.gz", "--artifacts", "x", "--database-only"), "not both"),
        (("backup", "--out", "b.tar.gz", "--artifacts", "nothing-here"), "nothing-here is not a folder"),
        (("backup", "--out", "b.tar.gz", "--prefect", "sqlite:///p.db"), "`--prefect` must be postgresql"),
        (("restore", "--from", "none.tar.gz"), "must name an existing archive"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(
    store: Path,
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(arguments) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "secret" not in shown
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_never_overwritten(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.tar.gz"
    out.write_text("older")
    with pytest.raises(InputError, match="must not exist yet"):
        back_up(out, address(store), artifacts(store))
    assert out.read_text() == "older"


def test_a_folder_that_is_not_empty_is_refused(archive: Path, tmp_path: Path) -> None:
    artifacts(tmp_path).mkdir(parents=True)
    (artifacts(tmp_path) / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="must be an empty folder"):
        restore(archive, address(tmp_path), artifacts(tmp_path))
    assert list(list_files(tmp_path)) == ["mlruns/artifacts/mine.txt"]


def test_a_journal_without_its_database_is_refused(archive: Path, tmp_path: Path) -> None:
    # SQLite would roll it back into the database that is restored
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db-journal").write_text("rest of another")
    with pytest.raises(InputError, match="mlflow.db-journal"):
        restore(archive, address(tmp_path), artifacts(tmp_path))


def test_a_torn_archive_writes_nothing(archive: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(archive.read_bytes()[:-5])
    with pytest.raises(InputError, match="must be an intact archive"):
        restore(torn, address(tmp_path / "new"), artifacts(tmp_path / "new"))
    assert [path.name for path in tmp_path.iterdir()] == ["torn.tar.gz"]


def test_the_database_alone_is_restored_where_the_artifacts_are_still_there(
    store: Path, archive: Path, tmp_path: Path
) -> None:
    outcome = restore(archive, address(tmp_path), None)
    assert describe(address(tmp_path)) == describe(address(store))
    assert outcome.notes == (
        f"the artifacts were not restored; the database still refers to {artifacts(store)}",
    )


def test_a_schema_of_a_newer_mlflow_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "newer.tar.gz", {"database.sqlite": b"rows"})
    with pytest.raises(InputError, match="must be known to MLflow"):
        restore(path, address(tmp_path / "new"), artifacts(tmp_path / "new"))
    assert [path.name for path in tmp_path.iterdir()] == ["newer.tar.gz"]


def test_an_archive_of_postgres_is_not_for_sqlite(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "p.tar.gz", {"database.dump": b"rows"}, kind="postgresql")
    with pytest.raises(InputError, match="must be restored to PostgreSQL"):
        restore(path, address(tmp_path / "new"), artifacts(tmp_path / "new"))


def test_a_damaged_database_is_not_saved(store: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    content = bytearray(Path(address(store).removeprefix("sqlite:///")).read_bytes())
    content[4096 * 3 : 4096 * 40] = b"\xff" * (4096 * 37)
    database.write_bytes(content)
    with pytest.raises(InputError, match="must be intact"):
        back_up(tmp_path / "b.tar.gz", f"sqlite:///{database}", None)
    assert [path.name for path in tmp_path.iterdir() if ".lock" not in path.name] == ["mlflow.db"]


def test_versions_whose_files_are_not_saved_are_named(store: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(store, tmp_path / "copy"))
    client = MlflowClient(address(home))
    client.create_model_version(NAME, "s3://bucket/model")
    shutil.rmtree(artifacts(home) / "models")
    out = back_up(tmp_path / "b.tar.gz", address(home), artifacts(home))
    # the copy's database still means the files of the first home
    assert [finding.split(":")[0] for finding in out.manifest.findings] == [
        f"version {number} of {NAME}" for number in (1, 2, 3, 4)
    ]
    assert "s3://bucket/model" in out.manifest.findings[3]


def test_a_move_that_was_stopped_half_way_is_mended_after_the_restore(store: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(store, tmp_path / "copy"))
    client = MlflowClient(address(home))
    before = Standing(champion="2", previous="1", challenger="3")
    after = Standing(champion="3", previous="2")
    when = "2024-01-01T00:00:00+00:00"
    move = Move(
        number=4, id="m", kind="promote", version="3", before=before, after=after, who="a", when=when, why="b"
    )
    write_intent(client, NAME, Intent(move=move, host="elsewhere", lock="/elsewhere"))
    client.set_registered_model_alias(NAME, "previous", "2")
    back_up(tmp_path / "b.tar.gz", address(home), None)
    new = tmp_path / "new"
    restore(tmp_path / "b.tar.gz", address(new), None)
    listing = list_versions(MlflowClient(address(new)), NAME)
    assert listing.standing == before
    assert "it was undone" in listing.repairs[0]


def test_a_backup_waits_for_a_move_to_end(store: Path, tmp_path: Path) -> None:
    ended: list[str] = []

    def save() -> None:
        back_up(tmp_path / "b.tar.gz", address(store), None)
        ended.append("backup")

    thread = threading.Thread(target=save)
    with hold_file(find_lock(address(store), NAME), 1.0, "A move"):
        thread.start()
        time.sleep(0.5)
        ended.append("move")
    thread.join(timeout=60)
    assert ended == ["move", "backup"]


WRITER = """
import sys
from pathlib import Path
from mlflow import MlflowClient
client, done = MlflowClient(sys.argv[1]), Path(sys.argv[2])
experiment = client.get_experiment_by_name("kept").experiment_id
number = 0
while True:
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "x" * 1000, "notes.txt")
    client.log_metric(run, "number", number)
    client.set_tag(run, "complete", "yes")
    number += 1
    done.touch()
"""


def test_what_is_complete_in_the_database_has_its_artifacts_while_another_process_writes(
    archive: Path, without_trial: None, tmp_path: Path
) -> None:
    home, new, done = tmp_path / "busy", tmp_path / "new", tmp_path / "done"
    restore(archive, address(home), artifacts(home))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, address(home), str(done)], cwd=ROOT)
    try:
        end = time.monotonic() + 120
        while not done.exists() and time.monotonic() < end:
            time.sleep(0.05)
        outcomes = [
            back_up(tmp_path / f"{place}.tar.gz", address(home), artifacts(home)) for place in range(3)
        ]
    finally:
        writer.kill()
        writer.wait()
    assert done.exists()
    assert all(outcome.manifest.findings == () for outcome in outcomes)
    restore(tmp_path / "2.tar.gz", address(new), artifacts(new))
    client = MlflowClient(address(new))
    runs = client.search_runs(
        [client.get_experiment_by_name("kept").experiment_id], "tags.complete = 'yes'", max_results=1000
    )
    assert runs
    for run in runs:
        assert (artifacts(new) / run.info.run_id / "artifacts" / "notes.txt").stat().st_size == 1000
        assert "number" in run.data.metrics


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"MLFLOW_TRACKING_URI": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_a_backup_that_is_killed_leaves_no_archive_and_the_next_one_is_whole(
    archive: Path, without_trial: None, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    restore(archive, address(home), artifacts(home))
    # a second or so to save, so that some kills fall into it
    (artifacts(home) / "large").write_bytes(os.urandom(40_000_000))
    places = ("--store", address(home), "--artifacts", str(artifacts(home)))
    killed = 0
    for place in range(10):
        out = tmp_path / f"{place}.tar.gz"
        process = start("backup", "--out", str(out), *places)
        side, end = out.with_name(f".{out.name}.part"), time.monotonic() + 60
        while not side.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(0.15 * place)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if not out.exists():
            back_up(out, address(home), artifacts(home))
        with out.open("rb") as file:
            assert len(verify_archive(file, out).artifacts) == len(list_files(artifacts(home)))
        assert not side.exists()
    assert killed > 3


@pytest.mark.slow
def test_a_restore_that_is_killed_leaves_no_half_store_and_can_be_repeated(
    archive: Path, without_trial: None, tmp_path: Path
) -> None:
    killed = 0
    for place in range(10):
        home = tmp_path / str(place)
        places = ("--store", address(home), "--artifacts", str(artifacts(home)))
        process = start("restore", "--from", str(archive), *places)
        side, end = artifacts(home).with_name(".artifacts.part"), time.monotonic() + 60
        while not side.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(0.06 * place)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        database = Path(address(home).removeprefix("sqlite:///"))
        if not database.exists():
            restore(archive, address(home), artifacts(home))
        with closing(sqlite3.connect(database)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM model_versions").fetchone()
        assert count == 3
        assert len(list((artifacts(home) / "models").iterdir())) == 3
    assert killed > 3


def look(uri: str, query: str) -> list[Any]:
    engine = create_engine(uri, poolclass=NullPool)
    with engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


@pytest.mark.slow
def test_sqlite_goes_to_postgres_with_versions_history_and_counters(
    store: Path, archive: Path, postgres: Server, tmp_path: Path
) -> None:
    uri, folder = postgres.make_database(), tmp_path / "artifacts"
    outcome = restore(archive, uri, folder)
    assert describe(uri) == describe(address(store))
    assert [champion.is_same for champion in outcome.champions] == [True]
    assert "only" not in outcome.store
    client = MlflowClient(uri)
    experiment = client.create_experiment("another", folder.as_uri())
    assert experiment not in {"0", client.get_experiment_by_name("kept").experiment_id}
    assert str(client.create_model_version(NAME, "s3://bucket/model").version) == "4"


@pytest.mark.slow
def test_places_are_those_of_a_server_that_serves(archive: Path, postgres: Server, tmp_path: Path) -> None:
    uri = postgres.make_database()
    outcome = restore(archive, uri, tmp_path / "served", is_served=True)
    assert outcome.champions == ()
    places = look(uri, "SELECT artifact_uri FROM runs UNION SELECT storage_location FROM model_versions")
    assert len(places) == 6
    assert all(place.startswith("mlflow-artifacts:/") for place in places)
    with pytest.raises(InputError, match="must be an empty database"):
        restore(archive, uri, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_postgres_is_saved_and_restored_elsewhere(
    store: Path, archive: Path, postgres: Server, tmp_path: Path
) -> None:
    first, second, prefect = (postgres.make_database() for _ in range(3))
    restore(archive, first, tmp_path / "it's 50% full")
    out = tmp_path / "p.tar.gz"
    back_up(out, first, tmp_path / "it's 50% full", first)
    outcome = restore(out, second, tmp_path / "another", prefect_uri=prefect)
    assert describe(second) == describe(address(store))
    assert [champion.is_same for champion in outcome.champions] == [True]
    assert look(prefect, "SELECT count(*) FROM model_versions") == [3]


@pytest.mark.slow
def test_a_restore_that_fails_in_postgres_leaves_nothing(
    archive: Path, postgres: Server, without_trial: None, tmp_path: Path
) -> None:
    uri = postgres.make_database()
    long = tmp_path / ("x" * 120) / ("y" * 120)
    with pytest.raises(InputError, match="must be intact and accept all statements"):
        restore(archive, uri, long)
    assert list_files(tmp_path) == {}
    assert look(uri, "SELECT count(*) FROM runs") == [0]
    assert restore(archive, uri, tmp_path / "short").contents.counts["runs"] == 3


@pytest.mark.slow
def test_without_its_tools_postgres_is_not_saved(
    archive: Path, postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = postgres.make_database()
    restore(archive, uri, None)
    back_up(tmp_path / "fits.tar.gz", uri, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="`pg_dump` must be installed"):
        back_up(tmp_path / "b.tar.gz", uri, None)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    with pytest.raises(InputError, match="the server's version, or newer"):
        back_up(tmp_path / "b.tar.gz", uri, None)
    assert not (tmp_path / "b.tar.gz").exists()
