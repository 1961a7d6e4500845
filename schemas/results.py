"""The result of a retraining, as written by `forewarn retrain --json`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.decision import ChampionEvidence, Check, WarningEvidence
from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding


class DataSummary(BaseModel):
    """Summary of the readings used in a run.

    Attributes:
        source: Path of the file.
        sha256: Hash of the file's bytes.
        rows: Rows in the file.
        events: Number of events; consecutive event rows count once.
        segments: Runs of rows without a gap or an event.
        windows: Number of windows by part.
        findings: Data-quality issues that did not stop the run.
        first_time: Time of the first row, ISO 8601; None in results of earlier releases.
        last_time: Time of the last row.
        time_format: strptime format in which the times were written, or `ISO8601`; None if they were stored
            as times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    sha256: str
    rows: int
    events: int
    segments: int
    windows: dict[str, int]
    findings: tuple[Finding, ...]
    first_time: str | None = None
    last_time: str | None = None
    time_format: str | None = None


class PartSummary(BaseModel):
    """Summary of the model's scores on one part, with or without labels.

    Attributes:
        windows: Number of windows.
        mean_score: Mean score.
        flagged: Windows with `score >= threshold`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: int
    mean_score: float
    flagged: int


class LeftOut(BaseModel):
    """A member of a join that was left out, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    reason: str


class ModelSummary(BaseModel):
    """The model that was fitted.

    Attributes:
        family: The configured family.
        members: Fitted families: the members of a join, or the family alone.
        left_out: Configured members of a join that could not be fitted on this table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    members: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()


class RetrainResult(BaseModel):
    """The outcome of one retraining, from the data to the decision.

    Attributes:
        findings: What is to be known about the data, the split, the model and the threshold; empty in
            results of earlier releases.
        model: The families that were fitted, and those left out; None in results of earlier releases.
        weights: By family, the weight of each member of a join; empty for a family alone, and in results of
            earlier releases.
        warnings: Whether its alarms warn, with the events of earlier tests; None in results of earlier
            releases.
        is_found: Whether a finished run of the same work was found, so that nothing was trained.
        is_resumed: Whether it resumed an interrupted run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    run_id: str
    run_name: str
    experiment: str
    tracking_uri: str
    model_name: str
    model_version: str
    decision: Literal["PROMOTE", "REJECT", "HOLD"]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    report: str
    family: str
    parameters: int
    epochs: int
    threshold: float
    threshold_rule: str
    promised_false_alarms_per_day: float | None
    is_leaky_split: bool
    code_version: str
    preset: str | None
    data: DataSummary
    parts: dict[str, PartSummary]
    metrics: Metrics
    intervals: dict[str, Interval]
    controls: dict[str, Metrics]
    control_intervals: dict[str, dict[str, Interval]]
    champion: ChampionEvidence | None
    warnings: WarningEvidence | None = None
    seconds: dict[str, float]
    findings: tuple[Finding, ...] = ()
    model: ModelSummary | None = None
    weights: dict[str, float] = {}
    is_found: bool = False
    is_resumed: bool = False
