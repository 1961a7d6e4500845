"""Run the service: load in the background, listen, and stop without aborting a request."""

from __future__ import annotations

import ipaddress
import math
import os
import socket
import sys
import threading
import time
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from flows.serving.app import make_app
from flows.serving.metrics import Metrics
from flows.serving.model import ModelHolder, ServedVersion, find_version, parse_source
from flows.serving.service import Service
from schemas.configuration import Configuration
from schemas.errors import ForewarnError, InputError, StoreUnreachableError
from tasks.tracking.store import find_tracking_uri, open_store

TOKEN_VARIABLE = "FOREWARN_SERVE_TOKEN"  # noqa: S105 - a name, not a token
_HEAD_SECONDS = 10.0
_LOADER_JOIN_SECONDS = 5.0
# by default MLflow's client retries an unreachable registry for minutes
_REGISTRY_SETTINGS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def serve(
    home: Path,
    configuration: Configuration,
    uri: str | None,
    host: str,
    port: int,
    announce: Callable[[str, ServedVersion], None],
) -> None:
    """Serve until SIGTERM or SIGINT, both of which end the service normally.

    Args:
        home: Folder that holds `mlruns/`.
        configuration: Settings, of which `tracking` and `serving` are used.
        uri: What to serve; by default the champion.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        announce: Called with the address and the version once requests are answered.

    Raises:
        InputError: If there is no such version, it cannot be loaded, or the host or the token is invalid.
        StoreUnreachableError: If the store does not answer, or the port is taken.
    """
    for name, value in _REGISTRY_SETTINGS.items():
        os.environ.setdefault(name, value)
    token = read_token()
    source = parse_source(uri or f"models:/{configuration.tracking.model_name}@champion")
    client, _ = open_store(find_tracking_uri(home), configuration.tracking.experiment, home)
    find_version(client, source)
    metrics = Metrics()
    holder = ModelHolder(source, client, metrics.count_reload)
    service = Service(configuration.serving, holder, metrics)
    with bind(host, port) as listener:
        if token is None and not is_loopback(host):
            print(
                f"forewarn: {host} can be reached from outside, and no token is required. Set "
                f"{TOKEN_VARIABLE}, or listen on 127.0.0.1.",
                file=sys.stderr,
            )
        address = write_address(listener)
        run_server(service, token, listener, lambda served: announce(address, served))


def run_server(
    service: Service,
    token: str | None,
    listener: socket.socket,
    announce: Callable[[ServedVersion], None],
) -> None:
    """Listen while a second thread loads the version and follows its alias.

    Raises:
        ForewarnError: If the first version cannot be loaded.
    """
    server = StoppableServer(service, token)
    stopping = threading.Event()
    failures: list[Exception] = []

    def load_and_follow() -> None:
        holder = service.holder
        try:
            holder.load_first()
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            failures.append(error)
            server.should_exit = True
            return
        if holder.served is not None:
            announce(holder.served)
        holder.follow(stopping, service.section.reload_seconds)

    loader = threading.Thread(target=load_and_follow, name="load-and-follow", daemon=True)
    loader.start()
    try:
        server.run(sockets=[listener])
    finally:
        stopping.set()
        loader.join(_LOADER_JOIN_SECONDS)
    for failure in failures:
        if isinstance(failure, ForewarnError):
            raise failure
        raise InputError(
            f"`--model` must name a version that can be loaded. Loading {service.holder.source.uri} failed: "
            f"{type(failure).__name__}: {failure}"
        ) from failure


class StoppableServer(uvicorn.Server):
    """A server that on a signal first fails /ready, keeps listening for a moment, and then shuts down."""

    def __init__(self, service: Service, token: str | None) -> None:
        """Configure uvicorn: one process, without uvicorn's own log."""
        section = service.section
        config = uvicorn.Config(
            make_app(service, token),
            http=ImpatientProtocol,
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=section.connections_at_most,
            timeout_graceful_shutdown=math.ceil(section.stop_seconds),
        )
        super().__init__(config)
        self._service = service
        self._end: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal stops listening at once, a third exits without waiting."""
        self._service.is_stopping = True
        if self._end is None:
            self._end = time.monotonic() + self._service.section.drain_seconds
        elif not self.should_exit:
            self.should_exit = True
        else:
            self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Stop listening once the drain time is over."""
        if self._end is not None and time.monotonic() >= self._end:
            self.should_exit = True
        return await super().on_tick(counter)


class ImpatientProtocol(H11Protocol):
    """HTTP that closes a connection if the headers of a request do not arrive in time."""

    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # a narrower transport
        """Start the timer for the first headers."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Keep the timer running while headers are incomplete."""
        super().data_received(data)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def read_token() -> str | None:
    """Read the token from the environment, or return none if the variable is not set.

    Raises:
        InputError: If the variable is set but empty.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None:
        return None
    if not token.strip():
        raise InputError(
            f"{TOKEN_VARIABLE} must hold a token, but is empty. Set it to a long random string, or unset it."
        )
    return token.strip()


def bind(host: str, port: int) -> socket.socket:
    """Bind a port before anything is loaded.

    Raises:
        InputError: If the host is not an address of this machine.
        StoreUnreachableError: If the port is taken.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError) as error:
        raise InputError(
            f"`--host` must name an address of this machine. Received {host}: {error}."
        ) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(place)
    except OSError as error:
        listener.close()
        raise StoreUnreachableError(
            f"`--host` and `--port` must name a free address. {host} port {port} cannot be used: "
            f"{error.strerror}. Stop the program that listens there, or choose another port."
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Return whether a host can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def write_address(listener: socket.socket) -> str:
    """Write the address of a listening socket as the base of a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
