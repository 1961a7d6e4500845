"""Write a compressed archive, with the hash of every file in it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from schemas.backup import ARTIFACTS_PREFIX, MANIFEST_NAME, ArchivedFile, Manifest
from schemas.errors import InputError, StoreUnreachableError

_LEVEL = 5
_PIECE_BYTES = 1 << 20
# files up to this size are copied to memory before they are archived, larger ones to disk
_IN_MEMORY_BYTES = 32 << 20
_TRIES = 5


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a new archive for writing."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        yield archive


def list_artifacts(root: Path) -> list[Path]:
    """List the files below a folder, sorted.

    Args:
        root: Folder of the artifacts; a missing folder has no files.

    Raises:
        InputError: If an entry is neither a file nor a folder, or is a link to a folder.
    """
    found = []
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        odd = [
            name for name in files if not (Path(folder) / name).is_file() and _is_special(Path(folder) / name)
        ]
        if links or odd:
            raise InputError(
                f"The artifacts must be files and folders. {Path(folder) / [*links, *odd][0]} is a link or a "
                "special file. Replace it with what it points to, or remove it."
            )
        found += [Path(folder) / name for name in files]
    return sorted(found)


def pack_artifacts(archive: tarfile.TarFile, root: Path, side: Path) -> list[ArchivedFile]:
    """Add all files below a folder; files deleted meanwhile are skipped.

    Args:
        archive: The archive.
        root: Folder of the artifacts.
        side: Folder for temporary copies of large files.
    """
    packed = []
    for path in list_artifacts(root):
        name = ARTIFACTS_PREFIX + path.relative_to(root).as_posix()
        with contextlib.suppress(FileNotFoundError):
            packed.append(pack_file(archive, path, name, side))
    return packed


def pack_file(archive: tarfile.TarFile, path: Path, name: str, side: Path) -> ArchivedFile:
    """Add a file as of one moment: it is copied first, and copied again if it changed meanwhile.

    Args:
        archive: The archive.
        path: The file.
        name: Its name in the archive.
        side: Folder for the temporary copy of a large file.

    Raises:
        FileNotFoundError: If the file no longer exists.
        StoreUnreachableError: If the file keeps changing.
    """
    for _ in range(_TRIES):
        with path.open("rb") as file, tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(side)) as copy:
            before = _describe(os.fstat(file.fileno()))
            entry = _copy(file, copy, name)
            if _describe(path.stat()) == before:
                copy.seek(0)
                _add(archive, copy, entry)
                return entry
    raise StoreUnreachableError(
        f"{path} must not change while it is copied. It changed during {_TRIES} attempts; try again."
    )


def pack_manifest(archive: tarfile.TarFile, manifest: Manifest) -> None:
    """Add the manifest as the last file, so that a truncated archive has none."""
    content = manifest.model_dump_json(indent=1).encode()
    _add(archive, io.BytesIO(content), hash_bytes(content, MANIFEST_NAME))


def hash_bytes(content: bytes, name: str) -> ArchivedFile:
    """Describe a file by its content."""
    return ArchivedFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _copy(file: IO[bytes], copy: IO[bytes], name: str) -> ArchivedFile:
    sha256, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE_BYTES):
        sha256.update(piece)
        size += copy.write(piece)
    return ArchivedFile(name=name, size=size, sha256=sha256.hexdigest())


def _add(archive: tarfile.TarFile, content: IO[bytes], entry: ArchivedFile) -> None:
    member = tarfile.TarInfo(entry.name)
    member.size, member.mode = entry.size, 0o644
    archive.addfile(member, content)


def _describe(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return path.is_symlink()
