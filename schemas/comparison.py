"""What a comparison of families comes to."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Interval, Metrics
from schemas.results import DataSummary


class LeaderboardRow(BaseModel):
    """One family, at the settings that did best on past folds.

    Attributes:
        family: The family, or the name of a control.
        past_roc_auc: Mean ROC area over the past folds: what the settings were chosen by; none for
            controls, which have nothing to choose.
        trials: Settings that were tried.
        pruned: Of these, given up before the last past fold.
        changes: Settings that differ from the given ones, by section and key.
        parameters: Numbers that were fitted.
        metrics: On the last fold, which no choice has seen; means over seeds.
        intervals: Their bounds.
        seconds: Seconds of all its trainings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    past_roc_auc: float | None
    trials: int
    pruned: int
    changes: dict[str, dict[str, Any]]
    parameters: int
    metrics: Metrics
    intervals: dict[str, Interval]
    seconds: float


class ComparisonResult(BaseModel):
    """What `forewarn compare --json` writes.

    Attributes:
        leaderboard: Families by their area on past folds, the highest first; then the controls.
        chosen: The first of them.
        past_folds: Folds that settings were chosen on.
        last_fold: Fold that the leaderboard's metrics come from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    run_name: str
    experiment: str
    tracking_uri: str
    code_version: str
    data: DataSummary
    trials: int
    seeds: int
    past_folds: int
    last_fold: int
    leaderboard: tuple[LeaderboardRow, ...]
    chosen: str
    seconds: dict[str, float]
