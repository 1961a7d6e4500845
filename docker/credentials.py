"""The secrets of a stack on this machine: made once, kept in a file that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import InputError

_BYTES = 24
NAMES = (
    "POSTGRES_PASSWORD",
    "PREFECT_DATABASE_PASSWORD",
    "MLFLOW_DATABASE_PASSWORD",
    "PREFECT_API_AUTH_STRING",
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "FOREWARN_SERVE_TOKEN",
)
# this one holds a name too
_PREFIXES = {"PREFECT_API_AUTH_STRING": "forewarn:"}


def keep_credentials(path: Path) -> dict[str, str]:
    """Read the secrets, after making those that are missing.

    Args:
        path: File of lines `NAME=value`, of mode 600.

    Returns:
        Every secret by its name.

    Raises:
        InputError: If others can read the file, or a line is no such line.
    """
    known = read_credentials(path) if path.exists() else {}
    missing = [name for name in NAMES if name not in known]
    if missing:
        known |= {name: _PREFIXES.get(name, "") + secrets.token_urlsafe(_BYTES) for name in missing}
        _write(path, known)
    return known


def read_credentials(path: Path) -> dict[str, str]:
    """Read the secrets.

    Raises:
        InputError: If others can read the file, or a line is no such line.
    """
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise InputError(
            f"{path} must be readable by its owner alone. Its mode is {mode:o}. Run: chmod 600 '{path}'"
        )
    known = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not (equals and name.isidentifier() and value):
            # the line itself may hold a secret
            raise InputError(f"{path} must hold lines NAME=value. Line {number} is none. Mend or delete it.")
        known[name] = value
    return known


def _write(path: Path, known: dict[str, str]) -> None:
    """Write the file whole or not at all, never readable by others."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    lines = [
        "# made by `make stack`; PREFECT_API_AUTH_STRING is user:password; MLflow has admin and forewarn"
    ]
    lines += [f"{name}={value}" for name, value in known.items()]
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(part, path)
