from dataclasses import replace
from pathlib import Path

import pytest

from schemas.backtest import FoldOrder
from schemas.configuration import Configuration
from schemas.work import Work
from tasks.configuration.configure import change_settings, configure
from tasks.tracking.fingerprint import identify_fold, identify_kind, identify_work

HOME = Path("home")


def identify(*settings: str, data: str = "a" * 64) -> Work:
    return identify_work(data, configure(None, None, settings), HOME)


def test_the_same_data_and_settings_are_the_same_work() -> None:
    assert identify("windows.lookback=7") == identify("windows.lookback=7")


def test_other_data_are_other_work() -> None:
    assert identify().key != identify(data="b" * 64).key
    assert identify().training_key != identify(data="b" * 64).training_key


def test_another_lookback_is_another_training() -> None:
    assert identify().training_key != identify("windows.lookback=7").training_key


def test_another_threshold_is_other_work_on_the_same_training() -> None:
    other = identify("threshold.rule=quantile")
    assert other.key != identify().key
    assert other.training_key == identify().training_key


def test_how_a_version_is_served_is_no_part_of_the_work() -> None:
    assert identify("serving.reload_seconds=9") == identify()


def test_changed_code_is_other_work(monkeypatch) -> None:
    before = identify()
    monkeypatch.setattr("tasks.tracking.fingerprint.hash_sources", lambda: "c" * 64)
    assert identify().key != before.key
    assert identify().training_key != before.training_key


def find_kind(*settings: str, sensors: tuple[str, ...] = ("x1", "x2"), step_minutes: float = 2.0) -> str:
    return identify_kind(configure(None, None, settings), sensors, ("grade",), step_minutes)


@pytest.mark.parametrize(
    "setting",
    [
        "training.seed=7",
        "tracking.model_name=other",
        "promotion.margin=0.2",
        "monitor.cool_down_hours=7",
        "evaluation.bootstrap_samples=200",
        "labels.events_file=events.csv",
    ],
)
def test_seeds_and_what_comes_after_the_alarms_make_no_other_kind(setting: str) -> None:
    assert find_kind(setting) == find_kind()


@pytest.mark.parametrize(
    "setting",
    [
        "windows.lookback=7",
        "labels.rows_ahead=3",
        "threshold.false_alarms_per_day=2",
        "evaluation.horizon_minutes=30",
        "readings.replay=causal",
    ],
)
def test_another_detector_or_another_horizon_is_another_kind(setting: str) -> None:
    assert find_kind(setting) != find_kind()


def test_other_sensors_or_another_step_are_another_kind() -> None:
    assert len({find_kind(), find_kind(sensors=("x1",)), find_kind(step_minutes=1.0)}) == 3


def order_with(fold: int = 1, entrant: str = "forewarn", **changes: dict[str, object]) -> FoldOrder:
    settings = change_settings(Configuration(), changes)
    return FoldOrder(entrant, "readings.csv", settings, fold, has_controls=True)


def test_the_result_of_a_fold_depends_on_data_settings_entrant_and_code() -> None:
    orders = [
        order_with(),
        order_with(fold=2),
        order_with(entrant="pca_raw"),
        order_with(labels={"rows_ahead": 4}),
        order_with(threshold={"false_alarms_per_day": 1.0}),
        order_with(training={"seed": 7}),
        order_with(evaluation={"fold_validation_fraction": 0.3}),
        replace(order_with(), has_controls=False),
    ]
    keys = {identify_fold("data", order, {"sources": "a"}) for order in orders}
    keys |= {identify_fold("other", orders[0], {"sources": "a"}), identify_fold("data", orders[0], {})}
    assert len(keys) == len(orders) + 2


def test_how_scores_are_judged_and_recorded_does_not_change_the_result_of_a_fold() -> None:
    key = identify_fold("data", order_with(), {})
    for changes in (
        {"evaluation": {"bootstrap_samples": 200, "alarm_rates": [3.0], "seeds": 9}},
        {"tracking": {"experiment": "other"}},
        {"promotion": {"minimum_test_events": 3}},
    ):
        assert identify_fold("data", order_with(**changes), {}) == key
