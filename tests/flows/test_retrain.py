"""The retrain flow against a real embedded Prefect server and a real tracking store."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client

from benchmarks.flow import without_artifacts
from flows.commands import run_command_line
from flows.retrain import retrain
from schemas.configuration import Configuration
from schemas.errors import BusyError, InputError
from schemas.evaluation import Metrics
from schemas.explanation import DRIVERS_TEXT, ExplainedAlarms
from schemas.results import RetrainResult
from tasks.configuration.configure import configure
from tasks.registry.loading import score_with_version
from tasks.registry.versions import find_alias
from tasks.tracking.locks import lock_retraining
from tasks.tracking.store import find_tracking_uri, open_store

pytestmark = pytest.mark.usefixtures("server")

SETTINGS = [
    "training.epochs=3",
    "model.units=[8,4]",
    "windows.lookback=2",
    "evaluation.bootstrap_samples=100",
    "promotion.minimum_test_events=1",
]
RESULT_KEYS = {
    *("run_id", "experiment", "tracking_uri", "model_name", "model_version", "decision", "reasons", "report"),
    *("parameters", "epochs", "threshold", "threshold_rule", "data", "metrics", "controls", "seconds"),
}
VERSION_TAGS = {
    "decision",
    "decision_reasons",
    "decided_at",
    "data_sha256",
    "code_version",
    "train_end",
    "threshold_end",
    "rows_ahead",
}
SCORE_IN_FRESH_PROCESS = """
import sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
model.predict(pd.read_csv(sys.argv[3])).to_csv(sys.argv[4], index=False)
"""


def settings_for(name: str, *more: str) -> Configuration:
    names = [f"tracking.model_name={name}", f"tracking.experiment={name}"]
    return configure(settings=[*SETTINGS, *names, *more])


def client_of(home: Path) -> MlflowClient:
    return MlflowClient(find_tracking_uri(home))


def statuses(home: Path, experiment: str) -> list[str]:
    client, experiment_id = open_store(find_tracking_uri(home), experiment, home)
    return [run.info.status for run in client.search_runs([experiment_id])]


def versions(home: Path, name: str) -> list[str]:
    return [str(version.version) for version in client_of(home).search_model_versions(f"name='{name}'")]


def alias_of(home: Path, name: str, alias: str) -> str | None:
    version = find_alias(client_of(home), name, alias)
    return None if version is None else str(version.version)


@pytest.fixture(scope="module")
def result_file(readings_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes, alone in its folder."""
    out = tmp_path_factory.mktemp("result") / "out.json"
    names = [*SETTINGS, "tracking.model_name=first", "tracking.experiment=first"]
    flags = [part for name in names for part in ("--set", name)]
    assert run_command_line(["retrain", "--data", str(readings_file), "--json", str(out), *flags]) == 0
    return out


@pytest.fixture(scope="module")
def result(result_file: Path) -> RetrainResult:
    return RetrainResult.model_validate_json(result_file.read_bytes())


def test_the_command_writes_the_promised_result(result_file: Path) -> None:
    result = json.loads(result_file.read_text())
    assert result.keys() >= RESULT_KEYS
    assert result["data"].keys() >= {"sha256", "rows", "events", "segments", "windows", "findings"}
    stages = {"load", "prepare", "train", "evaluate", "log"}
    assert result["seconds"].keys() == stages | {"register", "total"}
    assert result["seconds"]["total"] >= sum(result["seconds"][stage] for stage in stages)
    assert list(result_file.parent.iterdir()) == [result_file]


def test_a_finished_retraining_leaves_one_finished_run_and_one_version(
    home: Path, result: RetrainResult
) -> None:
    assert statuses(home, "first") == ["FINISHED"]
    assert versions(home, "first") == [result.model_version]
    assert result.model_version == "1"


def test_the_run_has_every_setting_as_a_parameter(home: Path, result: RetrainResult) -> None:
    params = client_of(home).get_run(result.run_id).data.params
    assert params["training.epochs"] == "3"
    assert params["model.units"] == "8,4"
    assert params["readings.separator"] == "auto"


def test_the_logged_configuration_repeats_the_run(home: Path, result: RetrainResult, tmp_path: Path) -> None:
    path = client_of(home).download_artifacts(result.run_id, "configuration.yaml", str(tmp_path))
    assert configure(file=Path(path)) == settings_for("first")


def test_the_run_has_the_metrics_of_the_contract(home: Path, result: RetrainResult) -> None:
    metrics = client_of(home).get_run(result.run_id).data.metrics
    for name in ("roc_auc", "average_precision", "event_recall", "false_alarms_per_day"):
        for prefix in ("train", "validation", "test", "control_random", "control_zscore", "control_pca"):
            assert f"{prefix}_{name}" in metrics
    assert metrics["test_roc_auc"] == result.metrics.roc_auc


def test_the_loss_is_logged_epoch_by_epoch(home: Path, result: RetrainResult) -> None:
    history = client_of(home).get_metric_history(result.run_id, "validation_loss")
    assert [point.step for point in history] == [0, 1, 2]


def test_the_tables_are_logged_as_datasets_with_their_hash(home: Path, result: RetrainResult) -> None:
    inputs = client_of(home).get_run(result.run_id).inputs.dataset_inputs
    assert [item.dataset.name for item in inputs] == ["train", "validation", "test"]
    assert len({item.dataset.digest for item in inputs}) == 3


def test_plots_report_and_evidence_are_among_the_artifacts(home: Path, result: RetrainResult) -> None:
    client = client_of(home)
    plots = {Path(item.path).stem for item in client.list_artifacts(result.run_id, "plots")}
    of_scores = {"loss", "precision_recall", "roc", "errors_over_time", "confusion_matrix"}
    assert plots == of_scores | {"latest_alarm"}
    top = {item.path for item in client.list_artifacts(result.run_id)}
    assert {"configuration.yaml", "evidence.json", "scaler.json", "model", "report"} <= top
    assert result.run_id in Path(result.report).read_text(encoding="utf-8")


def test_the_version_has_the_tags_of_the_contract(home: Path, result: RetrainResult) -> None:
    version = client_of(home).get_model_version("first", result.model_version)
    assert version.tags.keys() >= VERSION_TAGS
    assert version.tags["data_sha256"] == result.data.sha256
    assert version.tags["train_end"] < version.tags["threshold_end"]


def test_prefect_shows_the_steps_by_their_names(result: RetrainResult) -> None:
    with get_client(sync_client=True) as client:
        names = {run.name.rsplit("-", 1)[0] for run in client.read_task_runs(limit=200)}
    sentence = {
        "schema check",
        "curve shift",
        "features",
        "temporalize",
        "split",
        "scale",
        "train",
        "threshold",
        "evaluate",
    }
    assert names >= sentence


def test_prefect_shows_summary_and_metrics_as_artifacts(result: RetrainResult) -> None:
    with get_client(sync_client=True) as client:
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert keys >= {"retrain-summary", "retrain-metrics"}


def test_every_metric_of_the_model_stands_beside_every_control(result: RetrainResult) -> None:
    assert set(result.controls) == {"random", "zscore", "pca", "pca_raw"}
    assert all(set(control.model_dump()) == set(Metrics.model_fields) for control in result.controls.values())


def test_the_registered_version_scores_in_a_fresh_process_without_pickles(
    home: Path, result: RetrainResult, readings_file: Path, tmp_path: Path
) -> None:
    scored = tmp_path / "scores.csv"
    arguments = [
        find_tracking_uri(home),
        f"models:/first/{result.model_version}",
        str(readings_file),
        str(scored),
    ]
    subprocess.run(
        [sys.executable, "-c", SCORE_IN_FRESH_PROCESS, *arguments],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )
    table = pd.read_csv(scored)
    columns = ["time", "score", "threshold", "alarm", "top_sensors", "drivers", "missing_sensors"]
    assert list(table.columns) == columns
    assert len(table) == result.data.rows
    windows = sum(result.data.windows[part] for part in ("train", "validation", "test"))
    assert table["score"].notna().sum() >= windows
    assert (table["alarm"] == (table["score"] >= table["threshold"])).all()
    assert table.loc[table["alarm"], "top_sensors"].str.contains("=").all()


def test_the_run_explains_the_alarms_of_the_test_as_the_version_does(
    home: Path, result: RetrainResult, readings_file: Path, tmp_path: Path
) -> None:
    path = client_of(home).download_artifacts(result.run_id, "alarms.json", str(tmp_path))
    explained = ExplainedAlarms.model_validate_json(Path(path).read_bytes())
    assert explained.total == result.parts["test"].flagged > 0
    table = pd.read_csv(readings_file)
    mlflow.set_tracking_uri(find_tracking_uri(home))
    scored = score_with_version(f"models:/first/{result.model_version}", table)
    drivers = scored.set_index("time")["drivers"]
    for alarm in explained.alarms:
        assert DRIVERS_TEXT.validate_json(drivers[alarm.time]) == alarm.drivers


def test_the_version_holds_no_pickle(home: Path, result: RetrainResult, tmp_path: Path) -> None:
    version = client_of(home).get_model_version("first", result.model_version)
    folder = (
        client_of(home)
        .get_logged_model(version.source.removeprefix("models:/"))
        .artifact_location.removeprefix("file://")
    )
    suffixes = {path.suffix for path in Path(folder).rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".joblib", ".cloudpickle"}


@pytest.fixture(scope="module")
def repeated(readings_file: Path, result: RetrainResult) -> RetrainResult:
    return retrain(readings_file, settings_for("first"), force=True)


def test_the_same_seed_gives_the_same_numbers(result: RetrainResult, repeated: RetrainResult) -> None:
    assert repeated.metrics == result.metrics
    assert repeated.threshold == result.threshold
    assert repeated.controls == result.controls


@pytest.mark.slow
def test_the_plain_functions_of_the_benchmark_come_to_the_same_numbers(
    result: RetrainResult, readings_file: Path
) -> None:
    with without_artifacts():
        plain = retrain.fn(readings_file, settings_for("plain"))
    assert plain.metrics == result.metrics
    assert plain.controls == result.controls


def test_the_second_version_is_judged_beside_the_champion(
    result: RetrainResult, repeated: RetrainResult
) -> None:
    if result.decision != "PROMOTE":
        pytest.fail("the first version of this table must pass the floors, or the test shows nothing")
    assert repeated.champion is not None
    assert repeated.champion.version == result.model_version
    compared = {each.metric: each for each in repeated.champion.comparisons}
    assert {"average_precision", "event_recall"} <= set(compared)
    assert all(each.value == each.other_value for each in compared.values())


def test_an_equal_challenger_becomes_champion_and_the_old_one_previous(
    home: Path, result: RetrainResult, repeated: RetrainResult
) -> None:
    assert repeated.decision == "PROMOTE"
    assert alias_of(home, "first", "champion") == repeated.model_version
    assert alias_of(home, "first", "previous") == result.model_version


def test_finished_work_is_found_and_nothing_is_done(
    home: Path, readings_file: Path, result: RetrainResult, repeated: RetrainResult
) -> None:
    before = versions(home, "first"), statuses(home, "first")
    found = retrain(readings_file, settings_for("first"))
    assert found.is_found
    assert found.run_id in {result.run_id, repeated.run_id}
    assert found.metrics == result.metrics
    assert (versions(home, "first"), statuses(home, "first")) == before


def test_another_threshold_takes_the_training_from_the_cache(
    readings_file: Path, result: RetrainResult, repeated: RetrainResult
) -> None:
    other = retrain(readings_file, settings_for("first", "threshold.rule=quantile"))
    assert other.threshold_rule == "quantile"
    assert other.metrics.roc_auc == result.metrics.roc_auc
    assert other.epochs == result.epochs
    with get_client(sync_client=True) as client:
        trainings = [run for run in client.read_task_runs(limit=200) if run.name.startswith("train-")]
    assert [run.state_name for run in trainings].count("Cached") == 1


def test_a_run_that_was_stopped_after_its_promotion_is_ended_and_not_judged_against_itself(
    home: Path, readings_file: Path
) -> None:
    settings = settings_for("promoted", "model.family=logistic")
    first = retrain(readings_file, settings)
    client = client_of(home)
    client.update_run(first.run_id, status="RUNNING")
    client.set_tag(first.run_id, "forewarn.process_started", "0")
    before = client.get_registered_model("promoted").aliases
    again = retrain(readings_file, settings)
    assert again.is_resumed
    assert (again.run_id, again.model_version) == (first.run_id, first.model_version)
    assert (again.decision, again.reasons) == (first.decision, first.reasons)
    assert client.get_registered_model("promoted").aliases == before
    assert before
    assert (statuses(home, "promoted"), versions(home, "promoted")) == (["FINISHED"], [first.model_version])


def test_a_model_that_is_being_retrained_is_not_retrained_by_a_second_one(
    home: Path, readings_file: Path
) -> None:
    with (
        lock_retraining(find_tracking_uri(home), "busy"),
        pytest.raises(BusyError, match=f"Retraining 'busy' is limited to one.*process {os.getpid()} on"),
    ):
        retrain(readings_file, settings_for("busy"))


def test_bad_readings_leave_no_run(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time,y,x1\n5/31/99 0:00,0,1.5\n5/31/99 0:02,0,open\n", encoding="utf-8")
    with pytest.raises(InputError, match="x1: text where a number is expected"):
        retrain(path, settings_for("bad-readings"))
    assert client_of(home).get_experiment_by_name("bad-readings") is None


def test_a_loss_that_turns_nan_fails_the_run_and_registers_nothing(home: Path, readings_file: Path) -> None:
    wild = ["training.learning_rate=1e30", "model.activation=relu", "features.clip=null"]
    with pytest.raises(InputError, match="The loss must stay finite"):
        retrain(readings_file, settings_for("nan", *wild))
    assert statuses(home, "nan") == ["FAILED"]
    assert versions(home, "nan") == []


def test_an_interrupt_kills_the_run_and_registers_nothing(
    home: Path, readings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.models.families.network.train_network", interrupt)
    with pytest.raises(KeyboardInterrupt):
        # a seed of its own: a training that is done already would not be interrupted
        retrain(readings_file, settings_for("interrupted", "training.seed=7"))
    assert statuses(home, "interrupted") == ["KILLED"]
    assert versions(home, "interrupted") == []


def test_a_failure_after_registering_takes_the_version_out_again(
    home: Path, readings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("the aliases cannot be moved")

    monkeypatch.setattr("flows.steps.apply_decision", fail)
    with pytest.raises(RuntimeError, match="aliases"):
        retrain(readings_file, settings_for("half-way", "model.family=pca_t2"))
    assert statuses(home, "half-way") == ["FAILED"]
    assert versions(home, "half-way") == []


def test_a_leaky_preset_is_marked_and_never_promoted(home: Path, readings_file: Path) -> None:
    outcome = retrain(
        readings_file,
        configure(
            "dense-baseline",
            settings=[
                *SETTINGS,
                "model.family=pca_t2",
                "tracking.model_name=leaky",
                "tracking.experiment=leaky",
            ],
        ),
    )
    assert outcome.decision == "HOLD"
    run = client_of(home).get_run(outcome.run_id)
    assert run.data.tags["leaky_split"] == "true"
    assert alias_of(home, "leaky", "champion") is None
    assert alias_of(home, "leaky", "challenger") == outcome.model_version


def test_the_flow_takes_typed_parameters() -> None:
    schema = json.dumps(retrain.parameters.model_dump())
    assert "lookback" in schema
    assert "false_alarms_per_day" in schema


def test_scores_and_alarms_of_earlier_rows_do_not_depend_on_later_ones(
    home: Path, result: RetrainResult, readings_file: Path
) -> None:
    import mlflow

    mlflow.set_tracking_uri(find_tracking_uri(home))
    model = mlflow.pyfunc.load_model(f"models:/first/{result.model_version}")
    table = pd.read_csv(readings_file).head(600)
    changed = table.copy()
    changed.loc[400:, [f"x{number}" for number in (1, 5, 9)]] += 100.0
    before, after = model.predict(table), model.predict(changed)
    for column in ("score", "threshold", "alarm"):
        np.testing.assert_array_equal(before[column][:400], after[column][:400])
