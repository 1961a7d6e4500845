"""Lock a file, so that only one process at a time does a piece of work."""

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
    """Hold an exclusive lock on a file, and record the holder in it.

    Args:
        path: The lock file. It is created if missing and never deleted, so that all processes lock the same
            file.
        patience_seconds: Maximum time to wait for the lock.
        work: Description of the work, used as the beginning of the error message.

    Raises:
        BusyError: If another process holds the lock for longer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = take_lock(path, patience_seconds)
    if handle is None:
        holder = path.read_text(encoding="utf-8") or "another process"
        waited = f" (waited {patience_seconds:.0f} s)" if patience_seconds else ""
        raise BusyError(
            f"{work} is limited to one command at a time. The lock is held by {holder}{waited}. "
            "Try again when that process has ended, or stop it."
        )
    with handle:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {socket.gethostname()} since {now}")
        handle.flush()
        yield


# the package filelock would be one more dependency, and refuses a lock file that another user made in /tmp
def take_lock(path: Path, patience_seconds: float) -> TextIO | None:
    """Lock a file; the lock ends when the returned file is closed or its process is killed.

    Args:
        path: The lock file, in an existing folder. It is created if missing; its holder may delete it.
        patience_seconds: Maximum time to wait for the lock.

    Returns:
        The open file, or None if another process holds the lock for longer.
    """
    end = time.monotonic() + patience_seconds
    while True:
        handle = path.open("a+", encoding="utf-8")
        # another process holds the lock, or has deleted the file since
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle.fileno()).st_ino == path.stat().st_ino:
                return handle
        handle.close()
        if time.monotonic() >= end:
            return None
        time.sleep(_PAUSE_SECONDS)
