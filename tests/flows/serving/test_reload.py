"""The alias moves and the service follows; what goes wrong with it stops nothing."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from flows.serving import model as model_module
from flows.serving.metrics import Metrics
from flows.serving.model import ModelHolder, ServedVersion, find_version, load_served_version, parse_source
from flows.serving.sessions import Session, carry_over, score_in_session
from schemas.errors import InputError
from tasks.scoring.score import score_readings
from tests.detectors import open_test_store, register_detector
from tests.flows.serving.services import (
    as_rows,
    make_service,
    open_client,
    read_metrics,
    serve_small,
    small_detector,
    small_table,
)

NAME = "served"
SOURCE = parse_source(f"models:/{NAME}@champion")


@pytest.fixture(scope="module")
def registry(home: Path) -> MlflowClient:
    """A registry with two versions, the first of which is champion."""
    client, experiment_id = open_test_store(home, "serving-tests")
    for family in ("pca_t2", "zscore"):
        register_detector(client, experiment_id, NAME, *small_detector(family), family)
    return client


def move(client: MlflowClient, version: str) -> None:
    client.set_registered_model_alias(NAME, "champion", version)


def hold_first(client: MlflowClient, metrics: Metrics | None = None) -> ModelHolder:
    move(client, "1")
    holder = ModelHolder(SOURCE, client, metrics.count_reload if metrics else lambda _: None)
    holder.load_first()
    return holder


def version_of(holder: ModelHolder) -> str:
    assert holder.served is not None
    return holder.served.version


def test_a_loaded_version_scores_as_the_detector_that_was_registered(registry: MlflowClient) -> None:
    served, table = load_served_version(SOURCE, "2"), small_table(0, 60)
    loaded, made = (
        score_readings(served.detector, served.model, table),
        score_readings(*small_detector("zscore"), table),
    )
    assert loaded.equals(made)


def test_when_the_alias_moves_the_next_look_swaps_the_version(registry: MlflowClient) -> None:
    holder = hold_first(registry)
    holder.look_again()
    assert version_of(holder) == "1"
    move(registry, "2")
    holder.look_again()
    assert version_of(holder) == "2"


def test_a_version_that_is_loaded_leaves_the_module_path_as_it_was(registry: MlflowClient) -> None:
    before = list(sys.path)
    load_served_version(SOURCE, "1")
    assert sys.path == before


def test_a_version_is_warmed_up_before_it_serves(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []

    def note(detector: Any, model: Any, table: Any) -> Any:
        scored.append(int(score_readings(detector, model, table)["score"].notna().sum()))

    monkeypatch.setattr(model_module, "score_readings", note)
    load_served_version(SOURCE, "1")
    assert scored[0] > 0


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_and_is_tried_ever_more_rarely(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, tries = hold_first(registry), []

    def fail(source: Any, version: str) -> ServedVersion:
        tries.append(version)
        raise RuntimeError("network.keras is broken")

    monkeypatch.setattr(model_module, "load_served_version", fail)
    move(registry, "2")
    tries_after = []
    for _ in range(12):
        holder.look_again()
        tries_after.append(len(tries))
    assert tries_after == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]
    assert version_of(holder) == "1"
    assert holder.problem == "Version 2 could not be loaded: RuntimeError: network.keras is broken"
    monkeypatch.undo()
    for _ in range(8):
        holder.look_again()
    assert (version_of(holder), holder.problem) == ("2", None)


def test_another_version_is_tried_at_once_after_one_that_could_not_be_loaded(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = hold_first(registry)
    with monkeypatch.context() as patch:
        patch.setattr(model_module, "load_served_version", lambda *_: 1 / 0)
        move(registry, "2")
        holder.look_again()
    move(registry, "1")
    holder.look_again()
    assert holder.problem is None
    move(registry, "2")
    holder.look_again()
    assert version_of(holder) == "2"


def test_a_registry_that_does_not_answer_stops_nothing(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = hold_first(registry)

    def fail(name: str, alias: str) -> None:
        raise ConnectionError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "get_model_version_by_alias", fail)
        holder.look_again()
    assert version_of(holder) == "1"
    assert holder.problem == "The registry could not be read: ConnectionError: connection refused"
    holder.look_again()
    assert holder.problem is None


def test_an_alias_that_is_taken_away_leaves_the_version(registry: MlflowClient) -> None:
    holder = hold_first(registry)
    registry.delete_registered_model_alias(NAME, "champion")
    holder.look_again()
    assert version_of(holder) == "1"
    assert holder.problem is not None
    assert "must point to a version" in holder.problem


def test_the_service_tells_of_reloads_and_of_those_that_failed(
    registry: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service()
    service.holder = holder = hold_first(registry, service.metrics)
    with open_client(service) as client:
        move(registry, "2")
        with monkeypatch.context() as patch:
            patch.setattr(model_module, "load_served_version", lambda *_: 1 / 0)
            holder.look_again()
        assert "division by zero" in client.get("/model").json()["reload_problem"]
        for _ in range(2):
            holder.look_again()
        answer = client.post("/score", json={"rows": as_rows(small_table(0, 6))}).json()
        metrics = read_metrics(client)
        assert client.get("/model").json()["reload_problem"] is None
    assert answer["version"] == "2"
    assert metrics['forewarn_reloads_total{result="ok"}'] == 1
    assert metrics['forewarn_reloads_total{result="failed"}'] == 1
    assert metrics['forewarn_model_info{model="served",version="2"}'] == 1
    assert 'forewarn_model_info{model="served",version="1"}' not in metrics


def test_a_followed_alias_is_looked_at_until_told_to_stop(registry: MlflowClient) -> None:
    holder, stopping = hold_first(registry), threading.Event()
    thread = threading.Thread(target=holder.follow, args=(stopping, 0.01))
    thread.start()
    move(registry, "2")
    for _ in range(1_000):
        if version_of(holder) == "2":
            break
        stopping.wait(0.02)
    stopping.set()
    thread.join(30)
    assert version_of(holder) == "2"


def test_a_fixed_version_is_not_followed(registry: MlflowClient) -> None:
    holder = ModelHolder(parse_source(f"models:/{NAME}/1"), registry)
    holder.load_first()
    move(registry, "2")
    holder.follow(threading.Event(), 0.01)
    assert version_of(holder) == "1"


def test_where_there_is_no_champion_it_is_said_what_to_do(registry: MlflowClient) -> None:
    with pytest.raises(InputError, match=r"Train one by `forewarn retrain`"):
        find_version(registry, parse_source("models:/unheard-of@champion"))


@pytest.mark.parametrize(
    "uri", ["forewarn", "models:/forewarn", "models:/m-1/x", "runs:/1/model", "models:/a@"]
)
def test_a_model_of_another_form_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="must be models:/NAME@ALIAS"):
        parse_source(uri)


def test_a_session_survives_a_reload_with_its_rows_and_the_new_threshold() -> None:
    old, new, session = serve_small("1"), serve_small("2", "zscore"), Session()
    _, state = score_in_session(old, session, small_table(0, 40), 10_000)
    session.keep(state, "1", b"", b"")
    carried = carry_over(new, session)
    assert carried.threshold == new.detector.threshold
    scored, _ = score_in_session(new, session, small_table(40, 41), 10_000)
    whole = score_readings(new.detector, new.model, small_table(0, 41))
    assert scored["score"].tolist() == whole["score"].iloc[40:].tolist()


def test_rows_that_the_new_version_cannot_read_are_forgotten() -> None:
    old, session = serve_small("1"), Session()
    _, state = score_in_session(old, session, small_table(0, 40), 10_000)
    session.keep(state, "1", b"", b"")
    wider = old.detector.model_copy(update={"sensors": (*old.detector.sensors, "x10", "x11")})
    new = ServedVersion("forewarn", "2", old.loaded_at, wider, old.model)
    assert carry_over(new, session).rows is None


def test_a_request_in_flight_ends_with_the_version_that_it_began_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.serving import service as service_module

    service = make_service(serve_small("1"))

    def swap_and_score(*arguments: Any) -> Any:
        service.holder.served = serve_small("2")
        return score_readings(*arguments)

    with open_client(service) as client:
        monkeypatch.setattr(service_module, "score_readings", swap_and_score)
        versions = [
            client.post("/score", json={"rows": as_rows(small_table(0, 6))}).json()["version"]
            for _ in range(2)
        ]
    assert versions == ["1", "2"]
