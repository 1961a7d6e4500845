"""Let one command at a time move the aliases of a registered model."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from schemas.errors import StoreUnreachableError
from tasks.locate import find_home

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def lock_registry(client: MlflowClient, model_name: str) -> Iterator[str]:
    """Hold the file lock of a registered model; the kernel releases it when a process is killed.

    Args:
        client: Client of the registry.
        model_name: Registered model.

    Yields:
        Path of the lock.

    Raises:
        StoreUnreachableError: If another command holds the lock for minutes.
    """
    path = find_lock(client.tracking_uri, model_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        _wait_for_lock(handle, model_name)
        yield str(path)


def find_lock(uri: str, model_name: str) -> Path:
    """Tell the lock of a model: beside a local database, and below the home for a server.

    Args:
        uri: Tracking store; a relative path of a database means the same store as the absolute one.
        model_name: Registered model.
    """
    if uri.startswith(_SQLITE):
        database = Path(uri.removeprefix(_SQLITE).partition("?")[0]).resolve()
        folder, store = database.parent, str(database)
    else:
        folder, store = find_home() / "mlruns", uri.rstrip("/")
    mark = hashlib.sha256(f"{store}\n{model_name}".encode()).hexdigest()[:16]
    return folder / f"registry-{mark}.lock"


def _wait_for_lock(handle: TextIO, model_name: str) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise StoreUnreachableError(
                    f"The registered model {model_name!r} must be free within {_PATIENCE_SECONDS:.0f} s. "
                    f"Another command still holds {handle.name}. Wait for it, or end it; then try again."
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return
