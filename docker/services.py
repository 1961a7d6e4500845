"""The services of compose.yaml as processes on this machine.

supervisord runs this file as the command of every service: `services.py NAME` becomes the service NAME. So
supervisord's configuration holds no secret, and each process gets only its own variables.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from compose import FILE, Service, list_secrets, read_compose
from credentials import keep_credentials

ROOT = FILE.parent.parent
SECRETS = "secrets.env"
# variable with folder and service, in the environment of every process of a stack and its children
MARK = "FOREWARN_STACK"
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")
_SECONDS = 5.0


def read_services(folder: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """Read compose.yaml with the secrets of a stack's folder."""
    # the system's PostgreSQL may occupy the usual port
    defaults = {"FOREWARN_POSTGRES_PORT": "5442", "FOREWARN_READINGS": str(folder / "readings")}
    secrets = keep_credentials(folder / SECRETS, list_secrets())
    return read_compose({**defaults, **secrets, **variables}, folder)


def make_environment(service: Service, folder: Path) -> dict[str, str]:
    """Make the environment of a service; as in a container, little is inherited from this shell."""
    home = folder / "temporary" / service.name
    home.mkdir(parents=True, exist_ok=True)
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    known |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONUNBUFFERED": "1", **service.environment}
    path = f"{Path(sys.executable).parent}{os.pathsep}{known.get('PATH', os.defpath)}"
    return {**known, "PATH": path, MARK: make_mark(folder, service.name)}


def is_healthy(service: Service, folder: Path) -> bool:
    """Return whether the health check of a service passes in time; true for a service without a check."""
    check, environment = service.health or ["true"], make_environment(service, folder)
    with contextlib.suppress(subprocess.SubprocessError):
        subprocess.run(check, env=environment, cwd=ROOT, capture_output=True, timeout=_SECONDS, check=True)
        return True
    return False


def make_mark(folder: Path, name: str = "") -> str:
    """Make the mark of one service's processes, or the common prefix of all marks of the folder."""
    return f"{folder}:{name}:" if name else f"{folder}:"


def find_marked(mark: str) -> list[psutil.Process]:
    """Find the other processes whose mark starts with the given one."""
    found = psutil.process_iter(["environ"])
    marked = [each for each in found if (each.info["environ"] or {}).get(MARK, "").startswith(mark)]
    return [each for each in marked if each.pid != os.getpid()]


def end_marked(mark: str) -> int:
    """End leftover processes by SIGTERM and then SIGKILL; return how many there were."""
    leftovers = find_marked(mark)
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in leftovers:
            with contextlib.suppress(psutil.Error):
                send(process)
        psutil.wait_procs(leftovers, timeout=_SECONDS)
    return len(leftovers)


def become(name: str, folder: Path) -> None:
    """Replace this process by a service of the stack in a folder."""
    service = read_services(folder, os.environ)[name]
    # children of a killed process may still hold its port
    end_marked(make_mark(folder, name))
    for volume in service.volumes.values():
        volume.mkdir(parents=True, exist_ok=True)
    command = service.command
    if name == "postgres":
        data = service.volumes["/var/lib/postgresql/data"]
        command = ["sh", str(FILE.with_name("start_postgres.sh")), str(data), *command]
    os.execvpe(command[0], command, make_environment(service, folder))  # noqa: S606 - running the service is the purpose


if __name__ == "__main__":
    become(sys.argv[1], Path(os.environ[MARK].removesuffix(":")))
