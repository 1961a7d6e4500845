"""The manifest of a backup archive, and the results of a backup and a restore."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# version of the archive format; newer ones are rejected
ARCHIVE_FORMAT = 1
MANIFEST_NAME = "manifest.json"
ARTIFACTS_PREFIX = "artifacts/"
DATABASE_NAMES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
PREFECT_NAME = "prefect.dump"

DatabaseKind = Literal["sqlite", "postgresql"]


class ArchivedFile(BaseModel):
    """One file of an archive.

    Attributes:
        name: Path in the archive, such as `artifacts/models/m-1/artifacts/MLmodel`.
        size: Size in bytes.
        sha256: Hash of the content, 64 hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    sha256: str


class Contents(BaseModel):
    """Contents of a database.

    Attributes:
        revision: Alembic revision of its schema, or None if it has no MLflow tables.
        counts: Number of rows of the relevant tables, by name, such as `model_versions`.
        locations: Its columns that contain artifact locations, such as `runs.artifact_uri`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: str | None
    counts: dict[str, int]
    locations: tuple[str, ...]


class Manifest(BaseModel):
    """The last file of an archive, which lists everything that must be in it.

    Attributes:
        format: Version of the archive format.
        made_at: Time of the backup, UTC, ISO 8601.
        forewarn: Version of forewarn that made it.
        mlflow: Version of MLflow that made it.
        kind: Kind of database.
        contents: Contents of the database.
        artifacts_root: Absolute path of the artifacts folder, or None if the archive contains no artifacts.
        findings: Messages about versions whose files are not in the archive.
        files: All other files of the archive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(ge=1)
    made_at: str
    forewarn: str
    mlflow: str
    kind: DatabaseKind
    contents: Contents
    artifacts_root: str | None
    findings: tuple[str, ...]
    files: tuple[ArchivedFile, ...]

    @property
    def artifacts(self) -> tuple[ArchivedFile, ...]:
        """The files in the artifacts folder."""
        return tuple(file for file in self.files if file.name.startswith(ARTIFACTS_PREFIX))

    @property
    def has_prefect(self) -> bool:
        """Whether the archive contains Prefect's database."""
        return any(file.name == PREFECT_NAME for file in self.files)


class BackupOutcome(BaseModel):
    """Result of `forewarn backup`.

    Attributes:
        archive: Path of the archive.
        store: URI of the database, without its password.
        bytes: Size of the archive.
        artifact_files: Number of run and model files in the archive.
        artifact_bytes: Their total size before compression.
        seconds: Duration in seconds.
        manifest: Manifest of the archive, without the list of files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    store: str
    bytes: int
    artifact_files: int
    artifact_bytes: int
    seconds: float
    manifest: Manifest


class ChampionCheck(BaseModel):
    """Check that the champion of a restored model still scores its golden rows as before.

    Attributes:
        model_name: Registered model.
        version: Version number of the champion.
        scores: Number of golden scores compared; 0 if it was not checked.
        largest_difference: Largest relative difference from the stored scores.
        is_tried: Whether it could be checked from here; not if its files are loaded through a server.
        problem: Why it was not checked or why it failed, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_name: str
    version: str
    is_tried: bool = True
    scores: int = 0
    largest_difference: float | None = None
    problem: str | None = None

    @property
    def is_same(self) -> bool:
        """Whether it was checked and scores as before."""
        return (
            self.is_tried
            and self.problem is None
            and self.scores > 0
            and (self.largest_difference or 0.0) <= 1e-6
        )


class RestoreOutcome(BaseModel):
    """Result of `forewarn restore`.

    Attributes:
        archive: Path of the archive.
        store: URI of the restored database, without its password.
        artifacts: Folder of the restored artifacts, or None.
        contents: Contents of the restored database.
        relocated: Whether artifact locations were rewritten because the folder is a different one.
        champions: Checks of the restored champions; empty if they could not be checked.
        notes: Further messages for the user.
        seconds: Duration in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    store: str
    artifacts: str | None
    contents: Contents
    relocated: bool
    champions: tuple[ChampionCheck, ...]
    notes: tuple[str, ...]
    seconds: float
