"""A day of a plant in a few minutes: `make day`.

A separate stack is started as `make stack` would. Hours are shortened; during them the table of readings
grows, and runs are started by schedules, the drift event and a person. Afterwards the runs are read from
Prefect and MLflow, and written as a page with a plot.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import click

from tests.stack.day.plant import make_plant
from tests.stack.instance import StackUnderTest


@click.command()
@click.option("--seconds-per-hour", default=45.0, show_default=True, help="Seconds per simulated hour.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("docs"),
    show_default=True,
    help="Folder of a-day.md and a-day.png.",
)
def main(seconds_per_hour: float, out: Path) -> None:
    """Simulate the day and write its page."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = Path(tempfile.mkdtemp(prefix="forewarn-day-"))
    # if we are root, PostgreSQL runs as another user
    place.chmod(0o755)
    stack = StackUnderTest(place.resolve())
    stack.log_in()
    os.environ |= {
        "MLFLOW_TRACKING_URI": stack.mlflow,
        "MLFLOW_TRACKING_USERNAME": "forewarn",
        "MLFLOW_TRACKING_PASSWORD": stack.secrets["MLFLOW_TRACKING_PASSWORD"],
    }
    # these import Prefect, which then reads the address of its server
    from tests.stack.day.page import write_day
    from tests.stack.day.timetable import run_day

    plant = make_plant(stack.table)
    try:
        begin = run_day(stack, plant, seconds_per_hour)
        write_day(out, begin, seconds_per_hour)
    finally:
        stack.end()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
