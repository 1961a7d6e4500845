"""Everything besides the model that turns raw readings into scores: the bundle of a version."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.configuration import FeaturesSection, ReadingsSection
from schemas.evaluation import Threshold
from schemas.scaling import Scaler

FORMAT_VERSION: Final = 2


class Detector(BaseModel):
    """What scoring needs to do to raw rows exactly what training did.

    Attributes:
        format_version: Version of this layout; another one is refused.
        readings: How a table is read; its step is the one of training.
        are_event_rows_kept: Whether event rows are scored, or end a run where the label is known.
        features: How features are made of raw rows.
        sensors: The sensors that the features are made of, in order.
        categories: The columns with categories that they are made of.
        window_rows: Rows in a window.
        convention: Which windows are made.
        scaler: Fitted on normal training rows.
        threshold: Chosen on validation, or as time goes on; an alarm is `score >= threshold`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[2] = FORMAT_VERSION
    readings: ReadingsSection
    are_event_rows_kept: bool
    features: FeaturesSection
    sensors: tuple[str, ...]
    categories: tuple[str, ...]
    window_rows: int
    convention: Literal["within_runs", "published"]
    scaler: Scaler
    threshold: Threshold
