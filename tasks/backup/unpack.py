"""Verify an archive to its last byte, then unpack it: nothing is written for one that is not whole."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from schemas.backup import ARCHIVE_FORMAT, ARTIFACTS_PREFIX, MANIFEST_NAME, ArchivedFile, Manifest
from schemas.errors import InputError

_PIECE_BYTES = 1 << 20
_MANIFEST_BYTES = 1 << 30
_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


def verify_archive(file: IO[bytes], source: Path) -> Manifest:
    """Read a whole archive and compare every file with the manifest.

    Args:
        file: The archive, open; it is read from its start.
        source: Its path, for messages.

    Returns:
        The manifest.

    Raises:
        InputError: If it is torn or changed, of a newer format, or holds what may not be in it.
    """
    found: dict[str, ArchivedFile] = {}
    manifest = None
    for archive, member in _read_members(file, source):
        if manifest is not None or member.name in found:
            raise _refuse(source, f"{member.name!r} stands where nothing may")
        content = archive.extractfile(member)
        if content is None:
            raise _refuse(source, f"{member.name!r} is no file")
        if member.name == MANIFEST_NAME:
            manifest = _read_manifest(content, member.size, source)
        else:
            found[member.name] = _hash(content, member.name)
    if manifest is None:
        raise _refuse(source, f"there is no {MANIFEST_NAME} at its end")
    _compare(manifest, found, source)
    return manifest


def unpack_archive(file: IO[bytes], source: Path, side: Path) -> None:
    """Unpack a verified archive, without its manifest.

    Args:
        file: The archive, open; it is read from its start.
        source: Its path, for messages.
        side: Empty folder.
    """
    for archive, member in _read_members(file, source):
        if member.name != MANIFEST_NAME:
            archive.extract(member, side, filter="data")


def _read_members(file: IO[bytes], source: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Go through the files of an archive; a link, a device or a name that leads elsewhere is refused."""
    file.seek(0)
    try:
        with gzip.GzipFile(fileobj=file) as plain:
            with tarfile.open(fileobj=plain, mode="r|") as archive:
                for member in archive:
                    if not member.isreg() or not _is_place(member.name):
                        raise _refuse(source, f"{member.name!r} is no plain file, or leads elsewhere")
                    yield archive, member
            # the checksum of all is at the end, which tarfile does not read
            while plain.read(_PIECE_BYTES):
                pass
    except _BROKEN as error:
        raise _refuse(source, str(error) or "it ends too early") from error


def _is_place(name: str) -> bool:
    """Tell whether a name lies in the folder that it is unpacked to, and is written as we write it."""
    parts = name.split("/")
    is_known = name.startswith(ARTIFACTS_PREFIX) or len(parts) == 1
    return is_known and not any(part in {"", ".", ".."} or "\0" in part for part in parts)


def _read_manifest(content: IO[bytes], size: int, source: Path) -> Manifest:
    if size > _MANIFEST_BYTES:
        raise _refuse(source, f"its {MANIFEST_NAME} is of {size:,} bytes")
    text = content.read()
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        if b'"format"' in text[:200] and f'"format": {ARCHIVE_FORMAT},'.encode() not in text[:200]:
            raise InputError(
                f"The archive must be of format {ARCHIVE_FORMAT} or older. {source} is of another one. "
                "Restore it with the forewarn that made it, or a newer one."
            ) from error
        raise _refuse(source, f"its {MANIFEST_NAME} cannot be read") from error


def _compare(manifest: Manifest, found: dict[str, ArchivedFile], source: Path) -> None:
    if manifest.format > ARCHIVE_FORMAT:
        raise InputError(
            f"The archive must be of format {ARCHIVE_FORMAT} or older. {source} is of format "
            f"{manifest.format}, made by forewarn {manifest.forewarn}. Restore it with that one."
        )
    expected = {file.name: file for file in manifest.files}
    differing = sorted(name for name in expected.keys() | found if expected.get(name) != found.get(name))
    if differing:
        raise _refuse(
            source, f"{len(differing)} files are missing, added or changed, such as {differing[0]!r}"
        )


def _hash(content: IO[bytes], name: str) -> ArchivedFile:
    sha256, size = hashlib.sha256(), 0
    while piece := content.read(_PIECE_BYTES):
        sha256.update(piece)
        size += len(piece)
    return ArchivedFile(name=name, size=size, sha256=sha256.hexdigest())


def _refuse(source: Path, what: str) -> InputError:
    return InputError(
        f"`--from` must be a whole archive that `forewarn backup` made. {source} is not: {what}. Nothing was "
        "written. Take another archive."
    )
