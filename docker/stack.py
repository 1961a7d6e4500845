"""Run the production stack on this machine without docker: `make stack`.

compose.yaml describes the services. supervisord keeps them running, with PostgreSQL from the system's
package. All data are kept in one folder.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import click
import jinja2
import psutil
from compose import FILE, LOOPBACK, Service
from credentials import write_private
from services import MARK, ROOT, SECRETS, end_marked, is_healthy, make_mark, read_services
from supervisor.childutils import getRPCInterface

from schemas.errors import ForewarnError, InputError, StoreUnreachableError
from tasks.files.lock import hold_file
from tasks.tracking.home import find_home

_CONFIGURATION, _SOCKET = "supervisord.conf", "supervisor.sock"
# a socket's path has at most 107 bytes, and supervisord appends its process id temporarily
_LONGEST_FOLDER = 107 - len(f"/{_SOCKET}.4194304")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS, _STOP_SECONDS, _LOG_LINES = 0.5, 300.0, 12


@click.group()
def commands() -> None:
    """Run PostgreSQL, Prefect, MLflow, a worker and the scoring service on this machine."""


_takes_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, resolve_path=True),
    default=lambda: find_home() / "mlruns" / "stack",
    help="Folder of the stack; by default mlruns/stack in FOREWARN_HOME.",
)


@commands.command()
@_takes_folder
@click.option("--data", type=click.Path(path_type=Path), help="Table of readings; simulated by default.")
@click.argument("names", nargs=-1)
def up(folder: Path, data: Path | None, names: tuple[str, ...]) -> None:
    """Start all services, or those named and their dependencies, and keep them running until Ctrl-C."""
    if len(os.fsencode(folder)) > _LONGEST_FOLDER:
        raise InputError(f"`--folder` must be a path of at most {_LONGEST_FOLDER} bytes. Received {folder}.")
    from tasks.simulators.plants import simulate_file

    (folder / "logs").mkdir(parents=True, exist_ok=True)
    with hold_file(folder / "stack.lock", 0.0, f"Running a stack in {folder}"):
        table = (data or simulate_file(folder / "readings" / "readings.csv")).resolve()
        if not table.is_file():
            raise InputError(f"`--data` must name a table of readings. There is no file {table}.")
        variables = {"FOREWARN_READINGS": str(table.parent), "FOREWARN_TABLE": table.name, **os.environ}
        services = choose(read_services(folder, variables), names)
        if ended := end_marked(make_mark(folder)):
            print(f"ended {ended} leftover processes of an earlier start", flush=True)
        require_programs_and_ports(services)
        write_configuration(services, folder)
        run(services, folder, variables)


@commands.command()
@_takes_folder
def down(folder: Path) -> None:
    """Stop the stack that runs in the folder."""
    with contextlib.suppress(Fault):  # it may be stopping already
        connect(folder).shutdown()
    with hold_file(folder / "stack.lock", _STOP_SECONDS, f"Running a stack in {folder}"):
        end_marked(make_mark(folder))


@commands.command()
@_takes_folder
@click.argument("name")
def restart(folder: Path, name: str) -> None:
    """Restart a service, or repeat one that runs once, and wait until it is healthy or has completed."""
    control, services = read_running(folder)
    if name not in services:
        raise InputError(f"NAME must be one of the services {', '.join(services)}. Received {name!r}.")
    with contextlib.suppress(Fault):  # it may not be running
        control.stopProcess(name)
    start({name: replace(services[name], depends_on=set(), waits_for="")}, folder, control)


@commands.command()
@_takes_folder
def status(folder: Path) -> None:
    """Show the state of every service."""
    control, services = read_running(folder)
    for name, service in services.items():
        info, health = control.getProcessInfo(name), ""
        if service.health and info["pid"]:
            health = "answers" if is_healthy(service, folder) else "does not answer"
        print(f"{name:16} {info['statename']:9} {health:16} {info['description']}")


def choose(services: dict[str, Service], names: tuple[str, ...]) -> dict[str, Service]:
    """Choose the named services and their dependencies, or all services if none is named."""
    if unknown := sorted(set(names) - set(services)):
        raise InputError(f"NAMES must be among the services {', '.join(services)}. Received {unknown}.")
    wanted = set(names or services)
    for name in reversed(services):  # each comes before its dependencies
        wanted |= services[name].depends_on if name in wanted else set()
    return {name: service for name, service in services.items() if name in wanted}


def require_programs_and_ports(services: Mapping[str, Service]) -> None:
    """Check that PostgreSQL is installed, and that the ports of the services are free."""
    programs = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    if "postgres" in services and not any(programs):
        raise InputError(
            "PostgreSQL must be installed. There is no `initdb`. Install the system's package, on Debian and "
            "Ubuntu with: apt-get install postgresql (its service need not run)."
        )
    for name, service in services.items():
        try:
            socket.create_server((LOOPBACK, service.port or 0)).close()
        except OSError:
            raise StoreUnreachableError(
                f"Port {service.port} of {name} must be free. It is in use or not allowed. Stop the program "
                f"that listens there, or choose another port with FOREWARN_{name.upper()}_PORT."
            ) from None


def write_configuration(services: Mapping[str, Service], folder: Path) -> None:
    """Write supervisord.conf into the folder of a stack."""
    template = FILE.with_name(f"{_CONFIGURATION}.jinja").read_text(encoding="utf-8")
    # supervisord expands a single %
    program = shlex.join([sys.executable, str(FILE.with_name("services.py"))]).replace("%", "%%")
    values = {"program": program, "services": services.values(), "is_root": os.geteuid() == 0}
    write_private(folder / _CONFIGURATION, jinja2.Template(template, trim_blocks=True).render(values))


def connect(folder: Path) -> Any:
    """Connect to the supervisord of a folder, and return its XML-RPC interface."""
    address = {"SUPERVISOR_SERVER_URL": f"unix://{folder / _SOCKET}"}
    account = {"SUPERVISOR_USERNAME": "stack", "SUPERVISOR_PASSWORD": "stack"}
    try:
        control = getRPCInterface(address | account).supervisor
        control.getState()
    except OSError:
        raise StoreUnreachableError(f"No stack runs in {folder}. Start one with: make stack") from None
    return control


def read_running(folder: Path) -> tuple[Any, dict[str, Service]]:
    """Connect to the stack running in a folder, and read its services with the variables of its start."""
    control = connect(folder)
    names = {info["name"] for info in control.getAllProcessInfo()}
    services = read_services(folder, psutil.Process(control.getPID()).environ())
    return control, {name: service for name, service in services.items() if name in names}


def run(services: Mapping[str, Service], folder: Path, variables: Mapping[str, str]) -> None:
    """Run supervisord and start the services; stop them on a signal or by `down`."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    (folder / _SOCKET).unlink(missing_ok=True)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder / _CONFIGURATION)]
    environment = {**variables, MARK: make_mark(folder)}
    log = folder / "logs" / "supervisord.log"
    log.touch()
    # in separate sessions, so that a signal from the terminal reaches this process alone
    subprocess.Popen(["tail", "-n0", "-F", str(log)], env=environment, start_new_session=True)
    supervisord = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    try:
        while supervisord.poll() is None and not (folder / _SOCKET).exists():
            time.sleep(_LOOK_SECONDS)
        time.sleep(_LOOK_SECONDS)  # until it listens
        if supervisord.poll() is None:
            start(services, folder, connect(folder))
            addresses = [f"{name} {LOOPBACK}:{each.port}" for name, each in services.items() if each.port]
            print(f"Addresses: {', '.join(addresses)}. Passwords: {folder / SECRETS}. Logs: {log.parent}.")
            print("Ready. Stop with Ctrl-C.", flush=True)
        supervisord.wait()
    except (KeyboardInterrupt, Fault):  # supervisord refuses requests after `down`
        pass
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        supervisord.terminate()
        code = supervisord.wait()
        end_marked(make_mark(folder))
    if code != 0:
        raise StoreUnreachableError(f"supervisord ended with exit code {code}. See {log}.")


def start(services: Mapping[str, Service], folder: Path, control: Any) -> None:
    """Start each service once its dependencies are up; return when all are up, except those that wait."""
    begun: dict[str, float] = {}
    missing = dict(services)
    while missing:
        for name, service in list(missing.items()):
            if name not in begun and not service.depends_on & missing.keys():
                begun[name] = time.monotonic()
                control.startProcess(name, False)
            elif name in begun and (service.waits_for or is_up(service, folder, control, begun[name])):
                del missing[name]
        time.sleep(_LOOK_SECONDS)


def is_up(service: Service, folder: Path, control: Any, begun: float) -> bool:
    """Return whether a service is healthy, or has completed.

    Raises:
        StoreUnreachableError: If the service has failed.
    """
    info = control.getProcessInfo(service.name)
    if service.runs_once:
        has_failed = info["statename"] == "EXITED" and info["exitstatus"] != 0
        is_well = info["statename"] == "EXITED" and not has_failed
    else:
        is_well = info["pid"] != 0 and is_healthy(service, folder)
        has_failed = not is_well and time.monotonic() > begun + service.start_seconds > begun
    if has_failed:
        log = folder / "logs" / f"{service.name}.log"
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        raise StoreUnreachableError(f"The service {service.name} did not start. The end of {log}:\n{last}")
    return is_well


if __name__ == "__main__":
    try:
        commands()
    except ForewarnError as failure:
        print(f"stack: {failure}", file=sys.stderr)
        sys.exit(failure.exit_code)
