"""Dump a database of one moment, and load it again: SQLite by itself, PostgreSQL by its own tools."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Update, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url

from schemas.errors import InputError, StoreUnreachableError
from tasks.backup.connect import describe_store, find_database_file

_SECONDS = 60.0
# libpq's names for what the query of an address may say
_OPTIONS = {"host": "PGHOST", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT"}
_OPTIONS |= {"sslkey": "PGSSLKEY", "options": "PGOPTIONS", "connect_timeout": "PGCONNECT_TIMEOUT"}


def dump_sqlite(uri: str, path: Path) -> None:
    """Copy an SQLite database by its online backup: one moment, whoever writes.

    Args:
        uri: The database.
        path: File to write.

    Raises:
        InputError: If it is damaged.
        OSError: If the disk is full.
    """
    source = find_database_file(uri)
    try:
        with _open_sqlite(source, "rw") as database, _open_sqlite(path, "rwc") as copy:
            database.backup(copy, sleep=0.05)
            problem = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, str(error), str(path)) from error
        problem = str(error)
    if problem != "ok":
        raise InputError(
            f"The database {source} must be sound. SQLite says: {problem}. Restore an older backup, or "
            "mend it with `sqlite3 FILE .recover`."
        )


def dump_postgres(uri: str, path: Path, connection: Connection) -> None:
    """Dump a PostgreSQL database in its custom format.

    Args:
        uri: The database.
        path: File to write.
        connection: Open in one snapshot: the dump is of the same moment.

    Raises:
        InputError: If `pg_dump` is missing or older than the server.
        StoreUnreachableError: If it fails.
    """
    require_tools(connection, "pg_dump")
    snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar())
    _run(
        uri,
        ["pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-comments"],
        [f"--snapshot={snapshot}", f"--file={path}", "--no-password"],
    )


def load_postgres(uri: str, dump: Path, statements: Sequence[Update]) -> None:
    """Load a dump into an empty database, and change it, in one transaction.

    Args:
        uri: The database.
        dump: What `dump_postgres` wrote.
        statements: What to do at the end.

    Raises:
        StoreUnreachableError: If it fails; then the database is as it was.
    """
    script, last = dump.with_suffix(".sql"), dump.with_suffix(".last.sql")
    _run(
        uri, ["pg_restore", "--no-owner", "--no-privileges", "--no-comments"], [f"--file={script}", str(dump)]
    )
    # the script empties the search path
    last.write_text("".join(["SET search_path = public;\n", *map(_write_sql, statements)]), encoding="utf-8")
    _run(
        uri,
        ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--no-password"],
        ["--output=/dev/null", f"--file={script}", f"--file={last}"],
    )


def require_tools(connection: Connection, *names: str) -> None:
    """Make sure that PostgreSQL's tools are here and not older than the server.

    Args:
        connection: Open database.
        names: Such as `pg_dump`.

    Raises:
        InputError: If one is missing or too old.
    """
    server = int(connection.execute(text("SHOW server_version_num")).scalar() or 0) // 10_000
    for name in names:
        found = shutil.which(name)
        if found is None:
            raise InputError(
                f"`{name}` must be installed: PostgreSQL is saved and restored by its own tools. It is "
                f"not on the PATH. Install the client package of PostgreSQL {server} or newer."
            )
        said = subprocess.run([found, "--version"], check=False, capture_output=True, text=True).stdout
        version = re.search(r"(\d+)", said)
        if version is None or int(version[0]) < server:
            raise InputError(
                f"`{name}` must be of PostgreSQL {server} or newer, as the server is. It says "
                f"{said.strip()!r}. Install the client package of that version."
            )


def list_surroundings(uri: str) -> dict[str, str]:
    """Say in the environment where a database is, so that no password stands on a command line.

    Args:
        uri: The database; a password that it lacks is looked up in `PGPASSFILE`.
    """
    url = make_url(uri)
    parts = {
        "PGHOST": url.host,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    parts["PGPORT"] = str(url.port) if url.port else None
    asked = {_OPTIONS[key]: str(value) for key, value in url.query.items() if key in _OPTIONS}
    return {name: str(value) for name, value in parts.items() if value is not None} | asked


def _run(uri: str, command: Sequence[str], arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [*command, *arguments],
        check=False,
        env=os.environ | list_surroundings(uri),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:300]
        raise StoreUnreachableError(
            f"`{command[0]}` must finish on {describe_store(uri)}. It ended with {done.returncode}: {said}. "
            "Check the database and its log; nothing was left behind."
        )


def _write_sql(statement: Update) -> str:
    # named parameters: with those of the driver a percent sign would be doubled
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call] # of SQLAlchemy
    return f"{statement.compile(dialect=dialect, compile_kwargs={'literal_binds': True})};\n"


def _open_sqlite(path: Path, mode: str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=_SECONDS))
