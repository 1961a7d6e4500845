"""Back up the registry, its runs and their artifacts to one archive."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection

from schemas.backup import (
    ARCHIVE_FORMAT,
    ARTIFACTS_PREFIX,
    DATABASE_NAMES,
    PREFECT_NAME,
    ArchivedFile,
    BackupOutcome,
    Contents,
    Manifest,
)
from schemas.errors import InputError
from tasks.backup.connect import describe_store, find_database_file, find_kind, opened_database
from tasks.backup.count import list_model_names, list_version_places, read_contents
from tasks.backup.dump import dump_postgres, dump_sqlite
from tasks.backup.pack import opened_archive, pack_artifacts, pack_file, pack_manifest
from tasks.backup.relocate import find_place
from tasks.backup.stage import place_file, report_disk, staged_folder
from tasks.files.lock import hold_file
from tasks.tracking.code_version import find_code_version
from tasks.tracking.locks import find_lock

_PATIENCE_SECONDS = 300.0

Place = tuple[str, int, str]


def back_up(out: Path, uri: str, artifacts: Path | None, prefect_uri: str | None = None) -> BackupOutcome:
    """Write an archive of database and artifacts, whole or not at all.

    The database is dumped as of one moment, while no alias moves. The artifacts are read after it, so that
    the files of every version and run in it exist.

    Args:
        out: The archive, `.tar.gz`, which must not exist yet.
        uri: Database of the tracking store.
        artifacts: Folder of the artifacts; None to leave them out.
        prefect_uri: Prefect's PostgreSQL database, to include as well.

    Raises:
        InputError: If a named file, folder or database does not exist, or a tool is missing.
        StoreUnreachableError: If the database does not answer, or the disk is full.
    """
    begin, out = time.perf_counter(), out.absolute()
    _require_sources(out, uri, artifacts, prefect_uri)
    with report_disk(out), staged_folder(out) as side:
        side.chmod(0o700)
        archive = side / "archive"
        manifest = _write_archive(archive, side, uri, artifacts, prefect_uri)
        archive.chmod(0o600)
        place_file(archive, out)
    return BackupOutcome(
        archive=str(out),
        store=describe_store(uri),
        bytes=out.stat().st_size,
        artifact_files=len(manifest.artifacts),
        artifact_bytes=sum(file.size for file in manifest.artifacts),
        seconds=round(time.perf_counter() - begin, 3),
        manifest=manifest.model_copy(update={"files": ()}),
    )


def _require_sources(out: Path, uri: str, artifacts: Path | None, prefect_uri: str | None) -> None:
    if find_kind(uri) == "sqlite" and not find_database_file(uri).is_file():
        missing = find_database_file(uri)
        raise InputError(f"`--store` must name an existing database. {missing} does not exist. Name another.")
    if not out.name.endswith((".tar.gz", ".tgz")):
        raise InputError(f"`--out` must name a `.tar.gz` file. Received {out}. Add this suffix.")
    if out.exists():
        raise InputError(
            f"`--out` must not exist yet. {out} exists. Name another file, for example with the date."
        )
    if artifacts is not None and not artifacts.is_dir():
        raise InputError(
            f"`--artifacts` must be the folder of the artifacts. {artifacts} is not a folder. Name the "
            "folder, or leave the artifacts out with `--database-only` if their store has its own backup."
        )
    if artifacts is not None and out.absolute().is_relative_to(artifacts.absolute()):
        raise InputError(
            f"`--out` must be outside the folder of the artifacts. Received {out}. Choose another place."
        )
    if prefect_uri is not None and find_kind(prefect_uri) != "postgresql":
        raise InputError(
            "`--prefect` must be postgresql://USER@HOST/DATABASE. Received another kind of database. Name a "
            "PostgreSQL database."
        )


def _write_archive(
    path: Path, side: Path, uri: str, artifacts: Path | None, prefect_uri: str | None
) -> Manifest:
    kind = find_kind(uri)
    dump = side / DATABASE_NAMES[kind]
    contents, places = _dump_database(uri, dump)
    with opened_archive(path) as archive:
        files = [pack_file(archive, dump, dump.name, side)]
        dump.unlink()
        if prefect_uri is not None:
            prefect_dump = side / PREFECT_NAME
            with opened_database(prefect_uri, is_one_snapshot=True) as connection:
                dump_postgres(prefect_uri, prefect_dump, connection)
            files.append(pack_file(archive, prefect_dump, PREFECT_NAME, side))
        if artifacts is not None:
            files += pack_artifacts(archive, artifacts, side)
        root = None if artifacts is None else choose_root(artifacts, places)
        manifest = Manifest(
            format=ARCHIVE_FORMAT,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            forewarn=find_code_version(),
            mlflow=version("mlflow"),
            kind=kind,
            contents=contents,
            artifacts_root=root,
            findings=tuple(find_missing_versions(places, files, root)),
            files=tuple(files),
        )
        pack_manifest(archive, manifest)
    return manifest


def _dump_database(uri: str, path: Path) -> tuple[Contents, list[Place]]:
    """Dump the database while no alias moves, and return the contents of the dump."""
    with _hold_models(uri):
        if find_kind(uri) == "sqlite":
            dump_sqlite(uri, path)
            with opened_database(f"sqlite:///{path}") as connection:
                return _read(connection, uri), list_version_places(connection)
        with opened_database(uri, is_one_snapshot=True) as connection:
            contents = _read(connection, uri)
            dump_postgres(uri, path, connection)
            return contents, list_version_places(connection)


def _read(connection: Connection, uri: str) -> Contents:
    contents = read_contents(connection)
    if contents.revision is None:
        raise InputError(
            f"`--store` must name a database of MLflow. {describe_store(uri)} has no tables of MLflow. Name "
            "another database."
        )
    return contents


@contextlib.contextmanager
def _hold_models(uri: str) -> Iterator[None]:
    """Hold the locks of all registered models, so that no command moves an alias."""
    with opened_database(uri) as connection:
        names = list_model_names(connection)
    with contextlib.ExitStack() as locks:
        for name in names:
            work = f"Moving the aliases of {name!r}"
            locks.enter_context(hold_file(find_lock(uri, name), _PATIENCE_SECONDS, work))
        yield


def choose_root(artifacts: Path, places: Sequence[Place]) -> str:
    """Choose the path of the artifacts as the database writes it, with or without links resolved.

    Args:
        artifacts: The folder.
        places: Locations of the versions' files.
    """
    roots = [str(artifacts.resolve()), str(artifacts.absolute())]
    return max(roots, key=lambda root: sum(find_place(place, root) is not None for _, _, place in places))


def find_missing_versions(
    places: Sequence[Place], files: Sequence[ArchivedFile], root: str | None
) -> Iterator[str]:
    """Yield a message for each version that could not be loaded from the archive.

    Args:
        places: Locations of the versions' files.
        files: The files in the archive.
        root: Folder of the artifacts; None if they were left out on purpose.
    """
    if root is None:
        return
    held = {file.name for file in files}
    for name, number, location in places:
        place = find_place(location, root)
        if place is None:
            yield f"version {number} of {name}: its files are elsewhere, at {location}"
        elif f"{ARTIFACTS_PREFIX}{place}/MLmodel" not in held:
            yield f"version {number} of {name}: its files are missing below {root}"
