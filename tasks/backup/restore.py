"""Restore an archive into an empty store: completely, or so that the same command can be run again."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from schemas.backup import DATABASE_NAMES, PREFECT_NAME, Contents, Manifest, RestoreOutcome
from schemas.errors import ForewarnError, InputError
from tasks.backup.connect import describe_store, find_database_file, find_kind, opened_database
from tasks.backup.copy_rows import copy_rows
from tasks.backup.count import has_tables, is_fresh, read_contents
from tasks.backup.dump import load_postgres, require_tools
from tasks.backup.relocate import make_relocations, relocate
from tasks.backup.renumber import renumber_experiments
from tasks.backup.stage import place_file, report_disk, staged_folder
from tasks.backup.unpack import unpack_archive, verify_archive
from tasks.backup.upgrade import require_known_revision, upgrade_database
from tasks.backup.verify import verify_champions

# file in the folder of the artifacts while a restore is in progress
_MARK = ".restore-under-way"
_SIBLINGS = ("-journal", "-wal", "-shm")


def restore(
    source: Path, uri: str, artifacts: Path | None, is_served: bool = False, prefect_uri: str | None = None
) -> RestoreOutcome:
    """Verify an archive, and only then fill an empty database and an empty folder from it.

    Args:
        source: The archive.
        uri: Database to fill.
        artifacts: Folder to fill; None to restore the database alone.
        is_served: Whether a server will serve the artifacts: their locations become `mlflow-artifacts:/`.
        prefect_uri: Empty PostgreSQL database for Prefect's part of the archive.

    Raises:
        InputError: If the archive is damaged or does not fit, or a target is not empty; nothing is written.
        StoreUnreachableError: If a database does not answer, or the disk is full.
    """
    begin, source = time.perf_counter(), source.absolute()
    if not source.is_file():
        raise InputError(f"`--from` must name an existing archive. {source} is not a file. Name another.")
    with report_disk(source), source.open("rb") as file:
        manifest = verify_archive(file, source)
        root = None if artifacts is None or manifest.artifacts_root is None else artifacts.absolute()
        is_newest = _require_fit(manifest, uri, artifacts, is_served, prefect_uri)
        with _staged(root) as side:
            unpack_archive(file, source, side)
            notes = _fill(side, manifest, uri, root, is_served, is_newest)
            if prefect_uri is not None:
                load_postgres(prefect_uri, side / PREFECT_NAME, [])
    if root is None and manifest.artifacts_root is not None:
        notes = [
            *notes,
            f"the artifacts were not restored; the database still refers to {manifest.artifacts_root}",
        ]
    with opened_database(uri) as connection:
        contents = read_contents(connection)
    is_loadable = root is not None and not is_served
    return RestoreOutcome(
        archive=str(source),
        store=describe_store(uri),
        artifacts=None if root is None else str(root),
        contents=contents,
        relocated=root is not None and (is_served or manifest.artifacts_root != str(root)),
        champions=tuple(verify_champions(_write_absolute(uri))) if is_loadable else (),
        notes=(*manifest.findings, *notes),
        seconds=round(time.perf_counter() - begin, 3),
    )


def _require_fit(
    manifest: Manifest, uri: str, artifacts: Path | None, is_served: bool, prefect_uri: str | None
) -> bool:
    """Require that an archive fits its targets; return whether its schema is the newest."""
    kind = find_kind(uri)
    if manifest.kind == "postgresql" and kind == "sqlite":
        raise InputError(
            "An archive of a PostgreSQL database must be restored to PostgreSQL. `--store` names an SQLite "
            "file. Name an empty database, such as postgresql://USER@HOST/DATABASE."
        )
    if is_served and manifest.artifacts_root is None:
        raise InputError("`--served` needs an archive with artifacts. This one has none. Omit `--served`.")
    is_newest = require_known_revision(manifest.contents.revision)
    _require_empty_database(uri, manifest)
    if artifacts is not None and manifest.artifacts_root is not None:
        _require_empty_folder(artifacts)
    if prefect_uri is not None:
        _require_empty_prefect(prefect_uri, manifest)
    return is_newest


def _require_empty_database(uri: str, manifest: Manifest) -> None:
    """Require a database in which nothing would be overwritten."""
    if find_kind(uri) == "sqlite":
        path = find_database_file(uri)
        taken = [str(each) for each in (path, *_list_siblings(path)) if each.exists()]
        if taken:
            raise InputError(
                f"`--store` must be a database that does not exist yet. Found {', '.join(taken)}. Move it "
                "away, or name another database."
            )
        return
    with opened_database(uri) as connection:
        is_empty = is_fresh(connection) if manifest.kind == "sqlite" else not has_tables(connection)
        if not is_empty:
            raise InputError(
                f"`--store` must be an empty database. {describe_store(uri)} contains "
                f"{read_contents(connection).counts or 'tables'}. Create a new one with `createdb`."
            )
        if manifest.kind == "postgresql":
            require_tools(connection, "pg_restore", "psql")


def _require_empty_folder(root: Path) -> None:
    """Require that a folder is missing, empty, or left by an interrupted restore."""
    if root.exists() and not root.is_dir():
        raise InputError(f"`--artifacts` must be a folder. {root} is a file. Name a folder.")
    if not root.exists() or (root / _MARK).exists():
        return
    held = [path.name for path in root.iterdir() if not path.name.endswith(".part")]
    if held:
        raise InputError(
            f"`--artifacts` must be an empty folder. {root} has {len(held)} entries, such as {held[0]}. "
            "Move them away, or name another folder."
        )


def _require_empty_prefect(uri: str, manifest: Manifest) -> None:
    if not manifest.has_prefect:
        raise InputError(
            "`--prefect` needs an archive with Prefect's database. This one has none. Omit `--prefect`."
        )
    if find_kind(uri) != "postgresql":
        raise InputError(
            "`--prefect` must be postgresql://USER@HOST/DATABASE. Received another kind of database. Name a "
            "PostgreSQL database."
        )
    with opened_database(uri) as connection:
        if has_tables(connection):
            raise InputError(
                f"`--prefect` must be an empty database. {describe_store(uri)} has tables. Create a new "
                "one with `createdb`."
            )
        require_tools(connection, "pg_restore", "psql")


@contextlib.contextmanager
def _staged(root: Path | None) -> Iterator[Path]:
    """Provide a folder to unpack to, on the same disk as the artifacts if there are any."""
    if root is not None:
        with staged_folder(root) as side:
            yield side
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def _fill(
    side: Path, manifest: Manifest, uri: str, root: Path | None, is_served: bool, is_newest: bool
) -> list[str]:
    """Put the artifacts in place first, then the database, which makes them visible."""
    dump = side / DATABASE_NAMES[manifest.kind]
    old, new = manifest.artifacts_root, None if is_served else str(root)
    locations, notes = manifest.contents.locations, []
    if manifest.kind == "sqlite":
        if not is_newest:
            upgrade_database(f"sqlite:///{dump}")
        with opened_database(f"sqlite:///{dump}") as connection:
            if root is not None and old is not None:
                relocate(connection, read_contents(connection).locations, old, new)
            if find_kind(uri) == "postgresql":
                notes = [
                    f"experiment {before} now has the number {after}: PostgreSQL cannot store the old one"
                    for before, after in renumber_experiments(connection).items()
                ]
            _require_same_counts(read_contents(connection), manifest.contents)
    with _placed_artifacts(side, root, uri):
        if manifest.kind == "postgresql":
            moves = [] if root is None or old is None else make_relocations(locations, old, new)
            load_postgres(uri, dump, moves)
        elif find_kind(uri) == "postgresql":
            upgrade_database(uri)
            with opened_database(f"sqlite:///{dump}") as origin, opened_database(uri) as target:
                copy_rows(origin, target)
        else:
            _place_database(dump, find_database_file(uri))
    if manifest.kind == "postgresql" and not is_newest:
        upgrade_database(uri)
    return notes


@contextlib.contextmanager
def _placed_artifacts(side: Path, root: Path | None, uri: str) -> Iterator[None]:
    """Move the artifacts in, and mark the folder as unfinished until the database is in place."""
    if root is None:
        yield
        return
    root.mkdir(parents=True, exist_ok=True)
    mark = root / _MARK
    _clear(root)
    mark.write_text(
        "`forewarn restore` is running here, or was interrupted: if so, run it again\n", encoding="utf-8"
    )
    try:
        for path in sorted((side / "artifacts").glob("*")):
            path.rename(root / path.name)
        yield
    except Exception:
        # unless the database refers to them already
        if _is_still_empty(uri):
            _clear(root)
            mark.unlink()
        raise
    mark.unlink()


def _clear(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir() and not path.name.endswith(".part"):
            shutil.rmtree(path)
        elif path.is_file() and path.name != _MARK:
            path.unlink()


def _is_still_empty(uri: str) -> bool:
    if find_kind(uri) == "sqlite":
        return not find_database_file(uri).exists()
    with opened_database(uri) as connection:
        return is_fresh(connection)


def _place_database(dump: Path, target: Path) -> None:
    with staged_folder(target) as side:
        place_file(Path(shutil.move(dump, side / dump.name)), target)


def _require_same_counts(found: Contents, expected: Contents) -> None:
    differing = {
        name: (number, found.counts.get(name))
        for name, number in expected.counts.items()
        if found.counts.get(name) != number
    }
    if differing:
        raise ForewarnError(
            "The row counts of the database must be those in the manifest. They differ, as (expected, "
            f"found): {differing}. Nothing was restored. Please report this."
        )


def _list_siblings(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _SIBLINGS]


def _write_absolute(uri: str) -> str:
    return f"sqlite:///{find_database_file(uri)}" if find_kind(uri) == "sqlite" else uri
