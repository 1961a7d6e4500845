"""Steps about models: retraining by schedule and by drift, the gate, the service, promotion and rollback."""

from __future__ import annotations

import time
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event

from tests.stack.clients import (
    MODEL,
    RUN_SECONDS,
    describe_model,
    describe_version,
    require_alias,
    score_rows,
    wait_for_served,
)
from tests.stack.http import ask, require, wait_for
from tests.stack.instance import StackUnderTest
from tests.stack.prefect_runs import add_schedule, list_runs, remove_schedule, start_run, wait_for_end
from tests.stack.steps.plant import SETTINGS

_RETRAIN = "retrain/retrain"
_EVENT = "model.drift.confirmed"
# a second retraining would have been created within this time
_QUIET_SECONDS = 15.0


def retrain_by_schedule(stack: StackUnderTest) -> str:
    """Add a schedule that fires in a few seconds to the deployment, and wait until its run has started."""
    schedule = add_schedule(_RETRAIN, 4, configuration=SETTINGS)
    run = wait_for(_find_running, RUN_SECONDS, "a scheduled run")
    remove_schedule(_RETRAIN, schedule)
    require(run.auto_scheduled, "a run of the schedule", run.created_by)
    return f"run {run.name} started, {run.created_by.display_value if run.created_by else 'scheduled'}"


def cancel_overlapping(stack: StackUnderTest) -> str:
    """Request another run while the first one is running."""
    require(_find_running() is not None, "the first run to be still running", "it has ended")
    run = wait_for_end(start_run(_RETRAIN), RUN_SECONDS, "Cancelled")
    message = run.state.message if run.state else ""
    require("concurrency limit" in (message or ""), "a message about the limit", message)
    return f"run {run.name} {run.state_name}: {message}"


def _find_running() -> FlowRun | None:
    return next((run for run in list_runs(_RETRAIN) if run.state and run.state.is_running()), None)


def find_first_champion(stack: StackUnderTest) -> str:
    """Wait for the end of the scheduled run, and check the version that it has registered."""
    ended = [wait_for_end(run.id, RUN_SECONDS) for run in list_runs(_RETRAIN) if run.auto_scheduled]
    require(len(ended) == 1, "one scheduled run", [run.name for run in ended])
    require_alias(stack, "champion", "1")
    return f"run {ended[0].name} {ended[0].state_name}, {describe_version(stack, '1')}"


def ask_service(stack: StackUnderTest) -> str:
    """Wait for the service, which waited for a champion, and query it with and without its token."""
    wait_for_served(stack, "1")
    unauthorized: list[dict[str, str]] = [{}, {"Authorization": "Bearer wrong"}]
    for headers in unauthorized:
        answer = ask(f"{stack.serve}/model", headers=headers)
        require(answer.status == 401, "the service to refuse", answer)
    return score_rows(stack)


def retrain_by_drift(stack: StackUnderTest) -> str:
    """Emit three drift events at once, and check that they start a single retraining."""
    known = {run.id for run in list_runs(_RETRAIN)}
    for number in range(3):
        emit_event(
            event=_EVENT,
            resource={"prefect.resource.id": f"forewarn.model.{MODEL}", "prefect.resource.name": MODEL},
            payload={"number": str(number)},
        )
    first = wait_for(lambda: _find_new(known), RUN_SECONDS, "a run started by the drift event")
    begun = time.monotonic()
    run = wait_for_end(first.id, RUN_SECONDS)
    time.sleep(max(0.0, _QUIET_SECONDS - (time.monotonic() - begun)))
    new = [run for run in list_runs(_RETRAIN) if run.id not in known]
    require(len(new) == 1, "exactly one retraining", [f"{run.name} {run.state_name}" for run in new])
    return f"run {run.name} {run.state_name}, started by {run.created_by.type if run.created_by else '?'}"


def _find_new(known: set[UUID]) -> FlowRun | None:
    return next((run for run in list_runs(_RETRAIN) if run.id not in known), None)


def find_challenger(stack: StackUnderTest) -> str:
    """Check that the gate holds the new version for a person's approval, and has kept the champion."""
    require_alias(stack, "challenger", "2")
    require_alias(stack, "champion", "1")
    return describe_version(stack, "2")


def promote(stack: StackUnderTest) -> str:
    """Promote the challenger by the deployment's form, and check that the service follows."""
    wait_for_end(start_run("promote/promote", version=2, why="the stack's test"), RUN_SECONDS)
    return _follow(stack, "2")


def roll_back(stack: StackUnderTest) -> str:
    """Roll back by the deployment's form, and check that the service follows."""
    wait_for_end(start_run("rollback/rollback", why="the stack's test"), RUN_SECONDS)
    return _follow(stack, "1")


def _follow(stack: StackUnderTest, version: str) -> str:
    require_alias(stack, "champion", version)
    wait_for_served(stack, version)
    return f"{describe_model(stack)}; the service scores with version {version}"
