"""Compare the interval between new rows with the interval of the rows that a version was trained on."""

from __future__ import annotations

from typing import Final

import numpy as np

from schemas.detector import Detector
from schemas.errors import InputError
from tasks.tables.format import count_rows

# fewer differences between rows may as well be gaps
DIFFERENCES_AT_LEAST: Final = 4
# two intervals differ clearly if one is more than half longer than the other, as a gap is
_TIMES_LONGER = 1.5
# an interval is one that repeats: this share of the differences is about as long as the median
_SHARE_AT_LEAST = 0.75
_ABOUT = 0.25


def require_interval(
    times: np.ndarray, detector: Detector, source: str, earlier: np.ndarray | None = None
) -> None:
    """Refuse rows that are not arranged as the rows of a version's training, before or after they are scored.

    Args:
        times: Times of the new rows, `datetime64[ns]`, shape (rows,); NaT is ignored.
        detector: The version's detector.
        source: Name of the rows in the message.
        earlier: Times of the rows scored before them, in time order.

    Raises:
        InputError: If the rows come at another interval, or the version puts rows on a regular step, and
            these are not on it.
    """
    refuse_other_interval(times, detector.interval_minutes, source, earlier)
    minutes = detector.readings.resample_minutes
    if minutes is None:
        return
    step = np.timedelta64(round(minutes * 60e9), "ns")
    known = times[~np.isnat(times)].astype("datetime64[ns]")
    is_off = (known - np.datetime64(0, "ns")) % step != np.timedelta64(0, "ns")
    if is_off.any():
        raise InputError(
            f"Expected rows at multiples of {minutes:g} minutes, as the version was trained on "
            f"(`readings.resample_minutes`). In {source}, other times come in "
            f"{count_rows(int(is_off.sum()))}, the first at "
            f"{np.datetime_as_string(known[is_off][0], unit='s')}. Send rows on this step, or score the "
            "table by `forewarn score`, which puts them on it."
        )


def refuse_other_interval(
    times: np.ndarray, step_minutes: float | None, source: str, earlier: np.ndarray | None = None
) -> None:
    """Refuse rows that come at another interval than those of a version's training.

    At a longer interval every row is a gap, and none ever gets a score; at a shorter one windows cover less
    time than in training, and scores mean something else. Gaps and jitter are no interval: the new one must
    repeat, up to the newest row. Up to four rows are judged together with the rows before them.

    Args:
        times: Times of the new rows in any order, `datetime64[ns]`, shape (rows,); NaT is ignored.
        step_minutes: Interval of the training rows; nothing is refused if it is not known.
        source: Name of the rows in the message.
        earlier: Times of the rows scored before them, in time order.

    Raises:
        InputError: If the interval differs by more than half.
    """
    new = np.unique(times[~np.isnat(times)])
    if earlier is not None and len(earlier) and len(new):
        missing = max(DIFFERENCES_AT_LEAST + 1 - len(new), 0)
        new = np.unique(np.concatenate([earlier[max(len(earlier) - missing, 0) :], new]))
    found = find_interval(new)
    if step_minutes is None or found is None:
        return
    if max(found / step_minutes, step_minutes / found) <= _TIMES_LONGER:
        return
    longer = max(found, step_minutes)
    effect = (
        "Each of them would be a gap, and no row would ever have a score."
        if found > step_minutes
        else "Their windows would cover less time than in training, and their scores would be wrong."
    )
    raise InputError(
        f"Expected rows about every {step_minutes:g} minutes, as in the version's training. The rows of "
        f"{source} come every {found:g} minutes. {effect} Provide readings every {step_minutes:g} minutes, "
        f"or retrain on readings every {found:g} minutes, or with `readings.resample_minutes={longer:g}`, "
        "which puts the rows of training and of later tables on one step."
    )


def find_interval(times: np.ndarray) -> float | None:
    """Find the interval at which rows come, in minutes.

    Args:
        times: `datetime64[ns]`, shape (rows,), strictly increasing.

    Returns:
        The median difference, or None if there are fewer than four differences, if they do not repeat, or if
        the last one is another.
    """
    differences = np.diff(times) / np.timedelta64(1, "m")
    if len(differences) < DIFFERENCES_AT_LEAST:
        return None
    interval = float(np.median(differences))
    is_about = np.abs(differences - interval) <= _ABOUT * interval
    return interval if is_about[-1] and is_about.mean() >= _SHARE_AT_LEAST else None
