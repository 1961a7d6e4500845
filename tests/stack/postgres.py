"""PostgreSQL's client programs, run on the database of a stack."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.stack.instance import StackUnderTest


def find_programs() -> Path:
    """Find the folder of PostgreSQL's programs as the stack does, preferring Debian's newest package."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return packaged[-1].parent if packaged else Path(shutil.which("initdb") or "initdb").parent


def run_client(
    stack: StackUnderTest, program: str, *options: str, user: str, database: str, password: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `psql` or `pg_dump` on a database of the stack."""
    place = f"host=127.0.0.1 port={stack.ports['POSTGRES']} user={user} dbname={database}"
    command = [str(find_programs() / program), *options, place]
    return subprocess.run(command, env={"PGPASSWORD": password}, capture_output=True, check=False)


def extend_path() -> str:
    """Return PATH with the folder of PostgreSQL's programs first."""
    return f"{find_programs()}{os.pathsep}{os.environ['PATH']}"
