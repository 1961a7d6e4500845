"""Files that change while they are saved, and what cannot be saved."""

import os
from pathlib import Path
from typing import IO

import pytest

from schemas.backup import ArchivedFile
from schemas.errors import InputError, StoreUnreachableError
from tasks.backup import pack
from tasks.backup.pack import hash_bytes, list_artifacts, opened_archive, pack_artifacts, pack_file


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy, reads = tmp_path / "model", pack._copy, []
    path.write_bytes(b"old")

    def copy_slowly(file: IO[bytes], target: IO[bytes], name: str) -> ArchivedFile:
        entry = copy(file, target, name)
        if not reads:
            path.write_bytes(b"newer")
        reads.append(entry.size)
        return entry

    monkeypatch.setattr(pack, "_copy", copy_slowly)
    with opened_archive(tmp_path / "a.tar.gz") as archive:
        packed = pack_file(archive, path, "artifacts/model", tmp_path)
    assert (reads, packed) == ([3, 5], hash_bytes(b"newer", "artifacts/model"))


def test_a_file_that_never_stops_changing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = tmp_path / "log", pack._copy
    path.write_bytes(b"")

    def copy_and_append(file: IO[bytes], target: IO[bytes], name: str) -> ArchivedFile:
        with path.open("ab") as log:
            log.write(b"line")
        return copy(file, target, name)

    monkeypatch.setattr(pack, "_copy", copy_and_append)
    with (
        opened_archive(tmp_path / "a.tar.gz") as archive,
        pytest.raises(StoreUnreachableError, match="must not change while it is copied"),
    ):
        pack_file(archive, path, "artifacts/log", tmp_path)


def test_a_file_that_is_taken_away_meanwhile_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "artifacts"
    root.mkdir()
    (root / "kept").write_bytes(b"kept")
    listed = [root / "gone", root / "kept"]
    monkeypatch.setattr(pack, "list_artifacts", lambda _: listed)
    with opened_archive(tmp_path / "a.tar.gz") as archive:
        assert [file.name for file in pack_artifacts(archive, root, tmp_path)] == ["artifacts/kept"]


def test_a_linked_folder_among_the_artifacts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(InputError, match="link is a link or a special file"):
        list_artifacts(tmp_path)


def test_a_pipe_among_the_artifacts_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is a link or a special file"):
        list_artifacts(tmp_path)
