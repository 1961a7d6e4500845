"""Simulate readings of a paper machine in the format of the real file, with faint planted precursors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.simulators.noise import draw_memory_noise
from tasks.simulators.simulate_series import require_at_least

LEAST_ROWS = 1_000
SENSORS = tuple(f"x{number}" for number in range(1, 61) if number != 28)
LATE_SENSOR = "x43"
GRADES = (51, 82, 84, 93, 96, 112, 118, 139)
FIRST_TIME = np.datetime64("1999-05-01T00:00", "m")
STEP_MINUTES = 2
DECIMALS = 8

# frequency of breaks, and length of the stand-stills after them
ROWS_PER_EVENT = 148.4
BURST_EXTRA_ROWS, CALM_EXTRA_ROWS = 22.0, 270.0
BURST_SHAPE, CALM_SHAPE = 1.0, 2.0
BREAKS_PER_SPELL = 3.0
STANDSTILL_SHARE = 0.83
LONE_EVENT_SHARE = 0.03
MEDIAN_STANDSTILL_STEPS = 7.0
MAINTENANCE_SHARE = 0.02

# precursors
PRECURSOR_SHARE = 0.72
PRECURSOR_ROWS = (2, 10)
LEAST_PEAK = 0.8
VOLATILITY_GROWTH = 1.0

# the plant
PLANT_SEED = 61
LOOPS = 6
SENSORS_PER_LOOP = 8
VOLATILE_SENSORS = 8
GRADE_SENSITIVE_SHARE = 0.4
DELAYED_SENSORS = 3
LOOP_POLES = (0.85, 0.75)
DRIFTS = 4
DRIFT_PER_ROW, DRIFT_PER_STANDSTILL = 0.02, 0.3
LATE_SHARE = 0.4

# decoys
ROWS_PER_GRADE = 900
GRADE_CHANGE_ROWS = 8
ROWS_PER_ACTION = 300
ROWS_PER_SPIKE = 600

# the historian
INTERPOLATED_SENSORS = 18
INTERPOLATED_SHARES = (0.7, 0.94)


@dataclass(frozen=True, eq=False)
class Plant:
    """The properties of the sensors, which are the same in all simulations.

    Attributes:
        loops: Control loop that a sensor follows, or -1, shape (sensors,).
        loadings: Signed loading of the sensor on its loop, 0 without a loop, shape (sensors,).
        delays: Rows by which a sensor lags behind its loop, shape (sensors,).
        memories: Lag-1 autocorrelation of a sensor's own noise, shape (sensors,).
        is_volatile: Whether a sensor's noise grows before breaks, bool, shape (sensors,).
        drifts: Drift that a sensor follows, shape (sensors,).
        drift_weights: Signed loading of the sensor on its drift, shape (sensors,).
        grade_levels: Level of a sensor under each grade, shape (sensors, grades).
        offsets: Offset of a sensor, in deviations, shape (sensors,).
        scales: Size of one deviation, shape (sensors,).
        interpolated_shares: Share of values that the historian interpolates, shape (sensors,).
    """

    loops: np.ndarray
    loadings: np.ndarray
    delays: np.ndarray
    memories: np.ndarray
    is_volatile: np.ndarray
    drifts: np.ndarray
    drift_weights: np.ndarray
    grade_levels: np.ndarray
    offsets: np.ndarray
    scales: np.ndarray
    interpolated_shares: np.ndarray


@dataclass(frozen=True, eq=False)
class Timeline:
    """The course of one simulation.

    Attributes:
        events: Rows of the breaks, increasing, shape (events,).
        minutes: Minutes since the first row, int64, shape (rows,).
        is_restart: Whether a stand-still comes directly before a row, bool, shape (rows,).
        precursor: Strength of the planted precursor, 0 to 1, shape (rows,).
        grades: Position of each row's grade in `GRADES`, shape (rows,).
    """

    events: np.ndarray
    minutes: np.ndarray
    is_restart: np.ndarray
    precursor: np.ndarray
    grades: np.ndarray


def simulate_readings(rows: int = 18_398, seed: int = 0, interpolate: bool = False) -> pd.DataFrame:
    """Simulate a paper machine with rare sheet breaks.

    About 70 % of the breaks have precursors: 2 to 10 rows before, the machine's control loops begin to
    hunt (they become less smooth, with the same variance) and the noise of eight other sensors grows.
    The other breaks come without warning. Operator actions, grade changes and spikes are unrelated to breaks.
    The plant is the same for every seed; the seed determines what happens in it.

    Args:
        rows: Rows of the table, at least 1,000; 720 are a day without stand-stills.
        seed: At least 0; the same seed gives the same table.
        interpolate: Whether the historian stored only a few points of 18 sensors and interpolated
            linearly between them, so that about a quarter of all sensor values depend on a later reading.

    Returns:
        Columns `time` (text such as `5/1/99 0:00`), `y` (1 on the row of a break) and `x1` to `x61`,
        where `x28` is the grade and `x61` is 1 on the row on which the grade changes.

    Raises:
        InputError: If `rows` or `seed` is too small.

    Source: columns and quirks of Ranjan et al., arXiv 1809.10717; no value comes from their file.
    """
    require_at_least("rows", rows, LEAST_ROWS, "With fewer rows there are too few breaks for training.")
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    random = np.random.default_rng(seed)
    plant = build_plant()
    timeline = draw_timeline(rows, random)
    values = _measure(plant, timeline, random)
    if interpolate:
        _interpolate(values, plant, timeline, random)
    return _lay_out(np.round(values, DECIMALS, out=values), timeline)


def build_plant() -> Plant:
    """Build the plant that all simulations share: the behaviour and the scale of each sensor."""
    random = np.random.default_rng(PLANT_SEED)
    count = len(SENSORS)
    order = random.permutation([position for position in range(count) if SENSORS[position] != LATE_SENSOR])
    members = order[: LOOPS * SENSORS_PER_LOOP]
    shares = np.zeros(count)
    shares[order[-INTERPOLATED_SENSORS:]] = random.uniform(*INTERPOLATED_SHARES, INTERPOLATED_SENSORS)
    loops = np.full(count, -1)
    loops[members] = np.arange(len(members)) % LOOPS
    signs = random.choice([-1, 1], count)
    has_grade_level = random.random((count, 1)) < GRADE_SENSITIVE_SHARE
    return Plant(
        loops=loops,
        loadings=np.where(loops < 0, 0, signs * random.uniform(0.95, 0.985, count)),
        delays=np.isin(np.arange(count), members[:DELAYED_SENSORS]).astype(int),
        memories=np.where(loops < 0, random.uniform(0.5, 0.98, count), random.uniform(0, 0.8, count)),
        is_volatile=np.isin(np.arange(count), order[len(members) : len(members) + VOLATILE_SENSORS]),
        drifts=random.integers(DRIFTS, size=count),
        drift_weights=random.choice([-1, 1], count) * random.uniform(0.5, 1.5, count),
        grade_levels=has_grade_level * random.normal(0, 1.5, (count, len(GRADES))),
        offsets=random.uniform(-5, 5, count),
        scales=10 ** random.uniform(-3, 3, count),
        interpolated_shares=shares,
    )


def draw_timeline(rows: int, random: np.random.Generator) -> Timeline:
    """Draw breaks, stand-stills, precursors and grades, all independent of the hour and the row number."""
    events = _draw_events(rows, random)
    is_lone = _choose_share(len(events), LONE_EVENT_SHARE, random)
    stops = is_lone | _choose_share(len(events), STANDSTILL_SHARE, random)
    is_restart = np.zeros(rows, dtype=bool)
    is_restart[events[is_lone]] = True
    is_restart[events[stops] + 1] = True
    is_announced = _choose_share(len(events), PRECURSOR_SHARE, random) & ~is_lone
    return Timeline(
        events=events,
        minutes=_draw_minutes(is_restart, random),
        is_restart=is_restart,
        precursor=_draw_precursor(rows, events, is_announced, random),
        grades=_draw_grades(rows, random),
    )


def _choose_share(count: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Choose a random `share` of `count` items, rounded up; return a bool mask."""
    is_chosen = np.zeros(count, dtype=bool)
    is_chosen[random.permutation(count)[: int(np.ceil(share * count))]] = True
    return is_chosen


def _draw_events(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the rows of the breaks: alternating bursts and calm spells, at least 2 rows apart."""
    count = round(rows / ROWS_PER_EVENT)
    is_burst = np.arange(count + 1) % 2 == random.integers(2)
    is_burst = np.repeat(is_burst, random.geometric(1 / BREAKS_PER_SPELL, count + 1))[: count + 1]
    shapes = np.where(is_burst, BURST_SHAPE, CALM_SHAPE)
    extra = random.gamma(shapes, np.where(is_burst, BURST_EXTRA_ROWS, CALM_EXTRA_ROWS) / shapes)
    spare_rows = rows - 2 - 2 * len(extra)
    return np.cumsum(2 + np.floor(extra * spare_rows / extra.sum()).astype(int))[:count]


def _draw_minutes(is_restart: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw the time of each row: steps of 2 minutes, and a long-tailed stand-still before each restart."""
    count = int(is_restart.sum())
    steps = MEDIAN_STANDSTILL_STEPS * np.exp(random.standard_normal(count))
    is_maintenance = random.random(count) < MAINTENANCE_SHARE
    steps = np.where(is_maintenance, random.uniform(120, 420, count), np.maximum(np.round(steps), 2))
    minutes = np.full(len(is_restart), STEP_MINUTES)
    minutes[is_restart] = STEP_MINUTES * steps.astype(int)
    minutes[0] = 0
    return np.cumsum(minutes)


def _draw_precursor(
    rows: int, events: np.ndarray, is_announced: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Draw the precursor strength, which grows towards each announced break, after the previous break."""
    starts = random.integers(PRECURSOR_ROWS[0], PRECURSOR_ROWS[1] + 1, len(events))
    peaks = random.uniform(LEAST_PEAK, 1, len(events)) * is_announced
    room = np.diff(events, prepend=-1) - 1
    strength = np.zeros(rows)
    for ahead in range(PRECURSOR_ROWS[1] + 1):
        is_reached = (ahead <= starts) & (ahead <= room)
        growth = np.sqrt(1 - ahead / (starts[is_reached] + 1))
        strength[events[is_reached] - ahead] = peaks[is_reached] * growth
    return strength


def _draw_grades(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw orders of uneven length; no grade repeats before all others have occurred."""
    count = max(2, round(rows / ROWS_PER_GRADE))
    shares = random.exponential(1, count) + 0.05
    stops = np.round(np.cumsum(shares) / shares.sum() * rows).astype(int)
    turns = np.tile(random.permutation(len(GRADES)), count // len(GRADES) + 1)[:count]
    return np.repeat(turns, np.diff(stops, prepend=0))


def _measure(plant: Plant, timeline: Timeline, random: np.random.Generator) -> np.ndarray:
    """Simulate the values of all sensors.

    Returns:
        float64, shape (sensors, rows).
    """
    rows = len(timeline.minutes)
    loops = _run_loops(timeline.precursor, random)
    drifts = _draw_drifts(timeline.is_restart, random)
    values = np.empty((len(SENSORS), rows))
    for position in range(len(SENSORS)):
        signal = _draw_own_noise(plant, position, timeline.precursor, random)
        _add_jolts(signal, ROWS_PER_SPIKE, (3, 7), random)
        _add_background(signal, plant, position, loops, drifts)
        if plant.grade_levels[position].any():
            signal += _settle(plant.grade_levels[position][timeline.grades])
        values[position] = plant.scales[position] * (plant.offsets[position] + signal)
    late = values[SENSORS.index(LATE_SENSOR)]
    late[: round(LATE_SHARE * rows)] = late[0]
    return values


def _add_background(
    signal: np.ndarray, plant: Plant, position: int, loops: np.ndarray, drifts: np.ndarray
) -> None:
    """Add a sensor's loop and drift, which it shares with other sensors, in place."""
    if plant.loops[position] >= 0:
        signal += plant.loadings[position] * np.roll(loops[plant.loops[position]], plant.delays[position])
    signal += plant.drift_weights[position] * drifts[plant.drifts[position]]


def _run_loops(precursor: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Simulate the control loops: smooth, sometimes disturbed by operators, hunting before a break.

    Hunting rotates the smooth signal towards white noise of the same variance, by an angle that grows with
    the precursor, so that the variance of a single row does not change.

    Returns:
        float64, shape (loops, rows).
    """
    from scipy.signal import lfilter

    rows, angles = len(precursor), precursor * np.pi / 2
    loops = np.empty((LOOPS, rows))
    for loop in loops:
        smooth = draw_memory_noise(rows, LOOP_POLES, random)
        actions = np.zeros(rows)
        _add_jolts(actions, ROWS_PER_ACTION, (2, 4), random)
        smooth += lfilter([1.0], [1.0, -LOOP_POLES[0]], actions)
        loop[:] = np.cos(angles) * smooth + np.sin(angles) * random.standard_normal(rows)
    return loops


def _draw_own_noise(
    plant: Plant, position: int, precursor: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    noise = draw_memory_noise(len(precursor), (plant.memories[position],), random)
    noise *= np.sqrt(1 - plant.loadings[position] ** 2)
    if plant.is_volatile[position]:
        noise += VOLATILITY_GROWTH * precursor * random.standard_normal(len(precursor))
    return noise


def _draw_drifts(is_restart: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw random walks that jump at every restart, shape (drifts, rows)."""
    steps = np.where(is_restart, DRIFT_PER_STANDSTILL, DRIFT_PER_ROW)
    return np.cumsum(steps * random.standard_normal((DRIFTS, len(is_restart))), axis=1)


def _settle(levels: np.ndarray) -> np.ndarray:
    """Turn each step of a level into a ramp of 8 rows, shape (rows,)."""
    steps = np.zeros(len(levels))
    for change in np.flatnonzero(np.diff(levels)) + 1:
        steps[change : change + GRADE_CHANGE_ROWS] += (
            levels[change] - levels[change - 1]
        ) / GRADE_CHANGE_ROWS
    steps[0] = levels[0]
    return np.cumsum(steps)


def _add_jolts(
    signal: np.ndarray, rows_per_jolt: int, sizes: tuple[float, float], random: np.random.Generator
) -> None:
    """Add values of either sign to rows chosen at random, in place."""
    rows = random.choice(len(signal), round(len(signal) / rows_per_jolt), replace=False)
    signal[rows] += random.choice([-1.0, 1.0], len(rows)) * random.uniform(*sizes, len(rows))


def _interpolate(values: np.ndarray, plant: Plant, timeline: Timeline, random: np.random.Generator) -> None:
    """Keep a few points of some sensors and interpolate linearly between them, in place."""
    for position in np.flatnonzero(plant.interpolated_shares):
        is_stored = random.random(len(timeline.minutes)) >= plant.interpolated_shares[position]
        is_stored[[0, -1]] = True
        stored_minutes = timeline.minutes[is_stored]
        values[position] = np.interp(timeline.minutes, stored_minutes, values[position, is_stored])


def _lay_out(values: np.ndarray, timeline: Timeline) -> pd.DataFrame:
    """Arrange the columns in the order of the real file."""
    rows = len(timeline.minutes)
    columns: dict[str, np.ndarray] = dict(zip(SENSORS, values, strict=True))
    columns["time"] = _format_times(timeline.minutes)
    columns["y"] = np.zeros(rows, dtype=np.int64)
    columns["y"][timeline.events] = 1
    columns["x28"] = np.asarray(GRADES)[timeline.grades]
    columns["x61"] = np.diff(timeline.grades, prepend=timeline.grades[0]).astype(bool).astype(np.int64)
    return pd.DataFrame({name: columns[name] for name in ["time", "y", *(f"x{n}" for n in range(1, 62))]})


def _format_times(minutes: np.ndarray) -> np.ndarray:
    """Format times as `month/day/yy H:MM` without leading zeros, as text objects, shape (rows,)."""
    days, clock = np.divmod(minutes, 24 * 60)
    dates = pd.date_range(pd.Timestamp(FIRST_TIME), periods=int(days[-1]) + 1)
    day_texts = np.asarray([f"{date.month}/{date.day}/{date:%y} " for date in dates], dtype=object)
    clock_texts = np.asarray([f"{m // 60}:{m % 60:02}" for m in range(24 * 60)], dtype=object)
    texts: np.ndarray = day_texts[days] + clock_texts[clock]
    return texts
