"""stack.py with services that need no PostgreSQL: a copy of docker/ with a small compose.yaml of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from services import find_marked, make_mark

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(600)"


def make_service(code, *, needs=(), restart="unless-stopped", health=None, **more):
    service = {"command": [sys.executable, "-c", code], "environment": {}, "restart": restart, **more}
    service["depends_on"] = {name: {"condition": "service_healthy"} for name in needs}
    if health:
        test = ["CMD", sys.executable, "-c", health]
        service["healthcheck"] = {"test": test, "start_period": "30s"}
    return service


class Stack:
    def __init__(self, place: Path, services):
        self.folder, self.script, self.out = place / "stack", place / "docker" / "stack.py", place / "out"
        self.table = place / "readings.csv"
        self.table.touch()
        shutil.copytree(ROOT / "docker", self.script.parent)
        (self.script.parent / "compose.yaml").write_text(
            yaml.safe_dump({"services": services}, sort_keys=False)
        )
        # the stack's own code, whatever is installed
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_SECRET_ACCESS_KEY": "hidden"}
        self.runner = None

    def command(self, *words):
        return [sys.executable, str(self.script), words[0], "--folder", str(self.folder), *words[1:]]

    def run(self, *words):
        command, environment = self.command(*words), self.environment
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def up(self, *words):
        with self.out.open("w") as out:
            command = self.command("up", "--data", str(self.table), *words)
            self.runner = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)

    def wait(self, condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, self.out.read_text()
            time.sleep(0.1)

    def is_ready(self):
        return "\nReady." in self.out.read_text()

    def find_pid(self, name):
        pids = [process.pid for process in find_marked(make_mark(self.folder, name)) if process.ppid() != 1]
        return min(pids, default=None)

    def read_log(self, name):
        return (self.folder / "logs" / f"{name}.log").read_text()

    def find_processes(self):
        return find_marked(make_mark(self.folder))


@pytest.fixture
def make_stack(tmp_path):
    made = []

    def make(**services):
        made.append(Stack(tmp_path, services))
        return made[-1]

    yield make
    for stack in made:
        if stack.runner is not None and stack.runner.poll() is None:
            stack.runner.send_signal(signal.SIGTERM)
            stack.runner.wait(60)
        assert stack.find_processes() == []


def test_services_start_in_order_come_back_and_stop_in_reverse_order(make_stack, tmp_path):
    well, made = tmp_path / "well", tmp_path / "made"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
    check = f"import os, sys; sys.exit(not os.path.exists({str(well)!r}))"
    show = f"import os; print(sorted(os.environ)); assert os.path.exists({str(made)!r}); "
    stack = make_stack(
        first=make_service(child + SLEEP, health=check),
        once=make_service(f"open({str(made)!r}, 'w').close()", needs=["first"], restart="no"),
        last=make_service(show + SLEEP, needs=["once"]),
    )
    stack.up()
    stack.wait(lambda: stack.find_pid("first"))
    time.sleep(1.5)
    assert not made.exists()
    well.touch()
    stack.wait(stack.is_ready)
    code, out, _ = stack.run("status")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()][1] == ["once", "EXITED"]
    assert "answers" in out.splitlines()[0]

    stack.wait(lambda: "PATH" in stack.read_log("last"))
    assert "AWS" not in stack.read_log("last")
    assert "PYTHONPATH" not in stack.read_log("last")

    assert stack.run("up")[0] == 4

    # the child of a killed process does not outlive it for long
    stack.wait(lambda: len(find_marked(make_mark(stack.folder, "first"))) == 2)
    before = {process.pid for process in find_marked(make_mark(stack.folder, "first"))}
    os.kill(stack.find_pid("first"), signal.SIGKILL)
    stack.wait(lambda: not any(is_running(pid) for pid in before))
    stack.wait(lambda: len(find_marked(make_mark(stack.folder, "first"))) == 2)

    made.unlink()
    assert stack.run("restart", "once")[0] == 0
    assert made.exists()
    assert stack.run("restart", "nothing")[0] == 2

    assert stack.run("down")[0] == 0
    assert stack.runner.wait(10) == 0
    assert stack.find_processes() == []
    stopped = [line for line in stack.read_log("supervisord").splitlines() if " stopped: " in line]
    assert [line.split("stopped: ")[1].split()[0] for line in stopped] == ["last", "first"]
    assert stack.run("status")[0] == 4


def is_running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_failed_preparation_ends_the_start_with_the_end_of_its_log(make_stack):
    stack = make_stack(
        one=make_service(SLEEP),
        once=make_service("raise SystemExit('what went wrong')", needs=["one"], restart="no"),
    )
    code, _, error = stack.run("up", "--data", str(stack.table))
    assert code == 4
    assert "what went wrong" in error
    assert stack.find_processes() == []


def test_a_killed_supervisord_takes_the_stack_along_and_the_next_start_works(make_stack):
    stack = make_stack(one=make_service(SLEEP))
    stack.up()
    stack.wait(stack.is_ready)
    os.kill(int((stack.folder / "supervisord.pid").read_text()), signal.SIGKILL)
    assert stack.runner.wait(30) == 4
    assert stack.find_processes() == []
    stack.up()
    stack.wait(stack.is_ready)
    # what a killed runner leaves behind is ended by the next start
    stack.runner.kill()
    stack.runner.wait()
    assert stack.find_processes()
    stack.up()
    stack.wait(stack.is_ready)
    assert "leftover processes" in stack.out.read_text()


def test_a_service_that_ignores_the_signal_is_killed_in_time(make_stack):
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP
    stack = make_stack(one=make_service(code, stop_grace_period="1s"))
    stack.up("one")
    stack.wait(lambda: stack.is_ready() and "deaf" in stack.read_log("one"))
    stack.runner.send_signal(signal.SIGTERM)
    assert stack.runner.wait(60) == 0
    assert "killing 'one'" in stack.read_log("supervisord")


def test_a_taken_port_is_named_with_what_to_do(make_stack):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        stack = make_stack(web=make_service(SLEEP, ports=[f"127.0.0.1:{port}:{port}"]))
        code, _, error = stack.run("up", "--data", str(stack.table))
    assert code == 4
    assert f"Port {port} of web must be free" in error
    assert "FOREWARN_WEB_PORT" in error


def test_a_folder_too_deep_for_a_socket_is_refused(make_stack, tmp_path):
    stack = make_stack(one=make_service(SLEEP))
    stack.folder = tmp_path / ("deep" * 25)
    code, _, error = stack.run("up", "--data", str(stack.table))
    assert code == 2
    assert "at most" in error
