"""Renumber experiments whose numbers are too large for MLflow's tables in PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, column, inspect, select, table, update

# old file stores gave experiments 18-digit numbers, which SQLite accepts
_HIGHEST = 2**31 - 1


def renumber_experiments(connection: Connection) -> dict[int, int]:
    """Give every experiment with too large a number the next free one, in all tables.

    Args:
        connection: SQLite database, in an open transaction.

    Returns:
        New number by old number.
    """
    experiments = table("experiments", column("experiment_id", BigInteger))
    numbers = list(connection.execute(select(experiments.c.experiment_id)).scalars())
    large = sorted(number for number in numbers if number > _HIGHEST)
    first = max((number for number in numbers if number <= _HIGHEST), default=0) + 1
    renumbered = {old: first + place for place, old in enumerate(large)}
    inspector = inspect(connection)
    for name in inspector.get_table_names():
        if "experiment_id" not in {each["name"] for each in inspector.get_columns(name)}:
            continue
        target = table(name, column("experiment_id", BigInteger))
        for old, new in renumbered.items():
            connection.execute(update(target).where(target.c.experiment_id == old).values(experiment_id=new))
    return renumbered
