"""Find values that may stand for no value, such as -9999: repeated, and far from all others of the sensor."""

from __future__ import annotations

import re

import numpy as np

from schemas.readings import Finding, SensorReadings
from tasks.values.missing import write_number

# quartile ranges between the quartiles of the other values and a value that may be a sentinel
KNOWN_RANGES_AWAY, WHOLE_RANGES_AWAY, OTHER_RANGES_AWAY = 4.0, 20.0, 1000.0
KNOWN_ROWS_AT_LEAST, OTHER_ROWS_AT_LEAST = 3, 5
OTHER_VALUES_AT_LEAST = 10
# larger than any measurement: one such cell is enough
HUGE = 1e15
# the largest and least integers of 16 and 32 bits
LIMITS = {32767.0, -32768.0, 65535.0, 2147483647.0, -2147483647.0, -2147483648.0, 4294967295.0}
SENSORS_LISTED_AT_MOST = 10


def find_sentinels(values: np.ndarray) -> dict[int, dict[float, int]]:
    """Find the values of each sensor that may stand for no value.

    Only the least and the greatest value of a sensor are considered, then those that remain without it, and
    so on. Such a value occurs in fewer rows than the rest, is not 0 (a machine at rest), and is

    - a usual sentinel (three or more nines, a limit of 16 or 32 bits, 1e15 or more) at least four quartile
      ranges beyond the quartiles of the rest, and at least half of its own size away from their median; in
      three rows, or in one if it is negative nines or 1e15 or more;
    - or any other value in five rows, at least twenty quartile ranges beyond the quartiles of the rest if it
      is a whole number, else a thousand (a machine at rest has such values too, if its sensors are centred),
      with no value in the nearer half of the way to their median; the rest varies (ten different values).

    Args:
        values: Finite float64, shape (rows, sensors).

    Returns:
        By position of the sensor, the values found and the rows in which they occur.
    """
    found = {place: _find_in_sensor(of_sensor) for place, of_sensor in enumerate(np.sort(values, axis=0).T)}
    return {place: of_sensor for place, of_sensor in found.items() if of_sensor}


def report_sentinels(readings: SensorReadings) -> Finding | None:
    """Return the finding `likely_sentinels`, if there are any."""
    found = {
        readings.sensors[place]: of_sensor for place, of_sensor in find_sentinels(readings.values).items()
    }
    if not found:
        return None
    parts = [
        f"{name} = {write_number(value)} in {rows} row{'s' * (rows > 1)}"
        for name, of_sensor in found.items()
        for value, rows in of_sensor.items()
    ]
    more = len(parts) - SENSORS_LISTED_AT_MOST
    listed = ", ".join(parts[:SENSORS_LISTED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
    distinct = sorted({value for of_sensor in found.values() for value in of_sensor})
    setting = ",".join(["default", *map(write_number, distinct)])
    message = (
        f"Values far from all others of their sensor, which may stand for no value: {listed}. They are used "
        "as readings, but not for the scale of the sensor. If they are no readings, set "
        f"`readings.missing_words` to {setting}."
    )
    counts = {
        name: {write_number(value): rows for value, rows in of_sensor.items()}
        for name, of_sensor in found.items()
    }
    return Finding(
        check="likely_sentinels",
        message=message,
        columns=tuple(found),
        details={"values": counts},
        proposed={"readings.missing_words": setting.split(",")},
    )


def _find_in_sensor(values: np.ndarray) -> dict[float, int]:
    """Find the sentinels among the sorted values of one sensor, shape (rows,)."""
    found: dict[float, int] = {}
    rest, is_done = values, False
    while not is_done:
        is_done = True
        for value in (rest[0], rest[-1]):
            start, stop = np.searchsorted(rest, value, "left"), np.searchsorted(rest, value, "right")
            others = np.concatenate([rest[:start], rest[stop:]])
            if _is_sentinel(float(value), int(stop - start), others):
                found[float(value)] = int(stop - start)
                rest, is_done = others, False
                break
    return found


def _is_sentinel(value: float, rows: int, others: np.ndarray) -> bool:
    """Judge the least or the greatest value of a sensor by the other values, sorted."""
    if value == 0 or len(others) <= rows:
        return False
    quarter, middle, three_quarters = (
        others[round(share * (len(others) - 1))] for share in (0.25, 0.5, 0.75)
    )
    width = three_quarters - quarter
    distance = quarter - value if value < quarter else value - three_quarters
    way = abs(value - middle)
    if _is_usual(value):
        is_certain = abs(value) >= HUGE or (value < 0 and value not in LIMITS)
        is_repeated = rows >= (1 if is_certain else KNOWN_ROWS_AT_LEAST)
        return bool(is_repeated and distance >= KNOWN_RANGES_AWAY * width and way >= abs(value) / 2)
    nearest = others[0] if value < others[0] else others[-1]
    return bool(
        rows >= OTHER_ROWS_AT_LEAST
        and width > 0
        and distance >= (WHOLE_RANGES_AWAY if value.is_integer() else OTHER_RANGES_AWAY) * width
        and abs(value - nearest) >= way / 2
        and len(np.unique(others)) >= OTHER_VALUES_AT_LEAST
    )


def _is_usual(value: float) -> bool:
    """Return whether a value is a usual sentinel: 999, -9999.99, a limit of 16 or 32 bits, 1e15 or more."""
    if abs(value) >= HUGE or value in LIMITS:
        return True
    return re.fullmatch(r"9{3,}(\.9+|\.25|\.0)?", repr(abs(value))) is not None
