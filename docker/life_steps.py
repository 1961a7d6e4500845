"""The steps of a stack's whole life; each does something, makes sure of what must come of it, and says it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import psutil
import yaml
from asking import Answer, ask, require, wait_for
from database import find_programs
from local import SECRETS
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect_runs import add_schedule, list_runs, pause_schedules, remove_schedule, start_run, wait_for_end
from stack_under_test import StackUnderTest

from tasks.readings.simulate import simulate_readings

_MODEL = "forewarn"
_ROWS_AT_FIRST, _ROWS = 8_000, 10_000
_RUN_SECONDS = 240.0
# a second retraining would have been planned by then
_QUIET_SECONDS = 15.0
_EVENT = "model.drift.confirmed"
# its champion is made in seconds, and a person has the last word on the next one
_SETTINGS = {"model": {"family": "zscore"}, "training": {"tensorboard": False}}
_DATABASES = ("prefect", "mlflow", "mlflow_accounts")


def start(stack: StackUnderTest) -> str:
    """Write a table and the plant's settings, and start the stack."""
    stack.table.parent.mkdir(parents=True, exist_ok=True)
    simulate_readings(rows=_ROWS).head(_ROWS_AT_FIRST).to_csv(stack.table, index=False)
    settings = _SETTINGS | {"promotion": {"needs_approval": True}}
    stack.configuration.write_text(yaml.safe_dump(settings), encoding="utf-8")
    stack.start()
    return ", ".join(f"{name} {entry['state']}" for name, entry in stack.read_state()["services"].items())


def refuse_strangers(stack: StackUnderTest) -> str:
    """Ask every server without credentials, with wrong ones, under a wrong name; and once rightly."""
    login = stack.secrets["PREFECT_API_AUTH_STRING"]
    refused = [_describe(stack, *question) for question in _list_refused(stack, login)]
    rightly = {
        "Prefect": ask(f"{stack.prefect}/api/admin/version", headers={"Authorization": _write_basic(login)}),
        "MLflow": _ask_mlflow(stack, "experiments/get", experiment_id="0"),
    }
    for name, answer in rightly.items():
        require(answer.status == 200, f"{name} to answer those who may ask", answer)
    strangers = [user for user in ("prefect", "mlflow", "postgres") if _may_enter(stack, user, "wrong")]
    require(not strangers, "PostgreSQL to refuse a wrong password", strangers)
    foreign = _may_enter(stack, "prefect", stack.secrets["PREFECT_DATABASE_PASSWORD"], "mlflow")
    require(not foreign, "PostgreSQL to keep Prefect out of MLflow's database", foreign)
    return f"{len(refused) + 4} refused ({', '.join(sorted(set(refused)))}, PostgreSQL)"


def _list_refused(stack: StackUnderTest, login: str) -> Iterator[tuple[str, str, set[int], dict[str, str]]]:
    """List questions with the statuses that refuse them."""
    api, registry = f"{stack.prefect}/api", f"{stack.mlflow}/api/2.0/mlflow"
    admin = _write_basic(f"admin:{stack.secrets['MLFLOW_ADMIN_PASSWORD']}")
    wrong, elsewhere = _write_basic("admin:password1234"), "evil.example"
    for path in (
        "admin/version",
        "admin/settings",
        "csrf-token?client=me",
        "deployments/name/retrain/retrain",
    ):
        yield "Prefect 401", f"{api}/{path}", {401}, {}
    yield "Prefect 401", f"{api}/admin/version", {401}, {"Authorization": wrong}
    yield "Prefect 400 by host", f"{api}/health", {400}, {"Host": elsewhere}
    yield (
        "Prefect 400 by host",
        f"{api}/admin/version",
        {400},
        {"Host": elsewhere, "Authorization": _write_basic(login)},
    )
    for path in ("experiments/get?experiment_id=0", "registered-models/search", "users/current"):
        yield "MLflow 401", f"{registry}/{path}", {401}, {}
    yield "MLflow 401", f"{stack.mlflow}/", {401}, {}
    yield "MLflow 401", f"{stack.mlflow}/api/2.0/mlflow-artifacts/artifacts", {401}, {}
    yield "MLflow 401", f"{registry}/experiments/get?experiment_id=0", {401}, {"Authorization": wrong}
    yield (
        "MLflow 403 by host",
        f"{registry}/experiments/get?experiment_id=0",
        {403},
        {"Host": elsewhere, "Authorization": admin},
    )


def _describe(
    stack: StackUnderTest, name: str, address: str, wanted: set[int], headers: dict[str, str]
) -> str:
    answer = ask(address, headers=headers)
    require(answer.status in wanted, f"{address} to be refused with {wanted}", stack.hide(str(answer)[:300]))
    return name


def retrain_by_schedule(stack: StackUnderTest) -> str:
    """Give the deployment a schedule that fires in seconds, and wait until its run has begun."""
    schedule = add_schedule("retrain/retrain", 4, configuration=_SETTINGS)
    run = wait_for(lambda: _find_started("retrain/retrain"), _RUN_SECONDS, "a scheduled run")
    remove_schedule("retrain/retrain", schedule)
    require(run.auto_scheduled, "a run of the schedule", run.created_by)
    return f"run {run.name} began, {run.created_by.display_value if run.created_by else 'scheduled'}"


def _find_started(deployment: str) -> FlowRun | None:
    return next((run for run in list_runs(deployment) if run.state and run.state.is_running()), None)


def cancel_overlapping(stack: StackUnderTest) -> str:
    """Ask for another run while the first one runs."""
    first = _find_started("retrain/retrain")
    require(first is not None, "the first run to run still", "it has ended")
    run = wait_for_end(start_run("retrain/retrain"), _RUN_SECONDS, "Cancelled")
    message = run.state.message if run.state else ""
    require("concurrency limit" in (message or ""), "a word about the limit", message)
    return f"run {run.name} {run.state_name}: {message}"


def find_first_champion(stack: StackUnderTest) -> str:
    """Wait for the end of the scheduled run, and look at what it has registered."""
    ended = [wait_for_end(run.id, _RUN_SECONDS) for run in list_runs("retrain/retrain") if run.auto_scheduled]
    require(len(ended) == 1, "one scheduled run", [run.name for run in ended])
    require(_find_alias(stack, "champion") == "1", "version 1 to be champion", _describe_model(stack))
    return f"run {ended[0].name} {ended[0].state_name}, {_describe_version(stack, '1')}"


def ask_service(stack: StackUnderTest) -> str:
    """Wait for the service, which waited for a champion; ask it with and without its token."""
    _wait_for_served(stack, "1")
    strangers: list[dict[str, str]] = [{}, {"Authorization": "Bearer wrong"}]
    for headers in strangers:
        answer = ask(f"{stack.serve}/model", headers=headers)
        require(answer.status == 401, "the service to refuse", answer)
    return _score_rows(stack)


def score_after_database_restart(stack: StackUnderTest) -> str:
    """Restart PostgreSQL, then score the table by the deployment."""
    # the schedule of every five minutes would be in the way of a run of ours
    pause_schedules("score/score")
    stack.restart("postgres")
    return _score_table(stack)


def ask_after_mlflow_restart(stack: StackUnderTest) -> str:
    """Restart MLflow while the service scores."""
    stack.restart("mlflow")
    require(_find_alias(stack, "champion") == "1", "version 1 to be champion", _describe_model(stack))
    return _score_rows(stack)


def list_after_prefect_restart(stack: StackUnderTest) -> str:
    """Restart the Prefect server; its runs are there, and the worker finds it again."""
    before = {run.id for run in list_runs("retrain/retrain")}
    stack.restart("prefect")
    after = {run.id for run in list_runs("retrain/retrain")}
    require(before <= after, "the runs from before", after)
    run = wait_for_end(start_run("score/score"), _RUN_SECONDS)
    return f"{len(after)} retrainings known; the same worker did run {run.name}"


def score_after_worker_restart(stack: StackUnderTest) -> str:
    """Restart the worker, let the table grow, and score the new rows alone."""
    stack.restart("worker")
    simulate_readings(rows=_ROWS).to_csv(stack.table.with_suffix(".part"), index=False)
    stack.table.with_suffix(".part").replace(stack.table)
    return _score_table(stack)


def retrain_by_drift(stack: StackUnderTest) -> str:
    """Emit three drift events at once: one retraining comes of them."""
    known = {run.id for run in list_runs("retrain/retrain")}
    for number in range(3):
        emit_event(
            event=_EVENT,
            resource={"prefect.resource.id": f"forewarn.model.{_MODEL}", "prefect.resource.name": _MODEL},
            payload={"number": str(number)},
        )
    first = wait_for(lambda: _find_new(known), _RUN_SECONDS, "a run that the drift has started")
    begun = time.monotonic()
    run = wait_for_end(first.id, _RUN_SECONDS)
    time.sleep(max(0.0, _QUIET_SECONDS - (time.monotonic() - begun)))
    new = [run for run in list_runs("retrain/retrain") if run.id not in known]
    require(len(new) == 1, "exactly one retraining", [f"{run.name} {run.state_name}" for run in new])
    return f"run {run.name} {run.state_name}, started by {run.created_by.type if run.created_by else '?'}"


def _find_new(known: set[UUID]) -> FlowRun | None:
    return next((run for run in list_runs("retrain/retrain") if run.id not in known), None)


def find_challenger(stack: StackUnderTest) -> str:
    """See that the gate has held the new version for a person's word, and left the champion alone."""
    standing = _describe_model(stack)
    require(_find_alias(stack, "challenger") == "2", "version 2 to be challenger", standing)
    require(_find_alias(stack, "champion") == "1", "version 1 to be champion still", standing)
    return _describe_version(stack, "2")


def promote(stack: StackUnderTest) -> str:
    """Promote the challenger by the deployment's form; the service follows."""
    wait_for_end(start_run("promote/promote", version=2, why="the stack's test"), _RUN_SECONDS)
    require(_find_alias(stack, "champion") == "2", "version 2 to be champion", _describe_model(stack))
    _wait_for_served(stack, "2")
    return f"{_describe_model(stack)}; the service scores by version 2"


def roll_back(stack: StackUnderTest) -> str:
    """Roll back by the deployment's form; the service follows."""
    wait_for_end(start_run("rollback/rollback", why="the stack's test"), _RUN_SECONDS)
    require(_find_alias(stack, "champion") == "1", "version 1 to be champion again", _describe_model(stack))
    _wait_for_served(stack, "1")
    return f"{_describe_model(stack)}; the service scores by version 1"


def back_up(stack: StackUnderTest) -> str:
    """Save registry, runs and artifacts by `forewarn backup`, past the servers."""
    out = stack.folder / "backup.tar.gz"
    command = [sys.executable, "-m", "flows", "backup", "--out", str(out)]
    store = f"postgresql://mlflow@127.0.0.1:{stack.ports['POSTGRES']}/mlflow"
    artifacts = str(stack.folder / "volumes" / "artifacts")
    done = _run([*command, "--store", store, "--artifacts", artifacts], stack, "MLFLOW_DATABASE_PASSWORD")
    require(done.returncode == 0, "a backup", stack.hide(done.stderr[-1500:]))
    return f"{out.stat().st_size / 1e6:.1f} MB"


def find_no_secrets(stack: StackUnderTest) -> str:
    """Look for the secrets in all that was written, in the databases, and on all command lines."""
    places = dict(_read_places(stack))
    secrets = {name: secret.encode() for name, secret in stack.secrets.items()}
    login = secrets["PREFECT_API_AUTH_STRING"]
    # the password of user:password alone, and the login as requests carry it, must be nowhere either
    secrets |= {"PREFECT_API_AUTH_STRING": login.partition(b":")[2], "encoded login": base64.b64encode(login)}
    own = _search({"the file of secrets": (stack.folder / SECRETS).read_bytes()}, secrets)
    require(len(own) == len(stack.secrets), "the search to find what is there", own)
    found = _search(places, secrets)
    require(not found, "no secret in logs, files, databases and command lines", found)
    return f"{len(stack.secrets)} secrets in none of {len(places)} files, dumps and command lines"


def _search(places: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> list[str]:
    """Tell which secret stands where."""
    return [
        f"{name} in {place}"
        for place, content in places.items()
        for name, secret in secrets.items()
        if secret in content
    ]


def _read_places(stack: StackUnderTest) -> Iterator[tuple[str, bytes]]:
    """Read every file but the one of the secrets, dumps of the databases, and the command lines."""
    for path in sorted(stack.folder.rglob("*")):
        is_raw = path.is_relative_to(stack.folder / "volumes" / "database")
        if path.is_file() and not is_raw and path.name != SECRETS:
            yield str(path.relative_to(stack.folder)), path.read_bytes()
    for name in _DATABASES:
        dumped = _dump(stack, name)
        require(len(dumped) > 1_000, f"the rows of the database {name}", dumped)
        yield f"database {name}", dumped
    for process in psutil.process_iter(["cmdline"]):
        yield f"command line of process {process.pid}", " ".join(process.info["cmdline"] or []).encode()


def stop(stack: StackUnderTest) -> str:
    """Stop the stack: no process is left, and every port is free."""
    code = stack.stop()
    require(code == 0, "the runner to end with 0", code)
    left = [" ".join(process.cmdline())[:100] for process in stack.find_processes()]
    require(not left, "no process to be left", left)
    killed = [line for line in stack.find_log("runner").read_text().splitlines() if "killed" in line]
    return f"no process left; {len(killed)} had to be killed{': ' if killed else ''}{'; '.join(killed)}"


def start_again(stack: StackUnderTest) -> str:
    """Start the servers again in the same folder; runs, versions and accounts are there."""
    stack.start("mlflow-account", "prefect")
    require(_find_alias(stack, "champion") == "1", "version 1 to be champion", _describe_model(stack))
    return f"{_describe_model(stack)}; {len(list_runs('retrain/retrain'))} retrainings known"


def _score_table(stack: StackUnderTest) -> str:
    scores = stack.folder / "volumes" / "home" / "scores.csv"
    before = _count_lines(scores)
    run = wait_for_end(start_run("score/score"), _RUN_SECONDS)
    after = _count_lines(scores)
    require(after > before, "more scores than before", f"{before} lines before, {after} after")
    return f"run {run.name} {run.state_name}, {after - max(before, 1)} rows scored"


def _count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def _score_rows(stack: StackUnderTest) -> str:
    token = f"Bearer {stack.secrets['FOREWARN_SERVE_TOKEN']}"
    example = ask(f"{stack.serve}/example", headers={"Authorization": token})
    require(example.status == 200, "an example of a request", example)
    headers = {"Authorization": token, "Content-Type": "application/json"}
    answer = ask(f"{stack.serve}/score", example.body, headers)
    require(answer.status == 200, "scores", answer)
    rows = answer.read()["rows"]
    require(len(rows) == len(example.read()["rows"]), "a score for each row", len(rows))
    return f"{len(rows)} rows scored by version {answer.read()['version']}"


def _wait_for_served(stack: StackUnderTest, version: str) -> None:
    token = f"Bearer {stack.secrets['FOREWARN_SERVE_TOKEN']}"

    def look() -> bool | None:
        try:
            answer = ask(f"{stack.serve}/model", headers={"Authorization": token})
        except OSError:
            return None
        is_there = answer.status == 200 and str(answer.read()["version"]) == version
        return True if is_there else None

    wait_for(look, _RUN_SECONDS, f"the service to score by version {version}")


def _ask_mlflow(stack: StackUnderTest, path: str, **query: str) -> Answer:
    login = f"forewarn:{stack.secrets['MLFLOW_TRACKING_PASSWORD']}"
    address = f"{stack.mlflow}/api/2.0/mlflow/{path}?{urlencode(query)}"
    return ask(address, headers={"Authorization": _write_basic(login)})


def _find_alias(stack: StackUnderTest, alias: str) -> str | None:
    answer = _ask_mlflow(stack, "registered-models/alias", name=_MODEL, alias=alias)
    return str(answer.read()["model_version"]["version"]) if answer.status == 200 else None


def _describe_model(stack: StackUnderTest) -> str:
    aliases = {alias: _find_alias(stack, alias) for alias in ("champion", "challenger", "previous")}
    return ", ".join(f"{alias} {version}" for alias, version in aliases.items() if version)


def _describe_version(stack: StackUnderTest, version: str) -> str:
    answer = _ask_mlflow(stack, "model-versions/get", name=_MODEL, version=version).read()["model_version"]
    tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
    return f"version {version}: {tags['decision']}, {tags['decision_reasons'][:110]}"


def _write_basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def _may_enter(stack: StackUnderTest, user: str, password: str, database: str | None = None) -> bool:
    """Tell whether PostgreSQL lets someone in."""
    place = f"host=127.0.0.1 port={stack.ports['POSTGRES']} user={user} dbname={database or user}"
    command = [str(find_programs() / "psql"), place, "--no-psqlrc", "--command", "select 1"]
    return (
        subprocess.run(command, env={"PGPASSWORD": password}, capture_output=True, check=False).returncode
        == 0
    )


def _dump(stack: StackUnderTest, database: str) -> bytes:
    """Write all rows of a database."""
    environment = {"PGPASSWORD": stack.secrets["POSTGRES_PASSWORD"]}
    place = f"host=127.0.0.1 port={stack.ports['POSTGRES']} user=postgres dbname={database}"
    command = [str(find_programs() / "pg_dump"), "--data-only", place]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def _run(command: list[str], stack: StackUnderTest, password: str) -> subprocess.CompletedProcess[str]:
    path = f"{find_programs()}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PGPASSWORD": stack.secrets[password]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Step:
    """A step of the life.

    Attributes:
        name: What is done.
        do: Does it, and says what it found.
        logs: Services whose logs matter if it fails.
    """

    name: str
    do: Callable[[StackUnderTest], str]
    logs: tuple[str, ...]


_SERVERS = ("postgres", "prefect", "mlflow")
_RUNS = ("worker", "prefect")
STEPS = (
    Step("start", start, ("runner", "deploy", "worker", *_SERVERS)),
    Step("refuse strangers", refuse_strangers, _SERVERS),
    Step("a schedule retrains", retrain_by_schedule, _RUNS),
    Step("an overlapping run is cancelled", cancel_overlapping, _RUNS),
    Step("the gate made a champion", find_first_champion, _RUNS),
    Step("the service waited and answers", ask_service, ("serve",)),
    Step("restart PostgreSQL, score", score_after_database_restart, ("postgres", *_RUNS)),
    Step("restart MLflow, ask the service", ask_after_mlflow_restart, ("mlflow", "serve")),
    Step("restart Prefect, ask for its runs", list_after_prefect_restart, ("prefect", "worker")),
    Step("restart the worker, score new rows", score_after_worker_restart, _RUNS),
    Step("three drift events, one retraining", retrain_by_drift, _RUNS),
    Step("the gate held a challenger", find_challenger, _RUNS),
    Step("promote by form", promote, _RUNS),
    Step("roll back by form", roll_back, _RUNS),
    Step("back up", back_up, ("postgres",)),
    Step("no secret anywhere", find_no_secrets, ()),
    Step("stop", stop, ("runner",)),
    Step("start again, find everything", start_again, ("runner", *_SERVERS)),
    Step("stop again", stop, ("runner",)),
)
