"""Worker processes that run functions side by side, and that end with this process, however it ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from schemas.errors import WorkerLostError

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """Processes that are started when they are first needed, and kept for the next call.

    Each is a new Python process, which imports what it runs: one that was copied from this process would have
    its locks but not its threads.
    """

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.count = count
        # workers end when the other end is closed: by `close`, or by the kernel if this process is killed
        reader, self._link = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(reader,))

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of a module in a worker, and wait for its result; call it from several threads.

        Raises:
            WorkerLostError: If a worker was killed.
        """
        try:
            with interrupts_blocked():
                future = self._pool.submit(function, *args, **kwargs)
            return future.result()
        except BrokenProcessPool as error:
            raise WorkerLostError(
                f"Each of {self.count} worker processes must be able to finish its training. One was killed, "
                "most likely because the memory was used up: each takes as much as one training. Use a "
                "smaller `--workers`, or free memory, and start again."
            ) from error

    def close(self) -> None:
        """End the workers at once; what they are running is lost."""
        self._link.close()
        self._pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in the processes that it starts, from their first moment.

    A terminal sends it to all processes of a command; this one ends the others.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(link: Connection) -> None:
    """Prepare a worker: it ends when the other end of `link` is closed."""
    threading.Thread(target=_end_with, args=(link,), name="end-with-parent", daemon=True).start()


def _end_with(link: Connection) -> None:
    link.poll(None)
    os._exit(1)
