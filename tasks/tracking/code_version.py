"""Identify the code that produced a result."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CODE = Path(__file__).resolve().parents[2]
_PACKAGES = ("schemas", "tasks", "flows")


def find_code_version() -> str:
    """Return the version of the code: release, git commit if there is one, and hash of the sources.

    Returns:
        Text such as `0.1.0+g1a2b3c4d5e6f.src9f8e7d6c5b4a`; the hash distinguishes uncommitted changes.
    """
    try:
        release = version("forewarn")
    except PackageNotFoundError:
        release = "0"
    commit = _find_commit()
    marks = ([f"g{commit[:12]}"] if commit else []) + [f"src{hash_sources()[:12]}"]
    return f"{release}+{'.'.join(marks)}"


def hash_sources() -> str:
    """Hash every Python file of the packages, by name and content.

    Returns:
        SHA-256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_CODE / package).rglob("*.py")):
            digest.update(f"{path.relative_to(_CODE).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _find_commit() -> str | None:
    if not (_CODE / ".git").exists():
        return None
    command = ["git", "-C", str(_CODE), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, errors="backslashreplace", timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
