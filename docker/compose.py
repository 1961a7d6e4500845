"""Read compose.yaml, and say what each of its services is on this machine without docker.

Names of services become 127.0.0.1, paths under which volumes are mounted become folders. Only what
compose.yaml uses is understood; the rest is refused, so that the two ways to start the stack cannot drift
apart unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import InputError

LOOPBACK = "127.0.0.1"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
_SECONDS = re.compile(r"(\d+)s")
_KNOWN_KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "labels",
    "networks", "ports", "read_only", "restart", "security_opt", "stop_grace_period", "stop_signal", "tmpfs",
    "volumes",
}  # fmt: skip
_WAITS_LABEL = "forewarn.waits_for"


@dataclass(frozen=True)
class HealthCheck:
    """How to find out whether a service answers.

    Attributes:
        command: It ends with 0 if the service does.
        seconds: Between two checks.
        starting_seconds: Between two checks until the first one passes.
        patience_seconds: How long the first one may take to pass.
        timeout_seconds: How long a check may take.
    """

    command: list[str]
    seconds: float
    starting_seconds: float
    patience_seconds: float
    timeout_seconds: float


@dataclass(frozen=True)
class Service:
    """A process of the stack.

    Attributes:
        name: As in compose.yaml.
        command: What is run.
        environment: All that the process is told.
        depends_on: The condition on each service that goes before.
        health: Its health check, or none.
        restart: `no` for one that runs to its end, `unless-stopped` for the others.
        port: Where it listens for others, or none.
        volumes: Folder on this machine of each path inside a container.
        stop_signal: Name of the signal that ends it.
        stop_seconds: How long it may take to end.
        waits_for: What it waits for before it answers, for as long as it takes; empty for the others.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    depends_on: dict[str, str]
    health: HealthCheck | None
    restart: str
    port: int | None
    volumes: dict[str, Path]
    stop_signal: str
    stop_seconds: float
    waits_for: str


def read_compose(path: Path, variables: Mapping[str, str], folder: Path) -> dict[str, Service]:
    """Read the services as they are run on this machine.

    Args:
        path: compose.yaml.
        variables: What `${NAME}` stands for.
        folder: Folder for the volumes that have a name.

    Returns:
        Services by name, each after those it depends on.

    Raises:
        InputError: If a variable is missing, or the file uses what is not understood.
    """
    described = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    services = {}
    for name, raw in described.items():
        unknown = sorted(set(raw) - _KNOWN_KEYS)
        if unknown:
            raise InputError(
                f"{path.name}: `services.{name}` must use known keys. Received {unknown}. Teach "
                "docker/compose.py what they mean on a machine without docker."
            )
        services[name] = _read_service(name, raw, variables, path.parent, folder, set(described))
    return {name: services[name] for name in sort_by_dependency(services)}


def fill_in(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in all texts of a tree.

    A key without a value is given the variable of its name, or left out where there is none.

    Raises:
        InputError: If a variable is missing.
    """
    if isinstance(value, dict):
        known = {key: variables.get(key) if item is None else item for key, item in value.items()}
        return {key: fill_in(item, variables) for key, item in known.items() if item is not None}
    if isinstance(value, list):
        return [fill_in(item, variables) for item in value]
    return _VARIABLE.sub(lambda match: _look_up(match, variables), value) if isinstance(value, str) else value


def _look_up(match: re.Match[str], variables: Mapping[str, str]) -> str:
    found = variables.get(match["name"], "")
    if found or match["kind"] == "-":
        return found or match["rest"]
    raise InputError(f"`{match['name']}` must be set. It {match['rest'] or 'is missing'}.")


def _read_service(
    name: str, raw: dict[str, Any], variables: Mapping[str, str], base: Path, folder: Path, hosts: set[str]
) -> Service:
    volumes = _read_volumes(fill_in(raw.get("volumes", []), variables), base, folder)
    volumes |= dict.fromkeys(raw.get("tmpfs", []), folder / "temporary" / name)
    # first the places of the file itself: what variables hold is meant for this machine as it stands
    known = fill_in(write_local({**raw, "volumes": []}, hosts, volumes), variables)
    environment = known.get("environment", {})
    if "PGHOST" in environment:
        # a driver's own variable for the host is the one place where a host stands without its port
        environment["PGHOST"] = LOOPBACK
    return Service(
        name=name,
        command=known["command"],
        environment=environment,
        depends_on={other: item["condition"] for other, item in known.get("depends_on", {}).items()},
        health=_read_health(known["healthcheck"]) if "healthcheck" in known else None,
        restart=known["restart"],
        port=_find_port(known),
        volumes=volumes,
        stop_signal=known.get("stop_signal", "SIGTERM"),
        stop_seconds=_read_seconds(known.get("stop_grace_period", "10s")),
        waits_for=known.get("labels", {}).get(_WAITS_LABEL, ""),
    )


def write_local(value: Any, hosts: set[str], volumes: Mapping[str, Path]) -> Any:
    """Write all texts of a tree for this machine.

    The name of a service before its port, and `0.0.0.0`, become loopback; mounted paths become folders.

    Args:
        value: A text, or a tree of them.
        hosts: Names of services.
        volumes: Folder of each mounted path.
    """
    if isinstance(value, dict):
        return {key: write_local(item, hosts, volumes) for key, item in value.items()}
    if isinstance(value, list):
        return [write_local(item, hosts, volumes) for item in value]
    if not isinstance(value, str):
        return value
    names = "|".join(re.escape(host) for host in sorted(hosts, key=len, reverse=True))
    text = re.sub(rf"(?<![\w.-])(?:{names})(?=:[\d$])", LOOPBACK, value)
    paths = "|".join(re.escape(path) for path in sorted(volumes, key=len, reverse=True))
    if paths:
        text = re.sub(rf"(?<![\w./])(?:{paths})(?=[/}}]|$)", lambda match: str(volumes[match[0]]), text)
    return LOOPBACK if text == "0.0.0.0" else text  # noqa: S104 - what is replaced


def _read_volumes(entries: list[str], base: Path, folder: Path) -> dict[str, Path]:
    """Tell the folder of each mounted path; single files are used where they are."""
    volumes = {}
    for entry in entries:
        source, target, *_ = entry.split(":")
        if source.startswith((".", "/")):
            place = (base / source).resolve()
            if not place.is_file():
                volumes[target] = place
        else:
            volumes[target] = folder / "volumes" / source
    return volumes


def _read_health(raw: dict[str, Any]) -> HealthCheck:
    kind, *command = raw["test"]
    if kind != "CMD":
        raise InputError(f"A health check must be of the kind CMD. Received {kind}.")
    return HealthCheck(
        command,
        *(_read_seconds(raw[key]) for key in ("interval", "start_interval", "start_period", "timeout")),
    )


def _read_seconds(text: str) -> float:
    match = _SECONDS.fullmatch(text)
    if match is None:
        raise InputError(f"A duration must be given in whole seconds, such as 10s. Received {text!r}.")
    return float(match[1])


def _find_port(raw: dict[str, Any]) -> int | None:
    """Tell the port of a service: the one that is published, or PostgreSQL's."""
    for entry in raw.get("ports", []):
        _, outside, inside = entry.rsplit(":", 2)
        if outside != inside:
            raise InputError(f"A port must be the same inside and outside. Received {entry!r}.")
        return int(inside)
    port = raw.get("environment", {}).get("PGPORT")
    return int(port) if port and "PGHOST" not in raw["environment"] else None


def sort_by_dependency(services: Mapping[str, Service]) -> list[str]:
    """Put every service after those it depends on.

    Raises:
        InputError: If two wait for each other, or one waits for none that there is.
    """
    order: list[str] = []
    while len(order) < len(services):
        ready = [
            name
            for name, service in services.items()
            if name not in order and set(service.depends_on) <= set(order)
        ]
        if not ready:
            waiting = sorted(set(services) - set(order))
            raise InputError(f"`depends_on` must come to an end. These services wait for ever: {waiting}.")
        order += ready
    return order
