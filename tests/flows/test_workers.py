"""What worker processes promise: results as if computed here, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.workers import Workers
from schemas.errors import InputError, WorkerLostError

PATIENCE = 60


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(2)
    yield made
    made.close()


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def start(workers: Workers, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    with_one_thread = ThreadPoolExecutor(1)
    future = with_one_thread.submit(workers.run, function, *arguments)
    with_one_thread.shutdown(wait=False)
    return future


def refuse(what: str) -> None:
    raise InputError(f"Expected something else. Received {what}.")


def note_process(own: Path) -> None:
    """Write the number of this process, complete or not at all."""
    part = own.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.replace(own)


def meet(own: Path, other: Path) -> int:
    """Return this process's number when another process has called it too: both must run at once."""
    note_process(own)
    wait_for(other.exists)
    return os.getpid()


def run_for_ever(own: Path) -> None:
    note_process(own)
    time.sleep(10 * PATIENCE)


def read_process(path: Path) -> psutil.Process:
    wait_for(path.exists)
    return psutil.Process(int(path.read_text()))


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_two_calls_run_at_once_in_two_processes(workers: Workers, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    futures = [start(workers, meet, one, other), start(workers, meet, other, one)]
    assert len({os.getpid(), *(future.result() for future in futures)}) == 3


def test_an_error_arrives_as_it_was_raised(workers: Workers) -> None:
    with pytest.raises(InputError, match=r"^Expected something else\. Received 3\.$"):
        workers.run(refuse, "3")


def test_ctrl_c_leaves_the_end_of_workers_to_their_parent(workers: Workers, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    future = start(workers, meet, one, other)
    process = read_process(one)
    process.send_signal(signal.SIGINT)
    other.touch()
    assert future.result() == process.pid


def test_a_killed_worker_is_reported(tmp_path: Path) -> None:
    workers = Workers(2)
    future = start(workers, run_for_ever, tmp_path / "worker")
    read_process(tmp_path / "worker").kill()
    with pytest.raises(WorkerLostError, match=r"Each of 2 worker processes .* Use a smaller `--workers`"):
        future.result()
    workers.close()


def test_closing_ends_what_is_running(tmp_path: Path) -> None:
    workers = Workers(2)
    future = start(workers, run_for_ever, tmp_path / "worker")
    process = read_process(tmp_path / "worker")
    workers.close()
    assert is_gone(process)
    with pytest.raises(WorkerLostError):
        future.result()


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import sys; from flows.workers import Workers; "
        "from tests.flows.test_workers import run_for_ever; Workers(2).run(run_for_ever, Path(sys.argv[1]))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "worker")]) as parent:
        process = read_process(tmp_path / "worker")
        parent.kill()
    wait_for(lambda: is_gone(process))
