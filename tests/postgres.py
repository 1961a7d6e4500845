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
    programs: Path

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, as nobody where we are root."""
        user = _NOBODY if os.geteuid() == 0 else None
        # the server must not inherit what pytest reads from
        quiet = subprocess.DEVNULL
        command = [str(self.programs / program), *arguments]
        subprocess.run(
            command, check=True, user=user, cwd=self.folder, stdin=quiet, stdout=quiet, stderr=quiet
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", settings, "start")

    def stop(self) -> None:
        """Stop, ending the connections."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "stop")

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
def throw_away_postgres(name: str) -> Iterator[Server]:
    """Start a server in a folder of its own, and delete both.

    Args:
        name: Part of the folder's name, so that several servers of one process differ.
    """
    # a socket's path is at most a hundred letters long, and must be reached by another user
    folder = Path("/tmp") / f"forewarn-{name}-{os.getpid()}"  # noqa: S108 - sockets need a short path
    folder.mkdir()
    try:
        with started_postgres(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


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

    server = Server(folder, programs)
    made = ["-U", "app", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync"]
    server.run("initdb", "-D", str(folder / "data"), *made)
    server.start()
    try:
        yield server
    finally:
        server.stop()
