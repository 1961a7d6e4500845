"""Promote and roll back: a person moves the aliases, through a form in the Prefect UI."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import Field

from flows import steps
from flows.environment import find_home
from schemas.configuration import DEFAULTS
from schemas.registry import Outcome
from tasks.registry.history import describe_person

Version = Annotated[int, Field(ge=1)]
Reason = Annotated[str, Field(min_length=1)]


@flow(name="promote", persist_result=False)
def promote(version: Version, why: Reason, model_name: str = DEFAULTS.tracking.model_name) -> Outcome:
    """Make a version champion, whatever the gate decided; a rollback returns to the current one.

    Args:
        version: Number of the version, as MLflow and `forewarn models` show it.
        why: The reason, recorded in the history.
        model_name: The registered model.

    Returns:
        The aliases moved; none if the version is champion already.

    Raises:
        InputError: If the reason is empty, or the version is missing, not ready or in quarantine.
        StoreUnreachableError: If the tracking store does not answer.
    """
    outcome: Outcome = steps.promote_version(
        open_registry(), model_name, str(version), why, describe_caller()
    )
    return publish(outcome)


@flow(name="rollback", persist_result=False)
def rollback(
    why: Reason,
    to: Version | None = None,
    is_quarantined: bool = False,
    model_name: str = DEFAULTS.tracking.model_name,
) -> Outcome:
    """Make the champion before, or another version, champion again.

    Args:
        why: The reason, recorded in the history.
        to: Number of the version to go back to; by default the last champion before that was not rolled back
            from.
        is_quarantined: Quarantine the version rolled back from, so that the gate never promotes it again.
        model_name: The registered model.

    Returns:
        The aliases moved; none if the version is champion already.

    Raises:
        InputError: If the reason is empty, there is no version to go back to, or it cannot be used.
        StoreUnreachableError: If the tracking store does not answer.
    """
    number = None if to is None else str(to)
    client = open_registry()
    return publish(steps.roll_back(client, model_name, why, describe_caller(), number, is_quarantined))


def open_registry() -> Any:
    """Open the tracking store and return its client."""
    home = find_home()
    client, _ = steps.open_store(steps.find_tracking_uri(home), DEFAULTS.tracking.experiment, home)
    return client


def describe_caller() -> str:
    """Name who moves the aliases: the worker's user and host, and the Prefect run."""
    return f"{describe_person()}, Prefect run {flow_run.get_name()}"


def publish(outcome: Outcome) -> Outcome:
    """Report the moved aliases in the log and in an artifact."""
    lines = [*(f"Repaired: {repair}" for repair in outcome.repairs), *outcome.message.splitlines()]
    logger = get_run_logger()
    for line in lines:
        logger.info(line)
    create_markdown_artifact(
        key="registry-move", markdown="\n\n".join(lines), description="Aliases moved in the registry"
    )
    return outcome
