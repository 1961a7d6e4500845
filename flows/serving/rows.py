"""Conversion of request rows to a table, and of a scored table to answer rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.tables import MISSING_SENSORS, as_numbers
from tasks.times.time_columns import join_time_columns, list_time_columns
from tasks.times.time_zones import mark_as_utc
from tasks.times.written_times import parse_column
from tasks.values.missing import blank_missing_words

# beyond any sensor's range; the square of much larger values would overflow a float32
LARGEST_VALUE = 1e15
_LONGEST_TEXT = 100
_LARGEST_INTEGER = 2**63 - 1
_EXAMPLE_BEGIN = pd.Timestamp("2024-01-01")
_EXTRA_EXAMPLE_ROWS = 3


def make_table(rows: Sequence[Mapping[str, Any]], detector: Detector) -> pd.DataFrame:
    """Make a table of the columns that a version reads; other columns are left out.

    Times are parsed here if all of them can be; otherwise they stay unchanged, and the schema check reports
    them. A missing label means that no event is known. A value that stands for no value is missing.

    Args:
        rows: Columns and values of each row.
        detector: Detector of the version that scores them.

    Raises:
        InputError: If there are no rows, or a value is not a scalar, too long or too large.
    """
    if not rows:
        raise InputError("Expected at least one row of readings. `rows` is empty.")
    section = detector.readings
    names = [
        *dict.fromkeys([section.time_column, *list_time_columns(section)]),
        *detector.sensors,
        *detector.categories,
    ]
    table = pd.DataFrame({name: _take_column(rows, name) for name in names if any(name in r for r in rows)})
    if section.label_column is not None and section.label_column not in table:
        labels = _take_column(rows, section.label_column)
        table[section.label_column] = pd.Series(labels).fillna(0).infer_objects()
    table = join_time_columns(table, section)
    if section.time_column in table:
        times = parse_column(table[section.time_column], section)
        if times.notna().all():
            table[section.time_column] = mark_as_utc(times, section.time_zone)
    table, _ = blank_missing_words(table, detector.sensors, section)
    _refuse_large_values(table, detector)
    return table


def _take_column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [_take_value(row.get(name), name, number) for number, row in enumerate(rows)]


def _take_value(value: Any, name: str, number: int) -> Any:
    if isinstance(value, (dict, list)):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise InputError(
            f"Expected a number or a string in every column. Received {kind} as {name} of row {number}. Send "
            "a single value."
        )
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise InputError(
            f"Expected strings of at most {_LONGEST_TEXT} characters. Received {len(value)} as {name} of row "
            f"{number}. Shorten it."
        )
    if type(value) is int and abs(value) > _LARGEST_INTEGER:
        # `float` would raise OverflowError beyond the largest float
        return float(value) if abs(value) < 10**300 else (math.inf if value > 0 else -math.inf)
    return value


def _refuse_large_values(table: pd.DataFrame, detector: Detector) -> None:
    for name in detector.sensors:
        if name not in table:
            continue
        sizes = as_numbers(table[name], detector.readings.decimal).abs().to_numpy()
        is_large = np.isfinite(sizes) & (sizes > LARGEST_VALUE)
        if is_large.any():
            first = int(np.flatnonzero(is_large)[0])
            raise InputError(
                f"Expected values of at most {LARGEST_VALUE:g} in every sensor. Received {sizes[first]:g} as "
                f"{name} of row {first}. Correct the reading."
            )


def list_scored_rows(scored: pd.DataFrame) -> list[dict[str, Any]]:
    """List scored rows in the form of `schemas.service.ScoredRow`; numbers keep their full precision.

    Raises:
        InputError: If a score is infinite.
    """
    scores, thresholds = scored["score"].to_numpy(np.float64), scored["threshold"].to_numpy(np.float64)
    if np.isinf(scores).any():
        raise InputError(
            "Expected rows with a finite score. "
            f"Row {int(np.flatnonzero(np.isinf(scores))[0])} is too far from the training data of the "
            "version. Check its sensors."
        )
    moments = scored["time"].to_numpy("datetime64[ns]")
    are_whole = bool((moments == moments.astype("datetime64[s]")).all())
    times = np.datetime_as_string(moments, unit="s" if are_whole else "ns")
    drivers = scored["drivers"] if "drivers" in scored else [""] * len(scored)
    missing = scored[MISSING_SENSORS] if MISSING_SENSORS in scored else [""] * len(scored)
    return [
        {
            "time": str(time),
            "score": None if math.isnan(score) else score,
            "threshold": threshold if math.isfinite(threshold) else None,
            "alarm": alarm,
            "top_sensors": top_sensors,
            "drivers": json.loads(driver) if driver else [],
            MISSING_SENSORS: names,
        }
        for time, score, threshold, alarm, top_sensors, driver, names in zip(
            times,
            scores.tolist(),
            thresholds.tolist(),
            scored["alarm"].tolist(),
            scored["top_sensors"].tolist(),
            drivers,
            missing,
            strict=True,
        )
    ]


def invent_rows(detector: Detector) -> list[dict[str, Any]]:
    """Invent example rows with the columns and the step of a version, enough to get a score."""
    count = detector.window_rows + _EXTRA_EXAMPLE_ROWS
    step = pd.Timedelta(minutes=detector.interval_minutes or 1.0)
    names = [*detector.sensors, *detector.categories]
    return [
        {
            **_write_time(_EXAMPLE_BEGIN + number * step, detector),
            **{name: round(math.sin(number + place), 3) for place, name in enumerate(names)},
        }
        for number in range(count)
    ]


def _write_time(time: pd.Timestamp, detector: Detector) -> dict[str, str]:
    """Write a time into the column of times, or into those of dates and times of day."""
    text = time.strftime(detector.readings.time_format or "%Y-%m-%dT%H:%M:%S")
    names = list_time_columns(detector.readings)
    parts = [text] if len(names) == 1 else text.replace("T", " ").split(" ", maxsplit=1)
    return dict(zip(names, parts, strict=True))
