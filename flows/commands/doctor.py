"""Report what is installed, reachable and configured, and how to fix what is not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from schemas.configuration import Configuration
from schemas.errors import ForewarnError

_PACKAGES = ("prefect", "mlflow", "tensorflow-cpu", "keras", "pandas", "pandera", "scikit-learn")
# first releases known to break, and what breaks
_FORBIDDEN = {
    "fastapi": ((0, 151), "Prefect 3.8 refuses requests with it; install fastapi below 0.151"),
    "sqlalchemy": ((2, 1), "Prefect's schedules never create runs with it; install sqlalchemy below 2.1"),
}
_LEAST_FREE_BYTES = 1_000_000_000


def examine(home: Path, configuration: Configuration) -> list[dict[str, Any]]:
    """Examine packages, disk, stores and servers.

    Args:
        home: Folder that holds `mlruns/`.
        configuration: Its experiment and registered model are looked up.

    Returns:
        One entry per check: `name`, `ok`, and a `message` that says what to do if the check failed.
    """
    checks: dict[str, Callable[[], str]] = {
        "Python": _examine_python,
        "packages": _examine_packages,
        "home": lambda: _examine_home(home),
        "tracking store": lambda: _examine_store(home, configuration),
        "Prefect": _examine_prefect,
    }
    return [_examine(name, check) for name, check in checks.items()]


def _examine(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "message": check()}
    except (ForewarnError, OSError) as error:
        return {"name": name, "ok": False, "message": str(error)}


def _examine_python() -> str:
    return f"{sys.version.split()[0]} at {sys.executable}"


def _examine_packages() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name == "tensorflow-cpu":
                found.append(f"tensorflow {version('tensorflow')}")
                continue
            raise ForewarnError(f"{name} is missing. Run `make setup`.") from None
    for name, (limit, remedy) in _FORBIDDEN.items():
        if tuple(int(part) for part in version(name).split(".")[:2]) >= limit:
            raise ForewarnError(f"{name} {version(name)}: {remedy}, or run `make setup`.")
    return ", ".join(found)


def _examine_home(home: Path) -> str:
    if not os.access(home, os.W_OK):
        raise ForewarnError(f"{home} is not writable. Set `FOREWARN_HOME` to a folder that is.")
    free = shutil.disk_usage(home).free
    if free < _LEAST_FREE_BYTES:
        raise ForewarnError(f"{home} has {free / 1e9:.1f} GB left. Free some space for runs and models.")
    return f"{home}, {free / 1e9:.0f} GB free"


def _examine_store(home: Path, configuration: Configuration) -> str:
    from tasks.registry.versions import find_champion
    from tasks.tracking.store import find_tracking_uri, open_store

    uri = find_tracking_uri(home)
    client, _ = open_store(uri, configuration.tracking.experiment, home)
    model = configuration.tracking.model_name
    champion = find_champion(client, model)
    standing = f"champion version {champion.version}" if champion else "no champion yet"
    return f"{uri} answers; {model}: {standing}"


def _examine_prefect() -> str:
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return "embedded server, started for each command"
    from flows.prefect.server import require_server

    require_server(address)
    return f"{address} answers"
