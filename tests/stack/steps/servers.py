"""Steps about the servers: start, restart, backup, stop."""

from __future__ import annotations

import os
import subprocess
import sys

import yaml

from tests.stack.clients import RUN_SECONDS, describe_model, require_alias, score_rows, score_table
from tests.stack.http import require
from tests.stack.instance import StackUnderTest
from tests.stack.postgres import extend_path
from tests.stack.prefect_runs import list_runs, pause_schedules, start_run, wait_for_end
from tests.stack.steps.plant import ROWS, ROWS_AT_FIRST, SETTINGS, write_table


def start(stack: StackUnderTest) -> str:
    """Write a table and the plant's settings, and start the stack."""
    stack.table.parent.mkdir(parents=True, exist_ok=True)
    write_table(stack, ROWS_AT_FIRST)
    # a second champion needs a person's approval
    settings = SETTINGS | {"promotion": {"needs_approval": True}}
    stack.configuration.write_text(yaml.safe_dump(settings), encoding="utf-8")
    stack.start()
    return ", ".join(" ".join(words[:2]) for words in stack.read_status())


def score_after_database_restart(stack: StackUnderTest) -> str:
    """Restart PostgreSQL, then score the table by a run of the deployment."""
    # the five-minute schedule could overlap with the run of this step
    pause_schedules("score/score")
    stack.restart("postgres")
    return score_table(stack)


def ask_after_mlflow_restart(stack: StackUnderTest) -> str:
    """Restart MLflow while the service scores."""
    stack.restart("mlflow")
    require_alias(stack, "champion", "1")
    return score_rows(stack)


def list_after_prefect_restart(stack: StackUnderTest) -> str:
    """Restart the Prefect server, and check that it has kept its runs and that the worker reconnects."""
    before = {run.id for run in list_runs("retrain/retrain")}
    stack.restart("prefect")
    after = {run.id for run in list_runs("retrain/retrain")}
    require(before <= after, "the runs from before", after)
    run = wait_for_end(start_run("score/score"), RUN_SECONDS)
    return f"{len(after)} retrainings known; the same worker executed {run.name}"


def score_after_worker_restart(stack: StackUnderTest) -> str:
    """Restart the worker, extend the table, and score the new rows."""
    stack.restart("worker")
    write_table(stack, ROWS)
    return score_table(stack)


def back_up(stack: StackUnderTest) -> str:
    """Back up registry, runs and artifacts with `forewarn backup`, bypassing the servers."""
    out = stack.folder / "backup.tar.gz"
    store = f"postgresql://mlflow@127.0.0.1:{stack.ports['POSTGRES']}/mlflow"
    artifacts = str(stack.folder / "volumes" / "artifacts")
    command = [sys.executable, "-m", "flows", "backup", "--out", str(out), "--store", store]
    password = {"PATH": extend_path(), "PGPASSWORD": stack.secrets["MLFLOW_DATABASE_PASSWORD"]}
    done = subprocess.run(
        [*command, "--artifacts", artifacts],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, "a backup", stack.hide(done.stderr[-1500:]))
    return f"{out.stat().st_size / 1e6:.1f} MB"


def stop(stack: StackUnderTest) -> str:
    """Stop the stack, and check that no process is left."""
    code = stack.stop()
    require(code == 0, "the runner to end with exit code 0", code)
    left = [" ".join(process.cmdline())[:100] for process in stack.find_processes()]
    require(not left, "no process to be left", left)
    killed = [
        line for line in stack.find_log("supervisord").read_text().splitlines() if "with SIGKILL" in line
    ]
    return f"no process left; {len(killed)} had to be killed{': ' if killed else ''}{'; '.join(killed)}"


def start_again(stack: StackUnderTest) -> str:
    """Start the servers again in the same folder, and check that runs, versions and accounts are kept."""
    stack.start("mlflow-account", "prefect")
    require_alias(stack, "champion", "1")
    return f"{describe_model(stack)}; {len(list_runs('retrain/retrain'))} retrainings known"
