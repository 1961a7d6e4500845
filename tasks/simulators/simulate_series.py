"""Simulate two small tables without labels: weekly temperatures and short sequences of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.errors import InputError

# weekly temperatures, in degrees Celsius
LEAST_WEEKS = 104
FIRST_WEEK = np.datetime64("2010-01-04", "D")
MEAN_TEMPERATURE, YEARLY_SWING, DEGREES_PER_YEAR = 10.0, 9.0, 0.1
DAYS_PER_YEAR, COLDEST_DAY = 365.25, 14
NOISE_DEGREES, NOISE_MEMORY = 1.6, 0.6
WEEKS_PER_SPELL = 65
WEEKS_BETWEEN_SPELLS = 4
SPELL_DEGREES = (10.0, 14.0)
WARM_UP_WEEKS = 100

# sequences
LEAST_SEQUENCES = 50
SEQUENCE_ROWS = 4
LAST_SEQUENCES = 25
JUMPS = (2, 12, 22)
REVERSALS = (7, 17)
FIRST_MINUTE = np.datetime64("2024-01-01T00:00", "m")
MINUTES_BETWEEN_SEQUENCES = 60
STARTS = (0, 100)
STEPS = (5, 15)
ROUNDING_NOISE = 0.7
JUMP_SIZES = (60, 100)


def simulate_temperatures(rows: int = 520, seed: int = 0) -> pd.DataFrame:
    """Simulate weekly mean temperatures of one place, with a few heat waves and cold spells.

    The temperatures have a yearly cycle (coldest in mid-January), autocorrelated noise, and a trend of 0.1
    degrees a year. About one week in 43 is exceptional: spells of one or two weeks, one in 65 weeks on
    average, are 10 to 14 degrees above or below. The table does not mark them;
    `draw_spells(rows, np.random.default_rng(seed))` returns them.

    Args:
        rows: Weeks of the table, at least 104: two years.
        seed: At least 0; the same seed gives the same table.

    Returns:
        Columns `time` (the Monday of the week, such as `2010-01-04`) and `temperature` (degrees Celsius,
        two decimals).

    Raises:
        InputError: If `rows` or `seed` is too small.
    """
    require_at_least("rows", rows, LEAST_WEEKS, "Fewer weeks do not show the yearly cycle.")
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    random = np.random.default_rng(seed)
    temperatures = draw_spells(rows, random) + _draw_noise(rows, random)
    weeks = FIRST_WEEK + 7 * np.arange(rows)
    temperatures += _follow_seasons(weeks)
    return pd.DataFrame({"time": weeks.astype(str), "temperature": np.round(temperatures, 2)})


def simulate_sequences(sequences: int = 116, seed: int = 0) -> pd.DataFrame:
    """Simulate sequences of four integers, a few of which are outliers.

    Rows of a sequence are one minute apart, and there is an hour between sequences, so that each sequence is
    a run of rows. A regular sequence starts between 0 and 100 and increases by a constant step, 5 to 15, with
    rounding noise that changes a number by at most 1: `34 43 51 61`.

    Five of the last 25 sequences are outliers, and no others; the table does not mark them. In the 3rd, 13th
    and 23rd of the 25, 60 to 100 is added to all numbers after a random position: `34 43 131 141`. In the 8th
    and 18th, one random step goes down instead of up: `34 43 35 43`.

    Args:
        sequences: Sequences of the table, at least 50.
        seed: At least 0; the same seed gives the same table.

    Returns:
        Columns `time` (such as `2024-01-01T00:00`) and `value` (integers), four rows for each sequence.

    Raises:
        InputError: If `sequences` or `seed` is too small.
    """
    advice = (
        f"The last {LAST_SEQUENCES} contain the outliers, and at least as many regular ones must precede."
    )
    require_at_least("sequences", sequences, LEAST_SEQUENCES, advice)
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    random = np.random.default_rng(seed)
    values = _draw_numbers(sequences, random)
    minutes = _count_minutes(sequences)
    return pd.DataFrame({"time": (FIRST_MINUTE + minutes).astype(str), "value": values.ravel()})


def draw_spells(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the effect of heat waves and cold spells on each week in degrees, mostly 0, shape (rows,)."""
    places = rows // WEEKS_BETWEEN_SPELLS - 1
    count = round(rows / WEEKS_PER_SPELL)
    starts = 1 + WEEKS_BETWEEN_SPELLS * random.choice(places, count, replace=False)
    degrees = random.choice([-1.0, 1.0], count) * random.uniform(*SPELL_DEGREES, count)
    is_long = random.random(count) < 0.5
    spells = np.zeros(rows)
    spells[starts] = degrees
    spells[starts[is_long] + 1] = degrees[is_long]
    return spells


def require_at_least(name: str, value: int, least: int, advice: str) -> None:
    """Reject the argument `name` of a simulation if it is below `least`.

    Raises:
        InputError: If it is too small; the message ends with `advice`.
    """
    if value < least:
        raise InputError(f"`{name}` must be at least {least:,}. Received {value:,}. {advice}")


def _follow_seasons(weeks: np.ndarray) -> np.ndarray:
    """Return the yearly cycle and the trend at each date, shape (rows,)."""
    days = (weeks - FIRST_WEEK.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    years = days / DAYS_PER_YEAR
    cycle = -np.cos(2 * np.pi * (days - COLDEST_DAY) / DAYS_PER_YEAR)
    return MEAN_TEMPERATURE + YEARLY_SWING * cycle + DEGREES_PER_YEAR * years


def _draw_noise(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw autoregressive noise, shape (rows,)."""
    from scipy.signal import lfilter

    gain = NOISE_DEGREES * np.sqrt(1 - NOISE_MEMORY**2)
    noise: np.ndarray = lfilter([gain], [1.0, -NOISE_MEMORY], random.standard_normal(rows + WARM_UP_WEEKS))
    return noise[WARM_UP_WEEKS:]


def _draw_numbers(sequences: int, random: np.random.Generator) -> np.ndarray:
    """Draw all sequences, int64, shape (sequences, 4)."""
    starts = random.integers(STARTS[0], STARTS[1] + 1, sequences)
    steps = np.tile(random.integers(STEPS[0], STEPS[1] + 1, sequences)[:, None], SEQUENCE_ROWS - 1)
    noise = random.uniform(-ROUNDING_NOISE, ROUNDING_NOISE, (sequences, SEQUENCE_ROWS))
    places = random.integers(SEQUENCE_ROWS - 1, size=sequences)
    jumps, reversals = (sequences - LAST_SEQUENCES + np.array(chosen) for chosen in (JUMPS, REVERSALS))
    steps[jumps, places[jumps]] += random.integers(JUMP_SIZES[0], JUMP_SIZES[1] + 1, len(jumps))
    steps[reversals, places[reversals]] *= -1
    regular = np.cumsum(np.column_stack([starts, steps]), axis=1)
    return np.asarray(np.round(regular + noise).astype(np.int64))


def _count_minutes(sequences: int) -> np.ndarray:
    """Count the minutes from the first row to each row, int64, shape (sequences * 4,)."""
    minutes_per_sequence = SEQUENCE_ROWS - 1 + MINUTES_BETWEEN_SEQUENCES
    return (minutes_per_sequence * np.arange(sequences)[:, None] + np.arange(SEQUENCE_ROWS)).ravel()
