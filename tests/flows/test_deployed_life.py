"""What runs unattended, on a real server with a real worker: one life, told in order."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.events import Event
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Pending

from flows.prefect.events import DRIFT_EVENT, RECALL_EVENT
from tasks.files.write import write_table
from tests.detectors import simulated_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# seconds that the automations wait; heartbeats come every 30
_PENDING, _SILENT, _LATE = 60, 80, 10
_CREDENTIALS = "plant:a-word-of-the-test"
_FINAL = ("Completed", "Failed", "Cancelled", "Crashed")
# a training that is still running whenever its end is asked for, however busy the machine
ENDLESS = {
    "model": {"family": "dense_autoencoder"},
    "training": {"epochs": 100_000, "patience": None, "compile": "never"},
}
# a retraining of seconds
_QUICK = {
    "features.level": "raw",
    "features.volatility_rows": "null",
    "features.difference_rows": "null",
    "features.has_context": "false",
    "model.inputs": "[level]",
    "model.labelled_inputs": "[level]",
    "model.family": "pca_t2",
    "evaluation.bootstrap_samples": "100",
}


@dataclass(frozen=True)
class Plant:
    """A server, its deployments, and what was told to a webhook."""

    home: Path
    environment: dict[str, str]
    client: SyncPrefectClient
    told: list[str] = field(default_factory=list)

    def command(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *words],
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(self) -> dict[str, Any]:
        settings = [word for name, value in _QUICK.items() for word in ("--set", f"{name}={value}")]
        waits = ["--pending-seconds", str(_PENDING), "--silent-seconds", str(_SILENT)]
        waits += ["--late-seconds", str(_LATE), "--again-seconds", "0"]
        done = self.command("deploy", *settings, *waits, "--json", str(self.home / "deployed.json"))
        assert done.returncode == 0, done.stderr
        deployed: dict[str, Any] = json.loads((self.home / "deployed.json").read_text())
        return deployed

    def ask(self, name: str, **parameters: Any) -> UUID:
        return self.client.create_flow_run_from_deployment(self.find(name).id, parameters=parameters).id

    def find(self, name: str) -> Any:
        return self.client.read_deployment_by_name(f"{name}/{name}")

    def list_runs(self, name: str) -> list[FlowRun]:
        wanted = self.find(name).id
        runs = self.client.read_flow_runs(limit=200)
        return [run for run in runs if run.deployment_id == wanted and run.state_name != "Scheduled"]

    def wait_for(self, run: UUID, *states: str) -> FlowRun:
        def look() -> FlowRun | None:
            found = self.client.read_flow_run(run)
            return found if found.state_name in states else None

        found: FlowRun = wait_until(look, f"one of {states}")
        return found

    def wait_for_word(self, text: str) -> None:
        wait_until(lambda: any(text in told for told in self.told), f"a notification with {text!r}")

    def confirm_drift(self, model: str) -> None:
        self.send(DRIFT_EVENT, model, ratio="2.1")

    def send(self, name: str, model: str, **payload: str) -> None:
        event = Event(
            event=name,
            resource={"prefect.resource.id": f"forewarn.model.{model}", "prefect.resource.name": model},
            payload={"model_name": model, "version": "1", "data_end": "1999-05-29T00:00:00", **payload},
        )
        answer = httpx.post(
            f"{self.environment['PREFECT_API_URL']}/events",
            json=[event.model_dump(mode="json")],
            auth=tuple(_CREDENTIALS.split(":")),  # type: ignore[arg-type]
        )
        answer.raise_for_status()


def wait_until(look: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds:g} seconds for {what}")


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listen(told: list[str]) -> http.server.ThreadingHTTPServer:
    """Answer a webhook; what it gets is added to `told`."""

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Stay silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    home, told = tmp_path_factory.mktemp("plant"), []
    write_table(simulated_table(), home / "readings.csv")
    port, webhook = find_free_port(), listen(told)
    environment = {
        **os.environ,
        "FOREWARN_HOME": str(home),
        "FOREWARN_DATA": str(home / "readings.csv"),
        "FOREWARN_NOTIFY_URL": f"http://127.0.0.1:{webhook.server_port}/hook",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_AUTH_STRING": _CREDENTIALS,
        "PREFECT_SERVER_API_AUTH_STRING": _CREDENTIALS,
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = environment["PREFECT_API_URL"]
        with SyncPrefectClient(api=address, auth_string=_CREDENTIALS) as client:
            wait_until(lambda: client.api_healthcheck() is None, "the server", 120)
            yield Plant(home, environment, client, told)
    finally:
        server.terminate()
        server.wait()
        webhook.shutdown()
        webhook.server_close()


@pytest.fixture
def worker(plant: Plant) -> Iterator[psutil.Popen]:
    command = [sys.executable, "-m", "flows", "worker"]
    with (plant.home / "worker.log").open("ab") as log:
        worker = psutil.Popen(command, env=plant.environment, stdout=log, stderr=log)
    yield worker
    if worker.is_running():
        worker.terminate()
        worker.wait()


@pytest.fixture
def deployed(plant: Plant) -> Plant:
    if not plant.client.read_deployments():
        plant.deploy()
    return plant


def test_without_credentials_nothing_is_deployed_and_no_worker_starts(plant: Plant) -> None:
    for words in (["deploy"], ["worker"]):
        done = plant.command(*words, PREFECT_API_AUTH_STRING="plant:wrong")
        assert done.returncode == 4
        assert "PREFECT_API_AUTH_STRING" in done.stderr


def test_deploying_again_changes_nothing_and_what_a_person_has_switched_off_stays_off(plant: Plant) -> None:
    plant.deploy()
    schedule = plant.find("score").schedules[0]
    plant.client.update_deployment_schedule(plant.find("score").id, schedule.id, active=False)
    plant.client.pause_deployment(plant.find("monitor").id)
    drift = next(found for found in plant.client.read_automations() if "drift" in found.name)
    plant.client.pause_automation(drift.id)
    first, second = plant.deploy(), plant.deploy()
    assert first == second
    deployments = {flow["name"]: flow for flow in second["deployments"]}
    assert [found["is_active"] for found in deployments["score/score"]["schedules"]] == [False]
    assert deployments["monitor/monitor"]["is_paused"]
    assert [found["is_enabled"] for found in second["automations"] if "drift" in found["name"]] == [False]
    resumed = next(found for found in plant.client.read_automations() if "drift" in found.name)
    plant.client.resume_automation(resumed.id)


def test_an_unknown_setting_is_refused_before_a_run_is_made(deployed: Plant) -> None:
    with pytest.raises(PrefectHTTPStatusError, match="famly"):
        deployed.ask("retrain", configuration={"model": {"famly": "pca_t2"}})
    assert deployed.list_runs("retrain") == []


def test_a_run_that_nobody_starts_frees_its_place_and_a_person_is_told(deployed: Plant) -> None:
    stuck = deployed.ask("retrain")
    deployed.client.set_flow_run_state(stuck, Pending())
    assert deployed.find("retrain").global_concurrency_limit.active_slots == 1
    state = deployed.wait_for(stuck, *_FINAL).state
    assert state is not None
    assert (state.name, str(state.message)) == (
        "Crashed",
        f"Pending for {_PENDING} seconds: no worker has started the run.",
    )
    assert deployed.find("retrain").global_concurrency_limit.active_slots == 0
    deployed.wait_for_word(f"Pending for {_PENDING} seconds")


def test_a_missed_schedule_is_told(deployed: Plant) -> None:
    # there is no worker
    missed = deployed.ask("rollback", why="nobody is there")
    deployed.wait_for_word("a schedule was missed: rollback")
    deployed.client.delete_flow_run(missed)


def test_a_champion_that_does_not_warn_is_told_and_starts_no_retraining(deployed: Plant) -> None:
    before = len(deployed.list_runs("retrain"))
    deployed.send(RECALL_EVENT, "deaf", message="0 of 33 events caught")
    deployed.wait_for_word(
        "the champion does not warn: deaf, version 1, data until 1999-05-29T00:00:00. 0 of 33 events caught"
    )
    assert len(deployed.list_runs("retrain")) == before


def test_a_second_retraining_and_a_drift_event_beside_a_running_one_are_cancelled(
    deployed: Plant, worker: psutil.Popen
) -> None:
    first = deployed.ask("retrain")
    deployed.wait_for(first, "Running")
    second = deployed.ask("retrain")
    deployed.confirm_drift("beside")
    assert (
        str(deployed.wait_for(second, *_FINAL).state) == "Cancelled('Deployment concurrency limit reached.')"
    )
    assert deployed.wait_for(first, *_FINAL).state_name == "Completed"
    by_drift = [run for run in deployed.list_runs("retrain") if run.created_by is not None]
    assert [run.state_name for run in by_drift if run.created_by.type == "AUTOMATION"] == ["Cancelled"]


def test_three_quick_drift_events_make_one_retraining(deployed: Plant, worker: psutil.Popen) -> None:
    before = {run.id for run in deployed.list_runs("retrain")}
    for _ in range(3):
        deployed.confirm_drift("thrice")
    wait_until(lambda: {run.id for run in deployed.list_runs("retrain")} - before, "a retraining")
    # time enough for two more, cancelled or not
    time.sleep(10)
    (run,) = {run.id for run in deployed.list_runs("retrain")} - before
    assert deployed.wait_for(run, *_FINAL).state_name == "Completed"


def test_the_form_promotes_what_the_next_scoring_uses(deployed: Plant, worker: psutil.Popen) -> None:
    promoted = deployed.ask("promote", version=1, why="the first one")
    assert deployed.wait_for(promoted, *_FINAL).state_name == "Completed"
    scored = deployed.ask("score")
    assert deployed.wait_for(scored, *_FINAL).state_name == "Completed"
    assert (deployed.home / "mlruns" / "scores.csv").is_file()


def test_a_failed_run_is_told_with_its_message(deployed: Plant, worker: psutil.Popen) -> None:
    failed = deployed.ask("promote", version=99, why="there is none")
    assert deployed.wait_for(failed, *_FINAL).state_name == "Failed"
    deployed.wait_for_word("Version 99 does not exist")


def test_a_stopped_worker_lets_its_runs_say_so(deployed: Plant, worker: psutil.Popen) -> None:
    run = deployed.ask("retrain", force=True, configuration=ENDLESS)
    deployed.wait_for(run, "Running")
    worker.terminate()
    assert worker.wait() == 0
    state = deployed.wait_for(run, *_FINAL).state
    assert str(state) == "Crashed('Execution was aborted by a termination signal.')"


def test_a_run_whose_machine_is_lost_ends_crashed_and_frees_its_place(
    deployed: Plant, worker: psutil.Popen
) -> None:
    run = deployed.ask("retrain", force=True, configuration=ENDLESS)
    deployed.wait_for(run, "Running")
    # the first heartbeat has left by then
    time.sleep(4)
    for process in [worker, *worker.children(recursive=True)]:
        process.send_signal(signal.SIGKILL)
    state = deployed.wait_for(run, *_FINAL).state
    assert str(state) == f"Crashed('No heartbeat for {_SILENT} seconds: its process or machine is gone.')"
    assert deployed.find("retrain").global_concurrency_limit.active_slots == 0
