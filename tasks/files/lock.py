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
