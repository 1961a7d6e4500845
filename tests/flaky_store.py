"""A real MLflow server behind a door that can be shut: it answers 500, hangs, or passes everything on."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.request import urlopen

Treatment = Literal["pass", "500", "hang"]
_START_SECONDS = 120


@dataclass
class Door:
    """What is done with a request, told by its method and its path; and how many were turned away."""

    address: str
    decide: Callable[[str, str], Treatment] = lambda method, path: "pass"
    turned_away: list[str] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)

    def shut(self, treatment: Treatment, marks: str, seconds: float = float("inf")) -> None:
        """Treat requests whose method and path hold `marks` so, for some seconds from the first of them."""
        begin: list[float] = []

        def decide(method: str, path: str) -> Treatment:
            if marks not in f"{method} {path}":
                return "pass"
            if not begin:
                begin.append(time.monotonic())
            return treatment if time.monotonic() - begin[0] < seconds else "pass"

        self.decide = decide

    def open(self) -> None:
        """Pass everything on."""
        self.decide = lambda method, path: "pass"


@contextlib.contextmanager
def flaky_server(folder: Path) -> Iterator[Door]:
    """Start a server with its store below a folder, and the door before it.

    Yields:
        The door; its address is the tracking URI.
    """
    port = find_free_port()
    command = [str(Path(sys.executable).with_name("mlflow")), "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--serve-artifacts"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until_healthy(process, port)
            with opened_door(port) as door:
                yield door
        finally:
            process.terminate()
            process.wait()


def wait_until_healthy(process: subprocess.Popen, port: int) -> None:
    """Wait for the server."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError("the MLflow server did not start")


@contextlib.contextmanager
def opened_door(port: int) -> Iterator[Door]:
    """Listen on a port of its own, and pass on what the door lets in."""
    door = Door(address="")

    class Keeper(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            treatment = door.decide(self.command, self.path)
            if treatment != "pass":
                door.turned_away.append(f"{self.command} {self.path}")
            if treatment == "hang":
                door.is_closing.wait(600)
                self.close_connection = True
                return
            if treatment == "500":
                self.answer(500, [], b'{"error_code": "INTERNAL_ERROR", "message": "out of order"}')
                return
            self.pass_on(body)

        def pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            with contextlib.closing(connection) as server:
                headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                server.request(self.command, self.path, body, headers)
                found = server.getresponse()
                kept = ("content-type", "content-disposition")
                named = [(key, value) for key, value in found.getheaders() if key.lower() in kept]
                self.answer(found.status, named, found.read())

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers:
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one  # noqa: N815 - their names

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keeper) as listener:
        listener.daemon_threads = True
        door.address = f"http://127.0.0.1:{listener.server_address[1]}"
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield door
        finally:
            door.is_closing.set()
            listener.shutdown()


def find_free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
