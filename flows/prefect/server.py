"""The Prefect server of a command: a configured server must answer, an embedded one must finish recording."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.sorting import TaskRunSort
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL

from flows.workers import interrupts_blocked
from schemas.errors import ForewarnError, InputError, StoreUnreachableError

_QUIET_SECONDS = 1.0
_PAGE = 200
_REFUSED = (401, 403)
_NOT_FOUND = 404
_SERVER_ERROR = 500


def require_configured_server() -> str:
    """Check that a server is configured, answers, and accepts the credentials.

    Returns:
        Its address, `PREFECT_API_URL`.

    Raises:
        InputError: If no server is configured: unattended work needs one that stays up.
        StoreUnreachableError: If the server does not answer, or refuses the credentials.
    """
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise InputError(
            "`PREFECT_API_URL` must name a Prefect server that stays up; it is not set. Start one with "
            "`forewarn ui` or `make stack`, then: export PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    require_server(address)
    return address


def start_embedded_server() -> None:
    """Start the server of this command, unless there is one.

    A terminal sends Ctrl-C to it too, but its end is left to this process, which records the interruption.
    """
    if PREFECT_API_URL.value() is None:
        with interrupts_blocked():
            SubprocessASGIServer().start()


def require_server(address: str) -> None:
    """Check that the configured server answers and accepts the credentials, before anything is started.

    Args:
        address: `PREFECT_API_URL`.

    Raises:
        StoreUnreachableError: If it does not.
    """
    # unlike /health, this needs credentials
    try:
        with report_refusal(address), get_client(sync_client=True) as client:
            client.api_version()
    except (httpx.InvalidURL, RuntimeError) as error:
        # raised by Prefect for an invalid address, or a server of an incompatible release
        raise StoreUnreachableError(
            f"`PREFECT_API_URL` must name a compatible Prefect server. Received {address}: {error}."
        ) from error


@contextlib.contextmanager
def report_refusal(address: str) -> Iterator[None]:
    """Turn errors of the server into messages that say what to do.

    Args:
        address: `PREFECT_API_URL`.

    Raises:
        StoreUnreachableError: If the server cannot be reached, fails, or refuses the credentials.
    """
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in _REFUSED:
            raise StoreUnreachableError(
                f"The Prefect server {address} refused the credentials: it answered {status}. Set "
                "PREFECT_API_AUTH_STRING to the server's user:password."
            ) from error
        if status < _SERVER_ERROR and status != _NOT_FOUND:
            raise
        raise StoreUnreachableError(
            f"The Prefect server {address} failed: it answered {status}. Look at its log, and check that "
            "PREFECT_API_URL ends with /api."
        ) from error
    except httpx.TransportError as error:
        raise StoreUnreachableError(
            f"The Prefect server {address} did not answer: {error or type(error).__name__}. Start it, or "
            "unset PREFECT_API_URL to use an embedded one."
        ) from error


@contextlib.contextmanager
def report_server_trouble(address: str) -> Iterator[None]:
    """Report that the server of a flow failed, unless the flow itself failed first.

    A full disk, for example, ends the flow and then keeps an embedded server from recording that.

    Args:
        address: The server, as it is named in messages.

    Raises:
        StoreUnreachableError: If the server failed.
        ForewarnError: The error of the flow, if there was one.
    """
    try:
        with report_refusal(address):
            yield
    except StoreUnreachableError as trouble:
        earlier: BaseException | None = trouble.__cause__
        while earlier is not None and not isinstance(earlier, ForewarnError):
            earlier = earlier.__context__
        raise earlier or trouble from trouble.__cause__


def wait_for_records(flow_run_id: str, timeout_seconds: float = 20.0) -> bool:
    """Wait until every task run of a flow run is recorded in a final state.

    The embedded server ends with this process, and records that it has not written by then are lost.

    Args:
        flow_run_id: The flow run.
        timeout_seconds: Longest wait.

    Returns:
        Whether all of them were recorded in time.
    """
    begin = since = time.monotonic()
    last = (-1, -1)
    with get_client(sync_client=True) as client:
        while time.monotonic() - begin < timeout_seconds:
            runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])),
                limit=_PAGE,
                sort=TaskRunSort.EXPECTED_START_TIME_DESC,
            )
            open_runs = sum(not (run.state and run.state.is_final()) for run in runs)
            now = (len(runs), open_runs)
            if now != last:
                last, since = now, time.monotonic()
            if open_runs == 0 and time.monotonic() - since >= _QUIET_SECONDS:
                return True
            time.sleep(0.1)
    return False
