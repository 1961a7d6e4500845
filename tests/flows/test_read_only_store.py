"""Whatever reads a version leaves its files in the artifact store alone, and need not be allowed to write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from flows.commands import run_command_line
from flows.serving.model import load_served_version, parse_source
from tasks.registry.loading import load_version, score_with_version
from tasks.registry.rescore import score_champion
from tasks.registry.smoke_test import run_smoke_test
from tasks.tracking.store import find_tracking_uri
from tests.detectors import open_test_store, register_quickly, simulated_table

NAME = "read-only"
URI = f"models:/{NAME}/1"


@pytest.fixture(scope="module")
def files(home: Path) -> Iterator[Path]:
    """The files of a champion, which nobody may write (root may, so the tests look at the files too)."""
    client, experiment_id = open_test_store(home, NAME)
    client.set_registered_model_alias(NAME, "champion", register_quickly(client, experiment_id, NAME))
    # without `dst_path`, MLflow gives the place in the store
    folder = Path(download_artifacts(URI))
    allowed = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in allowed.items():
        path.chmod(mode & ~0o222)
    yield folder
    for path, mode in allowed.items():
        path.chmod(mode)


@pytest.fixture(autouse=True)
def _with_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python write bytecode as it does by default, whatever this machine's variables say."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


def look(folder: Path) -> dict[str, tuple[int, int]]:
    """The time and size of every file and folder: a file that came and went changes its folder's time."""
    found = {path: path.stat() for path in (folder, *folder.rglob("*"))}
    return {str(path): (each.st_mtime_ns, each.st_size) for path, each in found.items()}


def load_in_every_way(home: Path, table: Path, out: Path) -> None:
    """Load the version in every way in which a task does."""
    client = MlflowClient(find_tracking_uri(home))
    rows = simulated_table().head(300)
    load_version(URI)
    assert len(score_with_version(URI, rows)) == 300
    champion = score_champion(client, NAME, rows)
    assert champion is not None
    assert champion.problem is None
    model_id = client.get_model_version(NAME, "1").source.removeprefix("models:/")
    assert run_smoke_test(find_tracking_uri(home), model_id).problem is None
    load_served_version(parse_source(f"models:/{NAME}@champion"), "1")


def run_score(home: Path, table: Path, out: Path) -> None:
    flags = ["--data", str(table), "--out", str(out), "--set", f"tracking.model_name={NAME}"]
    assert run_command_line(["score", *flags]) == 0


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("read", [load_in_every_way, run_score])
def test_reading_a_version_changes_none_of_its_files(
    files: Path, home: Path, tmp_path: Path, read: Callable[[Path, Path, Path], None]
) -> None:
    table = tmp_path / "rows.csv"
    simulated_table().head(300).to_csv(table, index=False)
    before = look(files)
    read(home, table, tmp_path / "out.csv")
    assert look(files) == before
