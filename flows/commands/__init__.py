"""The commands of `forewarn`, their options and their exit codes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

import click

from flows.commands import (
    benchmarking,
    data,
    deploying,
    local,
    monitoring,
    registry,
    scoring,
    serving,
    storing,
    training,
)
from flows.commands.group import commands
from schemas.errors import ForewarnError

EXIT_INTERRUPTED = 130

# importing each of these modules adds its commands to the group
__all__ = [
    "benchmarking",
    "commands",
    "data",
    "deploying",
    "local",
    "monitoring",
    "registry",
    "run_command_line",
    "scoring",
    "serving",
    "storing",
    "training",
]


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: The arguments after `forewarn`.

    Returns:
        0 done, 2 bad input, data or configuration, 3 not promoted although required, 4 a server or
        a store does not answer, 130 interrupted. A defect raises, with its traceback.
    """
    warnings.simplefilter("ignore")
    try:
        code = commands.main(args=list(arguments), prog_name="forewarn", standalone_mode=False)
    except ForewarnError as error:
        print(f"forewarn: {error}", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("forewarn: interrupted; nothing was registered", file=sys.stderr)
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0
