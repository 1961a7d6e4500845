"""Read what a database of MLflow contains."""

from __future__ import annotations

from sqlalchemy import Connection, column, func, inspect, select, table

from schemas.backup import Contents

_COUNTED = (
    "experiments",
    "runs",
    "metrics",
    "logged_models",
    "registered_models",
    "model_versions",
    "registered_model_aliases",
    "registered_model_tags",
)
# the columns with locations of artifacts
LOCATIONS = (
    "experiments.artifact_location",
    "runs.artifact_uri",
    "logged_models.artifact_location",
    "model_versions.source",
    "model_versions.storage_location",
)
_REVISION = "alembic_version"


def read_contents(connection: Connection) -> Contents:
    """Read the revision of the schema, the row counts and the columns of locations.

    Args:
        connection: Open database; without tables it has no revision and no counts.
    """
    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    revision = None
    if _REVISION in tables:
        revision = connection.execute(select(column("version_num")).select_from(table(_REVISION))).scalar()
    counts = {name: count_rows(connection, name) for name in _COUNTED if name in tables}
    locations = [
        place
        for place in LOCATIONS
        if place.partition(".")[0] in tables
        and place.partition(".")[2]
        in {each["name"] for each in inspector.get_columns(place.partition(".")[0])}
    ]
    return Contents(revision=revision, counts=counts, locations=tuple(locations))


def count_rows(connection: Connection, name: str) -> int:
    """Count the rows of a table."""
    return int(connection.execute(select(func.count()).select_from(table(name))).scalar() or 0)


def has_tables(connection: Connection) -> bool:
    """Return whether a database has any table."""
    return bool(inspect(connection).get_table_names())


def is_fresh(connection: Connection) -> bool:
    """Return whether a database is empty, or contains only the first experiment that MLflow creates."""
    counts = read_contents(connection).counts
    if not counts:
        return not has_tables(connection)
    first = counts.get("experiments", 0)
    return first <= 1 and not any(number for name, number in counts.items() if name != "experiments")


def list_model_names(connection: Connection) -> list[str]:
    """List the names of the registered models, sorted."""
    if "registered_models" not in inspect(connection).get_table_names():
        return []
    models = table("registered_models", column("name"))
    return [str(name) for name in connection.execute(select(models.c.name).order_by(models.c.name)).scalars()]


def list_version_places(connection: Connection) -> list[tuple[str, int, str]]:
    """List the registered model, the number and the location of the files of every version."""
    names = inspect(connection).get_table_names()
    if "model_versions" not in names:
        return []
    known = {each["name"] for each in inspect(connection).get_columns("model_versions")}
    columns = ["name", "version", "source", *(["storage_location"] if "storage_location" in known else [])]
    versions = table("model_versions", *(column(name) for name in columns))
    rows = connection.execute(select(versions).order_by(versions.c.name, versions.c.version))
    return [
        (row.name, row.version, (getattr(row, "storage_location", "") or row.source or "")) for row in rows
    ]
