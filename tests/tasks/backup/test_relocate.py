"""Places of artifacts when their folder is another one."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tasks.backup.connect import opened_database
from tasks.backup.dump import _write_sql
from tasks.backup.relocate import find_place, make_relocations, relocate
from tasks.backup.renumber import renumber_experiments

OLD = "/home/mill 50%/mlruns/artifacts"


def make_runs(connection: Connection, *places: str) -> None:
    connection.execute(text("CREATE TABLE runs (artifact_uri TEXT)"))
    for place in places:
        connection.execute(text("INSERT INTO runs VALUES (:place)"), {"place": place})


def move(tmp_path: Path, place: str, new: str | None) -> str:
    with opened_database(f"sqlite:///{tmp_path / 'x.db'}") as connection:
        make_runs(connection, place)
        relocate(connection, ["runs.artifact_uri"], OLD, new)
        return str(connection.execute(text("SELECT artifact_uri FROM runs")).scalar())


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ("file:///home/mill%2050%25/mlruns/artifacts/run/artifacts", "file:///new%20place/run/artifacts"),
        ("file:///home/mill%2050%25/mlruns/artifacts", "file:///new%20place"),
        ("/home/mill 50%/mlruns/artifacts/run", "/new place/run"),
        (
            "file:///home/mill%2050%25/mlruns/artifacts-2/run",
            "file:///home/mill%2050%25/mlruns/artifacts-2/run",
        ),
        ("s3://bucket/home/mill 50%/mlruns/artifacts/run", "s3://bucket/home/mill 50%/mlruns/artifacts/run"),
        ("mlflow-artifacts:/run", "mlflow-artifacts:/run"),
    ],
)
def test_places_below_the_old_folder_move_and_others_stay(tmp_path: Path, place: str, moved: str) -> None:
    assert move(tmp_path, place, "/new place") == moved


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ("file:///home/mill%2050%25/mlruns/artifacts", "mlflow-artifacts:/"),
        ("file:///home/mill%2050%25/mlruns/artifacts/run/artifacts", "mlflow-artifacts:/run/artifacts"),
    ],
)
def test_places_of_a_server_that_serves_begin_at_its_root(tmp_path: Path, place: str, moved: str) -> None:
    assert move(tmp_path, place, None) == moved


def test_the_same_folder_needs_no_statement() -> None:
    assert make_relocations(["runs.artifact_uri"], OLD, OLD) == []


def test_statements_for_psql_keep_percent_signs_and_double_quotes() -> None:
    statements = make_relocations(["runs.artifact_uri"], OLD, "/it's")
    written = "".join(map(_write_sql, statements))
    assert "'file:///home/mill%2050%25/mlruns/artifacts'" in written
    assert "'/it''s'" in written


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("file:///home/mill%2050%25/mlruns/artifacts/models/m-1", "models/m-1"),
        ("mlflow-artifacts:/models/m-1", "models/m-1"),
        ("s3://bucket/models/m-1", None),
        ("file:///elsewhere/models/m-1", None),
    ],
)
def test_the_place_below_the_folder_is_found(location: str, place: str | None) -> None:
    assert find_place(location, OLD) == place


def test_large_numbers_of_experiments_become_small_wherever_they_are_named(tmp_path: Path) -> None:
    large = 159950647092503063
    with opened_database(f"sqlite:///{tmp_path / 'x.db'}") as connection:
        for name in ("experiments", "runs"):
            connection.execute(text(f"CREATE TABLE {name} (experiment_id INTEGER)"))
            connection.execute(text(f"INSERT INTO {name} VALUES (4), ({large})"))  # noqa: S608 - the test's own name
        assert renumber_experiments(connection) == {large: 5}
        for name in ("experiments", "runs"):
            found = connection.execute(text(f"SELECT experiment_id FROM {name}")).scalars().all()  # noqa: S608 - the test's own name
            assert found == [4, 5]
