from pathlib import Path

from schemas.work import Work
from tasks.configuration.configure import configure
from tasks.tracking.fingerprint import identify_work

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
