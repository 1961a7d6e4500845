"""Commands for unattended operation: deploy, worker."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.configuration import Configuration
from schemas.deployments import DEFAULT_PATIENCE, Patience, PlacesOfData
from schemas.errors import InputError


@commands.command(
    epilog="Example: forewarn deploy --data /plant/readings.csv --set readings.time_column=datetime"
)
@click.option(
    "--data",
    metavar="SOURCE",
    envvar="FOREWARN_DATA",
    help="The growing table, as the worker's machine sees it: path, folder, pattern or database URL; or "
    "FOREWARN_DATA.",
)
@click.option(
    "--scores",
    envvar="FOREWARN_SCORES",
    type=click.Path(path_type=Path),
    help="Output of scoring, or FOREWARN_SCORES; by default mlruns/scores.csv.",
)
@click.option(
    "--notify", envvar="FOREWARN_NOTIFY", help="Prefect block to notify through, such as slack-webhook/plant."
)
@click.option(
    "--file",
    "yaml_file",
    type=click.Path(path_type=Path),
    help="A prefect.yaml to use instead of the supplied one.",
)
@click.option(
    "--late-seconds",
    default=DEFAULT_PATIENCE.late,
    show_default=True,
    type=click.FloatRange(min=10),
    help="Seconds that a run may be late before its schedule counts as missed.",
)
@click.option(
    "--pending-seconds",
    default=DEFAULT_PATIENCE.pending,
    show_default=True,
    type=click.FloatRange(min=10),
    help="Seconds that a run may stay pending before it is ended.",
)
@click.option(
    "--silent-seconds",
    default=DEFAULT_PATIENCE.silent,
    show_default=True,
    type=click.FloatRange(min=10),
    help="Seconds without a heartbeat after which a run is ended.",
)
@click.option(
    "--again-seconds",
    default=DEFAULT_PATIENCE.again,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Minimum seconds between two notifications about the same deployment.",
)
@takes_configuration
def deploy(
    configuration: Configuration,
    json_file: Path | None,
    data: str | None,
    scores: Path | None,
    notify: str | None,
    yaml_file: Path | None,
    **seconds: float,
) -> None:
    """Deploy schedules, triggers, forms and automations to the Prefect server at PREFECT_API_URL.

    Run it again after any change; whatever has been disabled in the UI stays disabled. Settings given here
    apply to every run. FOREWARN_NOTIFY_URL, a webhook or an Apprise URL such as mailtos://..., is stored in
    a block on the server.
    """
    from flows.prefect.deploy import Order, find_file, summarise_deploying
    from flows.prefect.deploy import deploy as deploy_order

    patience = Patience(**{name.removesuffix("_seconds"): value for name, value in seconds.items()})
    order = Order(
        file=yaml_file or find_file(),
        places=find_places_of_data(data, scores),
        configuration=configuration,
        notify=notify,
        notify_address=os.environ.get("FOREWARN_NOTIFY_URL"),
        patience=patience,
    )
    result = deploy_order(order)
    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_deploying(result))


@commands.command(epilog="Example: forewarn worker --limit 2")
@click.option("--name", help="Name of the worker.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Maximum number of concurrent runs; by default unlimited."
)
@click.option(
    "--log-level",
    default="WARNING",
    show_default=True,
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
    help="Lowest level of the messages shown here; the server keeps the whole log.",
)
def worker(name: str | None, limit: int | None, log_level: str) -> int:
    """Execute the runs that schedules, triggers and people request on the server, until stopped."""
    from flows.prefect.worker import run_worker

    return run_worker(find_home(), name, limit, log_level)


def find_places_of_data(data: str | None, scores: Path | None) -> PlacesOfData:
    """Make the paths absolute, since a worker runs in another folder.

    Raises:
        InputError: If no table is named, workers cannot read it, or its address holds a password.
    """
    if not data:
        raise InputError(
            "`--data` or FOREWARN_DATA must name the table that scoring, monitoring and retraining read; "
            "neither is set. For a trial: forewarn simulate --out readings.csv, then forewarn deploy --data "
            "readings.csv"
        )
    output = scores if scores is not None and str(scores) else find_home() / "mlruns" / "scores.csv"
    return PlacesOfData(data=require_shared(data), scores=output.expanduser().absolute())


def require_shared(source: str) -> str:
    """Return a source as workers read it: absolute, and without a password, which the server would store.

    Raises:
        InputError: If it is standard input, or holds a password.
    """
    from tasks.sources.addresses import PASSWORD_VARIABLE, STANDARD_INPUT, make_absolute, take_password

    if source == STANDARD_INPUT:
        raise InputError(
            "`--data` must name a table that workers can read again. Received -, standard input. Name a "
            "file, a folder or a database."
        )
    if take_password(source) != source:
        raise InputError(
            "`--data` must not hold a password, because the server stores it with every run. Leave it out of "
            f"the address, and set {PASSWORD_VARIABLE} (or PGPASSWORD) where the workers run."
        )
    return make_absolute(source)
