"""The part of a version's bundle that, besides the model, is needed to score raw readings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from schemas.configuration import FeaturesSection, ReadingsSection
from schemas.evaluation import Threshold
from schemas.scaling import Scaler

FORMAT_VERSION: Final = 2
# what held before there were these settings
_SETTINGS_BEFORE: Final = {"day_first": False, "thousands": "none", "dead_sensors_at_most": 0}


class Detector(BaseModel):
    """Settings and fitted parameters with which scoring processes raw rows exactly as training did.

    Attributes:
        format_version: Version of this format; other versions are rejected.
        readings: How a table is parsed; `step_minutes` and `day_first` are those of the training data.
        are_event_rows_kept: Whether event rows are scored; otherwise known event rows end a run.
        features: How features are computed.
        sensors: Sensors that the features are computed from, in order.
        categories: Categorical columns that the features are computed from.
        window_rows: Rows in a window.
        convention: Window convention.
        scaler: Scaler fitted on normal training rows.
        threshold: Fixed, or recalibrated from recent scores; an alarm is `score >= threshold`.
        positive_values: Values of the label column that mark events; empty for labels of 0 and 1.
        merge_minutes: Most minutes between two event rows of one event; None to bridge short gaps alone.
        trained_step_minutes: Median interval between training rows, which `readings.step_minutes` may have
            been set to differ from; None in versions that do not hold it.
        units: Units of the sensors, if the training table had a line of units.
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
    trained_step_minutes: float | None = None
    positive_values: tuple[str, ...] = ()
    merge_minutes: float | None = None
    units: dict[str, str] = {}

    @property
    def interval_minutes(self) -> float | None:
        """Interval between the rows of training in minutes, or None if it is not known."""
        return self.trained_step_minutes or self.readings.step_minutes

    @model_validator(mode="before")
    @classmethod
    def _read_as_before(cls, content: Any) -> Any:
        """Read tables as versions did that were made before a setting existed."""
        readings = content.get("readings") if isinstance(content, Mapping) else None
        if not isinstance(readings, Mapping):
            return content
        return {**content, "readings": {**_SETTINGS_BEFORE, **readings}}
