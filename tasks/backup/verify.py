"""Verify the champions of a restored registry: load them from their new place, and compare golden scores."""

from __future__ import annotations

from collections.abc import Iterator

from mlflow import MlflowClient

from schemas.backup import ChampionCheck
from tasks.backup.relocate import SERVED
from tasks.registry.smoke_test import run_smoke_test
from tasks.registry.versions import find_champion


def verify_champions(uri: str) -> Iterator[ChampionCheck]:
    """Load the champion of every registered model in a fresh process and compare its golden scores.

    Args:
        uri: Tracking store.

    Yields:
        The result for each champion; that one cannot be loaded is a result too.
    """
    client = MlflowClient(tracking_uri=uri)
    for model in client.search_registered_models():
        champion = find_champion(client, model.name)
        if champion is not None:
            yield verify_version(uri, client, model.name, str(champion.version))


def verify_version(uri: str, client: MlflowClient, name: str, number: str) -> ChampionCheck:
    """Load a version in a fresh process and compare its golden scores.

    Args:
        uri: Tracking store.
        client: Client of the store.
        name: Registered model.
        number: The version.
    """
    source = client.get_model_version(name, number).source or ""
    if not source.startswith("models:/"):
        problem = f"its files are at {source}"
        return ChampionCheck(model_name=name, version=number, is_tried=False, problem=problem)
    model_id = source.removeprefix("models:/")
    place = client.get_logged_model(model_id).artifact_location
    if place.startswith(SERVED):
        problem = "its files are loaded through a server"
        return ChampionCheck(model_name=name, version=number, is_tried=False, problem=problem)
    trial = run_smoke_test(uri, model_id)
    undefined = f"{trial.undefined} golden scores are undefined" if trial.undefined else None
    return ChampionCheck(
        model_name=name,
        version=number,
        scores=trial.golden_scores or 0,
        largest_difference=trial.largest_difference,
        problem=trial.problem or undefined,
    )
