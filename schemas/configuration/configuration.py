"""All sections of settings, put together, with the rules that hold between them."""

from __future__ import annotations

from typing import Self

import yaml
from pydantic import Field, model_validator

from schemas.configuration.evaluation import EvaluationSection
from schemas.configuration.features import FeaturesSection
from schemas.configuration.labels import LabelsSection
from schemas.configuration.model import FORECASTERS, ModelSection
from schemas.configuration.monitor import MonitorSection
from schemas.configuration.promotion import PromotionSection
from schemas.configuration.readings import ReadingsSection
from schemas.configuration.section import Section
from schemas.configuration.serving import ServingSection
from schemas.configuration.split import SplitSection
from schemas.configuration.threshold import ThresholdSection
from schemas.configuration.tracking import TrackingSection
from schemas.configuration.training import TrainingSection
from schemas.configuration.windows import WindowsSection


class Configuration(Section):
    """Everything that decides the result of a run, together with the data and the code."""

    preset: str | None = Field(None, description="Name of the preset that the settings started from.")
    readings: ReadingsSection = ReadingsSection()
    labels: LabelsSection = LabelsSection()
    features: FeaturesSection = FeaturesSection()
    windows: WindowsSection = WindowsSection()
    split: SplitSection = SplitSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    threshold: ThresholdSection = ThresholdSection()
    evaluation: EvaluationSection = EvaluationSection()
    promotion: PromotionSection = PromotionSection()
    monitor: MonitorSection = MonitorSection()
    tracking: TrackingSection = TrackingSection()
    serving: ServingSection = ServingSection()

    @property
    def computes_features(self) -> bool:
        """Whether rows before a row are looked at for its features."""
        section = self.features
        return (
            section.level == "local"
            or section.volatility_rows is not None
            or section.difference_rows is not None
            or section.has_context
        )

    @property
    def window_rows(self) -> int:
        """Rows in a window: the lookback, and for a forecaster the row that it forecasts."""
        return self.windows.lookback + any(name in FORECASTERS for name in self.model.families)

    @property
    def purge_rows(self) -> int:
        """Rows left out before each boundary, so that no label looks into the next part."""
        if self.readings.label_column is None:
            return self.split.purge_rows or 0
        return self.labels.rows_ahead if self.split.purge_rows is None else self.split.purge_rows

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows.convention == "published" and self.split.method != "random":
            raise ValueError(
                "`windows.convention` published lets windows cross a split, so `split.method` "
                f"must be random. Received {self.split.method}."
            )
        has_labels = self.readings.label_column is not None
        if has_labels and self.split.method == "time" and self.purge_rows < self.labels.rows_ahead:
            raise ValueError(
                "`split.purge_rows` must be at least `labels.rows_ahead`, or labels look into the next part. "
                f"Received purge_rows={self.purge_rows}, rows_ahead={self.labels.rows_ahead}."
            )
        if self.windows.convention == "published" and self.computes_features:
            raise ValueError(
                "`windows.convention` published knows no runs of rows, so `features.level` must be "
                "raw, `features.volatility_rows` and `features.difference_rows` none, and "
                "`features.has_context` false."
            )
        unlabelled = [name for name in self.model.families if name != "logistic"]
        used = (self.model.inputs if unlabelled else ()) + (
            self.model.labelled_inputs if "logistic" in self.model.families else ()
        )
        for group, key in (
            ("volatility", "volatility_rows"),
            ("difference", "difference_rows"),
            ("context", "has_context"),
        ):
            if group in used and not getattr(self.features, key):
                raise ValueError(
                    f"`model.inputs` and `model.labelled_inputs` name {group}, so `features.{key}` must be "
                    f"set. Received {getattr(self.features, key)}."
                )
        if not has_labels and "logistic" in self.model.families:
            raise ValueError(
                "`model.family` logistic, and join with it, learn from events, so `readings.label_column` "
                "must name them. Received none."
            )
        return self

    def to_yaml(self) -> str:
        """Write every setting as YAML that `--config` reads again."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


DEFAULTS = Configuration()
