"""Explanations of alarms, by sensor and in the sensors' own units."""

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
        sensor: Name of the sensor, or `context` for the process context.
        share: Share of the score, from 0 to 1, summed over all features of the sensor.
        column: The feature with the largest contribution, such as `x5 volatility`.
        group: Group of that feature.
        direction: Whether that feature is above or below the model's expectation; None if the model does not
            predict it. For `volatility`, above means restless and below means calm.
        last: Raw values of the sensor in the rows of the window, oldest first, None where it had no value;
            empty for `context`.
        expected: The level that the model expected in each of these rows, in the sensor's units, given the
            data up to that row; None where it did not predict the level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    share: float
    column: str
    group: Group
    direction: Literal["above", "below"] | None
    last: tuple[float | None, ...]
    expected: tuple[float | None, ...]


class AlarmExplanation(BaseModel):
    """One alarm and its drivers.

    Attributes:
        time: Time of the window's last row.
        score: Score of the window.
        threshold: The threshold in effect; an alarm is `score >= threshold`.
        drivers: The sensors with the largest shares, largest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: datetime
    score: float
    threshold: float
    drivers: tuple[Driver, ...]


class AlarmEpisode(BaseModel):
    """An episode: alarms in consecutive rows of one run.

    Attributes:
        first: The first alarm.
        rows: Number of rows with an alarm.
        is_caught: Whether any of these rows is positive, so that the episode warns of an event.
        minutes_ahead: Minutes from the first alarm to the event that ended the run, or None if no event
            ended it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: AlarmExplanation
    rows: int
    is_caught: bool
    minutes_ahead: float | None


class ExplainedAlarms(BaseModel):
    """The explained alarms of one part; if there are many, only the last ones.

    Attributes:
        part: Name of the part.
        total: Number of alarms in the part, explained or not.
        alarms: The explained alarms, in time order.
        episodes: Their episodes, in time order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    total: int
    alarms: tuple[AlarmExplanation, ...]
    episodes: tuple[AlarmEpisode, ...]


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows prepared for scoring.

    Attributes:
        labelled: The rows, divided into runs.
        features: Their features before scaling.
        scaled: Their scaled features, the model's input, float32, shape (rows, columns).
        is_neutral: Whether all features of a sensor are 0 in a row because a value is missing, bool, shape
            (rows, sensors); None if every value is there.
    """

    labelled: LabelledReadings
    features: FeatureTable
    scaled: np.ndarray
    is_neutral: np.ndarray | None = None


# type of the JSON in the column `drivers` of a table of scores
DRIVERS_TEXT: TypeAdapter[tuple[Driver, ...]] = TypeAdapter(tuple[Driver, ...])
