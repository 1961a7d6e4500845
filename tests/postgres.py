"""A throw-away PostgreSQL of the system's binaries, without a service."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

# PostgreSQL refuses to run as root
_NOBODY = 65534
PASSWORD = "only 4 tests: /@%"  # noqa: S105 - with what an address must escape


@dataclass(frozen=True)
class Server:
    """A server that listens on a socket in its own folder, and nowhere else."""

    folder: Path

    def make_address(self, database: str) -> str:
        """Make the address of a database, password and all."""
        return f"postgresql://app:{quote(PASSWORD, safe='')}@/{database}?host={self.folder}"

    def make_database(self) -> str:
        """Make an empty database; its address."""
        name = f"test_{uuid.uuid4().hex[:8]}"
        engine = create_engine(
            self.make_address("postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return self.make_address(name)


def find_programs() -> Path | None:
    """Find the folder of `initdb`: that of Debian's newest package, or of the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(packaged[-1]) if packaged else shutil.which("initdb")
    return None if found is None else Path(found).parent


@contextlib.contextmanager
def started_postgres(folder: Path) -> Iterator[Server]:
    """Start a server in a short folder, and end it."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: its package makes this test run")
    user = _NOBODY if os.geteuid() == 0 else None
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    for path in (folder, secret):
        if user is not None:
            os.chown(path, user, user)

    def run(*command: str) -> None:
        program = [str(programs / command[0]), *command[1:]]
        # the server must not inherit what pytest reads from
        quiet = subprocess.DEVNULL
        subprocess.run(program, check=True, user=user, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)

    data = str(folder / "data")
    run(
        "initdb",
        "-D",
        data,
        "-U",
        "app",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
        "--no-sync",
    )
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        yield Server(folder)
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "stop")
