"""The interval between new rows, compared with that of training."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.detector import Detector
from schemas.errors import InputError
from tasks.times.sampling import refuse_other_interval, require_interval
from tests.detectors import make_detector

BEGIN = np.datetime64("2024-05-01", "ns")


def at(*minutes: float) -> np.ndarray:
    return BEGIN + (np.array(minutes) * 60e9).astype("timedelta64[ns]")


def after(*steps: float) -> np.ndarray:
    return at(0, *np.cumsum(steps))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([10] * 5, "come every 10 minutes. Each of them would be a gap"),
        ([0.5] * 5, "come every 0.5 minutes. Their windows would cover less time"),
        ([10, 10.2, 9.7, 10, 30, 10], "come every 10 minutes"),
        ([1.0] * 50, "come every 1 minutes"),
    ],
)
def test_another_interval_is_refused_with_both_intervals(steps: list[float], words: str) -> None:
    with pytest.raises(InputError) as caught:
        refuse_other_interval(after(*steps), 2.0, "new.csv")
    assert "Expected rows about every 2 minutes" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [10],
        [10, 10],
        [10, 10, 10],
        [2] * 5,
        [2.9] * 5,
        [1.4] * 5,
        [2, 2, 600, 2, 2, 2],
        [6, 2, 2, 14, 8, 2, 4, 2],
        [10, 10, 10, 10, 2],
        [20, 10, 40, 10, 30, 10],
    ],
)
def test_the_same_interval_gaps_and_jitter_are_accepted(steps: list[float]) -> None:
    refuse_other_interval(after(*steps), 2.0, "new.csv")


def test_irregular_rows_have_no_interval() -> None:
    minutes = np.random.default_rng(1).uniform(1, 60, 500) / 60
    refuse_other_interval(after(*minutes), 2.0, "new.csv")


def test_few_rows_are_judged_with_the_rows_before_them() -> None:
    before = after(*[2] * 20)
    refuse_other_interval(at(50), 2.0, "new.csv", before)
    refuse_other_interval(at(50, 60), 2.0, "new.csv", before)
    with pytest.raises(InputError, match="every 10 minutes"):
        refuse_other_interval(at(50, 60, 70), 2.0, "new.csv", before)
    with pytest.raises(InputError, match="every 10 minutes"):
        refuse_other_interval(at(60), 2.0, "new.csv", at(20, 30, 40, 50))


def test_a_row_at_the_usual_interval_is_accepted_after_any_others() -> None:
    refuse_other_interval(at(42), 2.0, "new.csv", at(0, 10, 20, 30, 40))


def test_many_rows_are_judged_by_themselves() -> None:
    with pytest.raises(InputError, match="every 10 minutes"):
        refuse_other_interval(at(50, 60, 70, 80, 90), 2.0, "new.csv", after(*[2] * 20))


def test_the_order_of_the_rows_and_unreadable_times_do_not_matter() -> None:
    times = np.append(after(*[10] * 5)[::-1], np.datetime64("NaT"))
    with pytest.raises(InputError, match="every 10 minutes"):
        refuse_other_interval(times, 2.0, "new.csv")


def test_without_a_known_interval_nothing_is_refused() -> None:
    refuse_other_interval(after(*[10] * 5), None, "new.csv")


def test_no_rows_are_no_interval() -> None:
    refuse_other_interval(after()[:0], 2.0, "new.csv", after(*[2] * 20))


def detector_on_a_step() -> Detector:
    detector, _ = make_detector()
    readings = detector.readings.model_copy(update={"resample_minutes": 2.0})
    return detector.model_copy(update={"readings": readings})


def test_rows_off_the_step_of_a_version_are_refused() -> None:
    detector = detector_on_a_step()
    require_interval(at(0, 2, 4, 10), detector, "the request")
    with pytest.raises(InputError, match="other times come in 1 row, the first at 2024-05-01T00:03"):
        require_interval(at(0, 2, 3), detector, "The request")


def test_the_refusal_names_the_setting_that_accepts_other_intervals() -> None:
    with pytest.raises(InputError, match="`readings.resample_minutes=10`"):
        refuse_other_interval(after(*[10] * 5), 2.0, "new.csv")
    with pytest.raises(InputError, match="`readings.resample_minutes=2`"):
        refuse_other_interval(after(*[0.5] * 5), 2.0, "new.csv")
