"""Go through new rows in time order, and accept those that may be scored."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.detector import Detector
from schemas.scores import Bookmark
from schemas.tables import MISSING, REPEATED_TIME, TOO_LATE
from tasks.times.parse import number_runs
from tasks.values.incomplete import count_missing_at_most

# problems of each row, by position
Problems = dict[int, list[str]]


class Walk:
    """The last usable row so far, and the number of rows in succession in which each sensor had no value."""

    def __init__(self, bookmark: Bookmark | None, detector: Detector, section: ReadingsSection) -> None:
        self.sound_rows, self.incomplete = 0, 0
        self.sensors, self.time_column = list(detector.sensors), section.time_column
        self._section = section
        self._step_minutes = detector.readings.step_minutes or np.nan
        self._missing_at_most = count_missing_at_most(section, len(self.sensors), is_live=True)
        self._begin: np.datetime64 = np.datetime64("NaT", "ns")
        self._last_time: np.datetime64 = self._begin
        self._missing = np.zeros(len(self.sensors), dtype=np.int64)
        self._dead = np.zeros(len(self.sensors), dtype=np.int64)
        if bookmark is not None:
            self._begin = self._last_time = bookmark.carried.times[-1]
            self._missing += [bookmark.held_rows.get(name, 0) for name in self.sensors]

    @property
    def held_rows(self) -> dict[str, int]:
        """By sensor, the number of rows in succession, up to the last one, without a value, if any."""
        return self._name(self._missing)

    @property
    def dead(self) -> dict[str, int]:
        """By sensor, the number of accepted rows in which it has no value and does not count, if any."""
        return self._name(self._dead)

    def judge_time(self, time: np.datetime64) -> str | None:
        """Return why a time, at or after that of the row before, is not later than all, or None if it is."""
        if not time <= self._last_time:
            return None
        return TOO_LATE if time <= self._begin else REPEATED_TIME

    def take(self, time: np.datetime64, values: np.ndarray, *, is_left_out: bool) -> list[str]:
        """Accept a later row, unless it misses more values than it may.

        Args:
            time: Its time.
            values: Its values, NaN where there is none, shape (sensors,).
            is_left_out: Whether it is an event row that has no score in any case.

        Returns:
            The sensors without a value that cannot be filled; if there are any, the row is not accepted.
        """
        missing = self._count_missing(time, np.isnan(values))
        is_filled = self._section.missing_values == "forward_fill"
        is_lost = missing > (self._section.fill_rows_at_most if is_filled else 0)
        is_incomplete = not is_left_out and int(is_lost.sum()) > self._missing_at_most
        if is_incomplete and self._section.missing_values != "no_score":
            return [self.sensors[place] for place in np.flatnonzero(is_lost)]
        self._last_time, self._missing = time, missing
        self.incomplete += is_incomplete
        if not (is_left_out or is_incomplete):
            self._dead += is_lost
        return []

    def _count_missing(self, time: np.datetime64, is_hole: np.ndarray) -> np.ndarray:
        """Count for how many rows each sensor has had no value; too many if there is none in the run."""
        if not is_hole.any():
            return np.zeros_like(self._missing)
        is_joined = number_runs(np.array([self._last_time, time]), self._step_minutes)[-1] == 0
        before = self._missing if is_joined else self._section.fill_rows_at_most
        return np.where(is_hole, before + 1, 0)

    def _name(self, counts: np.ndarray) -> dict[str, int]:
        return {name: int(rows) for name, rows in zip(self.sensors, counts, strict=True) if rows}


def walk_rows(
    walk: Walk,
    times: pd.Series,
    numbers: pd.DataFrame,
    is_scored: np.ndarray,
    is_left_out: np.ndarray,
    problems: Problems,
) -> list[int]:
    """Go through the unscored rows in time order, and add to `problems`.

    Returns:
        Positions of the usable rows, in time order.
    """
    sensors, time_column = walk.sensors, walk.time_column
    moments, values = times.to_numpy(), numbers[sensors].to_numpy()
    accepted: list[int] = []
    # a time that cannot be read comes last
    by_time = np.argsort(moments, kind="stable")
    for row in by_time[~is_scored[by_time]].tolist():
        order = walk.judge_time(moments[row])
        is_sound = row not in problems
        if order is not None:
            problems[row].append(f"{time_column}: {order}")
            walk.sound_rows += is_sound
        elif is_sound:
            lost = walk.take(moments[row], values[row], is_left_out=bool(is_left_out[row]))
            if lost:
                problems[row] += [f"{sensor}: {MISSING}" for sensor in lost]
            else:
                accepted.append(row)
                walk.sound_rows += 1
    return accepted
