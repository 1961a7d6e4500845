"""The Prefect server of a command: the configured one has to answer, the embedded one has to finish."""

from __future__ import annotations

import time

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.sorting import TaskRunSort

from schemas.errors import StoreUnreachableError

_QUIET_SECONDS = 1.0
_PAGE = 200


def require_server(address: str) -> None:
    """Make sure that the configured server answers, before anything is started.

    Args:
        address: `PREFECT_API_URL`.

    Raises:
        StoreUnreachableError: If it does not.
    """
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise StoreUnreachableError(
            f"The Prefect server {address} must answer. It did not: {problem}. Start it, or unset "
            "PREFECT_API_URL to use an embedded one."
        )


def wait_for_records(flow_run_id: str, timeout_seconds: float = 20.0) -> bool:
    """Wait until every task run of a flow run is recorded in a final state.

    The embedded server is ended with this process, and what it has not recorded by then is lost.

    Args:
        flow_run_id: The flow run.
        timeout_seconds: Longest wait.

    Returns:
        Whether all were recorded.
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
