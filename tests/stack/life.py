"""The end-to-end test of a stack, step by step: `make stack-test`.

A separate stack is started in a new folder on free ports, as `make stack` would. Each step is printed with
its duration and its result; the first failure ends the test and prints the relevant logs.
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

from schemas.errors import ForewarnError
from tests.stack.instance import StackUnderTest

if TYPE_CHECKING:
    from tests.stack.steps import Step

_LOG_LINES = 25


def run_step(step: Step, stack: StackUnderTest) -> bool:
    """Run a step and print its line, and the relevant logs if it fails.

    Returns:
        Whether it passed.
    """
    begin = time.monotonic()
    try:
        result, has_passed = step.do(stack), True
    except ForewarnError as error:
        result, has_passed = str(error), False
    except Exception:  # noqa: BLE001 - any error of the clients ends the test, and is shown
        result, has_passed = traceback.format_exc(), False
    seconds = time.monotonic() - begin
    print(f"{'ok' if has_passed else 'FAILED':6} {seconds:6.1f} s  {step.name}: {result}", flush=True)
    for name in () if has_passed else step.logs:
        print(f"--- the end of {name}.log\n{stack.hide(read_end(stack.find_log(name)))}", flush=True)
    return has_passed


def read_end(log: Path) -> str:
    """Read the last lines of a log; empty if the log does not exist."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-_LOG_LINES:])


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="New folder to work in, which is kept.")
@click.option("--first", type=click.IntRange(min=1), help="Run only the first steps, this many.")
def main(folder: Path | None, first: int | None) -> None:
    """Run the steps; the exit code is 1 if one fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = folder or Path(tempfile.mkdtemp(prefix="forewarn-stack-"))
    # if we are root, PostgreSQL runs as another user
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    stack, begin = StackUnderTest(place.resolve()), time.monotonic()
    stack.log_in()
    # imports Prefect, which then reads the address of its server
    from tests.stack.steps import STEPS

    try:
        # `all` stops at the first failure
        have_passed = all(run_step(step, stack) for step in STEPS[:first])
    finally:
        stack.end()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    print(f"{'all' if have_passed else 'not all'} passed, {time.monotonic() - begin:.0f} s", flush=True)
    sys.exit(0 if have_passed else 1)


if __name__ == "__main__":
    main()
