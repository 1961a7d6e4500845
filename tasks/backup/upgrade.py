"""Bring a database to the schema of the MLflow that is installed."""

from __future__ import annotations

from pathlib import Path

import mlflow
from alembic.script import ScriptDirectory
from mlflow.db import upgrade

from schemas.errors import InputError


def list_revisions() -> list[str]:
    """List the revisions of the schema that this MLflow knows, the newest first."""
    scripts = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    return [script.revision for script in scripts.walk_revisions()]


def require_known_revision(revision: str | None) -> bool:
    """Make sure that this MLflow can work with a schema.

    Args:
        revision: Revision of the schema.

    Returns:
        Whether it is the newest; an older one has to be upgraded.

    Raises:
        InputError: If it is unknown here: a newer MLflow made it.
    """
    known = list_revisions()
    if revision not in known:
        raise InputError(
            f"The database must be of a schema that MLflow {mlflow.__version__} knows, up to {known[0]}. It "
            f"is of {revision}. Install the MLflow that made it, or a newer one."
        )
    return revision == known[0]


def upgrade_database(uri: str) -> None:
    """Make the tables of MLflow, or bring them to the newest schema.

    Args:
        uri: The database. It is handed over in this process: its password stands on no command line.
    """
    make_or_upgrade = upgrade.callback
    if make_or_upgrade is None:
        raise TypeError("`mlflow db upgrade` must be a command that can be called. It has no function.")
    make_or_upgrade(uri)
