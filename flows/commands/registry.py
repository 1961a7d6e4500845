"""Commands about the registry: models, promote, rollback, quarantine, delete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.registry import Outcome

if TYPE_CHECKING:
    from mlflow import MlflowClient

_takes_version = click.option(
    "--version", "number", required=True, type=click.IntRange(min=1), help="Number of the version."
)
_takes_reason = click.option("--why", required=True, help="The reason, recorded in the history.")


@commands.command(epilog="Example: forewarn models --history --json models.json")
@click.option("--history", "has_whole_history", is_flag=True, help="Show all moves instead of the last ones.")
@takes_configuration
def models(configuration: Configuration, json_file: Path | None, has_whole_history: bool) -> None:
    """List the versions with aliases, decisions and metrics, and the history of alias moves."""
    from tasks.registry.list_versions import list_versions, make_empty_listing, write_listing
    from tasks.tracking.store import find_tracking_uri, has_store

    name = configuration.tracking.model_name
    listing = make_empty_listing(name)
    if has_store(find_tracking_uri(find_home())):
        with opened_client() as client:
            listing = list_versions(client, name)
    write_json(json_file, listing.model_dump(mode="json"))
    for repair in listing.repairs:
        print(f"Repaired  {repair}")
    print(write_listing(listing, has_whole_history))


@commands.command(epilog="Example: forewarn promote --version 3 --why 'checked against last week'")
@_takes_version
@_takes_reason
@takes_configuration
def promote(number: int, why: str, configuration: Configuration, json_file: Path | None) -> None:
    """Make a version champion, whatever the gate decided; a rollback returns to the current champion."""
    from tasks.registry.history import describe_person
    from tasks.registry.promote import promote_version

    name = configuration.tracking.model_name
    with opened_client() as client:
        outcome = promote_version(client, name, str(number), why, describe_person())
    report_outcome(outcome, json_file)


@commands.command(epilog="Example: forewarn rollback --why 'false alarms since noon' --quarantine")
@_takes_reason
@click.option(
    "--to",
    "number",
    type=click.IntRange(min=1),
    help="Version to go back to; by default the champion before.",
)
@click.option("--quarantine", "is_quarantined", is_flag=True, help="Quarantine the version rolled back from.")
@takes_configuration
def rollback(
    number: int | None, why: str, is_quarantined: bool, configuration: Configuration, json_file: Path | None
) -> None:
    """Make the champion before, or another version, champion again.

    Without --to, each rollback walks one step further back through the history of champions. A version that
    was rolled back from, or that the gate rejected, returns only with --to. Lift a quarantine first.
    """
    from tasks.registry.history import describe_person
    from tasks.registry.promote import rollback as roll_back

    name, to = configuration.tracking.model_name, None if number is None else str(number)
    with opened_client() as client:
        outcome = roll_back(client, name, why, describe_person(), to, is_quarantined)
    report_outcome(outcome, json_file)


@commands.command(epilog="Example: forewarn quarantine --version 3 --why 'trained on a broken sensor'")
@_takes_version
@_takes_reason
@click.option("--lift", "is_lifted", is_flag=True, help="End the quarantine.")
@takes_configuration
def quarantine(
    number: int, why: str, is_lifted: bool, configuration: Configuration, json_file: Path | None
) -> None:
    """Quarantine a version, so that neither a person nor the gate can promote it."""
    from tasks.registry.history import describe_person
    from tasks.registry.quarantine import quarantine_version

    name = configuration.tracking.model_name
    with opened_client() as client:
        outcome = quarantine_version(client, name, str(number), why, describe_person(), is_lifted)
    report_outcome(outcome, json_file)


@commands.command(epilog="Example: forewarn delete --version 3 --why 'trained on the wrong table'")
@_takes_version
@_takes_reason
@takes_configuration
def delete(number: int, why: str, configuration: Configuration, json_file: Path | None) -> None:
    """Delete a version that has no alias; its run is kept."""
    from tasks.registry.delete import delete_version
    from tasks.registry.history import describe_person

    name = configuration.tracking.model_name
    with opened_client() as client:
        outcome = delete_version(client, name, str(number), why, describe_person())
    report_outcome(outcome, json_file)


@contextlib.contextmanager
def opened_client() -> Iterator[MlflowClient]:
    """Open the existing store, without creating anything.

    Yields:
        A client.

    Raises:
        InputError: If there is no store yet.
        StoreUnreachableError: If the store does not answer, or stops answering.
    """
    from tasks.tracking.store import connect_store, find_tracking_uri, has_store, report_unreachable

    uri = find_tracking_uri(find_home())
    if not has_store(uri):
        raise InputError(
            f"There is no registry: {uri} does not exist yet. Create it with `forewarn retrain`, or point "
            "`FOREWARN_HOME` or `MLFLOW_TRACKING_URI` to an existing one."
        )
    with report_unreachable(uri):
        yield connect_store(uri)


def report_outcome(outcome: Outcome, json_file: Path | None) -> None:
    """Write the result, and print the repairs and the outcome."""
    write_json(json_file, outcome.model_dump(mode="json"))
    for repair in outcome.repairs:
        print(f"Repaired  {repair}")
    print(outcome.message)
