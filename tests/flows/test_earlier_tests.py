"""Which tests of earlier versions count, in a real registry."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from schemas.alarm_record import ALARM_RECORD_FILE, KIND_TAG, AlarmRecord
from schemas.configuration import EvaluationSection
from tasks.evaluation.alarm_record import record_alarms
from tasks.registry.earlier_tests import find_earlier_tests
from tests.builders import labelled_with, part_of
from tests.detectors import open_test_store

DAY = 24 * 60 * 60 * 10**9
_numbers = count()


@pytest.fixture(scope="module")
def store(home: Path) -> tuple[MlflowClient, str]:
    return open_test_store(home, "earlier-tests")


@pytest.fixture
def name(store: tuple[MlflowClient, str]) -> str:
    name = f"earlier-{next(_numbers)}"
    store[0].create_registered_model(name)
    return name


def record_on(day: int) -> AlarmRecord:
    """The record of a test of two runs of rows, each with an event, on a day."""
    labelled = labelled_with(rows=22, events=[10, 21])
    scores = np.isin(np.arange(len(labelled.labels)), [9]).astype(np.float64)
    record = record_alarms(
        {"model": scores}, np.ones(len(scores)), part_of(labelled), labelled, 5.0, EvaluationSection()
    )
    times = {
        key: tuple(time + day * DAY for time in getattr(record, key)) for key in ("first_times", "last_times")
    }
    return record.model_copy(update=times)


def register(store: tuple[MlflowClient, str], name: str, day: int | None, **tags: str) -> None:
    """Register a version whose run has the record of a day, or none."""
    client, experiment_id = store
    run_id = client.create_run(experiment_id).info.run_id
    if day is not None:
        client.log_text(run_id, record_on(day).model_dump_json(), ALARM_RECORD_FILE)
    client.create_model_version(name, "file:///nowhere", run_id=run_id, tags={KIND_TAG: "a", **tags})


def find_days(store: tuple[MlflowClient, str], name: str, days: float = 365) -> list[int]:
    """Find the days of the tests that count for a version tested on day 10, the newest first."""
    start = record_on(0).first_times[0]
    found = find_earlier_tests(store[0], name, "a", record_on(10), days)
    return [(record.first_times[0] - start) // DAY for record in found]


def test_earlier_tests_of_the_same_kind_are_found_the_newest_first(
    store: tuple[MlflowClient, str], name: str
) -> None:
    register(store, name, 1)
    register(store, name, 4)
    register(store, name, 5, kind="b")
    assert find_days(store, name) == [4, 1]


def test_a_model_without_versions_has_no_earlier_tests(store: tuple[MlflowClient, str]) -> None:
    assert find_days(store, "nothing-yet") == []


def test_rows_count_once_and_only_before_the_own_test(store: tuple[MlflowClient, str], name: str) -> None:
    for day in (4, 4, 10, 12):
        register(store, name, day)
    assert find_days(store, name) == [4]


def test_tests_of_long_ago_do_not_count(store: tuple[MlflowClient, str], name: str) -> None:
    for day in (1, 7):
        register(store, name, day)
    assert find_days(store, name, days=5) == [7]
    assert find_days(store, name, days=0) == []


def test_versions_in_quarantine_leaky_ones_and_those_without_a_record_do_not_count(
    store: tuple[MlflowClient, str], name: str
) -> None:
    register(store, name, 1, quarantine="broken sensor")
    register(store, name, 2, leaky_split="true")
    register(store, name, None)
    register(store, name, 3, leaky_split="false")
    assert find_days(store, name) == [3]
