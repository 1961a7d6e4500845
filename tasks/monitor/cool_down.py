"""The time after an event during which no other of its kind is sent, counted in the time of the data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.monitoring import LastEmission
from tasks.monitor.measure import format_time


class CoolDown(NamedTuple):
    """A cool-down that is running, or that an event now would start.

    Attributes:
        until: Data time of its end, ISO 8601.
        reported: Newest row of the data when the last event was sent, if its cool-down is running; else None,
            and an event is due.
    """

    until: str
    reported: str | None

    def __str__(self) -> str:
        """The end of a sentence about a finding that was reported before."""
        return (
            f"was already reported for the data up to {self.reported}. Cool-down until the data reach "
            f"{self.until}: no second event."
        )


def find_cool_down(last: LastEmission | None, data_end: str, hours: float) -> CoolDown:
    """Find the cool-down after the last event, or the one that an event now would start.

    Rows that were reported before never cause a second event, however short the cool-down is.

    Args:
        last: The last event of the same kind about this version, or None.
        data_end: Time of the newest row, ISO 8601.
        hours: Length of the cool-down.
    """
    if last is not None:
        now, before, until = np.datetime64(data_end), np.datetime64(last.data_end), _add(last.data_end, hours)
        if now < until or now <= before:
            return CoolDown(format_time(until), last.data_end)
    return CoolDown(format_time(_add(data_end, hours)), None)


def _add(time: str, hours: float) -> np.datetime64:
    return np.datetime64(time, "s") + np.timedelta64(round(hours * 3600), "s")
