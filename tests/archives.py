"""Archives as `forewarn backup` makes them, and such as it would never make."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from schemas.backup import ARCHIVE_FORMAT, MANIFEST_NAME, Contents, Manifest
from tasks.backup.pack import hash_bytes

DATABASE = b"rows"


def describe_archive(contents: dict[str, bytes], **changes: Any) -> Manifest:
    """Make the manifest of some files."""
    manifest = Manifest(
        format=ARCHIVE_FORMAT,
        made_at="2024-01-01T00:00:00+00:00",
        forewarn="test",
        mlflow="test",
        kind="sqlite",
        contents=Contents(revision="abc", counts={"runs": 1}, locations=()),
        artifacts_root="/old",
        findings=(),
        files=tuple(hash_bytes(content, name) for name, content in contents.items()),
    )
    return manifest.model_copy(update=changes)


def write_archive(path: Path, contents: dict[str, bytes], *members: tarfile.TarInfo, **changes: Any) -> Path:
    """Write an archive of some files, further members, and a manifest."""
    manifest = describe_archive(contents, **changes).model_dump_json(indent=1).encode()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            _add(archive, name, content)
        for member in members:
            archive.addfile(member)
        _add(archive, MANIFEST_NAME, manifest)
    return path


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
