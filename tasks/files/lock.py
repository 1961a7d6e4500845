"""Hold a file's lock, so that one process at a time does a piece of work."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from schemas.errors import BusyError

_PAUSE_SECONDS = 0.05


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
    handle = take_lock(path, patience_seconds)
    if handle is None:
        holder = path.read_text(encoding="utf-8") or "another process"
        waited = f" for {patience_seconds:.0f} s" if patience_seconds else ""
        raise BusyError(
            f"{work} is for one command at a time. It is held{waited} by {holder}. Try again "
            "when that one has ended, or end it."
        )
    with handle:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {socket.gethostname()} since {now}")
        handle.flush()
        yield


# filelock would be another dependency, and it refuses a lock file that another user made in /tmp
def take_lock(path: Path, patience_seconds: float) -> TextIO | None:
    """Lock the file that has this name; the lock ends when the file is closed, or its process killed.

    Args:
        path: The file, which is made in a folder that exists. Its holder may remove it.
        patience_seconds: Longest wait.

    Returns:
        The open file, or none where another process holds its lock for longer.
    """
    end = time.monotonic() + patience_seconds
    while True:
        handle = path.open("a+", encoding="utf-8")
        # held by another one, or removed by it since
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle.fileno()).st_ino == path.stat().st_ino:
                return handle
        handle.close()
        if time.monotonic() >= end:
            return None
        time.sleep(_PAUSE_SECONDS)
