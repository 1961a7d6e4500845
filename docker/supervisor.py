"""Keep the services of a stack running: start in order, check health, start again, stop in reverse order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import database
from compose import Service
from processes import MARK, end_marked, end_process, make_environment, passes, read_tail

from schemas.errors import StoreUnreachableError

ROOT = Path(__file__).resolve().parent.parent
_LOOK_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
# a process that has run so long has not failed at its start
_LASTING_SECONDS = 10.0
_DATABASE = "postgres"


@dataclass
class Running:
    """What is known of a service while the stack runs.

    Attributes:
        service: What it is.
        state: `waiting`, `starting`, `healthy`, `paused` before another start, or `completed`.
        process: Its process, or none.
        since: When the process was started or the pause began.
        checked: When its health was last checked.
        pause: Seconds of the next pause.
        starts: How often it was started.
        has_answered: Whether it ever was healthy.
    """

    service: Service
    state: str = "waiting"
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    checked: float = 0.0
    pause: float = _FIRST_PAUSE
    starts: int = 0
    has_answered: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it has come as far as it can without being asked."""
        return self.state in {"healthy", "completed"} or bool(self.service.waits_for)


@dataclass
class Supervisor:
    """Keeps services running.

    Attributes:
        folder: Holds volumes, logs and the state.
        running: Services by name, each after those it depends on.
    """

    folder: Path
    running: dict[str, Running] = field(default_factory=dict)

    @classmethod
    def of(cls, services: Mapping[str, Service], folder: Path) -> Supervisor:
        """Begin with nothing started."""
        return cls(folder, {name: Running(service) for name, service in services.items()})

    def step(self) -> None:
        """Look at every service once, and do what is due.

        Raises:
            StoreUnreachableError: If one that runs to its end fails, or one does not become healthy in time.
        """
        for entry in self.running.values():
            if entry.state == "waiting" and self._may_start(entry.service):
                self._start(entry)
            elif entry.state == "paused" and time.monotonic() - entry.since >= entry.pause:
                entry.pause = min(2 * entry.pause, _LONGEST_PAUSE)
                self._start(entry)
            elif entry.process is not None and entry.process.poll() is not None:
                self._note_end(entry)
            elif entry.process is not None:
                self._check_health(entry)
        self._write_state()
        time.sleep(_LOOK_SECONDS)

    def is_ready(self) -> bool:
        """Tell whether all services are up, but for those that wait for something."""
        return all(entry.is_up for entry in self.running.values())

    def stop(self) -> None:
        """End all services, the last one first, with whatever they started."""
        for entry in reversed(self.running.values()):
            if entry.process is not None:
                ended = end_process(entry.process, entry.service.stop_signal, entry.service.stop_seconds)
                self._end_rest(entry)
                _say(f"{entry.service.name} {'ended' if ended else 'was killed: it did not end in time'}")
            entry.process, entry.state = None, "stopped"
            self._write_state()

    def _may_start(self, service: Service) -> bool:
        wanted = {
            "service_started": {"starting", "healthy"},
            "service_healthy": {"healthy"},
            "service_completed_successfully": {"completed"},
        }
        return all(
            self.running[name].state in wanted[condition] for name, condition in service.depends_on.items()
        )

    def _start(self, entry: Running) -> None:
        service, log = entry.service, self.find_log(entry.service.name)
        for folder in service.volumes.values():
            folder.mkdir(parents=True, exist_ok=True) if service.name != _DATABASE else None
        command, environment = service.command, self._make_environment(service)
        is_database = service.name == _DATABASE
        if is_database:
            script = ROOT / "docker" / "create_databases.sh"
            database.prepare_database(service, environment, script, log)
            command = database.complete_command(service)
        with log.open("ab") as file:
            entry.process = subprocess.Popen(
                command,
                env=environment,
                cwd="/" if is_database else ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # Ctrl-C is ours alone: we end them in order
                start_new_session=True,
                user=database.find_user() if is_database else None,
                extra_groups=[] if is_database and database.find_user() else None,
            )
        entry.state, entry.since, entry.checked = "starting", time.monotonic(), 0.0
        entry.starts += 1
        _say(f"{service.name} started")

    def _note_end(self, entry: Running) -> None:
        service, code = entry.service, entry.process.returncode if entry.process else 0
        self._end_rest(entry)
        entry.process = None
        if service.restart == "no":
            if code != 0:
                raise self._fail(service, f"It ended with exit code {code}")
            entry.state = "completed"
            _say(f"{service.name} done")
            return
        if time.monotonic() - entry.since >= _LASTING_SECONDS:
            entry.pause = _FIRST_PAUSE
        _say(f"{service.name} ended with exit code {code}; it is started again")
        entry.state, entry.since = "paused", time.monotonic()

    def _check_health(self, entry: Running) -> None:
        health, now = entry.service.health, time.monotonic()
        if health is None:
            # one that runs to its end is waited for
            entry.state = "healthy" if entry.service.restart != "no" else entry.state
            return
        is_starting = entry.state == "starting"
        is_due_soon = is_starting and now - entry.since < health.patience_seconds
        if now - entry.checked < (health.starting_seconds if is_due_soon else health.seconds):
            return
        environment = self._make_environment(entry.service)
        is_well = passes(health.command, environment, ROOT, health.timeout_seconds)
        entry.checked = time.monotonic()
        if is_well and is_starting:
            _say(f"{entry.service.name} answers after {entry.checked - entry.since:.0f} s")
        if is_well:
            entry.state, entry.has_answered = "healthy", True
        elif not is_starting:
            entry.state, entry.since = "starting", now
            _say(f"{entry.service.name} does not answer")
        elif not is_due_soon and not entry.has_answered and not entry.service.waits_for:
            raise self._fail(entry.service, f"It did not answer within {health.patience_seconds:g} s")

    def _end_rest(self, entry: Running) -> None:
        """End what a process left behind, as the end of a container would."""
        end_marked(self.make_mark(entry.service.name))

    def _make_environment(self, service: Service) -> dict[str, str]:
        programs = [Path(sys.executable).parent]
        if service.name == _DATABASE:
            programs.append(database.find_programs())
        home = self.folder / "temporary" / service.name
        home.mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(home), "TMPDIR": str(home), **service.environment}
        return make_environment(self.make_mark(service.name), own, programs)

    def make_mark(self, name: str = "") -> str:
        """Make the mark of this stack's processes, or of those of one service."""
        return f"{self.folder}:{name}:" if name else f"{self.folder}:"

    def find_log(self, name: str) -> Path:
        """Tell where a service writes."""
        return self.folder / "logs" / f"{name}.log"

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            "ready": self.is_ready(),
            "services": {
                name: {
                    "state": entry.state,
                    "pid": entry.process.pid if entry.process else None,
                    "starts": entry.starts,
                    "port": entry.service.port,
                }
                for name, entry in self.running.items()
            },
        }
        path = self.folder / "state.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(state, indent=1), encoding="utf-8")
        os.replace(part, path)

    def _fail(self, service: Service, what: str) -> StoreUnreachableError:
        log = self.find_log(service.name)
        return StoreUnreachableError(
            f"The service {service.name} must start. {what}. Its last words, also in {log}:\n"
            f"{read_tail(log, 12)}"
        )


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


__all__ = ["MARK", "ROOT", "Running", "Supervisor"]
