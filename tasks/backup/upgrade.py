"""Upgrade a database to the schema of the installed MLflow."""

from __future__ import annotations

from pathlib import Path

import mlflow
from alembic.script import ScriptDirectory
from mlflow.db import upgrade

from schemas.errors import InputError


def list_revisions() -> list[str]:
    """List the schema revisions that the installed MLflow knows, newest first."""
    scripts = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    return [script.revision for script in scripts.walk_revisions()]


def require_known_revision(revision: str | None) -> bool:
    """Require a schema revision that the installed MLflow knows.

    Args:
        revision: Revision of the schema.

    Returns:
        Whether it is the newest; an older schema has to be upgraded.

    Raises:
        InputError: If the revision is unknown, as a newer MLflow wrote it.
    """
    known = list_revisions()
    if revision not in known:
        raise InputError(
            f"The schema of the database must be known to MLflow {mlflow.__version__}, whose newest is "
            f"{known[0]}. It is {revision}. Install the MLflow that wrote the database, or a newer one."
        )
    return revision == known[0]


def upgrade_database(uri: str) -> None:
    """Create the tables of MLflow, or upgrade them to the newest schema.

    Args:
        uri: The database. The upgrade runs in this process, so its password is on no command line.
    """
    make_or_upgrade = upgrade.callback
    if make_or_upgrade is None:
        raise TypeError("`mlflow.db.upgrade` must be a click command with a callback. It has none.")
    make_or_upgrade(uri)
