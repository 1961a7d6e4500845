"""The complete configuration: all sections, and the rules that relate them."""

from __future__ import annotations

from typing import Self

import yaml
from pydantic import Field, model_validator

from schemas.configuration.evaluation import EvaluationSection
from schemas.configuration.features import FeaturesSection
from schemas.configuration.labels import LabelsSection
from schemas.configuration.model import FORECASTERS, SINGLE_ROW, ModelSection
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
    """Everything that determines the result of a run, besides the data and the code."""

    preset: str | None = Field(None, description="Name of the preset that the settings are based on.")
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
        """Whether the features of a row depend on earlier rows."""
        section = self.features
        return (
            section.level != "raw"
            or section.volatility_rows is not None
            or section.difference_rows is not None
            or section.has_context
        )

    @property
    def window_rows(self) -> int:
        """Rows in a window: the lookback, plus the forecast row for a forecaster."""
        return self.windows.lookback + any(name in FORECASTERS for name in self.model.families)

    @property
    def has_labels(self) -> bool:
        """Whether events may be known, by a label column or a file of events."""
        return self.readings.label_column is not None or self.labels.events_file is not None

    @property
    def purge_rows(self) -> int:
        """Rows left out before each boundary so that no label depends on the next part."""
        if not self.has_labels:
            return self.split.purge_rows or 0
        return self.labels.rows_ahead if self.split.purge_rows is None else self.split.purge_rows

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows.convention == "published" and self.split.method != "random":
            raise ValueError(
                "`split.method` must be random when `windows.convention` is published, because these windows "
                f"cross split boundaries. Received {self.split.method}."
            )
        if self.has_labels and self.split.method == "time" and self.purge_rows < self.labels.rows_ahead:
            raise ValueError(
                "`split.purge_rows` must be at least `labels.rows_ahead`, because labels would otherwise "
                f"depend on the next part. Received purge_rows={self.purge_rows}, "
                f"rows_ahead={self.labels.rows_ahead}."
            )
        if self.windows.convention == "published" and self.computes_features:
            raise ValueError(
                "`features.level` must be raw, `features.volatility_rows` and `features.difference_rows` "
                "null, and `features.has_context` false when `windows.convention` is published, because "
                "these windows ignore time gaps."
            )
        self._check_groups()
        if not self.has_labels and self.model.family == "logistic":
            raise ValueError(
                "`readings.label_column` must name a column when `model.family` is logistic, because "
                "logistic is trained on events. Received null. Choose a family that needs no events, such as "
                "pca_t2, or join, which leaves out the members that do."
            )
        return self

    def _check_groups(self) -> None:
        """Refuse inputs of the model that `features` does not compute."""
        model, families, inputs = self.model, set(self.model.families), set()
        if families - {"logistic"}:
            # the controls too use `model.inputs`
            inputs |= set(model.inputs)
        if "logistic" in families:
            inputs |= set(model.labelled_inputs)
        if families - set(SINGLE_ROW):
            inputs |= set(model.window_inputs)
        for group, key in (
            ("volatility", "volatility_rows"),
            ("difference", "difference_rows"),
            ("context", "has_context"),
        ):
            if group in inputs and not getattr(self.features, key):
                raise ValueError(
                    f"`features.{key}` must be set, because `model.inputs`, `model.labelled_inputs` or "
                    f"`model.window_inputs` contains {group}. Received {getattr(self.features, key)}."
                )

    def to_yaml(self) -> str:
        """Return every setting as YAML that `--config` accepts."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


DEFAULTS = Configuration()
