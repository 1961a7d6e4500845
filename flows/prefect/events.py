"""Events for Prefect's automations, sent with confirmation that the server has recorded them."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Mapping

import httpx
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.events.filters import EventFilter, EventIDFilter

from schemas.errors import StoreUnreachableError

DRIFT_EVENT, RECALL_EVENT, INCIDENT_EVENT = "model.drift.confirmed", "model.recall.low", "data.incident"
_LOOK_SECONDS = 0.25


def send_event(
    event: str, resource: Mapping[str, str], payload: Mapping[str, str], key: str, timeout_seconds: float
) -> str:
    """Send an event and wait until the server has recorded it: an embedded server ends with this process.

    Args:
        event: Name, such as `model.drift.confirmed`.
        resource: Labels of the resource that the event is about, with `prefect.resource.id`.
        payload: Strings only: an automation's template would pass a number to a string parameter and fail.
        key: Identity of the event: sending the same key again does not make another event.
        timeout_seconds: Longest wait.

    Returns:
        The event's id.

    Raises:
        StoreUnreachableError: If the server has not recorded the event in time.
    """
    identity = uuid.uuid5(uuid.NAMESPACE_URL, key)
    emit_event(event=event, resource=dict(resource), payload=dict(payload), id=identity)
    if not wait_for_event(identity, timeout_seconds):
        raise StoreUnreachableError(
            f"The Prefect server did not record the event {event} within {timeout_seconds:g} seconds. Check "
            "the server's log and run the command again: the event counts as not sent."
        )
    return str(identity)


# a plain loop, here and wherever else we wait: tenacity would be another dependency and save no lines
def wait_for_event(identity: uuid.UUID, timeout_seconds: float) -> bool:
    """Wait until the server has recorded an event, retrying if the server does not answer.

    Returns:
        Whether the event was recorded.
    """
    wanted = EventFilter(id=EventIDFilter(id=[identity]))
    end = time.monotonic() + timeout_seconds
    with get_client(sync_client=True) as client:
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if client.read_events(wanted, limit=1).events:
                    return True
            time.sleep(_LOOK_SECONDS)
    return False
