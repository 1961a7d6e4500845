"""`forewarn monitor` from a champion and a table to a verdict, an event and a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from flows import line, steps
from flows.commands import run_command_line
from flows.results import describe_tags
from schemas.configuration import Configuration
from schemas.decision import Decision
from schemas.errors import InputError
from schemas.evaluation import Threshold
from schemas.readings import RawTable
from tasks.configuration.configure import change_settings
from tasks.monitor.review_log import find_last_emissions, remember_emission
from tasks.monitor.watch import find_watched_version
from tasks.tracking.runs import start_run
from tests.detectors import open_test_store, register_detector, simulated_table, train_detector

NAME = "monitor-tests"
EXPERIMENT = f"{NAME}-monitor"
# of 6,000 rows: training and validation end before row 4,800
TRAIN_END, LAST_SEEN, ROWS = 3_800, 4_790, 6_000
SETTINGS = {
    "tracking.model_name": NAME,
    "tracking.experiment": NAME,
    "monitor.window_hours": "4",
    "monitor.windows": "4",
    "monitor.windows_above": "3",
    # the rows after the training hold few
    "monitor.minimum_events": "3",
    "evaluation.bootstrap_samples": "100",
}
Result = dict[str, Any]
Run = Callable[..., int]


@pytest.fixture(scope="module")
def client(home: Path) -> MlflowClient:
    """A registry whose champion says what it has seen and what its scores were."""
    client, experiment_id = open_test_store(home, NAME)
    detector, model, scores = train_detector()
    times = pd.to_datetime(simulated_table()["time"], format="%m/%d/%y %H:%M")
    tags = {
        "train_end": times[TRAIN_END].isoformat(),
        "threshold_end": times[LAST_SEEN].isoformat(),
        "train_median_score": str(np.nanmedian(scores[:TRAIN_END])),
        "normal_median_score": str(np.nanmedian(scores[TRAIN_END:LAST_SEEN])),
    }
    for given in (tags, {**tags, "train_median_score": "", "normal_median_score": ""}):
        register_detector(
            client, experiment_id, NAME, detector, model, tags={k: v for k, v in given.items() if v}
        )
    # a third one is silent, although its test had been good
    silent = detector.model_copy(update={"threshold": Threshold(value=1e12, rule="none")})
    number = register_detector(client, experiment_id, NAME, silent, model, tags=tags)
    run_id = client.get_model_version(NAME, number).run_id
    client.log_metric(run_id, "test_event_recall", 0.9)
    client.set_registered_model_alias(NAME, "champion", "1")
    return client


@pytest.fixture
def run(tmp_path: Path, client: MlflowClient, server: None) -> Run:
    """Run the command on a table; its result is left in the test's folder."""

    def run_command(table: pd.DataFrame, **settings: str) -> int:
        table.to_csv(tmp_path / "readings.csv", index=False)
        named = {**SETTINGS, **{key.replace("__", "."): value for key, value in settings.items()}}
        flags = [part for key, value in named.items() for part in ("--set", f"{key}={value}")]
        files = ["--data", str(tmp_path / "readings.csv"), "--json", str(tmp_path / "result.json")]
        return run_command_line(["monitor", *files, *flags])

    return run_command


@pytest.fixture
def read(tmp_path: Path) -> Callable[[], Result]:
    return lambda: json.loads((tmp_path / "result.json").read_text())


def wandering() -> pd.DataFrame:
    """The readings, with sensors that swing three times as far from row 5,000 on."""
    table = simulated_table().copy()
    sensors = [name for name in table.columns if name.startswith("x") and name not in {"x28", "x61"}]
    late = table.loc[5_000:, sensors]
    table.loc[5_000:, sensors] = late.mean() + 3 * (late - late.mean())
    return table


def moved() -> pd.DataFrame:
    """The readings, with every sensor at another level since before the champion's last seen row."""
    table = simulated_table().copy()
    sensors = [name for name in table.columns if name.startswith("x") and name not in {"x28", "x61"}]
    before = table.loc[:TRAIN_END, sensors]
    # at a restart, so that no run of rows holds the step
    times = pd.to_datetime(table["time"], format="%m/%d/%y %H:%M")
    restart = int(np.flatnonzero((times.diff() > pd.Timedelta("3min")) & (table.index > TRAIN_END))[0])
    table.loc[restart:, sensors] += 40 * before.std()
    return table


def read_events(kind: str, about: str) -> list[dict[str, str]]:
    from prefect.client.orchestration import get_client
    from prefect.events.filters import EventFilter, EventNameFilter

    with get_client(sync_client=True) as prefect:
        events = prefect.read_events(EventFilter(event=EventNameFilter(name=[kind])), limit=50).events
    return [event.payload for event in events if event.resource.id == about]


def read_drift_events() -> list[dict[str, str]]:
    return read_events("model.drift.confirmed", f"forewarn.model.{NAME}")


def test_steady_readings_are_no_drift(
    run: Run, read: Callable[[], Result], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(simulated_table()) == 0
    result = read()
    assert result["review"]["verdict"]["status"] == "NOT_CONFIRMED"
    assert result["event_id"] is None
    assert len(result["review"]["windows"]) >= 4
    assert result["review"]["judged_from"] > result["version"]["last_seen"]
    shown = capsys.readouterr().out
    assert "Verdict     No drift" in shown
    assert "false alarms a day" in shown


def test_wandering_sensors_are_told_once(run: Run, read: Callable[[], Result], client: MlflowClient) -> None:
    before = client.get_registered_model(NAME).aliases
    told = len(read_drift_events())
    assert run(wandering()) == 0
    first = read()
    assert first["review"]["verdict"]["status"] == "CONFIRMED"
    assert run(wandering()) == 0
    second = read()
    assert second["review"]["verdict"]["status"] == "COOLING_DOWN"
    assert second["event_id"] is None
    events = read_drift_events()
    assert len(events) == told + 1
    assert events[0]["version"] == "1"
    assert events[0]["run_id"] == first["run_id"]
    assert all(isinstance(value, str) for value in events[0].values())
    # drift makes a challenger, and only the gate makes a champion
    assert client.get_registered_model(NAME).aliases == before
    logged = client.get_run(first["run_id"])
    assert (logged.info.status, logged.data.tags["verdict"]) == ("FINISHED", "CONFIRMED")
    ratios = client.get_metric_history(first["run_id"], "window_median_ratio")
    assert [metric.step for metric in ratios] == [window["number"] for window in first["review"]["windows"]]
    ends = [pd.Timestamp(metric.timestamp, unit="ms").isoformat() for metric in ratios]
    assert ends == [window["last"] for window in first["review"]["windows"]]
    assert [file.path for file in client.list_artifacts(first["run_id"], "plots")] == ["plots/monitor.png"]


def read_recall_events() -> list[dict[str, str]]:
    return read_events("model.recall.low", f"forewarn.model.{NAME}")


def test_a_champion_that_does_not_warn_is_a_finding_and_sends_its_event_once(
    run: Run, read: Callable[[], Result], client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    sent, drifted = len(read_recall_events()), len(read_drift_events())
    client.set_registered_model_alias(NAME, "champion", "3")
    try:
        assert run(simulated_table()) == 0
        first, shown = read(), capsys.readouterr().out
        assert run(simulated_table()) == 0
        second, shown_again = read(), capsys.readouterr().out
        # the same rows send nothing again, however short the cool-down is
        assert run(simulated_table(), monitor__recall_cool_down_hours="0") == 0
        assert read()["recall_event_id"] is None
    finally:
        client.set_registered_model_alias(NAME, "champion", "1")
    recall = first["review"]["recall"]
    assert (recall["status"], recall["reasons"]) == ("CONFIRMED", ["no_better_than_random", "below_test"])
    assert "Recall is not clearly better than that of random alarms and clearly below" in shown
    assert "Event model.recall.low sent; no further event until the data reach" in shown
    assert "Finding     The alarms are not clearly better than random alarms: within the version's" in shown
    assert "0% and 0% expected of as many random alarms, 90% and unknown in the version's own test" in shown
    assert (second["review"]["recall"]["status"], second["recall_event_id"]) == ("COOLING_DOWN", None)
    assert [found["check"] for found in second["review"]["findings"]].count("recall_below_test") == 1
    assert "was already reported for the data up to" in shown_again
    events = read_recall_events()
    assert (len(events), len(read_drift_events())) == (sent + 1, drifted)
    assert (events[0]["version"], events[0]["run_id"]) == ("3", first["run_id"])
    assert events[0]["reasons"] == "no_better_than_random, below_test"
    assert f"0 of {recall['checks'][0]['events']} events caught" in events[0]["message"]
    assert all(isinstance(value, str) for value in events[0].values())
    logged = client.get_run(first["run_id"]).data
    assert logged.tags["recall_verdict"] == "CONFIRMED"
    assert (logged.metrics["random_event_recall"], logged.metrics["test_event_recall"]) == (0.0, 0.9)


def test_levels_that_have_moved_far_are_a_finding_and_tell_nobody(
    run: Run, read: Callable[[], Result]
) -> None:
    told = len(read_drift_events())
    assert run(moved()) == 0
    review = read()["review"]
    assert len(review["feature_drift"]) > 20
    assert review["verdict"]["status"] == "NOT_CONFIRMED"
    assert len(read_drift_events()) == told


def test_new_rows_at_another_interval_are_an_incident(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    table = simulated_table().copy()
    times = pd.to_datetime(table["time"], format="%m/%d/%y %H:%M")
    minutes = pd.to_timedelta(10 * np.arange(1, ROWS - LAST_SEEN), "min")
    times.iloc[LAST_SEEN + 1 :] = times[LAST_SEEN] + minutes
    incidents = len(read_events("data.incident", f"forewarn.data.{NAME}"))
    assert run(table.assign(time=times.dt.strftime("%m/%d/%y %H:%M"))) == 2
    shown = capsys.readouterr().err
    assert "about every 2 minutes" in shown
    assert "come every 10 minutes" in shown
    assert len(read_events("data.incident", f"forewarn.data.{NAME}")) == incidents + 1


def test_a_table_that_fails_its_schema_is_an_incident_and_no_drift(
    run: Run, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    told, incidents = len(read_drift_events()), len(read_events("data.incident", f"forewarn.data.{NAME}"))
    assert run(wandering().astype({"x5": object}).replace({"x5": {wandering()["x5"].iloc[-1]: "off"}})) == 2
    assert "x5" in capsys.readouterr().err
    events = read_events("data.incident", f"forewarn.data.{NAME}")
    assert len(events) == incidents + 1
    assert "x5" in events[0]["message"]
    logged = client.get_run(events[0]["run_id"])
    assert logged.info.status == "FAILED"
    assert "x5" in logged.data.tags["incident"]
    assert len(read_drift_events()) == told


def test_a_version_without_the_tags_is_looked_at_but_not_judged(
    run: Run, read: Callable[[], Result], client: MlflowClient
) -> None:
    client.set_registered_model_alias(NAME, "champion", "2")
    try:
        assert run(wandering()) == 0
    finally:
        client.set_registered_model_alias(NAME, "champion", "1")
    review = read()["review"]
    assert review["verdict"]["status"] == "CANNOT_JUDGE"
    assert review["calibration"]["events"] > 0
    assert read()["event_id"] is None


def test_a_new_champion_starts_afresh_and_the_newest_data_count(client: MlflowClient, home: Path) -> None:
    _, experiment_id = open_test_store(home, "monitor-memory")
    version = find_watched_version(client, NAME)
    for end in ("1999-05-08T00:00:00", "1999-05-09T00:00:00", "1999-05-07T00:00:00"):
        run_id, _ = start_run(client, experiment_id, {})
        remember_emission(client, run_id, version, "drift", end, "event")
        client.set_terminated(run_id)
    # the events about recall have a memory of their own
    run_id, _ = start_run(client, experiment_id, {})
    remember_emission(client, run_id, version, "recall", "1999-05-10T00:00:00", "event")
    client.set_terminated(run_id)
    last = find_last_emissions(client, "monitor-memory", version)
    ends = {kind: emission.data_end for kind, emission in last.items()}
    assert ends == {"drift": "1999-05-09T00:00:00", "recall": "1999-05-10T00:00:00"}
    other = version.model_copy(update={"number": "2"})
    assert find_last_emissions(client, "monitor-memory", other) == {}
    assert find_last_emissions(client, "no such experiment", version) == {}


def test_without_a_champion_it_says_what_to_do(client: MlflowClient) -> None:
    with pytest.raises(InputError, match=r"There is none. `forewarn retrain`"):
        find_watched_version(client, "nobody")


def test_the_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["monitor", "--help"]) == 0
    assert "Example: forewarn monitor --data readings.csv" in capsys.readouterr().out


def test_a_new_version_says_what_its_normal_scores_were() -> None:
    settings = change_settings(Configuration(), {"model": {"family": "zscore"}})
    raw = RawTable(simulated_table(), "simulated", "0" * 64)
    prepared = line.prepare(raw, steps.check_readings(raw, settings.readings), settings)
    split = steps.split_windows(prepared.windows, settings.split, settings.purge_rows)
    divided = line.scale(prepared, split, settings)
    _, scores = line.fit(prepared, divided, settings, has_controls=False)
    decision = Decision(decision="HOLD", reasons=(), checks=())
    medians = steps.find_normal_medians(scores["model"], split)
    tags = describe_tags(prepared, divided, medians, decision, settings, "test")
    for tag, part in (("train_median_score", split.train), ("normal_median_score", split.validation)):
        normal = scores["model"][np.isin(prepared.windows.end_rows, part.normal_end_rows)]
        assert float(tags[tag]) == np.median(normal)
