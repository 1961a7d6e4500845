"""Moves of the registry in processes that are killed at a chosen write, and many at once.

Run as a program, so that processes are forked from one that has MLflow and no open database:

    python -m tests.registry_stops stops STORE OUT promote rollback
    python -m tests.registry_stops crowd STORE OUT 20
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from tasks.registry.delete import delete_version
from tasks.registry.list_versions import list_versions
from tasks.registry.promote import apply_decision, promote_version, rollback
from tasks.registry.quarantine import quarantine_version

WRITES = (
    "set_registered_model_tag",
    "delete_registered_model_tag",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_model_version_tag",
    "delete_model_version_tag",
    "delete_model_version",
    "log_text",
)
COMMANDS: dict[str, Callable[[MlflowClient, str], object]] = {
    "promote": lambda client, name: promote_version(client, name, "3", "better", "a person"),
    "gate": lambda client, name: apply_decision(client, name, "4", "PROMOTE", "gate: better", "a flow"),
    "hold": lambda client, name: apply_decision(client, name, "3", "HOLD", "gate: too few", "a flow"),
    "rollback": lambda client, name: rollback(client, name, "worse", "a person", is_quarantined=True),
    "quarantine": lambda client, name: quarantine_version(client, name, "3", "broken", "a person"),
    "quarantine_previous": lambda client, name: quarantine_version(client, name, "1", "broken", "a person"),
    "lift_previous": lambda client, name: quarantine_version(
        client, name, "1", "repaired", "a person", is_lifted=True
    ),
    "delete": lambda client, name: delete_version(client, name, "3", "wrong table", "a person"),
    "finish": list_versions,
    "take_back": list_versions,
}
# commands that are done before another is stopped
BEFORE = {"lift_previous": "quarantine_previous"}
# repairs, stopped themselves: before which of its writes a promotion had been stopped
LEFT_AT = {"finish": 3, "take_back": 2}
NAME = "stopped"


def start_child(work: Callable[[], object], out: Path) -> int:
    """Fork, work, and write what came of it as JSON; the parent gets the process."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        out.write_text(json.dumps(work()), encoding="utf-8")
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def in_child(work: Callable[[], object]) -> tuple[int, Any]:
    """Work in a forked process: its exit code, negative where a signal ended it, and what came of it."""
    with tempfile.NamedTemporaryFile() as file:
        _, status = os.waitpid(start_child(work, Path(file.name)), 0)
        text = file.read().decode()
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def stop_before(client: MlflowClient, place: int) -> list[str]:
    """Make a client send its process SIGKILL just before its write number `place`.

    What is stored then is what a kill just after the write before it would leave.
    """
    written: list[str] = []

    def watch(name: str) -> Callable[..., Any]:
        call = getattr(client, name)

        def write(*arguments: Any, **options: Any) -> Any:
            if len(written) == place:
                os.kill(os.getpid(), signal.SIGKILL)
            written.append(name)
            return call(*arguments, **options)

        return write

    for name in WRITES:
        setattr(client, name, watch(name))
    return written


def register(store: str, count: int) -> None:
    """Register versions, each with a run of its own."""
    client = MlflowClient(store)
    client.create_registered_model(NAME)
    experiment = client.create_experiment("stops", Path(store.removeprefix("sqlite:///")).parent.as_uri())
    for _ in range(count):
        run = client.create_run(experiment).info.run_id
        client.create_model_version(NAME, "file:///nowhere", run_id=run, tags={"decision": "PROMOTE"})


def prepare(store: str) -> dict[str, Any]:
    """Make four versions, with 2 champion, 1 previous and 4 challenger."""
    register(store, 4)
    client = MlflowClient(store)
    for number in ("1", "2"):
        promote_version(client, NAME, number, "prepared", "a test")
    apply_decision(client, NAME, "4", "HOLD", "gate: prepared", "a test")
    return inspect(store)


def inspect(store: str) -> dict[str, Any]:
    """List the model twice: what the first command puts in order, the second must find so."""
    client = MlflowClient(store)
    first, second = list_versions(client, NAME), list_versions(client, NAME)
    versions = client.search_model_versions(f"name='{NAME}'")
    return {
        "repairs": list(first.repairs),
        "repairs_again": list(second.repairs),
        "standing": second.standing.model_dump(),
        "history": [move.model_dump() for move in second.history],
        "intent": client.get_registered_model(NAME).tags.get("forewarn.intent"),
        "versions": {
            str(version.version): {name: version.tags.get(name) for name in ("quarantine", "promoted_why")}
            for version in versions
        },
    }


def run_until(store: str, command: str, place: int) -> list[str]:
    """Run a command that is stopped before its write number `place`; its writes where it has fewer."""
    client = MlflowClient(store)
    written = stop_before(client, place)
    COMMANDS[command](client, NAME)
    return written


def run_stops(store: str, commands: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Kill each command before each of its writes, then let the next command look, until none is left."""
    template = Path(store.removeprefix("sqlite:///"))
    _, prepared = in_child(lambda: prepare(store))
    for command in commands:
        before = prepared
        place, is_killed = 0, True
        while is_killed:
            copy = f"sqlite:///{shutil.copy(template, template.with_name(f'{command}-{place}.db'))}"
            if command in BEFORE:
                in_child(functools.partial(run_until, copy, BEFORE[command], -1))
                _, before = in_child(functools.partial(inspect, copy))
            if command in LEFT_AT:
                in_child(functools.partial(run_until, copy, "promote", LEFT_AT[command]))
            code, written = in_child(functools.partial(run_until, copy, command, place))
            is_killed = code == -signal.SIGKILL
            _, after = in_child(functools.partial(inspect, copy))
            yield {
                "command": command,
                "place": place,
                "code": code,
                "written": written,
                "before": before,
                "after": after,
            }
            place += 1


def run_crowd(store: str, count: int) -> Iterator[dict[str, Any]]:
    """Promote as many versions as there are processes, all at once."""
    in_child(lambda: register(store, count))

    def promote(number: int) -> None:
        promote_version(MlflowClient(store), NAME, str(number), f"number {number}", "a crowd")

    processes = [
        start_child(lambda number=number: promote(number), Path(os.devnull)) for number in range(1, count + 1)
    ]
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    yield {"codes": codes, "after": in_child(lambda: inspect(store))[1]}


def warm_up(store: str) -> None:
    """Import all that a client needs, by a database of its own: an open one must not be forked."""
    path = Path(store.removeprefix("sqlite:///"))
    client = MlflowClient(f"sqlite:///{shutil.copy(path, path.with_name('warm.db'))}")
    client.search_registered_models()


def main() -> None:
    """Write one JSON object a line."""
    kind, store, out, *details = sys.argv[1:]
    warm_up(store)
    results = run_stops(store, details) if kind == "stops" else run_crowd(store, int(details[0]))
    with Path(out).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(result) + "\n" for result in results)


if __name__ == "__main__":
    main()
