"""Explain alarms: which sensors drive each alarm, in which direction, and what the model expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.detector import Detector
from schemas.explanation import (
    DRIVERS_TEXT,
    AlarmEpisode,
    AlarmExplanation,
    Driver,
    ExplainedAlarms,
    PreparedRows,
)
from schemas.features import Column
from schemas.model import FittedModel
from schemas.readings import LabelledReadings
from schemas.tables import choose_free_name
from schemas.windows import Part
from tasks.windows.label import count_rows_in_run
from tasks.windows.window import find_end_rows

# sensors named with an alarm
TOP_SENSORS = 3
# name of the process context among the sensors; `context_` if a sensor is named so
CONTEXT = "context"
# number of alarms of a part that are explained, the last ones
ALARMS_AT_MOST = 1_000


@dataclass(frozen=True, eq=False)
class RankedSensors:
    """The sensors with the largest share of each window's score, the largest first.

    Attributes:
        names: All sensors, and `context`, in the order of the columns.
        places: Positions in `names` of the sensors with the largest shares, shape (windows, ranks).
        shares: Their shares, float64, shape (windows, ranks).
        columns: Position of each sensor's column that adds most to the score, shape (windows, ranks).
    """

    names: tuple[str, ...]
    places: np.ndarray
    shares: np.ndarray
    columns: np.ndarray


def explain_alarms(
    detector: Detector, model: FittedModel, prepared: PreparedRows, end_rows: np.ndarray
) -> list[tuple[Driver, ...]]:
    """Name the sensors that drive the score of each window, with the values that the model expected.

    An explanation does not depend on later rows or on the other windows that are explained.

    Args:
        detector: Features, scaler and settings of a version.
        model: Model of the version.
        prepared: The rows.
        end_rows: Last rows of the windows to explain, shape (windows,).

    Returns:
        For each window the `TOP_SENSORS` sensors with the largest shares; floats have six digits.
    """
    if len(end_rows) == 0:
        return []
    shares = forget_neutral_sensors(model.explain(prepared.scaled, end_rows), detector, prepared, end_rows)
    ranked = rank_sensors(shares, detector.scaler.columns)
    rows = end_rows[:, None] + np.arange(1 - detector.window_rows, 1)  # (windows, rows of a window)
    every, inverse = np.unique(rows, return_inverse=True)
    expected = expect_rows(detector, model, prepared, every)
    levels = expect_levels(detector, prepared, every, expected)
    raw_levels = expect_raw_levels(detector, prepared, every, expected)
    inverse = inverse.reshape(rows.shape)
    windows = np.arange(len(end_rows))[:, None]
    surplus = (
        prepared.scaled[end_rows[:, None], ranked.columns] - expected[inverse[windows, -1], ranked.columns]
    )
    # `context` comes after the sensors: it gets the values of the last one, and `_write_drivers` drops them
    sensors = np.minimum(ranked.places, len(detector.sensors) - 1)[:, :, None]
    lasts = prepared.labelled.values[rows[:, None], sensors]  # (windows, ranks, rows of a window)
    is_raw = np.asarray([column.group == "raw" for column in detector.scaler.columns])
    expected_levels = np.where(
        is_raw[ranked.columns][:, :, None],
        raw_levels[inverse[:, None], sensors],
        levels[inverse[:, None], sensors],
    )
    drivers = _write_drivers(ranked, detector.scaler.columns, surplus, lasts, expected_levels)
    return leave_out_neutral_sensors(drivers, prepared, end_rows)


def forget_neutral_sensors(
    shares: np.ndarray, detector: Detector, prepared: PreparedRows, end_rows: np.ndarray
) -> np.ndarray:
    """Set to 0 what the sensors without a value add to the score of a window.

    Args:
        shares: How much each column adds to the score, at least 0, shape (windows, columns).
        detector: Describes the columns.
        prepared: The rows, and the sensors that are neutral in them.
        end_rows: Last rows of the windows, shape (windows,).
    """
    if prepared.is_neutral is None:
        return shares
    is_neutral = prepared.is_neutral[end_rows]
    is_left = ~is_neutral.all(axis=1)
    known = shares.copy()
    for number, column in enumerate(detector.scaler.columns):
        if column.sensor is not None:
            place = detector.sensors.index(column.sensor)
            known[is_neutral[:, place] & is_left, number] = 0.0
    return known


def leave_out_neutral_sensors(
    drivers: list[tuple[Driver, ...]], prepared: PreparedRows, end_rows: np.ndarray
) -> list[tuple[Driver, ...]]:
    """Leave out the drivers that have no value in the last row of their window, unless no other is left."""
    if prepared.is_neutral is None:
        return drivers
    sensors = np.asarray(prepared.labelled.sensors)
    neutral = [set(sensors[is_neutral]) for is_neutral in prepared.is_neutral[end_rows]]
    kept = [
        tuple(driver for driver in of_alarm if driver.sensor not in names)
        for of_alarm, names in zip(drivers, neutral, strict=True)
    ]
    return [left or of_alarm for left, of_alarm in zip(kept, drivers, strict=True)]


def rank_sensors(shares: np.ndarray, columns: Sequence[Column]) -> RankedSensors:
    """Rank the sensors by their share of each window's score.

    Args:
        shares: How much each column adds to the score, at least 0, shape (windows, columns).
        columns: Description of each column.

    Returns:
        The first `TOP_SENSORS` sensors of each window, or all if there are fewer; ties keep column order.
    """
    sensors = tuple(dict.fromkeys(column.sensor for column in columns))
    owners = np.asarray([sensors.index(column.sensor) for column in columns])
    context = choose_free_name(CONTEXT, [sensor for sensor in sensors if sensor is not None])
    names = tuple(context if sensor is None else sensor for sensor in sensors)
    by_sensor = np.zeros((len(shares), len(names)))
    # column by column: the rounding of a matrix product depends on the number of windows
    for place, owner in enumerate(owners):
        by_sensor[:, owner] += shares[:, place]
    total = sum_in_order(by_sensor)
    by_sensor /= np.maximum(total, np.finfo(np.float32).tiny)[:, None]
    places = np.argsort(-by_sensor, axis=1, kind="stable")[:, :TOP_SENSORS]
    driving = np.stack(
        [np.where(owners == rank[:, None], shares, -1.0).argmax(axis=1) for rank in places.T], axis=1
    )
    return RankedSensors(names, places, np.take_along_axis(by_sensor, places, axis=1), driving)


def sum_in_order(values: np.ndarray) -> np.ndarray:
    """Sum the columns of each row one after another, so that the result does not depend on other rows."""
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total


def name_top_sensors(drivers: Sequence[Driver]) -> str:
    """Format the sensors and their shares as text, such as `x5=0.41 x15=0.20 x3=0.08`."""
    return " ".join(f"{driver.sensor}={driver.share:.2f}" for driver in drivers)


def write_drivers(drivers: Sequence[Driver]) -> str:
    """Format drivers as compact JSON."""
    return DRIVERS_TEXT.dump_json(tuple(drivers)).decode()


def expect_rows(
    detector: Detector, model: FittedModel, prepared: PreparedRows, rows: np.ndarray
) -> np.ndarray:
    """Compute the values that the model expects in rows, each as the last row of its window.

    Returns:
        float32, shape (rows, columns); NaN where a row ends no window or the model has no expectation.
    """
    end_rows = find_end_rows(prepared.labelled.runs, detector.window_rows, detector.convention)
    is_end = np.isin(rows, end_rows)
    expected = np.full((len(rows), prepared.scaled.shape[1]), np.nan, dtype=np.float32)
    expected[is_end] = model.expect(prepared.scaled, rows[is_end])
    return expected


def expect_levels(
    detector: Detector, prepared: PreparedRows, rows: np.ndarray, expected: np.ndarray
) -> np.ndarray:
    """Convert the expected levels of sensors back into the sensors' units.

    Args:
        detector: Features, scaler and settings of a version.
        prepared: The rows.
        rows: Positions, shape (rows,).
        expected: Expected values of their columns, shape (rows, columns).

    Returns:
        float64, shape (rows, sensors); NaN where nothing is expected, where the sensor was constant in
        training or is neutral, and, with levels that are deviations from a trailing mean, in the first row
        of a run, which has no rows before it.
    """
    scaler, sensors = detector.scaler, len(detector.sensors)
    # the columns of the levels come first, in the order of the sensors
    deviations = np.asarray(scaler.deviations[:sensors], dtype=np.float64)
    values = prepared.labelled.values[rows]
    base = values - prepared.features.values[rows, :sensors]
    levels = base + np.asarray(scaler.means[:sensors]) + deviations * expected[:, :sensors]
    if detector.features.level != "raw":
        levels[count_rows_in_run(prepared.labelled.runs)[rows] == 0] = np.nan
    if prepared.is_neutral is not None:
        levels[prepared.is_neutral[rows]] = np.nan
    return levels


def expect_raw_levels(
    detector: Detector, prepared: PreparedRows, rows: np.ndarray, expected: np.ndarray
) -> np.ndarray:
    """Convert the expected raw values of sensors, the group `raw`, back into the sensors' units.

    Returns:
        As `expect_levels`; NaN everywhere if there is no such group.
    """
    columns = detector.scaler.columns
    levels = np.full((len(rows), len(detector.sensors)), np.nan)
    places = [place for place, column in enumerate(columns) if column.group == "raw"]
    if not places:
        return levels
    # in the order of the sensors
    means, deviations = (
        np.asarray(figures, dtype=np.float64)[places]
        for figures in (detector.scaler.means, detector.scaler.deviations)
    )
    levels[:] = means + deviations * expected[:, places]
    if prepared.is_neutral is not None:
        levels[prepared.is_neutral[rows]] = np.nan
    return levels


def explain_part(
    detector: Detector,
    model: FittedModel,
    prepared: PreparedRows,
    part: Part,
    scores: np.ndarray,
    thresholds: np.ndarray,
) -> ExplainedAlarms:
    """Explain the last `ALARMS_AT_MOST` alarms of a part.

    Args:
        detector: Features, scaler and settings of a version.
        model: Model of the version.
        prepared: All rows.
        part: The part.
        scores: Scores of its windows, shape (windows,).
        thresholds: Threshold of each window, shape (windows,).
    """
    is_alarm = scores >= thresholds
    places = np.flatnonzero(is_alarm)[-ALARMS_AT_MOST:]
    end_rows = part.end_rows[places]
    alarms = tuple(
        AlarmExplanation(time=time, score=score, threshold=threshold, drivers=drivers)
        for time, score, threshold, drivers in zip(
            prepared.labelled.times[end_rows].astype("datetime64[us]").tolist(),
            scores[places].tolist(),
            thresholds[places].tolist(),
            explain_alarms(detector, model, prepared, end_rows),
            strict=True,
        )
    )
    episodes = list_episodes(alarms, end_rows, part.labels[places], prepared.labelled)
    return ExplainedAlarms(part=part.name, total=int(is_alarm.sum()), alarms=alarms, episodes=episodes)


def list_episodes(
    alarms: Sequence[AlarmExplanation], end_rows: np.ndarray, labels: np.ndarray, labelled: LabelledReadings
) -> tuple[AlarmEpisode, ...]:
    """Group alarms in consecutive rows of one run into episodes.

    Args:
        alarms: Alarms in time order.
        end_rows: Their rows, rising, shape (alarms,).
        labels: Whether each row is positive, bool, shape (alarms,).
        labelled: All rows and events.
    """
    runs = labelled.runs[end_rows]
    breaks = np.flatnonzero((np.diff(end_rows) > 1) | (np.diff(runs) != 0)) + 1
    pieces = np.split(np.arange(len(end_rows)), breaks) if len(end_rows) else []
    return tuple(
        AlarmEpisode(
            first=alarms[piece[0]],
            rows=len(piece),
            is_caught=bool(labels[piece].any()),
            minutes_ahead=count_minutes_ahead(labelled, int(end_rows[piece[0]])),
        )
        for piece in pieces
    )


def count_minutes_ahead(labelled: LabelledReadings, row: int) -> float | None:
    """Count the minutes from a row to the event that ended its run; none if no event did."""
    is_next = (labelled.event_runs == labelled.runs[row]) & (labelled.event_times >= labelled.times[row])
    times = labelled.event_times[is_next]
    return None if len(times) == 0 else float((times[0] - labelled.times[row]) / np.timedelta64(1, "m"))


def _write_drivers(
    ranked: RankedSensors,
    columns: Sequence[Column],
    surplus: np.ndarray,
    lasts: np.ndarray,
    levels: np.ndarray,
) -> list[tuple[Driver, ...]]:
    """Build the drivers of each window.

    Args:
        ranked: The sensors.
        columns: Description of each column.
        surplus: By how much the driving column exceeds its expected value, shape (windows, ranks).
        lasts: Raw values, shape (windows, ranks, rows of a window).
        levels: Expected values, of the same shape.
    """

    def write_driver(window: int, rank: int) -> Driver:
        column, name = columns[ranked.columns[window, rank]], ranked.names[ranked.places[window, rank]]
        has_rows = column.sensor is not None
        return Driver(
            sensor=name,
            share=_shorten(ranked.shares[window, rank]),
            column=column.name,
            group=column.group,
            direction=_name_direction(surplus[window, rank]),
            last=_shorten_all(lasts[window, rank]) if has_rows else (),
            expected=_shorten_all(levels[window, rank]) if has_rows else (),
        )

    windows, ranks = ranked.places.shape
    return [tuple(write_driver(window, rank) for rank in range(ranks)) for window in range(windows)]


def _name_direction(surplus: float) -> Literal["above", "below"] | None:
    if np.isnan(surplus):
        return None
    return "above" if surplus > 0 else "below"


def _shorten_all(values: np.ndarray) -> tuple[float | None, ...]:
    """Round values; NaN becomes None."""
    return tuple(None if np.isnan(value) else _shorten(value) for value in values)


def _shorten(value: float) -> float:
    """Round to six significant digits."""
    return float(f"{value:.6g}")
