"""Read the bytes of a file or of standard input."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from schemas.errors import InputError

_EXPECTED = "Expected a CSV, Excel or Parquet file of readings"


def read_file(path: Path) -> bytes:
    """Read a file once, so that a hash belongs to exactly the bytes that are parsed.

    Raises:
        InputError: If the file does not exist, may not be read or is empty.
        OSError: If the file system fails; a later retry may succeed.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{_EXPECTED}. The file {path} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{_EXPECTED}. {path} is a directory. Name a file in it.") from None
    except PermissionError:
        raise InputError(
            f"{_EXPECTED}. This user has no permission to read {path}. Change its permissions."
        ) from None
    return require_content(content, str(path))


@functools.cache
def read_standard_input() -> bytes:
    """Read standard input to its end; it can be read once, so later calls return the same bytes.

    Raises:
        InputError: If there is nothing to read.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            f"{_EXPECTED} on standard input, because `--data` is `-`. Standard input is a terminal. Pipe a "
            "file into the command, or name one."
        )
    return require_content(sys.stdin.buffer.read(), "standard input")


def require_content(content: bytes, name: str) -> bytes:
    """Return the content unless it is blank.

    Raises:
        InputError: If it is.
    """
    if not content or content.isspace():
        raise InputError(f"{_EXPECTED}. {name} is empty. Export the readings again.")
    return content
