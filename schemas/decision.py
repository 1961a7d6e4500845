"""What the promotion gate looks at, and what it says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Evaluation, Interval


class Comparison(BaseModel):
    """A version against another scorer on the same test rows.

    Attributes:
        name: The other scorer.
        roc_auc: The version's area on the common rows.
        other_roc_auc: The other scorer's area on the same rows.
        difference: Interval of the version's area minus the other's, from paired resamples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    roc_auc: float
    other_roc_auc: float
    difference: Interval | None


class ChampionEvidence(BaseModel):
    """The champion on the challenger's test rows.

    Attributes:
        version: Its version.
        problem: Why it could not be judged on these rows, or none.
        comparison: Challenger against champion on the rows that both score, or none.
        champion: The champion judged on these rows.
        challenger: The new version judged on the same rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    problem: str | None = None
    comparison: Comparison | None = None
    champion: Evaluation | None = None
    challenger: Evaluation | None = None

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """Both evaluations by the prefix of their metrics, where there are any."""
        both = {"champion": self.champion, "challenger": self.challenger}
        return {prefix: evaluation for prefix, evaluation in both.items() if evaluation is not None}


class Evidence(BaseModel):
    """All that the gate's decision depends on; logged whole with the run.

    Attributes:
        is_leaky_split: Whether test rows are neighbours of training rows.
        test_events: Events in the test part.
        roc_auc: The version's area on the test part, or none where it has no events.
        roc_auc_interval: Its interval.
        best_control: The version against the control with the largest area, or none likewise.
        champion: The champion, or none where there is no champion yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_leaky_split: bool
    test_events: int
    roc_auc: float | None
    roc_auc_interval: Interval | None
    best_control: Comparison | None
    champion: ChampionEvidence | None


class Decision(BaseModel):
    """What the promotion gate says of a version, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Literal["PROMOTE", "REJECT", "HOLD"]
    reasons: tuple[str, ...]
