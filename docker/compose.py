"""Read compose.yaml for running its services on this machine without docker.

Host names of services become 127.0.0.1, and mounted paths become folders. Unsupported keys are refused, so
that the two ways to start the stack cannot diverge unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import InputError

FILE = Path(__file__).with_name("compose.yaml")
LOOPBACK = "127.0.0.1"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
_KNOWN_KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "labels",
    "networks", "ports", "read_only", "restart", "security_opt", "stop_grace_period", "stop_signal", "tmpfs",
    "volumes",
}  # fmt: skip


@dataclass(frozen=True)
class Service:
    """A service of compose.yaml, as it runs on this machine.

    Attributes:
        depends_on: Services that must be healthy, or have completed, first.
        runs_once: Whether the service runs to completion; the others are restarted when they end.
        health: Command that exits with 0 if the service is healthy; empty if there is no check.
        start_seconds: Longest time until the service is healthy for the first time.
        waits_for: What the service waits for before it answers, without a time limit; usually empty.
        volumes: Folder on this machine for each path inside a container.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    depends_on: set[str]
    runs_once: bool
    health: list[str]
    start_seconds: float
    waits_for: str
    port: int | None
    volumes: dict[str, Path]
    stop_signal: str
    stop_seconds: float


def list_secrets() -> list[str]:
    """List the variables that compose.yaml requires, which are the secrets."""
    found = _VARIABLE.finditer(FILE.read_text(encoding="utf-8"))
    return list(dict.fromkeys(match["name"] for match in found if match["kind"] == "?"))


def read_compose(variables: Mapping[str, str], folder: Path) -> dict[str, Service]:
    """Read the services, in an order in which each comes after those that it depends on.

    Args:
        variables: Values of `${NAME}`.
        folder: Folder for the named volumes.

    Raises:
        InputError: If a variable is missing, or the file uses a key that is not supported here.
    """
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return {name: _read_service(name, raw, variables, folder, set(read)) for name, raw in read.items()}


def _read_service(
    name: str, raw: dict[str, Any], variables: Mapping[str, str], folder: Path, hosts: set[str]
) -> Service:
    if unknown := sorted(set(raw) - _KNOWN_KEYS):
        raise InputError(f"`services.{name}` must use keys that docker/compose.py supports, not {unknown}.")
    volumes = _read_volumes([fill_in(entry, variables) for entry in raw.get("volumes", [])], folder)
    volumes |= dict.fromkeys(raw.get("tmpfs", []), folder / "temporary" / name)
    # rewrite hosts and paths before filling in variables, whose values are already meant for this machine
    known = _change_texts(raw, lambda text: fill_in(write_local(text, hosts, volumes), variables))
    # a key without a value stands for the variable of that name, if there is one
    given = {key: variables.get(key) if item is None else item for key, item in known["environment"].items()}
    environment = {key: item for key, item in given.items() if item is not None}
    if "PGHOST" in environment:
        # the only variable that names a host without its port
        environment["PGHOST"] = LOOPBACK
    check = known.get("healthcheck", {})
    ports = known.get("ports") or ([environment["PGPORT"]] if name == "postgres" else [])
    return Service(
        name=name,
        command=known["command"],
        environment=environment,
        depends_on=set(known.get("depends_on", {})),
        runs_once=known["restart"] == "no",
        health=check["test"][1:] if check else [],
        start_seconds=float(check.get("start_period", "0s").removesuffix("s")),
        waits_for=known.get("labels", {}).get("forewarn.waits_for", ""),
        port=int(ports[0].rpartition(":")[2]) if ports else None,
        volumes=volumes,
        stop_signal=known.get("stop_signal", "SIGTERM"),
        stop_seconds=float(known.get("stop_grace_period", "10s").removesuffix("s")),
    )


def _read_volumes(entries: list[str], folder: Path) -> dict[str, Path]:
    """Return the folder of each mounted path; mounted files are left out, as they are used in place."""
    places = {}
    for source, target in (entry.split(":")[:2] for entry in entries):
        # a source without a slash is the name of a volume
        places[target] = FILE.parent / source if "/" in source else folder / "volumes" / source
    return {target: place.resolve() for target, place in places.items() if not place.is_file()}


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}`."""

    def look_up(match: re.Match[str]) -> str:
        found = variables.get(match["name"], "")
        if found or match["kind"] == "-":
            return found or match["rest"]
        raise InputError(f"`{match['name']}` must be set. It {match['rest'] or 'is missing'}.")

    return _VARIABLE.sub(look_up, text)


def write_local(text: str, hosts: set[str], volumes: Mapping[str, Path]) -> str:
    """Replace `0.0.0.0`, and names of services before a port, by loopback, and mounted paths by folders."""
    # longest first, since one name may be a prefix of another
    names = "|".join(re.escape(host) for host in sorted(hosts, key=len, reverse=True))
    paths = "|".join(re.escape(path) for path in sorted(volumes, key=len, reverse=True)) or "(?!)"
    text = re.sub(rf"(?<![\w.-])(?:{names})(?=:[\d$])", LOOPBACK, text)
    text = re.sub(rf"(?<![\w./])(?:{paths})(?=[/}}]|$)", lambda match: str(volumes[match[0]]), text)
    return LOOPBACK if text == "0.0.0.0" else text  # noqa: S104 - replaced, never listened on


def _change_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _change_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_change_texts(item, change) for item in value]
    return change(value) if isinstance(value, str) else value
