"""Few events, none, words for events, or events in a second table: from training to monitoring."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.commands import run_command_line
from tasks.evaluation.missing_events import METRICS_OF_EVENTS
from tests.plant_tables import make_plant_table

pytestmark = pytest.mark.usefixtures("server")

QUICK = ["model.members=pca_t2,logistic", "evaluation.bootstrap_samples=100"]


def run(
    command: str, path: Path, model: str, *arguments: str, settings: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run a command on a table, and return its result."""
    out = path.with_suffix(f".{command}.json")
    names = [*QUICK, f"tracking.model_name={model}", f"tracking.experiment={model}", *settings]
    flags = [part for name in names for part in ("--set", name)]
    assert run_command_line([command, "--data", str(path), "--json", str(out), *arguments, *flags]) == 0
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def write(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def folder(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rare")


@pytest.fixture(scope="module")
def unlabelled(folder: Path) -> Path:
    return write(make_plant_table(rows=1000, events=0).drop(columns="y"), folder / "unlabelled.csv")


@pytest.fixture(scope="module")
def without_labels(unlabelled: Path) -> dict[str, Any]:
    return run("retrain", unlabelled, "unlabelled", settings=("threshold.rule=f_beta",))


def test_a_table_without_labels_trains_and_is_held(without_labels: dict[str, Any]) -> None:
    assert without_labels["decision"] == "HOLD"
    assert "G1 0 events in the test, at least 10 are needed" in without_labels["reasons"][0]
    [left_out] = without_labels["model"].pop("left_out")
    assert without_labels["model"] == {"family": "join", "members": ["pca_t2"]}
    assert left_out["family"] == "logistic"
    assert without_labels["threshold_rule"] == "alarm_budget"
    assert without_labels["promised_false_alarms_per_day"] == 5.0


def test_what_cannot_be_said_is_null_with_a_reason(without_labels: dict[str, Any]) -> None:
    assert all(without_labels["metrics"][name] is None for name in METRICS_OF_EVENTS)
    assert all(metrics["roc_auc"] is None for metrics in without_labels["controls"].values())
    checks = [finding["check"] for finding in without_labels["findings"]]
    assert {"no_labels", "no_events", "left_out_member", "threshold_rule"} <= {*checks}
    page = Path(without_labels["report"]).read_text(encoding="utf-8")
    assert "logistic is left out of the join" in page


def test_a_version_trained_without_labels_scores_and_is_monitored(
    without_labels: dict[str, Any], unlabelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = without_labels["model_version"]
    out = unlabelled.with_suffix(".scores.csv")
    scored = run(
        "score", unlabelled, "unlabelled", "--out", str(out), "--model", f"models:/unlabelled/{number}"
    )
    assert scored["rows_scored"] > 900
    promotion = ["promote", "--version", number, "--why", "trial", "--set", "tracking.model_name=unlabelled"]
    assert run_command_line(promotion) == 0
    review = run("monitor", unlabelled, "unlabelled")["review"]
    assert "The table has no labels: drift alone is reviewed." in capsys.readouterr().out
    assert review["calibration"] is None


@pytest.mark.slow
def test_the_same_training_is_found_again_with_the_same_members(
    without_labels: dict[str, Any], unlabelled: Path
) -> None:
    settings = ("threshold.rule=f_beta", "promotion.minimum_test_events=3")
    again = run("retrain", unlabelled, "unlabelled", settings=settings)
    assert again["model"]["members"] == ["pca_t2"]
    assert again["threshold"] == without_labels["threshold"]


@pytest.fixture(scope="module")
def labelled(folder: Path) -> dict[str, Any]:
    return run("retrain", write(make_plant_table(rows=1000), folder / "labelled.csv"), "labelled")


@pytest.mark.slow
def test_words_for_events_are_trained_and_scored_like_labels(labelled: dict[str, Any], folder: Path) -> None:
    table = make_plant_table(rows=1000)
    path = write(table.assign(y=table["y"].map({0: "run", 1: "Trip "})), folder / "words.csv")
    found = run("retrain", path, "words", settings=("labels.positive_values=trip",))
    assert found["metrics"] == labelled["metrics"]
    counts = []
    for name, data in (("labelled", folder / "labelled.csv"), ("words", path)):
        arguments = ("--out", str(folder / f"{name}.out.csv"), "--model", f"models:/{name}/1")
        counts.append(run("score", data, name, *arguments)["rows_without_history"])
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_events_of_a_second_table_are_trained_like_labels(labelled: dict[str, Any], folder: Path) -> None:
    table = make_plant_table(rows=1000)
    log = write(table.loc[table["y"] == 1, ["time"]].rename(columns={"time": "Start"}), folder / "log.csv")
    path = write(table.drop(columns="y"), folder / "logged.csv")
    found = run("retrain", path, "logged", settings=(f"labels.events_file={log}",))
    assert found["metrics"] == labelled["metrics"]
    assert found["data"]["events"] == 24
    assert not found["model"]["left_out"]


def test_a_single_family_that_needs_events_is_refused_with_advice(
    unlabelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["retrain", "--data", str(unlabelled), "--set", "model.family=logistic"]
    assert run_command_line([*arguments, "--set", "tracking.experiment=refused"]) == 2
    assert "Choose join, which leaves logistic out where events are too few" in capsys.readouterr().err
