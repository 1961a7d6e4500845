"""The whole life of a stack, step by step: `make stack-test`.

A stack of its own is started in a new folder on free ports, as `make stack` would. Each step is printed with
its seconds and what it found; the first that comes out otherwise ends the test with the logs that matter.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click
from processes import read_tail
from stack_under_test import StackUnderTest

from schemas.errors import ForewarnError

if TYPE_CHECKING:
    from life_steps import Step

_LOG_LINES = 25


def live_through(step: Step, stack: StackUnderTest) -> bool:
    """Do a step and print a line of it; print the logs that matter if it fails.

    Returns:
        Whether it came out as it must.
    """
    begin = time.monotonic()
    try:
        found, is_well = step.do(stack), True
    except ForewarnError as error:
        found, is_well = str(error), False
    except Exception:  # noqa: BLE001 - whatever the clients raise ends the test, told
        found, is_well = traceback.format_exc(), False
    seconds = time.monotonic() - begin
    print(f"{'ok' if is_well else 'FAILED':6} {seconds:6.1f} s  {step.name}: {found}", flush=True)
    for name in () if is_well else step.logs:
        print(
            f"--- the end of {name}.log\n{stack.hide(read_tail(stack.find_log(name), _LOG_LINES))}",
            flush=True,
        )
    return is_well


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="New folder to work in; kept if it is given.")
@click.option("--first", type=click.IntRange(min=1), help="Do the first so many steps alone.")
def main(folder: Path | None, first: int | None) -> None:
    """Live through the whole life of a stack; ends with 1 at the first step that fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = folder or Path(tempfile.mkdtemp(prefix="forewarn-stack-"))
    # PostgreSQL runs as another user where we are root
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    stack, begin = StackUnderTest(place.resolve()), time.monotonic()
    stack.log_in()
    # imports Prefect, which reads then where its server is
    from life_steps import STEPS

    try:
        # `all` ends at the first that fails
        is_well = all(live_through(step, stack) for step in STEPS[:first])
    finally:
        stack.end()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    print(f"{'all' if is_well else 'not all'} well after {time.monotonic() - begin:.0f} s", flush=True)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
