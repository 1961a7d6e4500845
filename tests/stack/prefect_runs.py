"""Helpers of the drivers for runs and schedules of Prefect deployments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort

from tests.stack.http import require, wait_for


def list_runs(deployment: str) -> list[FlowRun]:
    """List the runs of a deployment, oldest first, without those scheduled for later."""
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[identity])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        )
    limit = datetime.now(UTC) + timedelta(minutes=2)
    return [run for run in runs if run.expected_start_time is None or run.expected_start_time < limit]


def start_run(deployment: str, **parameters: Any) -> UUID:
    """Create a run of a deployment."""
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        return client.create_flow_run_from_deployment(identity, parameters=parameters).id


def read_run(identity: UUID) -> FlowRun:
    """Read the current state of a run."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(identity)


def wait_for_end(identity: UUID, seconds: float, wanted: str = "Completed") -> FlowRun:
    """Wait until a run has ended in the wanted state.

    Raises:
        StepError: If the run ends in another state, or not in time.
    """

    def look() -> FlowRun | None:
        run = read_run(identity)
        return run if run.state is not None and run.state.is_final() else None

    run = wait_for(look, seconds, f"the end of run {identity}")
    message = run.state.message if run.state else None
    require(run.state_name == wanted, f"run {run.name} to be {wanted}", f"{run.state_name}: {message}")
    return run


def add_schedule(deployment: str, seconds_ahead: float, **parameters: Any) -> UUID:
    """Add a daily schedule to a deployment that first fires soon."""
    soon = datetime.now(UTC) + timedelta(seconds=seconds_ahead)
    schedule = IntervalSchedule(interval=timedelta(days=1), anchor_date=soon)
    entry = DeploymentScheduleCreate(schedule=schedule, active=True, parameters=parameters, slug="once-soon")
    with get_client(sync_client=True) as client:
        identity = client.read_deployment_by_name(deployment).id
        return client.create_deployment_schedules(identity, [entry])[0].id


def pause_schedules(deployment: str) -> None:
    """Pause the schedules of a deployment, as a person could, and wait until all its runs have ended."""
    with get_client(sync_client=True) as client:
        known = client.read_deployment_by_name(deployment)
        for schedule in known.schedules:
            client.update_deployment_schedule(known.id, schedule.id, active=False)
    wait_for(lambda: None if _list_open(deployment) else True, 240.0, f"the end of the runs of {deployment}")


def _list_open(deployment: str) -> list[FlowRun]:
    return [run for run in list_runs(deployment) if run.state is None or not run.state.is_final()]


def remove_schedule(deployment: str, schedule: UUID) -> None:
    """Delete a schedule and the runs that it has created."""
    with get_client(sync_client=True) as client:
        client.delete_deployment_schedule(client.read_deployment_by_name(deployment).id, schedule)
