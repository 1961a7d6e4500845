"""The secrets of a stack on this machine: generated once, and kept in a file readable only by its owner."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from schemas.errors import InputError

_LOGIN = "PREFECT_API_AUTH_STRING"
_COMMENT = f"# made by `make stack`; {_LOGIN} is user:password; MLflow's users are admin and forewarn"


def keep_credentials(file: Path, names: Iterable[str]) -> dict[str, str]:
    """Read the secrets, and generate those that are missing.

    Args:
        file: File of lines `NAME=value`, with mode 600.
        names: The required secrets.

    Raises:
        InputError: If others can read the file, or a line has another form.
    """
    known = _read(file) if file.exists() else {}
    missing = [name for name in names if name not in known]
    for name in missing:
        known[name] = ("forewarn:" if name == _LOGIN else "") + secrets.token_urlsafe(24)
    if missing:
        write_private(file, "\n".join([_COMMENT, *(f"{name}={value}" for name, value in known.items()), ""]))
    return known


def _read(file: Path) -> dict[str, str]:
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise InputError(f"{file} must be readable by its owner alone, not {mode:o}. Run: chmod 600 {file}")
    known = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        name, _, value = line.partition("=")
        if name.isidentifier() and value:
            known[name] = value
        elif line.strip() and not line.startswith("#"):
            # do not show the line, which may hold a secret
            raise InputError(
                f"{file} must hold lines NAME=value. Line {number} must be corrected or deleted."
            )
    return known


def write_private(file: Path, text: str) -> None:
    """Write a file atomically, readable only by its owner at all times."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)
