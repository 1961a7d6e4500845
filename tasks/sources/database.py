"""Read a table by a query from a database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, ResourceClosedError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from schemas.configuration import ReadingsSection
from schemas.errors import InputError, StoreUnreachableError
from schemas.readings import RawTable
from tasks.sources.addresses import PASSWORD_VARIABLE, name_source, parse_address
from tasks.sources.columns import leave_out_unnamed
from tasks.sources.marks import settle_marks
from tasks.sources.names import check_column_names

_ANSWER_SECONDS = 10
_EXAMPLE = "SELECT * FROM readings"
# what drivers say if the server answers and refuses: a later try would fail again
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "unable to open database file",
)


def read_query(address: str, section: ReadingsSection, *, is_growing: bool) -> RawTable:
    """Read the result of `readings.query`, in a transaction that cannot change anything.

    Args:
        address: SQLAlchemy's address of the database. Its password may be in the variable
            FOREWARN_DATA_PASSWORD, or where the driver looks for it (PGPASSWORD and .pgpass for PostgreSQL).
        section: The query.
        is_growing: Whether there may be no rows yet.

    Returns:
        `RawTable`. Its index is the number of the row in the result, from 1; its hash that of the rows in any
        order.

    Raises:
        InputError: If there is no query, or the database refuses it or the user, or it returns no rows.
        StoreUnreachableError: If the database does not answer.
    """
    name = name_source(address)
    if section.query is None:
        raise InputError(
            "`readings.query` must be the SQL query that returns the table, since `--data` is a database. It "
            f"is not set for {name}. For example: --set 'readings.query={_EXAMPLE}'."
        )
    url = _add_password(parse_address(address))
    columns, rows = _fetch(url, name, section.query)
    check_column_names(columns, name)
    if not rows and not is_growing:
        raise InputError(
            f"Expected rows of readings. `readings.query` returns none from {name}. Check the query."
        )
    table = pd.DataFrame(
        {column: _make_column([row[place] for row in rows]) for place, column in enumerate(columns)}
    )
    table, findings = leave_out_unnamed(table.set_axis(range(1, len(rows) + 1), axis=0), name)
    return settle_marks(RawTable(table, name, _hash_rows(columns, rows), findings), section)


def _add_password(url: URL) -> URL:
    password = os.environ.get(PASSWORD_VARIABLE)
    if url.password is not None or not password or url.get_backend_name() == "sqlite":
        return url
    return url.set(password=password)


def _fetch(url: URL, name: str, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    engine = _make_engine(url, name)
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise _explain_no_connection(error, url, name) from None
    with connection:
        try:
            _forbid_changes(connection)
            result = connection.execute(text(query))
            return list(result.keys()), [tuple(row) for row in result]
        except ResourceClosedError:
            raise InputError(
                f"`readings.query` must be a query that returns rows. Received one that returns "
                f"none from {name}."
            ) from None
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise _explain_no_connection(error, url, name) from None
            raise InputError(
                f"`readings.query` must be a query that {name} understands. It answers: {_quote(error, url)}."
                " Correct the query."
            ) from None


def _make_engine(url: URL, name: str) -> Engine:
    """Make an engine; a SQLite file that is missing would be created.

    Raises:
        InputError: If the driver or the file is missing.
    """
    backend = url.get_backend_name()
    path = url.database or ""
    if backend == "sqlite" and not path.startswith("file:") and not Path(path).is_file():
        raise InputError(
            f"Expected a SQLite database. {name} does not exist. Check the path after sqlite:///."
        )
    options = {"connect_timeout": _ANSWER_SECONDS} if backend == "postgresql" else {}
    try:
        return create_engine(url, poolclass=NullPool, connect_args=options)
    except (NoSuchModuleError, ImportError) as error:
        remedy = (
            "Run `pip install 'forewarn[stack]'`, which brings psycopg2"
            if backend == "postgresql"
            else "Install SQLAlchemy's package for it"
        )
        raise InputError(
            f"Expected a driver for {url.drivername} databases. None is installed ({error}). {remedy}."
        ) from None
    except (SQLAlchemyError, ValueError, TypeError) as error:
        raise InputError(
            f"`--data` must be the address of a database. {name} is none: {_quote(error, url)}."
        ) from None


def _forbid_changes(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execution_options(postgresql_readonly=True)
    elif connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")


def _explain_no_connection(error: SQLAlchemyError, url: URL, name: str) -> Exception:
    answer = _quote(error, url)
    if any(refusal in answer for refusal in _REFUSALS):
        return InputError(
            f"Expected a database that lets this user in. {name} answers: {answer}. Check the address, and "
            f"put the password into {PASSWORD_VARIABLE}."
        )
    return StoreUnreachableError(
        f"Expected a database that answers at {name}. It does not: {answer}. Try again."
    )


def _quote(error: Exception, url: URL) -> str:
    """Quote the first line of a driver's message, without a password."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    message = lines[0].rstrip(". ")
    return message.replace(str(url.password), "***") if url.password else message


def _make_column(values: list[Any]) -> pd.Series:
    """Make a column of numbers, times or text; decimals are numbers, dates times, other types text."""
    column = pd.Series([_simplify(value) for value in values], dtype=object).infer_objects()
    if column.dtype != object:
        return column
    known = [value for value in column if value is not None]
    if known and all(isinstance(value, (bool, int, float)) for value in known):
        return column.astype("float64")
    if known and all(isinstance(value, datetime) for value in known):
        are_zoned = any(value.tzinfo is not None for value in known)
        return pd.to_datetime(column, utc=are_zoned)
    return column


def _simplify(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if type(value) is date:
        return datetime.combine(value, time())
    if value is None or isinstance(value, (bool, int, float, str, datetime)):
        return value
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _hash_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Hash the rows of a result; a database may return them in another order each time."""
    digest = hashlib.sha256(repr(tuple(columns)).encode())
    for row in sorted(map(repr, rows)):
        digest.update(row.encode())
    return digest.hexdigest()
