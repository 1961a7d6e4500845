"""Write large files next to their target and move them there when complete."""

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
    """Provide an empty folder next to a target, locked by this process; leftovers in it are deleted.

    Args:
        target: The target; its parent folder is created.

    Yields:
        The folder, on the same disk as the target; it is deleted at the end, whatever happens.

    Raises:
        BusyError: If another process is writing the same target.
        InputError: If the place is not writable.
        StoreUnreachableError: If the disk is full.
    """
    # next to a mount point is another disk
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
    """Turn OS errors while writing to a target into one message.

    Args:
        target: The target.

    Raises:
        InputError: In place of any other OSError.
        StoreUnreachableError: If the disk is full.
    """
    try:
        yield
    except ForewarnError:
        raise
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StoreUnreachableError(
                f"The disk of {target} must have free space. It is full. Free some space, or choose another "
                "place; nothing was left there."
            ) from error
        raise InputError(
            f"{error.filename or target} must be readable, and {target.parent} a writable folder. Received: "
            f"{error.strerror or error}. Choose another place, or correct the permissions."
        ) from error


def place_file(source: Path, target: Path) -> None:
    """Move a file to a target on the same disk.

    Raises:
        InputError: If the target exists.
    """
    flush(source)
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise InputError(f"{target} must not exist yet. It does; choose another place.") from error
    source.unlink()
    flush(target.parent)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
