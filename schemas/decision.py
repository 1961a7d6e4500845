"""What the promotion gate looks at, and what it says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Evaluation, Interval

Outcome = Literal["PROMOTE", "REJECT", "HOLD"]
Gate = Literal["G0", "G1", "G2", "G3", "G4"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Frozen):
    """A version against another scorer on the same test rows.

    Attributes:
        name: The other scorer.
        metric: What is compared.
        value: The version's figure on the common rows.
        other_value: The other scorer's figure on the same rows.
        difference: Interval of the version's figure minus the other's, from paired resamples of whole
            runs of rows; none where it is not defined.
    """

    name: str
    metric: str
    value: float
    other_value: float
    difference: Interval | None


class ChampionEvidence(_Frozen):
    """The champion and the new version on later rows that neither has seen.

    Attributes:
        version: The champion's version.
        problem: Why the two could not be judged, or none.
        judged_from: Time of the first row that they are judged on.
        events: Events among these rows.
        false_alarms_per_day: What both may raise when their event recall is compared.
        comparisons: New version against champion, by metric.
        champion: The champion judged on these rows, with its own threshold.
        challenger: The new version judged on the same rows, likewise.
    """

    version: str
    problem: str | None = None
    judged_from: str | None = None
    events: int = 0
    false_alarms_per_day: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    champion: Evaluation | None = None
    challenger: Evaluation | None = None

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """Both evaluations by the prefix of their metrics, where there are any."""
        both = {"champion": self.champion, "challenger": self.challenger}
        return {prefix: evaluation for prefix, evaluation in both.items() if evaluation is not None}


class Behaviour(_Frozen):
    """What the scores do when the readings are spoilt on purpose.

    Attributes:
        name: What was done: `dead sensor` or `spike`.
        sensors: To how many sensors, one after the other.
        value: `dead sensor`: the least rank correlation of scores with and without it; `spike`: the
            share of sensors whose spike raises the score. None where nothing could be tried.
        undefined: Scores that were lost or not finite.
    """

    name: str
    sensors: int
    value: float | None
    undefined: int


class Trial(_Frozen):
    """What a fresh process, with pickles forbidden, found when it loaded and ran the logged version.

    Attributes:
        problem: Why the version could not be loaded or run, or none.
        format_version: Of its bundle.
        golden_rows: Raw rows whose scores were kept in the bundle when it was made.
        golden_scores: Of these, rows that had a score.
        largest_difference: Largest relative difference of a score or a threshold from the kept one.
        undefined: Scores that are missing or not finite where the kept one is not.
        seconds_per_thousand_rows: Time to score raw rows, once everything is warm.
        megabytes: Size of the version's files.
        behaviours: What the scores do on spoilt readings.
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
    """The version's alarms in a slice of the test.

    Attributes:
        name: What the slice is made by: `time of day` or a column with categories.
        value: Its value there.
        days: Days of rows in it.
        events: Events in it.
        caught: Of these, the caught ones, within `rows_ahead` rows.
        false_alarms: False-alarm episodes that begin in it.
    """

    name: str
    value: str
    days: float
    events: int
    caught: int
    false_alarms: int

    @property
    def false_alarms_per_day(self) -> float:
        """False-alarm episodes in 24 hours of its rows."""
        return self.false_alarms / self.days


class Evidence(_Frozen):
    """All that the gate's decision depends on; logged whole with the run.

    Attributes:
        trial: What a fresh process found.
        is_leaky_split: Whether test rows are neighbours of training rows.
        test_events: Events in the test part.
        roc_auc: The version's area on the test part, or none where it has no events.
        roc_auc_interval: Its interval.
        best_control: The version against the control with the largest area, or none likewise.
        alarm_budget: False alarms a day that it may raise.
        false_alarms_per_day: What it raised on the test part.
        false_alarms_interval: Interval of that.
        slices: Its alarms in slices of the test part.
        champion: The champion, or none where there is no champion yet.
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
    slices: tuple[Slice, ...]
    champion: ChampionEvidence | None


class Check(_Frozen):
    """One thing that a gate asked, and the answer.

    Attributes:
        gate: `G0` integrity, `G1` floors, `G2` against the champion, `G3` operation, `G4` approval.
        outcome: `pass`; `fail`, which rejects the version; `unknown`, which holds it.
        reason: In words, with the figures.
    """

    gate: Gate
    outcome: Literal["pass", "fail", "unknown"]
    reason: str


class Decision(_Frozen):
    """What the promotion gate says of a version, and why.

    Attributes:
        decision: What is to be done.
        reasons: What led to it: the failures of a REJECT, what a HOLD lacks, the merits of a PROMOTE.
        checks: Everything that was asked, in the order of the gates.
    """

    decision: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()
