"""The gate from the command line: what becomes of a worse, an equal and a better challenger, and the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.commands import run_command_line
from tasks.files.write import write_table
from tasks.simulators.simulate import simulate_readings

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.slow]

LOGISTIC, UNUSUAL = "model.family=logistic", "model.family=zscore"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated readings, long enough that the last fifth has some 35 events."""
    path = tmp_path_factory.mktemp("gate") / "whole.csv"
    write_table(simulate_readings(rows=20_000, seed=11), path)
    return path


@pytest.fixture(scope="module")
def early(whole: Path) -> Path:
    """The first half of these readings."""
    path = whole.with_name("early.csv")
    path.write_text("".join(whole.read_text(encoding="utf-8").splitlines(keepends=True)[:10_001]))
    return path


def retrain_on(data: Path, name: str, *settings: str) -> dict:
    """Retrain from the command line; every model name has its own champion."""
    out = data.with_name("result.json")
    named = [f"tracking.model_name={name}", f"tracking.experiment={name}", *settings]
    flags = [part for setting in named for part in ("--set", setting)]
    assert run_command_line(["retrain", "--force", "--data", str(data), "--json", str(out), *flags]) == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    print(name, settings, result["decision"], *result["reasons"], sep="\n  ")
    return result


def gates_of(result: dict, outcome: str) -> set[str]:
    return {check["gate"] for check in result["checks"] if check["outcome"] == outcome}


def test_a_first_model_below_the_floors_is_rejected(whole: Path) -> None:
    # events at times that have nothing to do with the sensors
    table = simulate_readings(rows=20_000, seed=11)
    table["y"] = table["y"].to_numpy()[::-1]
    path = whole.with_name("unrelated.csv")
    write_table(table, path)
    result = retrain_on(path, "gate-floors", UNUSUAL)
    assert result["decision"] == "REJECT"
    assert "G1" in gates_of(result, "fail")
    assert any("not clearly better than chance" in reason for reason in result["reasons"])
    assert result["champion"] is None


def test_a_better_challenger_is_promoted_where_that_is_asked_for(early: Path, whole: Path) -> None:
    # a person makes the weak version champion, although a control is better
    weak = retrain_on(early, "gate-rank", LOGISTIC, "model.regularisation=1000")
    assert weak["decision"] == "REJECT"
    promotion = ["promote", "--version", "1", "--why", "better than none"]
    assert run_command_line([*promotion, "--set", "tracking.model_name=gate-rank"]) == 0
    better = retrain_on(whole, "gate-rank", LOGISTIC, "promotion.needs_superiority=true")
    assert better["decision"] == "PROMOTE"
    assert any("G2 better than champion version 1" in reason for reason in better["reasons"])


def test_an_equal_challenger_is_promoted_and_a_worse_one_rejected(early: Path, whole: Path) -> None:
    first = retrain_on(early, "gate-equal", LOGISTIC)
    assert first["decision"] == "PROMOTE"
    equal = retrain_on(whole, "gate-equal", LOGISTIC, "promotion.margin=0.1")
    assert equal["decision"] == "PROMOTE"
    assert any("G2 not worse than champion version 1" in reason for reason in equal["reasons"])
    worse = retrain_on(whole, "gate-equal", UNUSUAL)
    assert worse["decision"] == "REJECT"
    assert any("G2 worse than champion version 2" in reason for reason in worse["reasons"])


def test_a_gate_window_that_the_champion_has_seen_is_held(early: Path, whole: Path) -> None:
    assert retrain_on(whole, "gate-seen", LOGISTIC)["decision"] == "PROMOTE"
    result = retrain_on(early, "gate-seen", LOGISTIC)
    assert (result["decision"], gates_of(result, "unknown")) == ("HOLD", {"G2"})
    assert "it has seen rows up to" in result["reasons"][0]


def test_too_few_events_are_held(early: Path) -> None:
    result = retrain_on(early, "gate-few", LOGISTIC, "promotion.minimum_test_events=100")
    assert (result["decision"], gates_of(result, "unknown")) == ("HOLD", {"G1"})
    assert "promotion.minimum_test_events" in result["reasons"][0]


def first_rows(whole: Path, rows: int) -> Path:
    path = whole.with_name(f"first-{rows}.csv")
    path.write_text("".join(whole.read_text(encoding="utf-8").splitlines(keepends=True)[: rows + 1]))
    return path


def test_a_version_that_never_alarms_is_held_and_told_what_to_do(early: Path) -> None:
    result = retrain_on(early, "gate-silent", LOGISTIC, "threshold.rule=fixed", "threshold.value=1e9")
    assert result["decision"] == "HOLD"
    assert result["metrics"]["roc_auc"] > 0.6
    (reason,) = result["reasons"]
    assert reason.startswith("G1 silent: no alarm in its test")


def test_the_events_of_three_retrainings_add_up(whole: Path) -> None:
    # tests of the last fifth of 10,000, 15,000 and 20,000 rows hold no row twice
    most = "promotion.minimum_test_events=60"
    results = [
        retrain_on(first_rows(whole, rows), "gate-pooled", LOGISTIC, most, f"training.seed={rows}")
        for rows in (10_000, 15_000, 20_000)
    ]
    assert [result["warnings"]["tests"] for result in results] == [1, 2, 3]
    events = [result["warnings"]["own_events"] for result in results]
    assert [result["warnings"]["events"] for result in results] == [
        events[0],
        events[0] + events[1],
        sum(events),
    ]
    assert max(events) < 60 <= sum(events)
    assert [result["decision"] for result in results] == ["HOLD", "HOLD", "PROMOTE"]
    assert any(f"{sum(events)} events of 3 tests since" in reason for reason in results[2]["reasons"])


def test_events_against_the_same_champion_add_up(whole: Path) -> None:
    most = "promotion.minimum_test_events=40"
    named = ("gate-champion", LOGISTIC, "promotion.event_recall_margin=0.3")
    assert retrain_on(first_rows(whole, 10_000), *named)["decision"] == "PROMOTE"
    second = retrain_on(first_rows(whole, 15_000), *named, most)
    assert second["decision"] == "HOLD"
    third = retrain_on(whole, *named, most)
    assert [result["champion"]["version"] for result in (second, third)] == ["1", "1"]
    assert [result["champion"]["tests"] for result in (second, third)] == [1, 2]
    events = [result["champion"]["own_events"] for result in (second, third)]
    assert third["champion"]["events"] == sum(events) >= 40 > max(events)
    assert third["decision"] == "PROMOTE"
