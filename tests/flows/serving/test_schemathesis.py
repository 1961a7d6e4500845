"""Whatever the description allows, and much that it does not, is answered without a defect."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from flows.serving.model import ServedVersion
from tests.detectors import open_test_store, register_detector
from tests.flows.serving.services import make_service, open_client, tiny_detector
from tests.flows.serving.test_server import start_command

FEW = 30
# requests of the slow test; 10,000 take a quarter of an hour
MANY = int(os.environ.get("FOREWARN_GENERATED_REQUESTS", "1500"))
# of every so many requests that scores get, other routes and the warming-up come on top
_SCORED_SHARE = 0.45
NAME = "generated"
# allocators keep some of what they had; a leak of a request's rows would be ten times as much
MEGABYTES_MORE_AT_MOST = 60


def send_generated(schema: Any, examples: int) -> Counter[int]:
    """Send generated requests to every route, as described and, where there is input, deliberately not so.

    Args:
        schema: The description, with the service behind it.
        examples: Requests of each kind that scores get; other routes get a tenth.

    Returns:
        Requests by the status of their answer.
    """
    statuses: Counter[int] = Counter()
    for described in schema.get_all_operations():
        operation = described.ok()
        count = examples if operation.path == "/score" else examples // 10
        send_to_route(operation, GenerationMode.POSITIVE, count, statuses)
        if operation.body or operation.path_parameters:
            send_to_route(operation, GenerationMode.NEGATIVE, count, statuses)
    return statuses


def send_to_route(operation: Any, mode: GenerationMode, examples: int, statuses: Counter[int]) -> None:
    """Send generated requests to one route."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        answer = case.call()
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=[not_a_server_error])

    send()


def test_some_generated_requests_meet_no_defect() -> None:
    served = ServedVersion("forewarn", "1", datetime.now(UTC), *tiny_detector())
    with open_client(make_service(served)) as client:
        schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
        statuses = send_generated(schema, FEW)
    assert statuses[200] > 0
    assert statuses[422] > 0
    assert all(status < 500 for status in statuses)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_many_generated_requests_leave_neither_defects_nor_memory(home: Path, tmp_path: Path) -> None:
    client, experiment_id = open_test_store(home, "serving-tests")
    version = register_detector(client, experiment_id, NAME, *tiny_detector())
    client.set_registered_model_alias(NAME, "champion", version)
    quiet = ("--set", "serving.access_log=none")
    with start_command(home, tmp_path, NAME, *quiet) as (_, url):
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        examples = round(MANY * _SCORED_SHARE)
        warm = sum(send_generated(schema, examples // 10).values())
        before = read_megabytes(url)
        statuses = send_generated(schema, examples)
        after = read_megabytes(url)
    print(f"{sum(statuses.values())} requests {dict(statuses)}, {before:.0f} MB before, {after:.0f} MB after")
    assert warm + sum(statuses.values()) >= MANY
    assert all(status < 500 for status in statuses)
    assert after < before + MEGABYTES_MORE_AT_MOST


def read_megabytes(url: str) -> float:
    lines = httpx2.get(f"{url}/metrics").text.splitlines()
    found = next(line for line in lines if line.startswith("process_resident_memory_bytes"))
    return float(found.split()[1]) / 1e6
