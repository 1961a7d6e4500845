"""What can be configured: a frozen section per step, a file per section, and `Configuration` of them all."""

from schemas.configuration.configuration import DEFAULTS, Configuration
from schemas.configuration.evaluation import EvaluationSection
from schemas.configuration.features import FeaturesSection
from schemas.configuration.labels import LabelsSection
from schemas.configuration.model import FORECASTERS, Group, ModelSection
from schemas.configuration.monitor import MonitorSection
from schemas.configuration.promotion import PromotionSection
from schemas.configuration.readings import ReadingsSection
from schemas.configuration.section import Section, Share
from schemas.configuration.serving import ServingSection
from schemas.configuration.split import SplitSection
from schemas.configuration.threshold import ThresholdSection
from schemas.configuration.tracking import TrackingSection
from schemas.configuration.training import TrainingSection

__all__ = [
    "DEFAULTS",
    "FORECASTERS",
    "Configuration",
    "EvaluationSection",
    "FeaturesSection",
    "Group",
    "LabelsSection",
    "ModelSection",
    "MonitorSection",
    "PromotionSection",
    "ReadingsSection",
    "Section",
    "ServingSection",
    "Share",
    "SplitSection",
    "ThresholdSection",
    "TrackingSection",
    "TrainingSection",
]
