"""What the whole-life test asks of a running stack: plain HTTP, and the clients of Prefect and MLflow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort

from schemas.errors import ForewarnError

Found = TypeVar("Found")
_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer of a server."""

    status: int
    body: bytes

    def read(self) -> Any:
        """Read its JSON."""
        return json.loads(self.body)


class StepError(ForewarnError):
    """A step did not come out as it must."""


def require(is_so: bool, expected: str, came: object) -> None:
    """Make sure that something is so.

    Raises:
        StepError: If it is not.
    """
    if not is_so:
        raise StepError(f"Expected {expected}. Received: {came}")


def ask(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask a server, whatever the status of its answer.

    Args:
        address: Whole address.
        body: What is sent; a GET without it.
        headers: Headers.
    """
    request = Request(address, body, dict(headers or {}))  # noqa: S310 - on loopback
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            return Answer(answer.status, answer.read())
    except HTTPError as error:
        return Answer(error.code, error.read())


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Look again and again until something is found.

    Raises:
        StepError: If it is not in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(_LOOK_SECONDS)
    raise StepError(f"Expected {what} within {seconds:g} seconds. It did not come.")


def list_runs(deployment: str) -> list[FlowRun]:
    """List the runs of a deployment that were not put off to a later time, the oldest first."""
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[identity])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        )
    limit = datetime.now(UTC) + timedelta(minutes=2)
    return [run for run in runs if run.expected_start_time is None or run.expected_start_time < limit]


def start_run(deployment: str, **parameters: Any) -> UUID:
    """Ask for a run of a deployment."""
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        return client.create_flow_run_from_deployment(identity, parameters=parameters).id


def read_run(identity: UUID) -> FlowRun:
    """Read a run as it stands."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(identity)


def wait_for_end(identity: UUID, seconds: float, wanted: str = "Completed") -> FlowRun:
    """Wait until a run has ended as wanted.

    Raises:
        StepError: If it ends otherwise, or not in time.
    """

    def look() -> FlowRun | None:
        run = read_run(identity)
        return run if run.state is not None and run.state.is_final() else None

    run = wait_for(look, seconds, f"the end of run {identity}")
    message = run.state.message if run.state else None
    require(run.state_name == wanted, f"run {run.name} to be {wanted}", f"{run.state_name}: {message}")
    return run


def add_schedule(deployment: str, seconds_ahead: float, **parameters: Any) -> UUID:
    """Give a deployment a schedule that fires once soon, and then in a day."""
    soon = datetime.now(UTC) + timedelta(seconds=seconds_ahead)
    schedule = IntervalSchedule(interval=timedelta(days=1), anchor_date=soon)
    entry = DeploymentScheduleCreate(schedule=schedule, active=True, parameters=parameters, slug="once-soon")
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        return client.create_deployment_schedules(identity, [entry])[0].id


def remove_schedule(deployment: str, schedule: UUID) -> None:
    """Take a schedule away, with the runs that it has planned."""
    with get_client(sync_client=True) as client:
        client.delete_deployment_schedule(client.read_deployment_by_name(deployment).id, schedule)


def set_environment(variables: dict[str, str]) -> None:
    """Tell the clients of Prefect and MLflow in this process where the servers are and how to log in."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "MLFLOW_")):
            del os.environ[name]
    os.environ.update(variables)
