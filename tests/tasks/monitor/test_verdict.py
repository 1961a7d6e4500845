"""The verdict about drift: k of the last n windows and the newest, a cool-down, and nothing else."""

import pytest

from schemas.configuration import MonitorSection
from schemas.monitoring import LastEmission, Verdict
from tasks.monitor.verdict import judge_drift
from tests.tasks.monitor.rows import version_with, windows_with

SECTION = MonitorSection(windows=4, windows_above=3, cool_down_hours=24)
END = "2024-01-10T00:00:00"


def judge(*ratios: float | None, last: LastEmission | None = None, end: str = END) -> Verdict:
    return judge_drift(windows_with(*ratios), version_with(), last, end, SECTION)


@pytest.mark.parametrize(
    ("ratios", "status"),
    [
        ((1, 2, 2, 2), "CONFIRMED"),
        ((2, 1, 2, 2), "CONFIRMED"),
        ((2, 2, 2, 1), "NOT_CONFIRMED"),
        ((1, 1, 2, 2), "NOT_CONFIRMED"),
        # three above, of which one lies before the last four
        ((2, 1, 1, 2, 2), "NOT_CONFIRMED"),
        ((1.5, 1.5, 1.5, 1.5), "NOT_CONFIRMED"),
        ((2, None, 2, 2), "CONFIRMED"),
        ((2, 2, 2, None), "NOT_CONFIRMED"),
        ((2, 2), "CANNOT_JUDGE"),
        ((), "CANNOT_JUDGE"),
    ],
)
def test_drift_needs_enough_of_the_last_windows_and_the_newest(
    ratios: tuple[float | None, ...], status: str
) -> None:
    assert judge(*ratios).status == status


def test_a_window_that_says_nothing_is_not_counted_as_judged() -> None:
    verdict = judge(2, None, 2, 2)
    assert (verdict.above, verdict.judged, verdict.needed) == (3, 3, 3)


def test_the_cool_down_is_counted_in_the_time_of_the_data() -> None:
    told = LastEmission(data_end="2024-01-09T00:00:00", run_id="r")
    assert judge(2, 2, 2, 2, last=told, end="2024-01-09T23:59:00").status == "COOLING_DOWN"
    assert judge(2, 2, 2, 2, last=told, end="2024-01-10T00:00:00").status == "CONFIRMED"


def test_the_same_rows_never_confirm_twice_even_without_a_cool_down() -> None:
    section = SECTION.model_copy(update={"cool_down_hours": 0.0})
    told = LastEmission(data_end=END, run_id="r")
    windows = windows_with(2, 2, 2, 2)
    assert judge_drift(windows, version_with(), told, END, section).status == "COOLING_DOWN"


def test_the_cool_down_says_when_it_ends() -> None:
    told = LastEmission(data_end="2024-01-09T12:00:00", run_id="r")
    verdict = judge(2, 2, 2, 2, last=told)
    assert verdict.cool_down_until == "2024-01-10T12:00:00"
    assert "until the data reach 2024-01-10T12:00:00" in verdict.message


@pytest.mark.parametrize("normal", [None, 0.0])
def test_a_version_without_a_reference_cannot_be_judged(normal: float | None) -> None:
    verdict = judge_drift(windows_with(None, None), version_with(normal=normal), None, END, SECTION)
    assert verdict.status == "CANNOT_JUDGE"
    assert "has no median normal score above 0" in verdict.message


def test_a_version_that_does_not_say_what_it_has_seen_cannot_be_judged() -> None:
    verdict = judge_drift((), version_with(last_seen=None), None, END, SECTION)
    assert (verdict.status, "train_end is missing" in verdict.message) == ("CANNOT_JUDGE", True)
