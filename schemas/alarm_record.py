"""What alarms caught in the test of a version, by block of rows, so that tests of several versions add up.

A block is a run of rows or, where runs are few, a piece of one; it is called a run below.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

# artifact of a run that contains its record, and the tag of a version by which versions of its kind are found
ALARM_RECORD_FILE, KIND_TAG = "alarm_record.json", "kind"


class CaughtEvents(BaseModel):
    """Events that one scorer caught, and its false alarms, in each run of rows.

    Attributes:
        near: Events caught within `rows_ahead` rows, or the number expected, shape (runs,).
        far: Events caught within the longer horizon, shape (runs,).
        false_alarms: False-alarm episodes, shape (runs,).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    near: tuple[float, ...]
    far: tuple[float, ...]
    false_alarms: tuple[float, ...]


class MovedAlarms(BaseModel):
    """Which events the version's alarms would have caught at other times of the test.

    All alarms are moved along the test together, `moves` times. For each run of rows a list holds the numbers
    of the moves, from 0, that catch an event of the run: a number comes once for each event.

    Attributes:
        moves: Number of moves.
        near: Within `rows_ahead` rows, shape (runs, any).
        far: Within the longer horizon, shape (runs, any).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    moves: int
    near: tuple[tuple[int, ...], ...]
    far: tuple[tuple[int, ...], ...]


class ChampionRuns(BaseModel):
    """What a version and the champion caught in runs of rows that neither had seen, each at the alarm budget.

    Attributes:
        version: Version number of the champion.
        first_times: Time of each run's first row, nanoseconds since 1970, shape (runs,).
        last_times: Time of its last row, shape (runs,).
        events: Events, shape (runs,).
        challenger: Events that the version caught.
        champion: Events that the champion caught.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    first_times: tuple[int, ...]
    last_times: tuple[int, ...]
    events: tuple[float, ...]
    challenger: CaughtEvents
    champion: CaughtEvents


class AlarmRecord(BaseModel):
    """What the alarms of a version, random alarms and the controls caught in the version's test.

    Lists by run have one entry for each run of rows with a row in the test, in time order.

    Attributes:
        first_times: Time of each run's first row in the test, nanoseconds since 1970, shape (runs,).
        last_times: Time of its last row in the test, shape (runs,).
        days: Days of rows, shape (runs,).
        events: Events, shape (runs,).
        alarm_rows: Rows with an alarm by the version's own threshold.
        own: The version, with its own threshold.
        random: Random alarms at the version's own rate of false alarms: what they are expected to catch.
        moved: The version's alarms at other times.
        at_budget: The version (`model`) and the controls, each with the lowest threshold that keeps the alarm
            budget on these rows.
        against: The version and the champion on the rows that neither had seen, or None if there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_times: tuple[int, ...]
    last_times: tuple[int, ...]
    days: tuple[float, ...]
    events: tuple[float, ...]
    alarm_rows: int
    own: CaughtEvents
    random: CaughtEvents
    moved: MovedAlarms
    at_budget: dict[str, CaughtEvents]
    against: ChampionRuns | None = None

    @model_validator(mode="after")
    def _check_runs(self) -> Self:
        scorers = (self.own, self.random, *self.at_budget.values())
        lists = [self.first_times, self.last_times, self.days, self.events, self.moved.near, self.moved.far]
        lists += [values for each in scorers for values in (each.near, each.far, each.false_alarms)]
        if len({len(values) for values in lists}) != 1:
            raise ValueError("Every list must have one entry for each run of rows.")
        return self
