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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import life_steps as steps
from processes import read_tail
from stack_under_test import StackUnderTest

from schemas.errors import ForewarnError


@dataclass(frozen=True)
class Step:
    """A step of the life.

    Attributes:
        name: What is done.
        do: Does it, and says what it found.
        logs: Services whose logs matter if it fails.
    """

    name: str
    do: Callable[[StackUnderTest], str]
    logs: tuple[str, ...]


_LOG_LINES = 25
_SERVERS = ("postgres", "prefect", "mlflow")
_RUNS = ("worker", "prefect")
STEPS = (
    Step("start", steps.start, ("runner", "deploy", "worker", *_SERVERS)),
    Step("refuse strangers", steps.refuse_strangers, _SERVERS),
    Step("a schedule retrains", steps.retrain_by_schedule, _RUNS),
    Step("an overlapping run is cancelled", steps.cancel_overlapping, _RUNS),
    Step("the gate made a champion", steps.find_first_champion, _RUNS),
    Step("the service waited and answers", steps.ask_service, ("serve",)),
    Step("restart PostgreSQL, score", steps.score_after_database_restart, ("postgres", *_RUNS)),
    Step("restart MLflow, ask the service", steps.ask_after_mlflow_restart, ("mlflow", "serve")),
    Step("restart Prefect, ask for its runs", steps.list_after_prefect_restart, ("prefect", "worker")),
    Step("restart the worker, score new rows", steps.score_after_worker_restart, _RUNS),
    Step("three drift events, one retraining", steps.retrain_by_drift, _RUNS),
    Step("the gate held a challenger", steps.find_challenger, _RUNS),
    Step("promote by form", steps.promote, _RUNS),
    Step("roll back by form", steps.roll_back, _RUNS),
    Step("back up", steps.back_up, ("postgres",)),
    Step("no secret anywhere", steps.find_no_secrets, ()),
    Step("stop", steps.stop, ("runner",)),
    Step("start again, find everything", steps.start_again, ("runner", *_SERVERS)),
    Step("stop again", steps.stop, ("runner",)),
)


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
@click.option("--first", default=len(STEPS), show_default=True, help="Do the first so many steps.")
def main(folder: Path | None, first: int) -> None:
    """Live through the whole life of a stack; ends with 1 at the first step that fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = folder or Path(tempfile.mkdtemp(prefix="forewarn-stack-"))
    # PostgreSQL runs as another user where we are root
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    stack, begin = StackUnderTest(place.resolve()), time.monotonic()
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
