"""Copy all rows of an SQLite database into a PostgreSQL database with the same schema."""

from __future__ import annotations

from sqlalchemy import JSON, Connection, Integer, MetaData, Table, func, insert, select, text

from schemas.errors import InputError
from tasks.backup.count import count_rows

_ROWS_AT_ONCE = 2_000
_REVISION = "alembic_version"


def copy_rows(source: Connection, target: Connection) -> int:
    """Copy every table, in the order of foreign keys, in the open transaction.

    Rows that MLflow put into the new database, its first experiment and workspace, are deleted first.

    Args:
        source: SQLite database.
        target: PostgreSQL database with the same schema and no content.

    Returns:
        Number of copied rows.

    Raises:
        InputError: If a row does not fit, or the row counts differ afterwards.
    """
    tables, known = _reflect(source), _reflect(target)
    _require_same_tables(source, tables, known)
    order = [
        table for table in known.sorted_tables if table.name != _REVISION and table.name in tables.tables
    ]
    for table in reversed(order):
        target.execute(table.delete())
    copied = sum(_copy_table(source, target, tables.tables[table.name], table) for table in order)
    for table in order:
        _set_sequences(target, table)
    return copied


def _reflect(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def _require_same_tables(source: Connection, tables: MetaData, known: MetaData) -> None:
    unknown = [name for name in tables.tables if name not in known.tables and count_rows(source, name)]
    if unknown:
        raise InputError(
            f"The database must contain MLflow's tables only. It also contains {', '.join(sorted(unknown))}. "
            "Copy these by other means, and drop them from the SQLite database."
        )


def _copy_table(source: Connection, target: Connection, old: Table, new: Table) -> int:
    names = [column.name for column in old.columns if column.name in new.columns]
    for column in new.columns:
        if isinstance(column.type, JSON):
            # store an empty cell as NULL rather than as JSON null
            column.type.none_as_null = True
    rows = source.execute(select(*(old.c[name] for name in names)))
    copied = 0
    try:
        for part in rows.mappings().partitions(_ROWS_AT_ONCE):
            target.execute(insert(new), [dict(row) for row in part])
            copied += len(part)
    except ValueError as error:
        raise InputError(
            f"Every row must fit PostgreSQL. A row of {new.name} does not: {error}. Correct it in the SQLite "
            "database."
        ) from error
    if count_rows(target, new.name) != copied:
        raise InputError(
            f"The table {new.name} must have {copied} rows after the copy. It does not: something else may "
            "be writing to it. Restore into a database that nothing uses."
        )
    return copied


def _set_sequences(target: Connection, table: Table) -> None:
    """Continue PostgreSQL's sequences after the highest copied numbers."""
    for column in table.primary_key.columns:
        if not isinstance(column.type, Integer):
            continue
        places = {"place": table.name, "name": column.name}
        sequence = target.execute(text("SELECT pg_get_serial_sequence(:place, :name)"), places).scalar()
        highest = target.execute(select(func.max(column))).scalar()
        if sequence is not None and highest is not None:
            target.execute(
                text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": max(highest, 1)}
            )
