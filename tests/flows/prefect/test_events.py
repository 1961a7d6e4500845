"""Events that leave, or are known not to have left."""

import uuid

import pytest

from flows.prefect.events import send_event
from schemas.errors import StoreUnreachableError

RESOURCE = {"prefect.resource.id": "forewarn.model.event-tests"}


def test_an_event_that_is_sent_twice_by_one_key_is_one_event(server: None) -> None:
    from prefect.client.orchestration import get_client
    from prefect.events.filters import EventFilter, EventNameFilter

    key = uuid.uuid4().hex
    sent = [send_event("test.sent", RESOURCE, {"text": "1"}, key, 60) for _ in range(2)]
    assert sent[0] == sent[1]
    with get_client(sync_client=True) as client:
        found = client.read_events(EventFilter(event=EventNameFilter(name=["test.sent"])), limit=50).events
    assert [str(event.id) for event in found] == sent[:1]


def test_an_event_that_was_not_recorded_in_time_counts_as_not_sent(server: None) -> None:
    with pytest.raises(StoreUnreachableError, match="counts as not sent"):
        send_event("test.lost", RESOURCE, {}, uuid.uuid4().hex, timeout_seconds=0)
