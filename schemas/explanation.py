"""What drives an alarm, in words and in the plant's own units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from schemas.configuration import Group
from schemas.features import FeatureTable
from schemas.readings import LabelledReadings


class Driver(BaseModel):
    """A sensor that drives an alarm.

    Attributes:
        sensor: Its name, or `context` for what the process has been through.
        share: Share of the score, from 0 to 1, over all features made of it.
        column: The feature that drives most, such as `x5 volatility`.
        group: Its kind.
        direction: Whether that feature is above what the model expected of it or not; none where the
            model expects nothing of it. Of `volatility`, above means restless and below calm.
        last: Raw values of the sensor in the rows of the window, oldest first; empty for `context`.
        expected: For each, what the model expected of the sensor's level there, in the sensor's units,
            when that row was the last one known; none where it expected nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    share: float
    column: str
    group: Group
    direction: Literal["above", "below"] | None
    last: tuple[float, ...]
    expected: tuple[float | None, ...]


class AlarmExplanation(BaseModel):
    """One alarm and what drives it.

    Attributes:
        time: Time of the window's last row.
        score: Its score.
        threshold: The threshold that held; an alarm is `score >= threshold`.
        drivers: The sensors with the largest shares, the largest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: datetime
    score: float
    threshold: float
    drivers: tuple[Driver, ...]


class AlarmEpisode(BaseModel):
    """Alarms in rows one after the other, in one run.

    Attributes:
        first: The alarm that it begins with.
        rows: Rows with an alarm.
        is_caught: Whether one of them is positive, so that the episode warns of an event.
        minutes_ahead: Minutes from the first alarm to the event that ended the run, or none where no
            event did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: AlarmExplanation
    rows: int
    is_caught: bool
    minutes_ahead: float | None


class ExplainedAlarms(BaseModel):
    """The alarms of one part, the last ones of many.

    Attributes:
        part: Name of the part.
        total: Alarms in the part, explained or not.
        alarms: Those that are explained, in time order.
        episodes: The episodes that they make, in time order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    total: int
    alarms: tuple[AlarmExplanation, ...]
    episodes: tuple[AlarmEpisode, ...]


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows as they are scored.

    Attributes:
        labelled: The rows in runs.
        features: Their features before scaling.
        scaled: Their features as the model sees them, float32, shape (rows, columns).
    """

    labelled: LabelledReadings
    features: FeatureTable
    scaled: np.ndarray


# the content of the column `drivers` in a table of scores
DRIVERS_TEXT: TypeAdapter[tuple[Driver, ...]] = TypeAdapter(tuple[Driver, ...])
