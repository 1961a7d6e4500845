"""A day of a plant in a few minutes: `make day`.

A stack of its own is started as `make stack` would. The table of readings grows as the short hours go by;
schedules, the drift event, the gate and two acts of a person do the rest. What happened is read from
Prefect and MLflow afterwards, and written as a page with a plot.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import click
from day_plant import make_plant
from stack_under_test import StackUnderTest


@click.command()
@click.option("--seconds-per-hour", default=45.0, show_default=True, help="Seconds that stand for an hour.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("docs"),
    show_default=True,
    help="Folder of a-day.md and a-day.png.",
)
def main(seconds_per_hour: float, out: Path) -> None:
    """Live through a day and write down what happened."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = Path(tempfile.mkdtemp(prefix="forewarn-day-"))
    # PostgreSQL runs as another user where we are root
    place.chmod(0o755)
    stack = StackUnderTest(place.resolve())
    stack.log_in()
    os.environ |= {
        "MLFLOW_TRACKING_URI": stack.mlflow,
        "MLFLOW_TRACKING_USERNAME": "forewarn",
        "MLFLOW_TRACKING_PASSWORD": stack.secrets["MLFLOW_TRACKING_PASSWORD"],
    }
    # import Prefect, which reads then where its server is
    from day_life import live
    from day_record import write_record

    plant = make_plant(stack.table)
    try:
        begin = live(stack, plant, seconds_per_hour)
        write_record(out, begin, seconds_per_hour)
    finally:
        stack.end()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
