"""The server: how it starts, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from flows.commands import run_command_line
from flows.serving import server as server_module
from flows.serving.server import StoppableServer, bind, is_loopback, read_token, write_address
from flows.serving.service import Service
from schemas.errors import InputError, StoreUnreachableError
from tests.detectors import open_test_store, register_detector
from tests.flows.serving.services import as_rows, make_service, small_detector, small_table

NAME = "served-for-real"


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class Running:
    """A server in a thread of this process."""

    def __init__(self, service: Service) -> None:
        self.listener = bind("127.0.0.1", 0)
        self.address = write_address(self.listener)
        self.server = StoppableServer(service, None)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))
        self.thread.start()
        wait_until(lambda: self.server.started)

    def signal(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)

    def connect(self) -> socket.socket:
        host, port = self.address.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=30)


@contextmanager
def start_command(
    home: Path, folder: Path, name: str, *options: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `forewarn serve` until the end of the context; gives the process and its address."""
    result = folder / "serve.json"
    command = [sys.executable, "-m", "flows", "serve", "--port", "0", "--json", str(result), *options]
    for setting in (f"tracking.model_name={name}", "serving.drain_seconds=0"):
        command += ["--set", setting]
    with subprocess.Popen(
        command,
        env={**os.environ, "FOREWARN_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: result.exists() or process.poll() is not None, seconds=120)
            yield process, json.loads(result.read_text())["url"]
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def run(service: Service) -> Iterator[Running]:
    running = Running(service)
    try:
        yield running
    finally:
        running.server.should_exit = True
        running.server.force_exit = True
        running.thread.join(30)


def test_when_stopped_it_first_says_that_it_is_not_ready_and_still_scores() -> None:
    with run(make_service(drain_seconds=30)) as running:
        assert httpx2.get(f"{running.address}/ready").status_code == 200
        running.signal()
        assert httpx2.get(f"{running.address}/ready").status_code == 503
        rows = as_rows(small_table(0, 6))
        assert httpx2.post(f"{running.address}/score", json={"rows": rows}).status_code == 200
        running.signal()
        running.thread.join(30)
        assert not running.thread.is_alive()


def test_when_stopped_a_request_in_flight_is_answered() -> None:
    body = json.dumps({"rows": as_rows(small_table(0, 6))}).encode()
    head = f"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    with run(make_service(drain_seconds=0)) as running, running.connect() as connection:
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body[:10])
        wait_until(lambda: bool(running.server.server_state.tasks))
        running.signal()
        wait_until(lambda: running.server.should_exit)
        connection.sendall(body[10:])
        answer = connection.recv(65_536)
        running.thread.join(30)
        assert not running.thread.is_alive()
    assert answer.startswith(b"HTTP/1.1 200")


def test_when_stopped_a_request_that_never_ends_is_given_up() -> None:
    head = b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    with run(make_service(drain_seconds=0, stop_seconds=0.5)) as running, running.connect() as connection:
        connection.sendall(head)
        wait_until(lambda: bool(running.server.server_state.tasks))
        running.signal()
        running.thread.join(10)
        assert not running.thread.is_alive()


@pytest.mark.parametrize("begin", [b"", b"GET /health HT"])
def test_a_connection_without_a_whole_head_is_closed(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_HEAD_SECONDS", 0.1)
    with run(make_service()) as running, running.connect() as connection:
        connection.sendall(begin)
        assert connection.recv(100) == b""


def test_a_slow_request_is_not_taken_for_one_without_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_HEAD_SECONDS", 0.05)
    head = b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    with run(make_service()) as running, running.connect() as connection:
        connection.sendall(head)
        time.sleep(0.2)
        connection.sendall(b"{}")
        assert connection.recv(100).startswith(b"HTTP/1.1 422")


@pytest.mark.parametrize(
    ("host", "is_inside"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - only compared
        ("::", False),
        ("10.0.0.1", False),
        ("plant.example", False),
    ],
)
def test_loopback_is_told_from_other_addresses(host: str, is_inside: bool) -> None:
    assert is_loopback(host) is is_inside


def test_a_taken_port_is_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(StoreUnreachableError, match=f"port {port} cannot be used"):
            bind("127.0.0.1", port)


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="`--host` must name an address"):
        bind("no such host", 8000)


@pytest.mark.parametrize(("value", "token"), [(None, None), (" secret\n", "secret")])
def test_the_token_is_read_from_the_environment(
    value: str | None, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOREWARN_SERVE_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("FOREWARN_SERVE_TOKEN", value)
    assert read_token() == token


def test_an_empty_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_SERVE_TOKEN", " ")
    with pytest.raises(InputError, match="but is empty"):
        read_token()


def test_without_a_champion_the_command_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command_line(["serve", "--set", "tracking.model_name=never-made", "--port", "0"])
    assert code == 2
    assert "Train one by `forewarn retrain`" in capsys.readouterr().err


def test_a_version_that_cannot_be_loaded_ends_the_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, _ = open_test_store(home, "serving-tests")
    client.create_registered_model("broken")
    client.create_model_version("broken", source="file:///nowhere")
    code = run_command_line(["serve", "--model", "models:/broken/1", "--port", "0"])
    assert code == 2
    assert "must name a version that can be loaded" in capsys.readouterr().err


def test_the_service_needs_no_prefect() -> None:
    code = (
        "import sys, flows.commands, flows.serving.server, tasks.registry.register, tasks.tracking.store\n"
        "sys.exit(any(name.partition('.')[0] == 'prefect' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)], ids=["SIGTERM", "SIGINT"]
)
def test_the_command_serves_warns_and_ends_with_0(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    client, experiment_id = open_test_store(home, "serving-tests")
    version = register_detector(client, experiment_id, NAME, *small_detector())
    client.set_registered_model_alias(NAME, "champion", version)
    everywhere = "0.0.0.0"  # noqa: S104 - what the warning is about
    with start_command(home, tmp_path, NAME, "--host", everywhere) as (process, address):
        url = address.replace(everywhere, "127.0.0.1")
        answer = httpx2.post(f"{url}/score", json=httpx2.get(f"{url}/example").json())
        process.send_signal(number)
        shown, warned = process.communicate(timeout=60)
    assert answer.json()["version"] == version
    assert process.returncode == 0
    assert f"Serving   {NAME} version {version} at http://{everywhere}:" in shown
    assert "curl -s" in shown
    assert "no token is required" in warned
