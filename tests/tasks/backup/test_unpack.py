"""Archives that are not whole, or lead elsewhere."""

import os
import tarfile
from pathlib import Path

import pytest

from schemas.backup import ARCHIVE_FORMAT
from schemas.errors import InputError
from tasks.backup.unpack import unpack_archive, verify_archive
from tests.archives import DATABASE, write_archive

FILES = {"database.sqlite": DATABASE, "artifacts/run/artifacts/notes.txt": b"notes"}


def verify(path: Path) -> int:
    with path.open("rb") as file:
        return len(verify_archive(file, path).files)


def test_a_whole_archive_is_verified_and_unpacked(tmp_path: Path) -> None:
    path, side = write_archive(tmp_path / "a.tar.gz", FILES), tmp_path / "side"
    assert verify(path) == 2
    with path.open("rb") as file:
        unpack_archive(file, path, side)
    found = {
        each.relative_to(side).as_posix(): each.read_bytes() for each in side.rglob("*") if each.is_file()
    }
    assert found == FILES


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_archive_is_refused(tmp_path: Path, kept: float) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="must be an intact archive"):
        verify(path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_an_archive_that_ends_within_a_file_is_cut_short(tmp_path: Path, kept: float) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES | {"artifacts/large": os.urandom(300_000)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="is not: it is cut short"):
        verify(path)


def test_a_changed_byte_within_a_large_file_is_found(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES | {"artifacts/large": 300_000 * b"large"})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(InputError, match="must be an intact archive"):
        verify(path)


def test_every_changed_byte_of_an_archive_is_found(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES)
    content = bytearray(path.read_bytes())
    # the header of gzip holds a time and a name, which say nothing of the content
    for place in range(20, len(content), 37):
        changed = bytearray(content)
        changed[place] ^= 0x55
        path.write_bytes(changed)
        with pytest.raises(InputError):
            verify(path)


@pytest.mark.parametrize(
    "name", ["../outside", "artifacts/../../outside", "/outside", "artifacts//x", "other/x"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES | {name: b"evil"})
    with pytest.raises(InputError, match="invalid name"):
        verify(path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("artifacts/link")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(InputError, match="not a regular file"):
        verify(write_archive(tmp_path / "a.tar.gz", FILES, member))


def test_a_file_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 files are missing, added or changed, such as 'artifacts/added'"):
        verify(write_archive(tmp_path / "a.tar.gz", FILES, tarfile.TarInfo("artifacts/added")))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", FILES, format=ARCHIVE_FORMAT + 1)
    with pytest.raises(InputError, match=f"must have format {ARCHIVE_FORMAT} or older"):
        verify(path)


def test_something_else_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"time,x1\n0,1\n" * 100)
    with pytest.raises(InputError, match="must be an intact archive"):
        verify(path)
