"""The forms: a person's word moves the aliases, and the history says so."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.promote import promote, rollback
from schemas.errors import InputError
from tests.detectors import open_test_store, register_quickly

MODEL = "forms"


@pytest.fixture(scope="module")
def client(home: Path, server: None) -> MlflowClient:
    client, experiment_id = open_test_store(home, "forms")
    register_quickly(client, experiment_id, MODEL)
    register_quickly(client, experiment_id, MODEL, family="zscore")
    return client


def test_the_form_moves_the_alias_and_rollback_moves_it_back(client: MlflowClient) -> None:
    promote(1, "first", MODEL)
    outcome = promote(2, "quieter at night", MODEL)
    assert outcome.move is not None
    assert outcome.move.why == "quieter at night"
    assert "Prefect run" in outcome.move.who
    assert outcome.standing.champion == "2"
    assert rollback("false alarms", model_name=MODEL).standing.champion == "1"


def test_a_missing_version_fails_the_run_with_the_message(client: MlflowClient) -> None:
    with pytest.raises(InputError, match="Version 99 does not exist"):
        promote(99, "try", MODEL)
