"""When alarms are known to warn: hardly ever by luck, and sooner with the events of several tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from schemas.alarm_record import AlarmRecord, ChampionRuns
from schemas.configuration import EvaluationSection
from schemas.decision import WarningEvidence
from schemas.readings import LabelledReadings
from tasks.evaluation.alarm_record import record_against_champion, record_alarms
from tasks.evaluation.evaluate import tally_alarms
from tasks.evaluation.warning_checks import check_warnings
from tasks.evaluation.warning_evidence import (
    compare_with_champion,
    keep_runs,
    pool_records,
    weigh_warnings,
)
from tests.builders import labelled_with, part_of

SECTION = EvaluationSection(bootstrap_samples=200)
ROWS, DAY = 2_000, 400
Scorer = Callable[[np.random.Generator, LabelledReadings], np.ndarray]


def score_rows(rng: np.random.Generator, labelled: LabelledReadings) -> np.ndarray:
    """Scores that know nothing, one row like any other."""
    return rng.random(len(labelled.labels))


def score_smoothly(rng: np.random.Generator, labelled: LabelledReadings) -> np.ndarray:
    """Scores that know nothing and change slowly, so that alarms last for half an hour."""
    return np.convolve(rng.normal(size=len(labelled.labels) + 14), np.ones(15), "valid")


def score_days(rng: np.random.Generator, labelled: LabelledReadings) -> np.ndarray:
    """Scores that know nothing and are high on some days, so that alarms gather there."""
    days = np.arange(len(labelled.labels)) // DAY
    return score_smoothly(rng, labelled) + 3 * rng.normal(size=days[-1] + 1)[days]


def score_well(rng: np.random.Generator, labelled: LabelledReadings) -> np.ndarray:
    """Scores that rise before about two events in three."""
    is_seen = np.repeat(rng.random(len(labelled.labels) // 20 + 1) < 2 / 3, 20)[: len(labelled.labels)]
    return rng.normal(size=len(labelled.labels)) + 4 * (labelled.labels & is_seen)


def draw_table(rng: np.random.Generator, events: int, *, gathers: bool = False) -> LabelledReadings:
    """Draw a table whose events come at random times, or mostly on some of its days."""
    weights = np.repeat(rng.random(ROWS // DAY) ** 3 if gathers else np.ones(ROWS // DAY), DAY)
    weights[:10] = 0
    chosen = rng.choice(ROWS, events, replace=False, p=weights / weights.sum())
    return labelled_with(rows=ROWS, events=sorted(chosen.tolist()))


def record(scores: np.ndarray, labelled: LabelledReadings, share: float) -> AlarmRecord:
    """Record alarms in the highest share of the rows."""
    thresholds = np.full(len(scores), np.quantile(scores, 1 - share))
    return record_alarms({"model": scores}, thresholds, part_of(labelled), labelled, 5.0, SECTION)


def weigh(own: AlarmRecord, *earlier: AlarmRecord) -> WarningEvidence:
    return weigh_warnings(own, earlier, 2, 5.0, SECTION)


def find_outcome(warnings: WarningEvidence) -> str:
    return next(check_warnings(warnings, minimum_events=10)).outcome


def find_passing_share(
    scorer: Scorer, share: float, repeats: int, events: int = 25, tests: int = 1, *, gathers: bool = False
) -> float:
    """Find the share of scorers that are found to warn."""
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(repeats):
        tables = [draw_table(rng, events, gathers=gathers) for _ in range(tests)]
        own, *earlier = (record(scorer(rng, table), table, share) for table in tables)
        passed += find_outcome(weigh(own, *earlier)) == "pass"
    return passed / repeats


@pytest.mark.parametrize("scorer", [score_rows, score_smoothly, score_days])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_scores_that_know_nothing_rarely_warn(scorer: Scorer, share: float) -> None:
    # the nominal share is 5 %; of 100 scorers more than 11 would pass with a probability below 1 in 200
    assert find_passing_share(scorer, share, repeats=100) <= 0.11


@pytest.mark.slow
@pytest.mark.parametrize("scorer", [score_rows, score_smoothly, score_days])
@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize(("events", "tests", "gathers"), [(10, 1, True), (40, 1, True), (8, 4, False)])
def test_scores_that_know_nothing_warn_in_the_nominal_share_at_most(
    scorer: Scorer, share: float, events: int, tests: int, gathers: bool
) -> None:
    # of 300 scorers, 5 % and three standard deviations of the share
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert find_passing_share(scorer, share, 300, events, tests, gathers=gathers) <= most


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_scores_that_rise_before_events_are_found_to_warn(share: float) -> None:
    assert find_passing_share(score_well, share, repeats=20) >= 0.95


def flag(labelled: LabelledReadings, *rows: int) -> AlarmRecord:
    """Record alarms in some rows of a table."""
    scores = np.isin(np.arange(len(labelled.labels)), rows).astype(np.float64)
    controls = {"pca": np.zeros(len(scores)), "zscore": labelled.labels.astype(np.float64)}
    return record_alarms(
        {"model": scores, **controls}, np.ones(len(scores)), part_of(labelled), labelled, 5.0, SECTION
    )


def later_by(record: AlarmRecord, days: float) -> AlarmRecord:
    """The same record of a test some days later."""
    shift = round(days * 86_400 * 10**9)
    times = {
        name: tuple(time + shift for time in getattr(record, name)) for name in ("first_times", "last_times")
    }
    return record.model_copy(update=times)


def test_events_of_several_tests_are_added() -> None:
    # twelve normal rows before each horizon hold eleven stretches of two; two of these 22 hold row 4
    labelled = labelled_with(rows=30, events=[14, 29])
    record = flag(labelled, 4, 12)
    warnings = weigh(later_by(record, 2), later_by(record, 1), record)
    assert (warnings.tests, warnings.events, warnings.own_events) == (3, 6, 2)
    assert warnings.since == "2024-01-01T00:00:00"
    assert warnings.own_caught == (1, 1)
    near = warnings.random[0]
    assert near.value == 0.5
    assert near.other_value == pytest.approx(2 / 22)
    assert warnings.own_expected[0] == pytest.approx(2 * 2 / 22)
    assert warnings.false_alarms_per_day == pytest.approx(1 / (28 * 2 / 1440))


def test_the_same_alarms_are_clearer_evidence_with_the_events_of_three_tests() -> None:
    # one of five events caught, and three false alarms
    record = flag(labelled_with(rows=400, events=range(79, 400, 80)), 78, 100, 200, 300)
    tests = [later_by(record, day) for day in (2, 1, 0)]
    outcomes = [
        find_outcome(weigh_warnings(tests[0], tests[1:count], 2, 5.0, EvaluationSection()))
        for count in (1, 2, 3)
    ]
    assert outcomes == ["unknown", "unknown", "pass"]


def test_luck_is_the_share_of_moves_that_catch_as_many() -> None:
    labelled = labelled_with(rows=402, events=[401])
    # the alarm in the horizon of two rows catches the event; of 400 moves by one row each, one does too
    (near, _) = weigh(flag(labelled, 399)).random
    assert near.chance == pytest.approx(2 / 401)


def test_a_control_that_catches_what_the_model_misses_is_clearly_ahead() -> None:
    labelled = labelled_with(rows=400, events=range(39, 400, 40))
    near, far = weigh(flag(labelled, 1)).controls
    assert (near.name, near.value, near.other_value) == ("zscore", 0, 1)
    assert near.chance == pytest.approx(0.5**10)
    assert near.difference is not None
    assert near.difference.high < 0
    assert far.other_value == 1


def test_an_own_test_is_compared_with_the_earlier_ones() -> None:
    labelled = labelled_with(rows=400, events=range(39, 400, 40))
    good = flag(labelled, *(row for row in range(0, 390, 39)), *np.flatnonzero(labelled.labels)[::2])
    (near, _) = weigh(later_by(flag(labelled, 1), 1), good).earlier
    assert (near.value, near.other_value, near.chance) == (0, 1, 0)
    assert weigh(good).earlier == ()


def test_no_event_in_any_test_is_no_comparison() -> None:
    warnings = weigh(flag(labelled_with(rows=30), 3))
    assert (warnings.events, warnings.random, warnings.controls) == (0, (), ())


def test_runs_that_a_newer_test_holds_or_that_are_too_old_are_left_out() -> None:
    # runs of ten rows: 0 to 18, 22 to 40, 44 to 62 minutes
    labelled = labelled_with(rows=32, events=[10, 21])
    record = flag(labelled, 3, 13)
    first, second, third = record.first_times
    kept = keep_runs(record, since=second, before=third)
    assert (kept.first_times, kept.events, kept.own.false_alarms) == ((second,), (1,), (1,))
    # a run that reaches into the newer test is left out whole
    assert keep_runs(record, since=first, before=record.last_times[1]).first_times == (first,)
    assert pool_records([keep_runs(record, since=first, before=third)]).events.tolist() == [1, 1]


def against_champion(labelled: LabelledReadings, own: list[int], champion: list[int]) -> ChampionRuns:
    """Record what a version and the champion catch with alarms in some rows."""
    part, rows = part_of(labelled), np.arange(len(labelled.labels))
    challenger, other = (
        tally_alarms(np.isin(rows, flagged).astype(np.float64), part, labelled, np.ones(len(rows)), SECTION)
        for flagged in (own, champion)
    )
    return record_against_champion("3", challenger, other, part, labelled)


def test_events_against_the_same_champion_add_up() -> None:
    labelled = labelled_with(rows=32, events=[10, 21])
    tests = [against_champion(labelled, [9], [9, 19]), against_champion(labelled, [9, 19], [9])]
    (alone, both) = compare_with_champion(tests[:1], SECTION), compare_with_champion(tests, SECTION)
    assert (alone.metric, alone.value, alone.other_value) == ("event_recall", 0.5, 1)
    assert (both.value, both.other_value) == (0.75, 0.75)


def test_runs_against_the_champion_are_left_out_with_those_of_the_test() -> None:
    labelled = labelled_with(rows=32, events=[10, 21])
    record = flag(labelled, 3).model_copy(update={"against": against_champion(labelled, [9], [19])})
    kept = keep_runs(record, since=record.first_times[1], before=record.first_times[2]).against
    assert kept is not None
    assert (kept.events, kept.challenger.near, kept.champion.near) == ((1,), (0,), (1,))
