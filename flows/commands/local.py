"""Commands about this machine: ui, doctor."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.configuration import Configuration


@commands.command(epilog="Example: forewarn ui")
@click.option("--mlflow-port", default=5000, show_default=True)
@click.option("--prefect-port", default=4200, show_default=True)
@takes_configuration
def ui(configuration: Configuration, json_file: Path | None, mlflow_port: int, prefect_port: int) -> None:
    """Serve the MLflow UI and the Prefect UI on this machine, until interrupted."""
    from flows.commands.ui import serve_ui

    write_json(
        json_file,
        {"mlflow": f"http://127.0.0.1:{mlflow_port}", "prefect": f"http://127.0.0.1:{prefect_port}"},
    )
    serve_ui(find_home(), configuration.tracking.experiment, mlflow_port, prefect_port)


@commands.command(epilog="Example: forewarn doctor --json doctor.json")
@takes_configuration
def doctor(configuration: Configuration, json_file: Path | None) -> None:
    """Report what is installed, reachable and configured, and how to fix what is not."""
    from flows.commands.doctor import examine

    points = examine(find_home(), configuration)
    write_json(json_file, {"points": points})
    for point in points:
        print(f"{'ok' if point['ok'] else 'NOT OK':<7} {point['name']}: {point['message']}")
