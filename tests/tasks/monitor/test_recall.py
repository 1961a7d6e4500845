"""Recall by its interval: better than random alarms, and what the version's own test showed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import EvaluationSection
from schemas.monitoring import LastEmission, RecallMetric, RecallVerdict
from tasks.monitor.recall import find_exact_interval, judge_recall
from tasks.monitor.recall_findings import describe_check, describe_recall
from tests.tasks.monitor.rows import SECTION, version_with, watched_with

ROWS, START = 2_000, 100
# every 60 rows, which are two hours, from row 160 on
EVENTS = tuple(range(160, ROWS, 60))
EVALUATION = EvaluationSection()
# minutes of the first row
BEGIN = np.datetime64("2024-01-01T00:00:00")


def judge(
    caught: Sequence[int] = (),
    false: Sequence[int] = (),
    last: LastEmission | None = None,
    events: Sequence[int] = EVENTS,
    labelled_stop: int | None = None,
    test_recall: dict[RecallMetric, float] | None = None,
    test_end: int | None = None,
    before: int = 1,
) -> RecallVerdict:
    """Judge a champion that alarms so many rows before some events, and in some other rows."""
    scores = np.ones(ROWS)
    scores[[event - before for event in caught]] = 9.0
    scores[list(false)] = 9.0
    watched = watched_with(ROWS, events, START, scores, labelled_stop=labelled_stop)
    end = None if test_end is None else str(BEGIN + np.timedelta64(2 * test_end, "m"))
    version = version_with().model_copy(update={"test_recall": test_recall or {}, "test_end": end})
    return judge_recall(watched, version, last, "2024-01-03T18:38:00", SECTION, EVALUATION)


def checks_of(verdict: RecallVerdict) -> dict[tuple[str, str], bool | None]:
    return {(check.metric, check.against): check.is_met for check in verdict.checks}


def test_a_version_that_warns_is_no_finding() -> None:
    verdict = judge(caught=EVENTS[:20], false=range(190, ROWS, 300))
    assert (verdict.status, verdict.reasons) == ("NOT_CONFIRMED", ())
    assert describe_recall(verdict) == []
    assert verdict.message.startswith("Recall is clearly better than that of random alarms; ")
    assert verdict.message.endswith("; the recall of the version's own test is unknown.")


def test_a_version_that_catches_nothing_is_no_better_than_random_alarms() -> None:
    verdict = judge(false=range(190, ROWS, 60))
    assert (verdict.status, verdict.reasons) == ("CONFIRMED", ("no_better_than_random",))
    (finding,) = describe_recall(verdict)
    assert finding.check == "recall_no_better_than_random"
    figures = "within the version's horizon 0 of 31 events caught (0%, interval 0% to 9%; 3.5% expected"
    assert figures in finding.message
    assert "`forewarn rollback`" in finding.message
    assert finding.details["event_recall"]["events"] == 31


def test_a_silent_version_is_no_better_than_random_alarms_that_are_none() -> None:
    verdict = judge()
    assert verdict.reasons == ("no_better_than_random",)
    assert {check.expected for check in verdict.checks if check.against == "random"} == {0.0}


def test_catching_many_events_with_alarms_everywhere_is_no_better_than_random() -> None:
    assert judge(caught=EVENTS, false=range(START, ROWS, 2)).reasons == ("no_better_than_random",)


def test_one_horizon_that_is_better_is_enough() -> None:
    # eight minutes before: within twenty minutes, and not within two rows
    verdict = judge(caught=EVENTS[:20], before=4)
    assert verdict.status == "NOT_CONFIRMED"
    met = checks_of(verdict)
    assert (met["event_recall", "random"], met["event_recall_20min", "random"]) == (False, True)


def test_recall_clearly_below_the_own_test_is_a_finding() -> None:
    verdict = judge(caught=EVENTS[:10], test_recall={"event_recall": 0.6, "event_recall_20min": 0.4})
    assert (verdict.status, verdict.reasons) == ("CONFIRMED", ("below_test",))
    assert verdict.message == "Recall is clearly below that of the version's own test."
    met = checks_of(verdict)
    assert (met["event_recall", "test"], met["event_recall_20min", "test"]) == (False, True)
    (finding,) = describe_recall(verdict)
    assert "10 of 31 events caught (32%, interval 19% to 49%; 60.0% in the test)" in finding.message


def test_a_figure_below_the_test_within_its_interval_is_no_finding() -> None:
    verdict = judge(caught=EVENTS[:10], test_recall={"event_recall": 0.48, "event_recall_20min": 0.48})
    assert verdict.status == "NOT_CONFIRMED"
    assert verdict.message.endswith("; not clearly below that of the version's own test.")


def test_only_events_after_the_test_are_compared_with_it() -> None:
    # the test had the first 15 events and caught 12; of the later 16 none is caught
    verdict = judge(caught=EVENTS[:12], test_recall={"event_recall": 0.8}, test_end=EVENTS[14] + 5)
    assert verdict.reasons == ("below_test",)
    counts = {
        check.against: (check.events, check.caught)
        for check in verdict.checks
        if check.metric == "event_recall"
    }
    assert counts == {"random": (31, 12), "test": (16, 0)}


def test_too_few_events_after_the_test_say_nothing_about_it() -> None:
    verdict = judge(caught=EVENTS[:20], test_recall={"event_recall": 0.8}, test_end=EVENTS[25])
    assert verdict.status == "NOT_CONFIRMED"
    assert verdict.message.endswith("; 5 events after the version's own test, 10 needed to compare with it.")


def test_too_few_events_cannot_be_judged() -> None:
    verdict = judge(events=EVENTS[:9])
    assert (verdict.status, verdict.reasons) == ("CANNOT_JUDGE", ())
    assert verdict.message.startswith("Recall cannot be judged: 9 known events")


def test_events_whose_label_is_not_known_yet_are_left_out() -> None:
    assert judge(caught=EVENTS[:20]).status == "NOT_CONFIRMED"
    verdict = judge(caught=EVENTS[:20], labelled_stop=EVENTS[8] - 5)
    assert (verdict.status, verdict.checks[0].events, verdict.checks[0].caught) == ("CANNOT_JUDGE", 8, 8)


def test_without_labels_nothing_is_judged() -> None:
    verdict = judge(labelled_stop=0)
    assert verdict.status == "CANNOT_JUDGE"
    assert describe_check(verdict.checks[0]) == "within the version's horizon no event"


def test_a_finding_in_its_cool_down_stays_a_finding_and_sends_nothing() -> None:
    last = LastEmission(data_end="2024-01-01T12:00:00", run_id="r")
    verdict = judge(last=last)
    assert (verdict.status, verdict.cool_down_until) == ("COOLING_DOWN", "2024-01-08T12:00:00")
    assert "which was already reported for the data up to 2024-01-01T12:00:00" in verdict.message
    assert len(describe_recall(verdict)) == 1
    early = last.model_copy(update={"data_end": "2023-12-27T18:38:00"})
    assert judge(last=early).status == "CONFIRMED"


def test_the_interval_of_no_caught_event_is_that_of_the_rule_of_three() -> None:
    """Without a caught event the upper bound is 1 - (level of each side) ** (1 / events)."""
    found = find_exact_interval(0, 33, 0.9)
    assert found is not None
    assert (found.low, found.high) == (0.0, pytest.approx(1 - 0.05 ** (1 / 33)))
    assert find_exact_interval(0, 0, 0.9) is None


@given(st.integers(1, 60), st.floats(0.02, 0.6), st.integers(0, 2**32 - 1))
def test_the_interval_holds_the_share_and_narrows_with_events(events: int, share: float, seed: int) -> None:
    caught = int(np.random.default_rng(seed).binomial(events, share))
    few, many = find_exact_interval(caught, events, 0.9), find_exact_interval(3 * caught, 3 * events, 0.9)
    assert few is not None
    assert many is not None
    assert few.low <= caught / events <= few.high
    assert few.low <= many.low <= many.high <= few.high


def test_a_random_version_is_found_and_a_good_one_left_alone() -> None:
    """Of versions that alarm at random, nearly all are found; of those that catch half, nearly none."""
    rng = np.random.default_rng(7)
    found = {"random": 0, "good": 0}
    for _ in range(40):
        false = rng.choice(np.arange(START, ROWS), 40, replace=False)
        caught = rng.choice(EVENTS, 15, replace=False)
        found["random"] += judge(false=false).status == "CONFIRMED"
        found["good"] += judge(caught=caught, false=false).status == "CONFIRMED"
    assert found["random"] >= 34
    assert found["good"] <= 1
