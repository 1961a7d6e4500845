"""The result of a comparison of model families."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding
from schemas.results import DataSummary


class LeaderboardRow(BaseModel):
    """One family with the settings that performed best on the past folds.

    Attributes:
        family: The family, or the name of a control.
        past_roc_auc: Mean ROC AUC over the past folds, by which the settings were chosen; None for
            controls, which are not tuned.
        trials: Number of settings that were tried.
        pruned: Number of trials stopped before the last past fold.
        changes: Settings that differ from the given configuration, by section and key.
        parameters: Number of fitted parameters.
        metrics: Metrics on the last fold, which was not used for any choice; means over seeds.
        intervals: Intervals of the metrics.
        seconds: Total training time of the family, in seconds.
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
    """Result of a comparison, as written by `forewarn compare --json`.

    Attributes:
        leaderboard: Families by ROC AUC on the past folds, highest first; then the controls.
        chosen: The first family of the leaderboard.
        past_folds: Number of folds that settings were chosen on.
        last_fold: Number of the fold that the leaderboard's metrics come from.
        findings: What was left out for lack of events.
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
    findings: tuple[Finding, ...] = ()
