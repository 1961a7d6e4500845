"""Places that are taken whole or not at all."""

import errno
from pathlib import Path

import pytest

from schemas.errors import BusyError, InputError, StoreUnreachableError
from tasks.backup.stage import place_file, staged_folder


def test_the_side_folder_is_gone_afterwards(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "a.tar.gz") as side:
        (side / "half").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".a.tar.gz.part"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "half").write_text("x")
    with staged_folder(tmp_path / "a.tar.gz") as side:
        assert [path.name for path in side.iterdir()] == ["lock"]


def test_a_second_process_at_the_same_place_is_refused(tmp_path: Path) -> None:
    with (
        staged_folder(tmp_path / "a.tar.gz"),
        pytest.raises(BusyError, match="one command at a time"),
        staged_folder(tmp_path / "a.tar.gz"),
    ):
        pass


def test_a_full_disk_leaves_nothing_and_is_named(tmp_path: Path) -> None:
    def fill() -> None:
        with staged_folder(tmp_path / "a.tar.gz") as side:
            (side / "half").write_text("x")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnreachableError, match="It is full"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    with pytest.raises(InputError, match="must not exist yet"):
        place_file(source, target)
    assert target.read_text() == "old"
