import socket
import sys
import time

import psutil
import pytest
from compose import HealthCheck, Service
from processes import end_marked, find_marked, require_free_ports
from supervisor import Supervisor

from schemas.errors import StoreUnreachableError

SLEEP = "import time; time.sleep(60)"


def make_service(name, code, *, restart="unless-stopped", depends_on=None, health=None, seconds=5.0):
    command = [sys.executable, "-c", code]
    return Service(name, command, {}, depends_on or {}, health, restart, None, {}, "SIGTERM", seconds, "")


def make_check(code):
    return HealthCheck([sys.executable, "-c", code], 0.2, 0.2, 20.0, 5.0)


@pytest.fixture
def supervise(tmp_path):
    (tmp_path / "logs").mkdir()
    started = []

    def start(*services):
        started.append(Supervisor.of({service.name: service for service in services}, tmp_path))
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.stop()
        assert find_marked(supervisor.make_mark()) == []


def step_until(supervisor, condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, supervisor.running
        supervisor.step()


def test_a_service_starts_once_what_it_needs_has_come_to_its_end(supervise, tmp_path):
    first = make_service("first", f"open({str(tmp_path / 'made')!r}, 'w').close()", restart="no")
    code = f"import os; assert os.path.exists({str(tmp_path / 'made')!r}); {SLEEP}"
    second = make_service("second", code, depends_on={"first": "service_completed_successfully"})
    supervisor = supervise(first, second)
    step_until(supervisor, supervisor.is_ready)
    assert [entry.state for entry in supervisor.running.values()] == ["completed", "healthy"]
    assert supervisor.running["second"].starts == 1


def test_a_service_waits_for_the_health_of_another(supervise, tmp_path):
    check = make_check(f"import os, sys; sys.exit(not os.path.exists({str(tmp_path / 'well')!r}))")
    first = make_service("first", SLEEP, health=check)
    second = make_service("second", SLEEP, depends_on={"first": "service_healthy"})
    supervisor = supervise(first, second)
    for _ in range(5):
        supervisor.step()
    assert supervisor.running["second"].state == "waiting"
    (tmp_path / "well").touch()
    step_until(supervisor, supervisor.is_ready)
    assert supervisor.running["second"].state == "healthy"


def test_a_service_that_ends_is_started_again(supervise):
    supervisor = supervise(make_service("one", SLEEP))
    step_until(supervisor, supervisor.is_ready)
    supervisor.running["one"].process.kill()
    step_until(supervisor, lambda: supervisor.running["one"].starts == 2)
    step_until(supervisor, supervisor.is_ready)


def test_one_that_should_come_to_its_end_and_fails_ends_the_start(supervise):
    supervisor = supervise(make_service("one", "raise SystemExit('what went wrong')", restart="no"))
    with pytest.raises(StoreUnreachableError, match="what went wrong"):
        step_until(supervisor, supervisor.is_ready)


def test_what_a_service_has_started_ends_with_it(supervise):
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
    supervisor = supervise(make_service("one", code))
    step_until(supervisor, lambda: len(find_marked(supervisor.make_mark("one"))) == 2)
    supervisor.stop()
    assert find_marked(supervisor.make_mark("one")) == []


def test_one_that_does_not_end_is_killed(supervise, capsys):
    code = (
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); {SLEEP}"
    )
    supervisor = supervise(make_service("one", code, seconds=0.5))
    step_until(
        supervisor, lambda: supervisor.find_log("one").exists() and supervisor.find_log("one").read_text()
    )
    supervisor.stop()
    assert "one was killed" in capsys.readouterr().out


def test_processes_that_a_killed_runner_left_behind_are_found_and_ended(supervise):
    supervisor = supervise(make_service("one", SLEEP))
    step_until(supervisor, supervisor.is_ready)
    pid = supervisor.running["one"].process.pid
    assert end_marked(supervisor.make_mark()) == 1
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_is_told_nothing_of_this_shell(supervise, monkeypatch):
    monkeypatch.setenv("FOREWARN_HOME", "/elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    code = "import os; print(sorted(os.environ)); " + SLEEP
    supervisor = supervise(make_service("one", code))
    step_until(
        supervisor, lambda: supervisor.find_log("one").exists() and supervisor.find_log("one").read_text()
    )
    told = supervisor.find_log("one").read_text()
    assert "'PATH'" in told
    assert "FOREWARN_HOME" not in told
    assert "AWS" not in told


def test_a_port_that_is_taken_is_named_with_what_to_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            StoreUnreachableError, match=rf"Port {port} of mlflow .* FOREWARN_MLFLOW_PORT"
        ) as caught:
            require_free_ports({"mlflow": port})
    assert caught.value.exit_code == 4
