"""The `forewarn` command."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType

from flows.environment import find_home, prepare_environment
from schemas.errors import InputError


def main() -> None:
    """Run the command line; an error that the user can fix is printed as one message, without a traceback."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    accept_any_text()
    try:
        prepare_environment(find_home())
    except InputError as error:
        print(f"forewarn: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    signal.signal(signal.SIGTERM, _interrupt)
    from flows.commands import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


def accept_any_text() -> None:
    """Show a character that a terminal lacks, such as an umlaut outside UTF-8, as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
