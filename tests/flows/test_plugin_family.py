"""A family that another package brings: trained, registered, scored and loaded like forewarn's own."""

import os
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InputError
from tasks.configuration.configure import configure
from tasks.evaluation.search import has_settings
from tasks.models.fit import load_model, save_model
from tasks.registry.loading import load_version, score_with_version
from tasks.registry.smoke_test import run_smoke_test
from tasks.tracking.fingerprint import identify_work
from tasks.tracking.store import find_tracking_uri
from tests.detectors import make_detector, open_test_store, register_quickly, simulated_table
from tests.plugins import write_package


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("site"))


@pytest.fixture
def _package(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(scope="module")
def version(home: Path, site: Path) -> str:
    """The address of the logged model of a registered version."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(site))
        client, experiment_id = open_test_store(home, "plugin")
        number = register_quickly(client, experiment_id, "plugin", family="largest")
        return str(client.get_model_version("plugin", number).source)


@pytest.mark.usefixtures("_package")
def test_its_version_scores(version: str) -> None:
    scored = score_with_version(version, simulated_table().tail(100))
    assert np.isfinite(scored["score"]).any()
    assert scored["threshold"].notna().all()


def test_its_version_loads_in_a_fresh_process(
    version: str, home: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    trial = run_smoke_test(find_tracking_uri(home), version.removeprefix("models:/"))
    assert trial.problem is None
    assert trial.largest_difference == 0


def test_its_version_asks_for_the_package_where_it_is_missing(version: str) -> None:
    with pytest.raises(InputError, match=r"unknown family 'largest': .*Install the package"):
        load_version(version)


def test_its_version_requires_the_release_that_trained_it(version: str) -> None:
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(version))
    assert "plant-families==1.2.0" in (folder / "requirements.txt").read_text().splitlines()


@pytest.mark.usefixtures("_package")
def test_it_joins_others(tmp_path: Path) -> None:
    _, joined = make_detector("join", model={"members": ["zscore", "largest"]})
    save_model(joined, "join", tmp_path / "model")
    assert list(vars(load_model(tmp_path / "model"))["members"]) == ["zscore", "largest"]


@pytest.mark.usefixtures("_package")
def test_without_a_search_space_one_trial_is_enough() -> None:
    assert not has_settings("largest")
    assert has_settings("logistic")


def test_another_release_of_the_package_is_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for release in ("1.2.0", "1.3.0"):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(write_package(tmp_path / release, release)))
            work = identify_work("a" * 64, configure(settings=["model.family=largest"]), tmp_path)
            keys.append(work.training_key)
    assert keys[0] != keys[1]
