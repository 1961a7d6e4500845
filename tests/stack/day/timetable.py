"""The timetable of the simulated day: schedules, the growing table, and two actions of a person."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule

from tests.stack.day.page import find_standing
from tests.stack.day.plant import FAULT_HOUR, Plant
from tests.stack.http import require, wait_for
from tests.stack.instance import StackUnderTest
from tests.stack.prefect_runs import list_runs, start_run, wait_for_end

# hours between runs, by deployment; retraining and monitoring are more frequent than a plant needs
EVERY = {"retrain": 8.0, "monitor": 3.0, "score": 1.0}
PROMOTION_HOUR, ROLLBACK_HOUR = 18.0, 21.0
HOURS = 24.0
SETTINGS = {
    # fitted in a second: the day shows how the parts work together, not how well the model warns
    "model": {"family": "logistic"},
    "monitor": {"window_hours": 2.0, "windows": 4, "windows_above": 3},
}
_RUN_SECONDS = 400.0


def run_day(stack: StackUnderTest, plant: Plant, seconds_per_hour: float) -> datetime:
    """Start the stack, train a first champion, and run through the hours.

    Returns:
        When the day began.
    """
    plant.grow(0.0)
    stack.configuration.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    stack.start()
    wait_for_end(start_run("retrain/retrain"), _RUN_SECONDS)
    require(find_standing().champion is not None, "a first champion", "none")
    begin = datetime.now(UTC) + timedelta(seconds=5)
    for deployment, hours in EVERY.items():
        set_schedule(f"{deployment}/{deployment}", begin, hours * seconds_per_hour)
    actions = [(PROMOTION_HOUR, promote_challenger), (ROLLBACK_HOUR, roll_back)]
    printed = -1
    while (hour := (datetime.now(UTC) - begin).total_seconds() / seconds_per_hour) < HOURS:
        plant.grow(max(hour, 0.0))
        if actions and hour >= actions[0][0]:
            actions.pop(0)[1]()
        if hour >= printed + 1:
            printed = int(hour)
            print(f"hour {printed:2}{'  (noisy sensors)' if printed >= FAULT_HOUR else ''}", flush=True)
        time.sleep(seconds_per_hour / 4)
    for deployment in EVERY:
        delete_schedules(f"{deployment}/{deployment}")
    wait_for(have_all_ended, _RUN_SECONDS, "the end of the last runs")
    return begin


def set_schedule(deployment: str, begin: datetime, seconds: float) -> None:
    """Replace the schedules of a deployment with one in simulated hours."""
    interval = timedelta(seconds=seconds)
    schedule = IntervalSchedule(interval=interval, anchor_date=begin + interval / 2)
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        for old in found.schedules:
            client.delete_deployment_schedule(found.id, old.id)
        entry = DeploymentScheduleCreate(schedule=schedule, active=True, slug="shortened")
        client.create_deployment_schedules(found.id, [entry])


def delete_schedules(deployment: str) -> None:
    """Delete the schedules of a deployment and the runs that they have created."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        for schedule in found.schedules:
            client.delete_deployment_schedule(found.id, schedule.id)


def have_all_ended() -> bool | None:
    """Return true once all runs have ended, and none before."""
    runs = [run for name in EVERY for run in list_runs(f"{name}/{name}")]
    return True if all(run.state is not None and run.state.is_final() for run in runs) else None


def promote_challenger() -> None:
    """Promote the challenger, if there is one, by the form, as a person would after reviewing it."""
    challenger = find_standing().challenger
    if challenger is not None:
        start_run("promote/promote", version=int(challenger), why="trained on the noisy sensors")


def roll_back() -> None:
    """Roll back by the form, as a person would after a bad experience with the new champion."""
    if find_standing().previous is not None:
        start_run("rollback/rollback", why="too many alarms for the operators")
