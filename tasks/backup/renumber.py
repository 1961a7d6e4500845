"""Give experiments numbers that PostgreSQL's tables of MLflow can hold."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, column, inspect, select, table, update

# old file stores number experiments by 18 digits, and SQLite takes them
_HIGHEST = 2**31 - 1


def renumber_experiments(connection: Connection) -> dict[int, int]:
    """Give every experiment whose number is too large the next free small one, wherever it is named.

    Args:
        connection: SQLite database, in the transaction that is open.

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
