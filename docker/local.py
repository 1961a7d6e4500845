"""Run the production stack on this machine without docker: `make stack`.

compose.yaml is the one description: the same processes are started by the same commands, with PostgreSQL of
the system's package. All that is written goes below one folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psutil
from compose import Service, read_compose
from credentials import keep_credentials
from processes import end_marked, require_free_ports
from supervisor import ROOT, Supervisor

from schemas.errors import ForewarnError, InputError, StoreUnreachableError
from tasks.readings.simulate import simulate_file
from tasks.tracking.home import find_home

# PostgreSQL's own port may be that of the system's service
_DEFAULTS = {"FOREWARN_POSTGRES_PORT": "5442"}
SECRETS = "secrets.env"
_RESTART_SECONDS = 180.0


@click.group()
def commands() -> None:
    """Run PostgreSQL, Prefect, MLflow, a worker and the scoring service on this machine."""


_takes_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=lambda: find_home() / "mlruns" / "stack",
    help="Where the stack keeps everything; mlruns/stack below FOREWARN_HOME without it.",
)


@commands.command()
@_takes_folder
@click.option(
    "--data", type=click.Path(path_type=Path), help="Table of readings; a simulated one without it."
)
@click.argument("names", nargs=-1)
def up(folder: Path, data: Path | None, names: tuple[str, ...]) -> None:
    """Start the services, or those named with what they need; keep them running until Ctrl-C or SIGTERM."""
    folder = folder.resolve()
    for name in ("", "logs", "volumes", "readings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with _hold(folder):
        table = find_table(folder, data)
        supervisor = Supervisor.of(choose(read_services(folder, table), names), folder)
        left = end_marked(supervisor.make_mark())
        if left:
            print(f"ended {left} processes that an earlier start had left behind", flush=True)
        ports = {name: entry.service.port for name, entry in supervisor.running.items() if entry.service.port}
        require_free_ports(ports)
        _run(supervisor)


@commands.command()
@_takes_folder
def down(folder: Path) -> None:
    """Stop the stack that runs in the folder."""
    pid = _read_state(folder)["pid"]
    os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait()


@commands.command()
@_takes_folder
@click.argument("name")
def restart(folder: Path, name: str) -> None:
    """End a service of the stack that runs; it is started again and waited for."""
    state = _read_state(folder)["services"]
    if name not in state or not state[name]["pid"]:
        raise InputError(
            f"The service must be one that runs. Received {name!r}. There are: {', '.join(state)}."
        )
    service = read_services(folder.resolve())[name]
    os.kill(state[name]["pid"], signal.Signals[service.stop_signal])
    end = time.monotonic() + _RESTART_SECONDS
    while time.monotonic() < end:
        now = _read_state(folder)["services"][name]
        if now["starts"] > state[name]["starts"] and now["state"] == "healthy":
            return
        time.sleep(0.2)
    raise StoreUnreachableError(
        f"{name} must answer again. It did not within {_RESTART_SECONDS:g} s. See its log."
    )


@commands.command()
@_takes_folder
def status(folder: Path) -> None:
    """Say what runs."""
    for name, entry in _read_state(folder)["services"].items():
        print(f"{name:16} {entry['state']:10} pid {entry['pid'] or '-'}  starts {entry['starts']}")


def find_table(folder: Path, data: Path | None) -> Path:
    """Find the table of readings: the one that is given, or a simulated one, which is made once.

    Raises:
        InputError: If the table is not there.
    """
    if data is not None:
        if not data.is_file():
            raise InputError(f"`--data` must name a table of readings. There is no file {data}.")
        return data.resolve()
    return simulate_file(folder / "readings" / "readings.csv")


def read_services(folder: Path, table: Path | None = None) -> dict[str, Service]:
    """Read the services of compose.yaml as they run in a folder, with its secrets and a table of readings."""
    place = table or folder / "readings" / "readings.csv"
    variables = {
        **_DEFAULTS,
        "FOREWARN_READINGS": str(place.parent),
        "FOREWARN_TABLE": place.name,
        **keep_credentials(folder / SECRETS),
        **os.environ,
    }
    return read_compose(ROOT / "docker" / "compose.yaml", variables, folder)


def choose(services: dict[str, Service], names: tuple[str, ...]) -> dict[str, Service]:
    """Choose services with all that they depend on; all of them where none is named.

    Raises:
        InputError: If there is no such service.
    """
    unknown = sorted(set(names) - set(services))
    if unknown:
        raise InputError(
            f"Services must be those of compose.yaml: {', '.join(services)}. Received {unknown}."
        )
    wanted = set(names or services)
    # those that are depended on stand before
    for name in reversed(services):
        if name in wanted:
            wanted |= set(services[name].depends_on)
    return {name: service for name, service in services.items() if name in wanted}


@contextlib.contextmanager
def _hold(folder: Path) -> Iterator[None]:
    """Hold the folder: one stack at a time.

    Raises:
        StoreUnreachableError: If another one runs there.
    """
    with (folder / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreUnreachableError(
                f"{folder} must hold one stack at a time. Another one runs there. Stop it by `make "
                "stack-stop`, or choose another folder by --folder."
            ) from None
        yield


def _run(supervisor: Supervisor) -> None:
    """Start all, say when they are ready, and keep them running until a signal comes."""
    stops: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: stops.append(received))
    is_announced = False
    try:
        while not stops:
            supervisor.step()
            if supervisor.is_ready() and not is_announced:
                is_announced = True
                _announce(supervisor)
    finally:
        supervisor.stop()
        (supervisor.folder / "state.json").unlink(missing_ok=True)


def _announce(supervisor: Supervisor) -> None:
    address = {name: f"http://127.0.0.1:{entry.service.port}" for name, entry in supervisor.running.items()}
    lines = [
        f"Prefect UI  {address['prefect']}" if "prefect" in address else "",
        f"MLflow UI   {address['mlflow']}  (user admin)" if "mlflow" in address else "",
        f"Scores      {address['serve']}/score  (once there is a champion)" if "serve" in address else "",
        f"Passwords   {supervisor.folder / SECRETS}",
        f"Logs        {supervisor.folder / 'logs'}",
        "Ready. Stop with Ctrl-C.",
    ]
    print("\n".join(line for line in lines if line), flush=True)


def _read_state(folder: Path) -> dict[str, Any]:
    """Read what the running stack has written.

    Raises:
        StoreUnreachableError: If none runs.
    """
    path = folder / "state.json"
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if psutil.pid_exists(state["pid"]):
            return state
    raise StoreUnreachableError(f"A stack must run in {folder}. None does. Start it by `make stack`.")


def main() -> int:
    """Run one command; the exit codes are those of `forewarn`."""
    try:
        commands.main(prog_name="local.py", standalone_mode=False)
    except ForewarnError as error:
        print(f"stack: {error}", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
