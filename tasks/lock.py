"""Let one command at a time move the aliases of a registered model, retrain it, or make a database."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from schemas.errors import BusyError
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
        BusyError: If another command holds the lock for minutes.
    """
    path = find_lock(client.tracking_uri, model_name)
    with hold_file(path, _PATIENCE_SECONDS, f"Moving the aliases of {model_name!r}"):
        yield str(path)


@contextlib.contextmanager
def lock_retraining(uri: str, model_name: str, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock under which a registered model is retrained, whoever started it.

    Args:
        uri: Tracking store.
        model_name: Registered model.
        patience_seconds: Longest wait for another retraining to end.

    Raises:
        BusyError: If it is being retrained already.
    """
    with hold_file(find_lock(uri, model_name, "retraining"), patience_seconds, f"Retraining {model_name!r}"):
        yield


def find_lock(uri: str, model_name: str, kind: str = "registry") -> Path:
    """Tell the lock of a model: beside a local database, and below the home for a server.

    Args:
        uri: Tracking store; a relative path of a database means the same store as the absolute one.
        model_name: Registered model.
        kind: What is locked.
    """
    if uri.startswith(_SQLITE):
        database = Path(uri.removeprefix(_SQLITE).partition("?")[0]).resolve()
        folder, store = database.parent, str(database)
    else:
        folder, store = find_home() / "mlruns", uri.rstrip("/")
    mark = hashlib.sha256(f"{store}\n{model_name}".encode()).hexdigest()[:16]
    return folder / f"{kind}-{mark}.lock"


@contextlib.contextmanager
def hold_file(path: Path, patience_seconds: float, work: str) -> Iterator[None]:
    """Hold a file's lock, and write into the file who holds it.

    Args:
        path: The file, which is made; it stays, so that all lock the same one.
        patience_seconds: Longest wait.
        work: What is done by one at a time, to begin a sentence with.

    Raises:
        BusyError: If another one holds the lock for longer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        _wait_for_lock(handle, patience_seconds, work)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {socket.gethostname()} since {now}")
        handle.flush()
        yield


def _wait_for_lock(handle: TextIO, patience_seconds: float, work: str) -> None:
    end = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                handle.seek(0)
                holder = handle.read() or "another process"
                waited = f" for {patience_seconds:.0f} s" if patience_seconds else ""
                raise BusyError(
                    f"{work} is for one command at a time. It is held{waited} by {holder}. Try again "
                    "when that one has ended, or end it."
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return
