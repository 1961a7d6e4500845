"""Processes of a stack: what they are told, how they end with all they started, which ports are taken."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from schemas.errors import StoreUnreachableError

# every process of a stack carries it, also those that its processes start
MARK = "FOREWARN_STACK"
_KILL_SECONDS = 5.0
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


def make_environment(mark: str, own: Mapping[str, str], programs: Sequence[Path]) -> dict[str, str]:
    """Make what a process is told: as in a container, nothing of this shell but the path and the language.

    Args:
        mark: The stack and the service.
        own: The service's variables.
        programs: Folders to look into for programs before the path.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join([*map(str, programs), inherited.pop("PATH", os.defpath)])
    return {**inherited, **own, "PATH": path, "PYTHONUNBUFFERED": "1", MARK: mark}


def require_free_ports(ports: Mapping[str, int]) -> None:
    """Make sure that nothing listens on the ports, before anything is started.

    Args:
        ports: Port of each service.

    Raises:
        StoreUnreachableError: If something does.
    """
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise StoreUnreachableError(
                    f"Port {port} of {name} must be free. It cannot be had: {error.strerror}. Stop what "
                    f"listens there, or choose another one by FOREWARN_{name.upper()}_PORT."
                ) from error


def find_marked(mark: str) -> list[psutil.Process]:
    """Find the processes of a stack or of one of its services.

    Args:
        mark: Beginning of their mark.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK, "").startswith(mark):
                found.append(process)
    return found


def end_marked(mark: str) -> int:
    """End what is left of a stack or of a service, by SIGTERM and then SIGKILL.

    Returns:
        How many processes were left.
    """
    left = find_marked(mark)
    for send in ("terminate", "kill"):
        for process in left:
            with contextlib.suppress(psutil.Error):
                getattr(process, send)()
        _, alive = psutil.wait_procs(left, timeout=_KILL_SECONDS)
        if not alive:
            break
    return len(left)


def end_process(process: subprocess.Popen[bytes], stop_signal: str, seconds: float) -> bool:
    """End a process that was started here.

    Args:
        process: The process.
        stop_signal: Name of the signal that asks it to end.
        seconds: How long it may take.

    Returns:
        Whether it ended by itself; it is killed otherwise.
    """
    if process.poll() is None:
        process.send_signal(signal.Signals[stop_signal])
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def passes(command: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float) -> bool:
    """Tell whether a check ends with 0 in time."""
    try:
        done = subprocess.run(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def read_tail(path: Path, lines: int) -> str:
    """Read the last lines of a log."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
