"""What happens on the shortened day: schedules are kept, the table grows, and a person acts twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import yaml
from asking import require, wait_for
from day_plant import FAULT_HOUR, Plant
from day_record import find_standing
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect_runs import list_runs, start_run, wait_for_end
from stack_under_test import StackUnderTest

# hours between two runs, by deployment: retraining and monitoring come more often than a plant needs
EVERY = {"retrain": 8.0, "monitor": 3.0, "score": 1.0}
PROMOTION_HOUR, ROLLBACK_HOUR = 18.0, 21.0
HOURS = 24.0
SETTINGS = {
    # fitted in a second: the day is about what happens, not about how well it warns
    "model": {"family": "logistic"},
    "monitor": {"window_hours": 2.0, "windows": 4, "windows_above": 3},
}
_RUN_SECONDS = 400.0


def live(stack: StackUnderTest, plant: Plant, seconds_per_hour: float) -> datetime:
    """Start the stack, make a first champion, and let the hours go by.

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
        keep_time(f"{deployment}/{deployment}", begin, hours * seconds_per_hour)
    acts = [(PROMOTION_HOUR, promote_challenger), (ROLLBACK_HOUR, roll_back)]
    said = -1
    while (hour := (datetime.now(UTC) - begin).total_seconds() / seconds_per_hour) < HOURS:
        plant.grow(max(hour, 0.0))
        if acts and hour >= acts[0][0]:
            acts.pop(0)[1]()
        if hour >= said + 1:
            said = int(hour)
            print(f"hour {said:2}{'  (noise on some sensors)' if said >= FAULT_HOUR else ''}", flush=True)
        time.sleep(seconds_per_hour / 4)
    for deployment in EVERY:
        pause(f"{deployment}/{deployment}")
    wait_for(are_all_ended, _RUN_SECONDS, "the end of the last runs")
    return begin


def keep_time(deployment: str, begin: datetime, seconds: float) -> None:
    """Replace the schedules of a deployment by one of the shortened day."""
    interval = timedelta(seconds=seconds)
    schedule = IntervalSchedule(interval=interval, anchor_date=begin + interval / 2)
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        for old in found.schedules:
            client.delete_deployment_schedule(found.id, old.id)
        entry = DeploymentScheduleCreate(schedule=schedule, active=True, slug="shortened")
        client.create_deployment_schedules(found.id, [entry])


def pause(deployment: str) -> None:
    """Take the schedules of a deployment away, with the runs that they have planned."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        for schedule in found.schedules:
            client.delete_deployment_schedule(found.id, schedule.id)


def are_all_ended() -> bool | None:
    """Tell whether no run is going on."""
    runs = [run for name in EVERY for run in list_runs(f"{name}/{name}")]
    return True if all(run.state is not None and run.state.is_final() for run in runs) else None


def promote_challenger() -> None:
    """Promote the challenger by the form, as a person who has looked at it, if there is one."""
    challenger = find_standing().challenger
    if challenger is not None:
        start_run("promote/promote", version=int(challenger), why="it has seen the noisy sensors")


def roll_back() -> None:
    """Roll back by the form, as a person who does not like what came."""
    if find_standing().previous is not None:
        start_run("rollback/rollback", why="more alarms than the operators want to see")
