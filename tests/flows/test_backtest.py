"""The backtest flow against a real server and store: folds forward in time, controls beside them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from flows.commands import run_command_line
from flows.fold import describe_table, prepare_once, run_fold, stamp_source
from schemas.backtest import FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.evaluation import CONTROLS
from schemas.presets import PUBLISHED_ENTRANT
from tasks.configuration.configure import configure
from tasks.evaluation.backtest.folds import find_folds
from tasks.tracking.store import find_tracking_uri
from tests.plant_tables import make_plant_table

pytestmark = pytest.mark.usefixtures("server")

SMALL = [
    "training.epochs=1",
    "model.members=[dense_autoencoder,logistic]",
    "model.units=[4,3]",
    "windows.lookback=2",
    "evaluation.bootstrap_samples=100",
    "evaluation.fold_starts=[0.6,0.8]",
    "evaluation.fold_test_fraction=0.2",
    "evaluation.fold_validation_fraction=0.25",
    "evaluation.seeds=1",
]


def order_for(path: Path, fold: int = 1, *more: str, seed: int = 0) -> FoldOrder:
    settings = configure(settings=[*SMALL, f"training.seed={seed}", *more])
    return FoldOrder(entrant="model", source=str(path), settings=settings, fold=fold, has_controls=True)


@pytest.fixture(scope="module")
def result(readings_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_published(patch)
        yield backtest(readings_file, tmp_path_factory.mktemp("backtest"), workers=1)


def shorten_published(patch: pytest.MonkeyPatch) -> None:
    """Let a small network and two epochs stand for the published one and two hundred."""
    patch.setitem(PUBLISHED_ENTRANT, "model", {**PUBLISHED_ENTRANT["model"], "units": [4, 3]})
    patch.setitem(PUBLISHED_ENTRANT, "training", {**PUBLISHED_ENTRANT["training"], "epochs": 2})


def backtest(readings_file: Path, folder: Path, *, workers: int) -> dict:
    out = folder / f"{workers}.json"
    names = ["tracking.experiment=backtest-tests", *SMALL]
    settings = [part for name in names for part in ("--set", name)]
    command = ["backtest", "--data", str(readings_file), "--json", str(out), "--workers", str(workers)]
    assert run_command_line([*command, *settings]) == 0
    return json.loads(out.read_text())


@pytest.mark.slow
def test_two_workers_come_to_the_same_result_as_one(
    readings_file: Path, result: dict, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        shorten_published(patch)
        other = backtest(readings_file, tmp_path, workers=2)
    names = {"folds", "mean", "pooled", "intervals", "controls", "entrants", "rates", "leak_check"}
    expected = {name: result[name] for name in names}
    # TensorFlow may have computed in this process before, with several threads, which round the last digits
    expected["folds"] = [
        fold | {"threshold": pytest.approx(fold["threshold"], rel=1e-6)} for fold in result["folds"]
    ]
    assert {name: other[name] for name in names} == expected


def test_the_result_has_what_the_contract_promises(result: dict) -> None:
    assert result.keys() >= {
        *("folds", "mean", "pooled", "intervals", "controls"),
        *("promised_false_alarms_per_day", "realised_false_alarms_per_day"),
    }
    assert result["controls"].keys() == set(CONTROLS)
    assert all({"metrics", "threshold"} <= fold.keys() for fold in result["folds"])


def test_later_folds_test_later_rows(result: dict) -> None:
    first, second = result["folds"]
    assert first["train_end"] < first["test_start"] < first["test_end"] < second["test_end"]
    assert second["train_end"] < second["test_start"]


def test_the_published_model_and_every_control_stand_beside_the_model(result: dict) -> None:
    assert set(result["entrants"]) == {"model", "published", *CONTROLS}


def test_every_fold_is_a_nested_run_with_its_figures(home: Path, result: dict) -> None:
    client = MlflowClient(find_tracking_uri(home))
    parent = client.get_run(result["run_id"])
    nested = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{result['run_id']}'"
    )
    assert sorted(run.info.run_name for run in nested) == ["fold 1", "fold 2"]
    assert all(run.info.status == "FINISHED" for run in nested)
    assert all(
        {"test_roc_auc", "published_roc_auc", "control_pca_roc_auc"} <= run.data.metrics.keys()
        for run in nested
    )
    assert parent.data.metrics["mean_roc_auc"] == result["mean"]["roc_auc"]


def test_report_plots_and_result_are_logged(home: Path, result: dict) -> None:
    client = MlflowClient(find_tracking_uri(home))
    assert {"plots", "report", "backtest.json", "configuration.yaml"} <= {
        item.path for item in client.list_artifacts(result["run_id"])
    }
    page = Path(result["report"]).read_text(encoding="utf-8")
    assert result["run_id"] in page
    assert result["data"]["sha256"] in page


@pytest.fixture(scope="module")
def first_fold(readings_file: Path) -> FoldScores:
    return run_fold(order_for(readings_file))


def test_a_fold_is_decided_by_its_order_alone(readings_file: Path, first_fold: FoldScores) -> None:
    run_fold(order_for(readings_file, 2, seed=5))
    again = run_fold(order_for(readings_file))
    np.testing.assert_array_equal(again.scores["model"], first_fold.scores["model"])
    np.testing.assert_array_equal(again.held["model"], first_fold.held["model"])


def test_rows_after_a_fold_change_nothing_in_it(
    readings_file: Path, first_fold: FoldScores, tmp_path: Path
) -> None:
    import pandas as pd

    table = pd.read_csv(readings_file)
    settings = Configuration.model_validate(order_for(readings_file).settings.model_dump())
    rows = prepare_once(readings_file, stamp_source(readings_file), describe_table(settings)).windows.rows
    stop = find_folds(rows, settings.evaluation)[0].test_stop
    changed = table.copy()
    # dropped event rows make positions in the file larger than those among the kept rows
    first_later = stop + int(table["y"].iloc[: stop + 200].sum()) + 5
    changed.loc[first_later:, [f"x{number}" for number in range(1, 20)]] += 50.0
    path = tmp_path / "changed.csv"
    changed.to_csv(path, index=False)
    other = run_fold(order_for(path))
    np.testing.assert_array_equal(other.scores["model"], first_fold.scores["model"])
    np.testing.assert_array_equal(other.held["model"], first_fold.held["model"])


def test_a_table_that_was_replaced_under_its_path_is_read_again(
    readings_file: Path, first_fold: FoldScores, tmp_path: Path
) -> None:
    import shutil

    import pandas as pd

    path = tmp_path / "readings.csv"
    shutil.copy(readings_file, path)
    prepare_once(path, stamp_source(path), describe_table(order_for(path).settings))
    table = pd.read_csv(path)
    table["x1"] *= np.linspace(1, 2, len(table))
    table.to_csv(path, index=False)
    assert not np.array_equal(run_fold(order_for(path)).scores["model"], first_fold.scores["model"])


def test_folds_that_do_not_fit_are_refused_before_anything_runs(
    readings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = "evaluation.fold_starts=[0.8,0.6]"
    assert run_command_line(["backtest", "--data", str(readings_file), "--set", setting]) == 2
    assert "`evaluation.fold_starts` must be strictly increasing" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["backtest", "compare"])
def test_a_table_without_events_is_refused_with_advice(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = tmp_path / "normal.csv"
    make_plant_table(rows=400, events=0).to_csv(path, index=False)
    assert run_command_line([command, "--data", str(path)]) == 2
    assert "needs events in the test of at least one fold" in capsys.readouterr().err
