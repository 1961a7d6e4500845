"""What `forewarn retrain --json` writes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.decision import ChampionEvidence, Check
from schemas.evaluation import Interval, Metrics
from schemas.readings import Finding


class DataSummary(BaseModel):
    """The readings that a run was made from.

    Attributes:
        sha256: Hash of the file's bytes.
        rows: Rows in the file.
        events: Event rows, consecutive ones counted once.
        segments: Runs of rows that no gap and no event interrupts.
        windows: Windows in each part.
        findings: What was noticed and was not fatal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    sha256: str
    rows: int
    events: int
    segments: int
    windows: dict[str, int]
    findings: tuple[Finding, ...]


class PartSummary(BaseModel):
    """What the model's scores of a part are like, whether or not there are labels.

    Attributes:
        windows: Windows of the part.
        mean_score: Mean of their scores.
        flagged: Windows whose score reaches the threshold that held there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: int
    mean_score: float
    flagged: int


class RetrainResult(BaseModel):
    """The outcome of one retraining, from the data to the decision.

    Attributes:
        is_found: Whether it was found finished, and nothing was trained again.
        is_resumed: Whether it went on with a run that had been stopped.
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
    seconds: dict[str, float]
    is_found: bool = False
    is_resumed: bool = False
