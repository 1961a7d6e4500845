"""A logged version tried out in a process that knows nothing of this one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from schemas.decision import Trial
from tasks.registry.register import GOLDEN_SCORE, log_detector
from tasks.registry.smoke_test import examine_version, measure_difference, run_smoke_test
from tasks.tracking.runs import end_run, start_run
from tasks.tracking.store import find_tracking_uri
from tests.detectors import make_detector, open_test_store, simulated_table

ROWS = 120


def log_version(home: Path) -> str:
    client, experiment_id = open_test_store(home, "try-out")
    run_id, _ = start_run(client, experiment_id, {})
    golden = simulated_table().tail(ROWS)
    model_id = log_detector(client, run_id, *make_detector(), "pca_t2", golden)
    end_run(client, run_id, "FINISHED")
    return model_id


@pytest.fixture(scope="module")
def model_id(home: Path) -> str:
    return log_version(home)


@pytest.fixture(scope="module")
def trial(home: Path, model_id: str) -> Trial:
    return run_smoke_test(find_tracking_uri(home), model_id)


def test_a_fresh_process_gives_the_golden_scores(trial: Trial) -> None:
    assert trial.problem is None
    assert (trial.format_version, trial.golden_rows, trial.undefined) == (2, ROWS, 0)
    assert trial.golden_scores > 0
    assert trial.largest_difference == 0


def test_a_fresh_process_measures_time_and_size(trial: Trial) -> None:
    assert trial.seconds_per_thousand_rows is not None
    assert trial.seconds_per_thousand_rows > 0
    assert trial.megabytes is not None
    assert 0.01 < trial.megabytes < 50


def test_a_fresh_process_spoils_the_readings(trial: Trial) -> None:
    assert [(each.name, each.undefined) for each in trial.behaviours] == [("dead sensor", 0), ("spike", 0)]
    assert all(each.value is not None and each.value > 0.5 for each in trial.behaviours)


def find_files(home: Path, model_id: str) -> Path:
    location = MlflowClient(find_tracking_uri(home)).get_logged_model(model_id).artifact_location
    return Path(location.removeprefix("file://"))


def test_a_score_that_is_not_the_golden_one_is_seen(home: Path) -> None:
    changed = log_version(home)
    path = find_files(home, changed) / "artifacts" / "golden.parquet"
    golden = pd.read_parquet(path)
    golden[GOLDEN_SCORE] *= 1.01
    golden.to_parquet(path)
    found = examine_version(find_tracking_uri(home), changed)
    assert found.largest_difference == pytest.approx(0.01 / 1.01)


def test_a_version_that_cannot_be_loaded_is_a_problem_and_not_an_error(home: Path) -> None:
    broken = log_version(home)
    (find_files(home, broken) / "artifacts" / "fitted" / "pca.json").write_text("{}", encoding="utf-8")
    found = run_smoke_test(find_tracking_uri(home), broken)
    assert found.problem is not None
    assert "KeyError" in found.problem


def test_differences_are_relative_and_of_finite_scores_alone() -> None:
    expected = pd.Series([1.0, float("nan"), 100.0]).to_numpy()
    given = pd.Series([1.0, 5.0, 101.0]).to_numpy()
    assert measure_difference(expected, given) == pytest.approx(0.01)
