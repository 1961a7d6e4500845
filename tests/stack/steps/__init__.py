"""The steps of the end-to-end test: each does something, checks the outcome, and describes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.stack.instance import StackUnderTest
from tests.stack.steps import models, security, servers


@dataclass(frozen=True)
class Step:
    """A step of the test.

    Attributes:
        name: Printed name.
        do: Function that runs the step, and returns a description of the outcome.
        logs: Services whose logs are shown if the step fails.
    """

    name: str
    do: Callable[[StackUnderTest], str]
    logs: tuple[str, ...]


_SERVERS = ("postgres", "prefect", "mlflow")
_RUNS = ("worker", "prefect")
STEPS = (
    Step("start", servers.start, ("runner", "deploy", "worker", *_SERVERS)),
    Step("refuse unauthorized requests", security.refuse_strangers, _SERVERS),
    Step("a schedule retrains", models.retrain_by_schedule, _RUNS),
    Step("an overlapping run is cancelled", models.cancel_overlapping, _RUNS),
    Step("the gate promoted a champion", models.find_first_champion, _RUNS),
    Step("the service waited and answers", models.ask_service, ("serve",)),
    Step("restart PostgreSQL, score", servers.score_after_database_restart, ("postgres", *_RUNS)),
    Step("restart MLflow, query the service", servers.ask_after_mlflow_restart, ("mlflow", "serve")),
    Step("restart Prefect, list its runs", servers.list_after_prefect_restart, ("prefect", "worker")),
    Step("restart the worker, score new rows", servers.score_after_worker_restart, _RUNS),
    Step("three drift events, one retraining", models.retrain_by_drift, _RUNS),
    Step("the gate held a challenger", models.find_challenger, _RUNS),
    Step("promote by form", models.promote, _RUNS),
    Step("roll back by form", models.roll_back, _RUNS),
    Step("back up", servers.back_up, ("postgres",)),
    Step("no secret anywhere", security.find_no_secrets, ()),
    Step("stop", servers.stop, ("runner",)),
    Step("start again, data are kept", servers.start_again, ("runner", *_SERVERS)),
    Step("stop again", servers.stop, ("runner",)),
)
