"""The evidence that the promotion gate examines, and its decision."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.alarm_record import ChampionRuns
from schemas.evaluation import Evaluation, Interval

Outcome = Literal["PROMOTE", "REJECT", "HOLD"]
Gate = Literal["G0", "G1", "G2", "G3", "G4"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Frozen):
    """Comparison of a version with another scorer on the same test rows.

    Attributes:
        name: The other scorer.
        metric: The metric compared.
        value: The version's value on the common rows.
        other_value: The other scorer's value on the same rows.
        difference: Interval of the version's value minus the other's, from a paired bootstrap over whole
            runs of rows; None if undefined.
        chance: The p-value: probability that chance alone would make the difference as large, in its
            direction; None if it was not computed.
    """

    name: str
    metric: str
    value: float
    other_value: float
    difference: Interval | None
    chance: float | None = None


class ChampionEvidence(_Frozen):
    """Evaluation of the champion and the new version on later rows that neither has seen.

    Attributes:
        version: The champion's version.
        problem: Why the two could not be compared, or None.
        judged_from: Time of the first row used.
        events: Number of events in these rows, and in those of the earlier tests.
        own_events: Events in the rows of the new version's own test; None for all of them.
        tests: Number of tests: the own one, and earlier ones of versions of the same kind against the same
            champion, which count for the event recall.
        runs: What both caught in the own test, by run of rows.
        false_alarms_per_day: False-alarm rate at which their event recall is compared.
        comparisons: New version against champion, one comparison per metric.
        champion: Evaluation of the champion on these rows, with its own threshold.
        challenger: Evaluation of the new version on the same rows, with its own threshold.
    """

    version: str
    problem: str | None = None
    judged_from: str | None = None
    events: int = 0
    own_events: int | None = None
    tests: int = 1
    runs: ChampionRuns | None = None
    false_alarms_per_day: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    champion: Evaluation | None = None
    challenger: Evaluation | None = None

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """The available evaluations, by the prefix of their metrics."""
        both = {"champion": self.champion, "challenger": self.challenger}
        return {prefix: evaluation for prefix, evaluation in both.items() if evaluation is not None}


class Behaviour(_Frozen):
    """Result of a behavioural test: how the scores react when one sensor is corrupted on purpose.

    Attributes:
        name: The corruption: `dead sensor` or `spike`.
        sensors: Number of sensors tested, one at a time.
        value: `dead sensor`: the lowest rank correlation of the scores with and without the corruption;
            `spike`: the share of sensors in which a spike raises the score. None if nothing could be tested.
        undefined: Number of scores that became missing or not finite.
    """

    name: str
    sensors: int
    value: float | None
    undefined: int


class Trial(_Frozen):
    """Smoke test of a logged version: loaded and run in a fresh process that does not allow pickles.

    Attributes:
        problem: Why the version could not be loaded or run, or None.
        format_version: Format version of its bundle.
        golden_rows: Raw rows stored in the bundle together with their scores.
        golden_scores: Number of golden rows with a score.
        largest_difference: Largest relative difference of a score or a threshold from the stored one.
        undefined: Number of scores that are missing or not finite although the stored ones are finite.
        seconds_per_thousand_rows: Time to score 1,000 raw rows after a warm-up.
        megabytes: Size of the version's files.
        behaviours: Results of the behavioural tests.
    """

    problem: str | None = None
    format_version: int | None = None
    golden_rows: int = 0
    golden_scores: int = 0
    largest_difference: float | None = None
    undefined: int = 0
    seconds_per_thousand_rows: float | None = None
    megabytes: float | None = None
    behaviours: tuple[Behaviour, ...] = ()


class Slice(_Frozen):
    """The version's alarms in one slice of the test part.

    Attributes:
        name: The slicing variable: `time of day` or a categorical column.
        value: Its value in this slice.
        days: Days of rows in the slice.
        events: Events in the slice.
        caught: Number of these events caught within `rows_ahead` rows.
        false_alarms: False-alarm episodes that begin in the slice.
    """

    name: str
    value: str
    days: float
    events: int
    caught: int
    false_alarms: int

    @property
    def false_alarms_per_day(self) -> float:
        """False-alarm episodes per 24 hours of rows."""
        return self.false_alarms / self.days


class WarningEvidence(_Frozen):
    """Whether the alarms warn of events: more than random alarms do, and not less than the controls.

    The events are those of the version's own test and of earlier tests of versions of its kind. Each test was
    made on rows that its own version had not seen, and no row counts twice.

    Attributes:
        tests: Number of tests, the version's own among them.
        since: Time of the first row of these tests, or None without a row.
        days: Days of rows in all tests.
        events: Events in all tests.
        own_events: Events in the version's own test.
        own_caught: Events that it caught there, within `rows_ahead` rows and within the longer horizon.
        own_expected: What random alarms at its own rate are expected to catch there.
        own_alarm_rows: Rows with an alarm there.
        false_alarms_per_day: False alarms a day in all tests.
        alarm_budget: False alarms a day at which the version is compared with the controls.
        rows_ahead: The nearer horizon, in rows.
        horizon_minutes: The longer horizon, in minutes.
        level: Largest p-value of a clear difference.
        random: Event recall in all tests against random alarms at the same false-alarm rate, by horizon.
        own: The same in the own test alone; empty if it is the only one.
        controls: Event recall at the alarm budget in all tests against the best control, by horizon.
        earlier: Event recall in the own test against that of the earlier tests, by horizon; `chance` is the
            probability of catching so few if the version warned as well as those before it.
    """

    tests: int
    since: str | None
    days: float
    events: int
    own_events: int
    own_caught: tuple[float, float]
    own_expected: tuple[float, float]
    own_alarm_rows: int
    false_alarms_per_day: float | None
    alarm_budget: float
    rows_ahead: int
    horizon_minutes: float
    level: float
    random: tuple[Comparison, ...] = ()
    own: tuple[Comparison, ...] = ()
    controls: tuple[Comparison, ...] = ()
    earlier: tuple[Comparison, ...] = ()


class Evidence(_Frozen):
    """Everything that the gate's decision depends on; logged in full with the run.

    Attributes:
        trial: Smoke test in a fresh process.
        is_leaky_split: Whether test data leaked into training.
        test_events: Events in the test part.
        roc_auc: ROC AUC of the version on the test part, or None without events.
        roc_auc_interval: Its interval.
        best_control: Comparison with the control that has the highest ROC AUC, or None without events.
        alarm_budget: False alarms per day that the version may raise.
        false_alarms_per_day: False alarms per day on the test part.
        false_alarms_interval: Its interval.
        warnings: Whether its alarms warn of events.
        interpolated_share: Share of sensor values on straight lines between two readings, which depend on a
            later one; 0 after a causal replay.
        slices: Alarms in slices of the test part.
        champion: Evaluation against the champion, or None if there is no champion yet.
    """

    trial: Trial
    is_leaky_split: bool
    test_events: int
    roc_auc: float | None
    roc_auc_interval: Interval | None
    best_control: Comparison | None
    alarm_budget: float
    false_alarms_per_day: float | None
    false_alarms_interval: Interval | None
    warnings: WarningEvidence
    interpolated_share: float
    slices: tuple[Slice, ...]
    champion: ChampionEvidence | None


class Check(_Frozen):
    """One check of a gate.

    Attributes:
        gate: `G0` integrity, `G1` floors, `G2` against the champion, `G3` operation, `G4` approval.
        outcome: `pass`; `fail`, which rejects the version; `unknown`, which holds it.
        reason: Explanation with the figures.
    """

    gate: Gate
    outcome: Literal["pass", "fail", "unknown"]
    reason: str


class Decision(_Frozen):
    """The promotion gate's decision on a version.

    Attributes:
        decision: `PROMOTE`, `REJECT` or `HOLD`.
        reasons: Reasons: what failed for a REJECT, what is missing for a HOLD, what passed for a PROMOTE.
        checks: All checks, in the order of the gates.
    """

    decision: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()
