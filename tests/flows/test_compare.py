"""The compare flow: families searched on past folds, judged on the last, the same anywhere it runs."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.commands import run_command_line
from tasks.tracking.store import find_tracking_uri
from tests.flows.test_backtest import SMALL

pytestmark = pytest.mark.usefixtures("server")

FAMILIES = "pca_t2,logistic,dense_autoencoder"


def compare_on(
    data: Path, out: Path, experiment: str, *more: str, families: str = FAMILIES, trials: int = 2
) -> dict:
    settings = [part for name in [f"tracking.experiment={experiment}", *SMALL] for part in ("--set", name)]
    command = ["compare", "--data", str(data), "--families", families, "--trials", str(trials)]
    where = more or ("--workers", "1")
    assert run_command_line([*command, "--json", str(out), *settings, *where]) == 0
    return json.loads(out.read_text())


def figures_of(result: dict) -> list[tuple]:
    return [
        (row["family"], row["past_roc_auc"], row["changes"], row["metrics"]) for row in result["leaderboard"]
    ]


@pytest.fixture(scope="module")
def result(readings_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return compare_on(readings_file, tmp_path_factory.mktemp("compare") / "compare.json", "compare-tests")


def test_the_leaderboard_is_in_the_order_of_past_folds_with_controls_below(result: dict) -> None:
    areas = [row["past_roc_auc"] for row in result["leaderboard"]]
    searched = [area for area in areas if area is not None]
    assert searched == sorted(searched, reverse=True)
    assert areas[: len(searched)] == searched
    assert {row["family"] for row in result["leaderboard"]} == {
        *FAMILIES.split(","),
        "random",
        "zscore",
        "pca",
        "pca_raw",
    }
    assert result["chosen"] == result["leaderboard"][0]["family"]


def test_every_family_had_its_trials(result: dict) -> None:
    trials = {row["family"]: row["trials"] for row in result["leaderboard"] if row["past_roc_auc"]}
    assert trials == dict.fromkeys(FAMILIES.split(","), 2)


def test_trials_and_families_are_nested_runs_of_one_parent(home: Path, result: dict) -> None:
    client = MlflowClient(find_tracking_uri(home))
    parent = client.get_run(result["run_id"])
    nested = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{result['run_id']}'"
    )
    names = [run.info.run_name for run in nested]
    assert sum(name.endswith("(best)") for name in names) == 7
    assert len(names) == 7 + 6
    assert all(run.info.status == "FINISHED" for run in nested)
    artifacts = {item.path for item in client.list_artifacts(result["run_id"])}
    assert {"leaderboard.json", "comparison.json", "chosen.yaml"} <= artifacts


def test_the_chosen_settings_are_a_configuration(home: Path, result: dict, tmp_path: Path) -> None:
    from tasks.configuration.configure import configure

    client = MlflowClient(find_tracking_uri(home))
    path = client.download_artifacts(result["run_id"], "chosen.yaml", str(tmp_path))
    assert configure(file=Path(path)).model.family == result["chosen"]


def test_a_search_that_was_done_is_not_done_again(
    readings_file: Path, result: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    again = compare_on(readings_file, tmp_path / "again.json", "compare-tests")
    assert figures_of(again) == figures_of(result)
    said = capsys.readouterr().err
    assert "\ntrial" not in said
    assert "\nfold" not in said


def test_a_search_that_is_taken_up_again_ends_like_one_that_was_not_interrupted(
    readings_file: Path, tmp_path: Path
) -> None:
    whole = compare_on(readings_file, tmp_path / "a.json", "whole", families="logistic", trials=4)
    compare_on(readings_file, tmp_path / "b.json", "pieces", families="logistic", trials=1)
    pieces = compare_on(readings_file, tmp_path / "c.json", "pieces", families="logistic", trials=4)
    assert figures_of(pieces) == figures_of(whole)


@pytest.mark.parametrize("families", ["pca_t3", "pca_t2,pca_t2", ","])
def test_other_families_are_refused(
    families: str, readings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["compare", "--data", str(readings_file), "--families", families]) == 2
    assert "`--families` must name distinct families" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_reported(
    readings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = ["--dask-address", "tcp://127.0.0.1:9"]
    command = ["compare", "--data", str(readings_file), "--families", "pca_t2"]
    assert run_command_line([*command, *nobody]) == 4
    assert "must name a running Dask scheduler" in capsys.readouterr().err


def test_two_workers_come_to_the_same_results_as_one(readings_file: Path, tmp_path: Path) -> None:
    families = "pca_t2,zscore"
    one = compare_on(readings_file, tmp_path / "one.json", "one-worker", "--workers", "1", families=families)
    two = compare_on(readings_file, tmp_path / "two.json", "two-workers", "--workers", "2", families=families)
    assert figures_of(two) == figures_of(one)


@pytest.mark.slow
def test_a_dask_cluster_comes_to_the_same_results(
    readings_file: Path, tmp_path: Path, dask_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = compare_on(readings_file, tmp_path / "here.json", "dask-here")
    there = compare_on(readings_file, tmp_path / "there.json", "dask-there", "--dask-address", dask_cluster)
    assert figures_of(there) == figures_of(here)
