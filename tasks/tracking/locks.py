"""Locks that let only one command at a time move the aliases of a registered model, or retrain it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.files.lock import hold_file
from tasks.tracking.home import find_home

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_PATIENCE_SECONDS = 300.0


@contextlib.contextmanager
def lock_registry(client: MlflowClient, model_name: str) -> Iterator[str]:
    """Hold the file lock of a registered model; the kernel releases it when a process is killed.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Yields:
        Path of the lock.

    Raises:
        BusyError: If another command holds the lock for minutes.
    """
    path = find_lock(client.tracking_uri, model_name)
    with hold_file(path, _PATIENCE_SECONDS, f"Moving the aliases of {model_name!r}"):
        yield str(path)


@contextlib.contextmanager
def lock_retraining(uri: str, model_name: str, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the retraining lock of a registered model.

    Args:
        uri: Tracking store.
        model_name: Registered model.
        patience_seconds: Longest wait for another retraining to end.

    Raises:
        BusyError: If the model is still being retrained by another command.
    """
    with hold_file(find_lock(uri, model_name, "retraining"), patience_seconds, f"Retraining {model_name!r}"):
        yield


def find_lock(uri: str, model_name: str, kind: str = "registry") -> Path:
    """Return the lock file of a model: next to a local database, or in `mlruns/` for a server.

    Args:
        uri: Tracking store; a relative and an absolute path of one database give the same lock.
        model_name: Registered model.
        kind: What is locked: `registry` or `retraining`.
    """
    if uri.startswith(_SQLITE):
        database = Path(uri.removeprefix(_SQLITE).partition("?")[0]).resolve()
        folder, store = database.parent, str(database)
    else:
        folder, store = find_home() / "mlruns", uri.rstrip("/")
    mark = hashlib.sha256(f"{store}\n{model_name}".encode()).hexdigest()[:16]
    return folder / f"{kind}-{mark}.lock"
