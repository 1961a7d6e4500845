"""Dump a database as of one moment, and load it again: SQLite directly, PostgreSQL with its own tools."""

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
# environment variables of libpq for the parameters of a URI
_OPTIONS = {"host": "PGHOST", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT"}
_OPTIONS |= {"sslkey": "PGSSLKEY", "options": "PGOPTIONS", "connect_timeout": "PGCONNECT_TIMEOUT"}


def dump_sqlite(uri: str, path: Path) -> None:
    """Copy an SQLite database by its online backup, consistent even while others write.

    Args:
        uri: The database.
        path: File to write.

    Raises:
        InputError: If the database is damaged.
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
            f"The database {source} must be intact. SQLite reports: {problem}. Restore an older backup, or "
            "repair the database with `sqlite3 FILE .recover`."
        )


def dump_postgres(uri: str, path: Path, connection: Connection) -> None:
    """Dump a PostgreSQL database in its custom format.

    Args:
        uri: The database.
        path: File to write.
        connection: Connection in one snapshot, from which the dump is taken.

    Raises:
        InputError: If `pg_dump` is missing or older than the server.
        StoreUnreachableError: If `pg_dump` fails.
    """
    require_tools(connection, "pg_dump")
    snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar())
    _run(
        uri,
        ["pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-comments"],
        [f"--snapshot={snapshot}", f"--file={path}", "--no-password"],
    )


def load_postgres(uri: str, dump: Path, statements: Sequence[Update]) -> None:
    """Load a dump into an empty database and run statements on it, in one transaction.

    Args:
        uri: The database.
        dump: File written by `dump_postgres`.
        statements: Statements to run after loading.

    Raises:
        StoreUnreachableError: If loading fails; then the database is unchanged.
    """
    script, last = dump.with_suffix(".sql"), dump.with_suffix(".last.sql")
    _run(
        uri, ["pg_restore", "--no-owner", "--no-privileges", "--no-comments"], [f"--file={script}", str(dump)]
    )
    # the script of pg_restore empties the search path
    last.write_text("".join(["SET search_path = public;\n", *map(_write_sql, statements)]), encoding="utf-8")
    _run(
        uri,
        ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--no-password"],
        ["--output=/dev/null", f"--file={script}", f"--file={last}"],
    )


def require_tools(connection: Connection, *names: str) -> None:
    """Require that PostgreSQL's tools are installed and not older than the server.

    Args:
        connection: Connection to the server.
        names: The tools, such as `pg_dump`.

    Raises:
        InputError: If a tool is missing or too old.
    """
    server = int(connection.execute(text("SHOW server_version_num")).scalar() or 0) // 10_000
    for name in names:
        found = shutil.which(name)
        if found is None:
            raise InputError(
                f"`{name}` must be installed: PostgreSQL databases are backed up and restored with it. It "
                f"is not on the PATH. Install the client package of PostgreSQL {server} or newer."
            )
        output = subprocess.run(
            [found, "--version"], check=False, capture_output=True, text=True, errors="backslashreplace"
        ).stdout
        version = re.search(r"(\d+)", output)
        if version is None or int(version[0]) < server:
            raise InputError(
                f"`{name}` must be of PostgreSQL {server}, the server's version, or newer. Its version is "
                f"{output.strip()!r}. Install the client package of PostgreSQL {server}."
            )


def list_environment(uri: str) -> dict[str, str]:
    """List the environment variables that point to a database, to keep its password off the command line.

    Args:
        uri: The database; without a password libpq looks it up in `PGPASSFILE`.
    """
    url = make_url(uri)
    parts = {
        "PGHOST": url.host,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    parts["PGPORT"] = str(url.port) if url.port else None
    options = {_OPTIONS[key]: str(value) for key, value in url.query.items() if key in _OPTIONS}
    return {name: str(value) for name, value in parts.items() if value is not None} | options


def _run(uri: str, command: Sequence[str], arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [*command, *arguments],
        check=False,
        env=os.environ | list_environment(uri),
        capture_output=True,
        text=True,
        errors="backslashreplace",
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())[:300]
        raise StoreUnreachableError(
            f"`{command[0]}` must succeed on {describe_store(uri)}. It exited with code {done.returncode}: "
            f"{reason}. Check the database and its log; nothing was left behind."
        )


def _write_sql(statement: Update) -> str:
    # named parameters, as psycopg2's style would double percent signs
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call] # of SQLAlchemy
    return f"{statement.compile(dialect=dialect, compile_kwargs={'literal_binds': True})};\n"


def _open_sqlite(path: Path, mode: str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=_SECONDS))
