"""What an archive of the registry says of itself, and what came of making or restoring one."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# number of the archive's layout; a newer one is refused
ARCHIVE_FORMAT = 1
MANIFEST_NAME = "manifest.json"
ARTIFACTS_PREFIX = "artifacts/"
DATABASE_NAMES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
PREFECT_NAME = "prefect.dump"

DatabaseKind = Literal["sqlite", "postgresql"]


class ArchivedFile(BaseModel):
    """One file of an archive.

    Attributes:
        name: Its place in the archive, such as `artifacts/models/m-1/artifacts/MLmodel`.
        size: Bytes.
        sha256: Hash of the content, 64 hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    sha256: str


class Contents(BaseModel):
    """What a database holds.

    Attributes:
        revision: Revision of its schema, as alembic numbers it; none where it has no tables of MLflow.
        counts: Rows of the tables that matter, by name, such as `model_versions`.
        locations: Columns with places of artifacts that it has, such as `runs.artifact_uri`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: str | None
    counts: dict[str, int]
    locations: tuple[str, ...]


class Manifest(BaseModel):
    """The last file of an archive: what must be in it.

    Attributes:
        format: Layout of the archive.
        made_at: UTC, ISO 8601.
        forewarn: Version of forewarn that made it.
        mlflow: Version of MLflow that made it.
        kind: Kind of database.
        contents: What the database holds.
        artifacts_root: Absolute folder that the artifacts were in; none where there are none in the archive.
        findings: Versions whose files are not in the archive, in words.
        files: All other files.
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
        """The files below the folder of artifacts."""
        return tuple(file for file in self.files if file.name.startswith(ARTIFACTS_PREFIX))

    @property
    def has_prefect(self) -> bool:
        """Whether Prefect's database is in it."""
        return any(file.name == PREFECT_NAME for file in self.files)


class BackupOutcome(BaseModel):
    """What `forewarn backup` did.

    Attributes:
        archive: Path of the archive.
        store: The database that was saved, without its password.
        bytes: Size of the archive.
        artifact_files: Number of files of runs and models in it.
        artifact_bytes: Their size before compression.
        seconds: How long it took.
        manifest: What the archive says of itself, without the list of its files.
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
    """What the champion of a restored model did with its golden rows.

    Attributes:
        model_name: Registered model.
        version: Number of the champion.
        scores: Golden scores that were compared; none where it was not tried.
        largest_difference: Largest relative difference from the scores at its making.
        is_tried: Whether it could be tried from here: not where its files are loaded through a server.
        problem: Why it was not tried or failed, or none.
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
        """Whether it was tried and scores as it did."""
        return (
            self.is_tried
            and self.problem is None
            and self.scores > 0
            and (self.largest_difference or 0.0) <= 1e-6
        )


class RestoreOutcome(BaseModel):
    """What `forewarn restore` did.

    Attributes:
        archive: Path of the archive.
        store: The database that was filled, without its password.
        artifacts: Folder that the artifacts are in now, or none.
        contents: What the database holds now.
        relocated: Places of artifacts that were written anew because the folder is another one.
        champions: How the champions score from the restored place; empty where that could not be tried.
        notes: What else there is to know, in words.
        seconds: How long it took.
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
