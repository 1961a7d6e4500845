"""Verify a whole archive before unpacking it, so that nothing is written from a damaged one."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from pydantic import ValidationError

from schemas.backup import ARCHIVE_FORMAT, ARTIFACTS_PREFIX, MANIFEST_NAME, ArchivedFile, Manifest
from schemas.errors import InputError

_PIECE_BYTES = 1 << 20
_MANIFEST_BYTES = 1 << 30
_BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error)


def verify_archive(file: IO[bytes], source: Path) -> Manifest:
    """Read a whole archive and compare every file with the manifest.

    Args:
        file: The open archive, read from its start.
        source: Its path, for messages.

    Returns:
        The manifest.

    Raises:
        InputError: If the archive is truncated, changed or of a newer format, or contains invalid entries.
    """
    found: dict[str, ArchivedFile] = {}
    manifest = None
    with _damage_refused(source):
        for archive, member in _read_members(file, source):
            if manifest is not None or member.name in found:
                raise _refuse(source, f"{member.name!r} is in it twice, or after the manifest")
            content = archive.extractfile(member)
            if content is None:
                raise _refuse(source, f"{member.name!r} is not a file")
            if member.name == MANIFEST_NAME:
                manifest = _read_manifest(content, member.size, source)
            else:
                found[member.name] = _hash(content, member.name)
    if manifest is None:
        raise _refuse(source, f"it has no {MANIFEST_NAME} at its end")
    _compare(manifest, found, source)
    return manifest


def unpack_archive(file: IO[bytes], source: Path, side: Path) -> None:
    """Unpack a verified archive, without its manifest.

    Args:
        file: The open archive, read from its start.
        source: Its path, for messages.
        side: Empty folder to unpack to.

    Raises:
        InputError: If the archive is truncated.
    """
    with _damage_refused(source):
        for archive, member in _read_members(file, source):
            if member.name != MANIFEST_NAME:
                # not `extract`: its safe filter needs Python 3.11.4, and Debian 12 has 3.11.2
                place, content = side / member.name, archive.extractfile(member)
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as written:
                    shutil.copyfileobj(cast("IO[bytes]", content), written)


@contextlib.contextmanager
def _damage_refused(source: Path) -> Iterator[None]:
    """Refuse an archive that cannot be read, whether at a member's header or in its content."""
    try:
        yield
    except EOFError as error:
        raise _refuse(source, f"it is cut short ({error})") from error
    except _BROKEN as error:
        raise _refuse(source, str(error) or "it is truncated") from error


def _read_members(file: IO[bytes], source: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Iterate over the files of an archive; refuse links, devices and names outside the target folder."""
    file.seek(0)
    with gzip.GzipFile(fileobj=file) as plain:
        with tarfile.open(fileobj=plain, mode="r|") as archive:
            for member in archive:
                if not member.isreg() or not _is_place(member.name):
                    raise _refuse(source, f"{member.name!r} is not a regular file, or has an invalid name")
                yield archive, member
        # gzip checks its checksum at the end of the file, which tarfile does not read
        while plain.read(_PIECE_BYTES):
            pass


def _is_place(name: str) -> bool:
    """Return whether a name is inside the target folder and of the form that a backup writes."""
    parts = name.split("/")
    is_known = name.startswith(ARTIFACTS_PREFIX) or len(parts) == 1
    return is_known and not any(part in {"", ".", ".."} or "\0" in part for part in parts)


def _read_manifest(content: IO[bytes], size: int, source: Path) -> Manifest:
    if size > _MANIFEST_BYTES:
        raise _refuse(source, f"its {MANIFEST_NAME} has {size:,} bytes")
    text = content.read()
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        if b'"format"' in text[:200] and f'"format": {ARCHIVE_FORMAT},'.encode() not in text[:200]:
            raise InputError(
                f"The archive must have format {ARCHIVE_FORMAT} or older. {source} has another format. "
                "Restore it with the version of forewarn that made it, or a newer one."
            ) from error
        raise _refuse(source, f"its {MANIFEST_NAME} cannot be read") from error


def _compare(manifest: Manifest, found: dict[str, ArchivedFile], source: Path) -> None:
    if manifest.format > ARCHIVE_FORMAT:
        raise InputError(
            f"The archive must have format {ARCHIVE_FORMAT} or older. {source} has format "
            f"{manifest.format}, from forewarn {manifest.forewarn}. Restore it with that version."
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
        f"`--from` must be an intact archive from `forewarn backup`. {source} is not: {what}. Nothing was "
        "written. Choose another archive."
    )
