"""Settings: one frozen section per step, each in its own file, combined in `Configuration`.

Unvalidated values come in; a `Configuration` goes out in which every key is known, every value is in range
and no two settings contradict each other. Field descriptions generate docs/configuration.md.

Called by other rooms: `Configuration`, its sections, and `DEFAULTS`.
"""

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
from schemas.configuration.threshold import BUDGET_RULES, ThresholdSection
from schemas.configuration.tracking import TrackingSection
from schemas.configuration.training import TrainingSection

__all__ = [
    "BUDGET_RULES",
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
