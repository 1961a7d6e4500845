"""What is too much, too slow or too many is refused, and nothing grows for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from flows.serving import service as service_module
from flows.serving.app import make_app
from flows.serving.service import Service
from flows.serving.sessions import Session, Sessions, score_in_session
from tests.flows.serving.services import (
    as_rows,
    make_service,
    open_client,
    read_metrics,
    serve_small,
    small_table,
)

JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def connect(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(make_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class SlowScoring:
    """Holds every request that is scored until it is let go, and notes how many there were at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = threading.Event()
        self.running = 0
        self.most = 0
        for name in ("score_alone", "score_in_session"):
            self._hold(monkeypatch, name)

    def _hold(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        original: Callable[..., Any] = getattr(service_module, name)

        def held(*arguments: Any) -> Any:
            self.running += 1
            self.most = max(self.most, self.running)
            assert self.gate.wait(30)
            self.running -= 1
            return original(*arguments)

        monkeypatch.setattr(service_module, name, held)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowScoring]:
    scoring = SlowScoring(monkeypatch)
    yield scoring
    scoring.gate.set()


def test_a_body_that_announces_too_much_is_refused() -> None:
    with open_client(make_service(body_bytes_at_most=1_000)) as client:
        answer = client.post("/score", content=b" " * 1_001, headers=JSON)
    assert answer.status_code == 413
    assert "at most 1000 bytes" in answer.json()["detail"]


def test_a_body_in_pieces_that_grows_too_large_is_refused() -> None:
    with open_client(make_service(body_bytes_at_most=1_000)) as client:
        answer = client.post("/score", content=(b" " * 100 for _ in range(11)), headers=JSON)
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def post_slowly() -> httpx2.Response:
        async def drip() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(20)

        async with connect(make_service(body_seconds=0.05)) as client:
            return await client.post("/score", content=drip(), headers=JSON)

    answer = asyncio.run(post_slowly())
    assert answer.status_code == 408
    assert "Received 1 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_a_body_that_does_not_say_that_it_is_json_is_refused(kind: str) -> None:
    with open_client(make_service()) as client:
        answer = client.post("/score", content=b'{"rows": []}', headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_too_many_rows_are_refused() -> None:
    with open_client(make_service(rows_at_most=3)) as client:
        answer = client.post("/score", json={"rows": as_rows(small_table(0, 4))})
        assert client.post("/score", json={"rows": as_rows(small_table(0, 3))}).status_code == 200
    assert answer.status_code == 422
    assert "at most 3 items" in answer.json()["detail"]


def test_a_machine_with_a_long_name_is_refused() -> None:
    with open_client(make_service(machine_characters_at_most=5)) as client:
        rows = as_rows(small_table(0, 1))
        assert client.post("/score", json={"rows": rows, "machine": "a" * 5}).status_code == 200
        assert client.post("/score", json={"rows": rows, "machine": "a" * 6}).status_code == 422
        assert client.delete("/sessions/" + "a" * 6).status_code == 422


def test_when_all_places_are_taken_a_request_is_told_to_come_again(slow: SlowScoring) -> None:
    async def overfill() -> tuple[list[int], httpx2.Response]:
        service = make_service(scoring_at_once=1, queue_at_most=1)
        body = {"rows": as_rows(small_table(0, 6))}
        async with connect(service) as client:
            accepted = [asyncio.create_task(client.post("/score", json=body)) for _ in range(2)]
            await wait_until(lambda: service.slots.taken == 2)
            refused = await client.post("/score", json=body)
            slow.gate.set()
            statuses = [(await task).status_code for task in accepted]
            again = await client.post("/score", json=body)
        return [*statuses, again.status_code], refused

    statuses, refused = asyncio.run(overfill())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert statuses == [200, 200, 200]
    assert slow.most == 1


@pytest.mark.parametrize(("machines", "at_once"), [(("PM1", "PM1"), 1), (("PM1", "PM2"), 2)])
def test_requests_of_one_machine_take_turns_and_those_of_two_do_not(
    slow: SlowScoring, machines: tuple[str, str], at_once: int
) -> None:
    async def post_both() -> list[httpx2.Response]:
        service = make_service(scoring_at_once=2)
        rows = as_rows(small_table(0, 12))
        bodies = [{"rows": rows[:6], "machine": machines[0]}, {"rows": rows[6:], "machine": machines[1]}]
        async with connect(service) as client:
            tasks = []
            for number, body in enumerate(bodies, start=1):
                tasks.append(asyncio.create_task(client.post("/score", json=body)))
                await wait_until(lambda taken=number: service.slots.taken == taken)  # type: ignore[misc]
                await wait_until(lambda: slow.running >= 1)
            await wait_until(lambda: slow.running == at_once)
            slow.gate.set()
            return [await task for task in tasks]

    answers = asyncio.run(post_both())
    assert [answer.status_code for answer in answers] == [200, 200]
    assert slow.most == at_once


def test_a_session_that_is_ended_while_it_is_waited_for_begins_anew(slow: SlowScoring) -> None:
    async def end_between() -> httpx2.Response:
        service = make_service(scoring_at_once=2)
        rows = as_rows(small_table(0, 30))
        async with connect(service) as client:
            first = asyncio.create_task(client.post("/score", json={"rows": rows[:20], "machine": "PM1"}))
            await wait_until(lambda: slow.running == 1)
            second = asyncio.create_task(client.post("/score", json={"rows": rows[20:21], "machine": "PM1"}))
            await wait_until(lambda: service.slots.taken == 2)
            assert (await client.delete("/sessions/PM1")).status_code == 204
            slow.gate.set()
            assert (await first).status_code == 200
            return await second

    assert asyncio.run(end_between()).json()["rows"][0]["score"] is None


async def visit(sessions: Sessions, *machines: str) -> None:
    for machine in machines:
        async with sessions.use(machine):
            pass


def test_the_session_unused_for_longest_makes_room() -> None:
    sessions = Sessions(at_most=2, idle_seconds=60)
    asyncio.run(visit(sessions, "PM1", "PM2", "PM1", "PM3"))
    assert [sessions.end(machine) for machine in ("PM1", "PM2", "PM3")] == [True, False, True]


def test_a_session_in_use_makes_no_room() -> None:
    async def use_both() -> None:
        sessions = Sessions(at_most=1, idle_seconds=60)
        async with sessions.use("PM1"):
            with pytest.raises(Exception, match="at most 1 machines") as refusal:
                await visit(sessions, "PM2")
            assert getattr(refusal.value, "status_code", None) == 503
        await visit(sessions, "PM2")

    asyncio.run(use_both())


def test_a_session_without_requests_is_dropped_in_time() -> None:
    now = [0.0]
    sessions = Sessions(at_most=9, idle_seconds=60, clock=lambda: now[0])
    asyncio.run(visit(sessions, "PM1"))
    now[0] = 50
    asyncio.run(visit(sessions, "PM2"))
    now[0] = 61
    sessions.drop_idle()
    assert [sessions.end(machine) for machine in ("PM1", "PM2")] == [False, True]


def test_a_session_keeps_so_many_rows_even_when_all_are_events() -> None:
    served, session = serve_small(), Session()
    table = small_table(0, 60).assign(y=1)
    for first in range(0, 60, 20):
        _, state = score_in_session(served, session, table.iloc[first : first + 20], rows_at_most=30)
        session.keep(state, "1", b"", b"")
    assert state.rows is not None
    assert len(state.rows) == 30


def test_a_long_answer_is_not_kept_for_a_request_that_is_sent_again() -> None:
    session, state = Session(), score_in_session(serve_small(), Session(), small_table(0, 6), 30)[1]
    session.keep(state, "1", b"same", b"x" * 300_000)
    assert session.find_answer(b"same") is None


def test_the_metrics_count_sessions_and_places() -> None:
    with open_client(make_service()) as client:
        for machine in ("PM1", "PM2"):
            client.post("/score", json={"rows": as_rows(small_table(0, 6)), "machine": machine})
        metrics = read_metrics(client)
    assert (metrics["forewarn_sessions"], metrics["forewarn_scoring_places_taken"]) == (2, 0)
