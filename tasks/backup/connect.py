"""Connect to the database of a tracking store directly, whatever the revision of its schema."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from schemas.backup import DatabaseKind
from schemas.errors import InputError, StoreUnreachableError

_SQLITE = "sqlite:///"


def find_kind(uri: str) -> DatabaseKind:
    """Return the kind of database that a URI names.

    Args:
        uri: Tracking store.

    Raises:
        InputError: If the URI names a server, or another kind of database.
    """
    if uri.startswith(("http://", "https://")):
        raise InputError(
            f"`--store` must name the database itself. Received {uri}, a server. Run the command where the "
            "server runs, with `--store` as its `--backend-store-uri` and `--artifacts` as its "
            "`--artifacts-destination`."
        )
    if uri.startswith(_SQLITE):
        return "sqlite"
    if uri.startswith(("postgresql://", "postgresql+")):
        return "postgresql"
    raise InputError(
        "`--store` must be sqlite:///FILE or postgresql://USER@HOST/DATABASE. Received "
        f"{uri.partition(':')[0]}:... Use one of these two forms."
    )


def find_database_file(uri: str) -> Path:
    """Return the absolute path of an SQLite database."""
    return Path(uri.removeprefix(_SQLITE).partition("?")[0]).absolute()


def describe_store(uri: str) -> str:
    """Write a URI without its password."""
    try:
        return make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return uri.partition("://")[0]


@contextlib.contextmanager
def opened_database(uri: str, is_one_snapshot: bool = False) -> Iterator[Connection]:
    """Open a database in one transaction, committed at the end and rolled back after an error.

    Args:
        uri: `sqlite:///...` or `postgresql://...`.
        is_one_snapshot: Whether to read PostgreSQL from one snapshot, read-only.

    Yields:
        The connection.

    Raises:
        InputError: If the driver is missing, or the database rejects a statement.
        StoreUnreachableError: If the database does not answer.
    """
    try:
        url = make_url(uri)
        if find_kind(uri) == "postgresql":
            # a server may use another driver
            url = url.set(drivername="postgresql+psycopg2")
        engine = create_engine(url, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError(
            f"`--store` must name a database whose driver is installed. {describe_store(uri)}: {error}. "
            "PostgreSQL needs `pip install 'forewarn[stack]'`."
        ) from error
    options: dict[str, Any] = {}
    if engine.dialect.name != "sqlite" and is_one_snapshot:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _disable_foreign_keys)
    try:
        with engine.execution_options(**options).connect() as connection, connection.begin():
            yield connection
    except OperationalError as error:
        raise StoreUnreachableError(
            f"The database {describe_store(uri)} must answer. It did not: {_shorten(error)}. Check the URI, "
            "and that the database is running."
        ) from error
    except DBAPIError as error:
        raise InputError(
            f"The database {describe_store(uri)} must be intact and accept all statements. It reported: "
            f"{_shorten(error)}. Nothing in it was changed; check the database."
        ) from error
    finally:
        engine.dispose()


def _disable_foreign_keys(connection: Any, _record: object) -> None:
    """Accept rows that refer to deleted rows: an old database may have some."""
    connection.execute("PRAGMA foreign_keys=OFF")


def _shorten(error: DBAPIError) -> str:
    return " ".join(str(error.orig or error).split())[:300]
