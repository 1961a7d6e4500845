"""PostgreSQL of the system's package, without the system's service: where it is, and its first start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose import LOOPBACK, Service

from schemas.errors import InputError, StoreUnreachableError

# PostgreSQL refuses to run as root
_USER_BESIDE_ROOT = "nobody"
_MOUNTED = "/var/lib/postgresql/data"


def find_programs() -> Path:
    """Find the folder of `initdb` and `postgres`: the newest of Debian's packages, or the one on the path.

    Raises:
        InputError: If PostgreSQL is not installed.
    """
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which("initdb")
    if found is None:
        raise InputError(
            "PostgreSQL must be installed for the stack. There is no `initdb`. Install the system's package, "
            "on Debian and Ubuntu by: apt-get install postgresql (its service is not needed and may be off)."
        )
    return Path(found).parent


def find_user() -> str | None:
    """Tell the user that PostgreSQL must be run as: none for an ordinary user, another one for root."""
    return _USER_BESIDE_ROOT if os.geteuid() == 0 else None


def find_data(service: Service) -> Path:
    """Tell the folder of the database."""
    return service.volumes[_MOUNTED]


def prepare_database(service: Service, environment: Mapping[str, str], script: Path, log: Path) -> None:
    """Make the database folder with roles and databases, unless it is there.

    It is made beside its place and moved there when it is complete. What the image of PostgreSQL does at its
    first start is done here: `initdb`, a start for the script alone, and a stop.

    Args:
        service: PostgreSQL of compose.yaml.
        environment: Of the process, with `PATH`.
        script: Makes roles and databases.
        log: Where PostgreSQL writes.

    Raises:
        InputError: If the user beside root cannot reach the folder.
        StoreUnreachableError: If PostgreSQL does not start or the script fails.
    """
    data = find_data(service)
    if (data / "PG_VERSION").exists():
        return
    part = data.with_name(data.name + ".new")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    log.touch()
    for path in (part, log):
        _give_away(path)
    secret = part.with_name("superuser")
    secret.touch(mode=0o600)
    try:
        secret.write_text(environment["POSTGRES_PASSWORD"], encoding="utf-8")
        _give_away(secret)
        options = environment["POSTGRES_INITDB_ARGS"].split()
        user = f"--username={environment['POSTGRES_USER']}"
        _run(["initdb", "-D", str(part), user, f"--pwfile={secret}", *options], environment, log)
    finally:
        secret.unlink()
    settings = f"-p {environment['PGPORT']} -c listen_addresses={LOOPBACK} -c unix_socket_directories=''"
    control = ["pg_ctl", "-D", str(part), "-w", "-l", str(log)]
    _run([*control, "-o", settings, "start"], environment, log)
    try:
        password = {"PGPASSWORD": environment["POSTGRES_PASSWORD"], "PGHOST": LOOPBACK}
        _run(["sh", str(script)], {**environment, **password}, log)
    finally:
        _run([*control, "-m", "fast", "stop"], environment, log)
    part.rename(data)


def complete_command(service: Service) -> list[str]:
    """Complete the command by what the image knows: where the data is, and who may connect."""
    where = [
        "-D",
        str(find_data(service)),
        "-c",
        f"listen_addresses={LOOPBACK}",
        "-c",
        "unix_socket_directories=",
    ]
    return [*service.command, *where]


def _give_away(path: Path) -> None:
    user = find_user()
    if user is not None:
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def _run(command: list[str], environment: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as file:
        try:
            subprocess.run(
                command,
                env=dict(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                check=True,
                user=find_user(),
                extra_groups=[] if find_user() else None,
            )
        except subprocess.CalledProcessError as error:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
            raise StoreUnreachableError(
                f"PostgreSQL must be prepared. `{command[0]}` ended with {error.returncode}. Its last words, "
                f"also in {log}:\n{last}"
            ) from error
