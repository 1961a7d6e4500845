"""Make something large beside its place, which it takes whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import DISK_FULL, ForewarnError, InputError, StoreUnreachableError
from tasks.files.flush import flush
from tasks.files.lock import hold_file

_LOCK = "lock"


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside a place, held by one process; what a killed one left in it is removed.

    Args:
        target: The place; its folder is made.

    Yields:
        The folder, on the same disk; it is gone afterwards, whatever happens.

    Raises:
        BusyError: If another process is making the same.
        InputError: If nothing can be written there.
        StoreUnreachableError: If the disk is full.
    """
    # beside a mounted folder there is another disk
    inside = target.is_mount()
    folder = target / ".part" if inside else target.with_name(f".{target.name}.part")
    with report_disk(target):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with hold_file(folder / _LOCK, 0.0, f"Writing {target}"):
                _empty(folder)
                try:
                    yield folder
                finally:
                    _empty(folder)
                    (folder / _LOCK).unlink()
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def report_disk(target: Path) -> Iterator[None]:
    """Say in one message that a place cannot be written, or that its disk is full.

    Args:
        target: The place.

    Raises:
        InputError: In place of errors of the system.
        StoreUnreachableError: If the disk is full.
    """
    try:
        yield
    except ForewarnError:
        raise
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StoreUnreachableError(
                f"There must be room on the disk of {target}. It is full. Make room, or choose another "
                "place; nothing was left there."
            ) from error
        raise InputError(
            f"{error.filename or target} must be readable, and {target.parent} a folder that can be written. "
            f"Received: {error.strerror or error}. Choose another place, or mend its rights."
        ) from error


def place_file(source: Path, target: Path) -> None:
    """Move a file to its place on the same disk, which must be free.

    Raises:
        InputError: If something is there.
    """
    flush(source)
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise InputError(f"{target} must not exist yet. It does now; choose another place.") from error
    source.unlink()
    flush(target.parent)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
