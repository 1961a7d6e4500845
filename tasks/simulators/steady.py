"""Simulate a plant whose levels are constant, a distillation column with its loops, with planted faults.

Nothing happens to it in the first 60 % of the rows; the faults lie in the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.simulation import Simulation
from tasks.simulators.faults import (
    NORMAL_SHARE,
    Fault,
    draw_kinds_and_grades,
    draw_sign,
    lay_out_simulation,
    scale_grade,
)
from tasks.simulators.noise import draw_memory_noise, lag_signal
from tasks.simulators.simulate_series import require_at_least

LEAST_ROWS = 3_000
DEFAULT_ROWS = 20_000
FIRST_TIME = np.datetime64("2024-03-01T00:00", "m")
STEP_MINUTES = 5
ROWS_PER_DAY = 24 * 60 // STEP_MINUTES

# the plant: an area has a slow disturbance of its own, and the throughput and the weather act on all
PLANT_SEED = 26
FEED, HEATER, COLUMN, CONDENSER, PRODUCT = AREAS = range(5)
THROUGHPUT, WEATHER = len(AREAS), len(AREAS) + 1
LATENTS = len(AREAS) + 2
POLES = (0.95, 0.93, 0.97, 0.96, 0.9, 0.985, 0.97)
DAILY_SHARE = 0.8
LAG_ROWS = (0.0, 4.0)
LOOP_ROWS = (3.0, 6.0)
REFERENCE_ROWS = 20_000
ROWS_PER_PUMP_CHANGE = 700
ROWS_PER_CYCLE = 40
CYCLES = 12


@dataclass(frozen=True)
class Sensor:
    """A sensor of the plant.

    Attributes:
        name: Its tag.
        level: Its usual value.
        deviation: Its standard deviation in normal operation.
        area: The part of the plant that it belongs to.
        noise: Share of the sensor's own noise in its deviation.
        noise_kind: `white`, `slow` (autocorrelated) or `heavy` (with outliers).
        held_rows: Rows between two new values; an analyser has several.
    """

    name: str
    level: float
    deviation: float
    area: int
    noise: float
    noise_kind: str = "white"
    held_rows: int = 1


SENSORS = (
    Sensor("FI101", 182.0, 3.1, FEED, 0.38),
    Sensor("TI102", 41.5, 1.4, FEED, 0.19, "slow"),
    Sensor("PI103", 6.35, 0.11, FEED, 0.3),
    Sensor("AI104", 0.734, 0.006, FEED, 0.22, held_rows=6),
    Sensor("TI201", 118.2, 0.9, HEATER, 0.38),
    Sensor("TI202", 152.7, 1.6, HEATER, 0.19, "slow"),
    Sensor("FI203", 24.4, 0.8, HEATER, 0.3),
    Sensor("PI204", 11.8, 0.25, HEATER, 0.38, "heavy"),
    Sensor("TI301", 134.6, 0.7, COLUMN, 0.19, "slow"),
    Sensor("TI302", 121.9, 0.9, COLUMN, 0.19, "slow"),
    Sensor("TI303", 107.3, 1.2, COLUMN, 0.19, "slow"),
    Sensor("TI304", 92.8, 1.5, COLUMN, 0.22, "slow"),
    Sensor("PDI305", 187.0, 6.5, COLUMN, 0.38, "heavy"),
    Sensor("LI306", 52.0, 2.4, COLUMN, 0.38),
    Sensor("PI307", 1.28, 0.015, COLUMN, 0.38),
    Sensor("TI401", 46.1, 1.1, CONDENSER, 0.22),
    Sensor("TI402", 31.4, 1.3, CONDENSER, 0.19, "slow"),
    Sensor("FI403", 415.0, 12.0, CONDENSER, 0.34),
    Sensor("TI404", 23.8, 1.7, CONDENSER, 0.15, "slow"),
    Sensor("FI501", 96.7, 2.2, PRODUCT, 0.3),
    Sensor("AI502", 98.62, 0.21, PRODUCT, 0.26, held_rows=6),
    Sensor("II503", 63.5, 1.9, PRODUCT, 0.3),
    Sensor("VI504", 2.35, 0.28, PRODUCT, 0.45, "heavy"),
)
NAMES = tuple(sensor.name for sensor in SENSORS)
# the valve of each controlled sensor, in percent: its usual value and its deviation
VALVES = {
    "FI101": ("FV101", 48.0, 5.0),
    "TI201": ("TV201", 61.0, 6.0),
    "LI306": ("LV306", 39.0, 7.0),
    "PI307": ("PV307", 27.0, 4.0),
}
CONTROLLED = tuple(NAMES.index(name) for name in VALVES)
# change of a sensor in deviations while the second pump runs
SECOND_PUMP = {"II503": 1.5, "VI504": -1.0}

# faults
ROWS_PER_FAULT = 330
MARGIN_ROWS = 24
RECOVERY_ROWS = 12
SIZES = {
    "shift": (1.5, 9.0),
    "ramp": (3.0, 12.0),
    "frozen": (1.0, 4.0),
    "decoupled": (0.5, 1.0),
    "oscillation": (1.0, 6.0),
    "noise": (1.0, 4.0),
    "disturbance": (3.0, 7.0),
}
COUNTS = {"decoupled": 2}
HAS_SIGN = ("shift", "ramp", "disturbance")
FAULT_ROWS = {
    "shift": (20, 120),
    "ramp": (60, 160),
    "frozen": (30, 120),
    "decoupled": (30, 150),
    "oscillation": (25, 100),
    "noise": (20, 100),
    "disturbance": (30, 120),
}
PERIODS = (5.0, 16.0)
SWING_ROWS = 6


@dataclass(frozen=True, eq=False)
class Plant:
    """The properties of the plant, which are the same in all simulations.

    Attributes:
        loadings: Effect of each latent disturbance on each sensor, shape (sensors, latents).
        lags: Rows by which a sensor lags behind the disturbances, shape (sensors,).
        loop_rows: Time constant of the loop of each controlled sensor in rows, shape (loops,).
        scales: Standard deviation of the signals of sensors, then valves, shape (sensors + loops,).
    """

    loadings: np.ndarray
    lags: np.ndarray
    loop_rows: np.ndarray
    scales: np.ndarray


def simulate_steady(rows: int = DEFAULT_ROWS, seed: int = 0, *, has_faults: bool = True) -> Simulation:
    """Simulate a distillation column at constant levels, with faults in the last 40 % of the rows.

    The plant is the same for every seed; the seed determines what happens in it.

    Args:
        rows: Rows of the table, at least 3,000; 288 are a day.
        seed: At least 0; the same seed gives the same table.
        has_faults: Whether faults are planted; without them the other rows are the same.

    Returns:
        The table (`time`, `y`, 23 sensors, 4 valves and 3 columns with few values), and the list of faults.

    Raises:
        InputError: If `rows` or `seed` is too small.
    """
    require_at_least("rows", rows, LEAST_ROWS, "Fewer rows have no room for a fault of each kind.")
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    plant = build_plant()
    normal_random, fault_random = np.random.default_rng(seed).spawn(2)
    latents = draw_latents(rows, normal_random)
    pump = _draw_pump(rows, normal_random)
    normal = _draw_normal(plant, latents, pump, normal_random)
    faults = draw_faults(rows, fault_random) if has_faults else []
    shadow = respond(plant, draw_latents(rows, fault_random))[: len(SENSORS)]
    values = _plant(plant, normal, faults, respond(plant, latents)[: len(SENSORS)], shadow, fault_random)
    valves = [valve for valve, _, _ in VALVES.values()]
    columns = dict(zip([*NAMES, *valves], values, strict=True))
    columns["P503"] = pump
    columns["XV405"] = np.clip(np.round(2 + 1.2 * latents[WEATHER]), 0, 4).astype(np.int64)
    columns["KI601"] = np.cumsum(normal_random.random(rows) < 1 / ROWS_PER_CYCLE) % CYCLES
    times = (FIRST_TIME + STEP_MINUTES * np.arange(rows)).astype(str)
    return lay_out_simulation(times, columns, faults)


def build_plant() -> Plant:
    """Build the plant that all simulations share: which disturbance acts on which sensor, and how fast."""
    random = np.random.default_rng(PLANT_SEED)
    count = len(SENSORS)
    areas = np.array([sensor.area for sensor in SENSORS])
    signs = random.choice([-1.0, 1.0], (len(AREAS), LATENTS))[areas] * random.choice([-1, 1], (count, 1))
    loadings = np.zeros((count, LATENTS))
    loadings[np.arange(count), areas] = random.uniform(0.7, 1.2, count)
    has_source = areas > 0
    loadings[has_source, areas[has_source] - 1] = random.uniform(0.2, 0.6, int(has_source.sum()))
    loadings[:, THROUGHPUT] = random.uniform(0.3, 0.9, count)
    loadings[:, WEATHER] = np.where(areas == CONDENSER, random.uniform(0.7, 1.1, count), 0.1)
    unscaled = Plant(
        loadings=signs * loadings,
        lags=random.uniform(*LAG_ROWS, count),
        loop_rows=random.uniform(*LOOP_ROWS, len(VALVES)),
        scales=np.ones(count + len(VALVES)),
    )
    reference = respond(unscaled, draw_latents(REFERENCE_ROWS, random))
    return Plant(unscaled.loadings, unscaled.lags, unscaled.loop_rows, reference.std(axis=1))


def draw_latents(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the slow disturbances of the areas, the throughput and the weather, shape (latents, rows)."""
    latents = np.stack([draw_memory_noise(rows, (pole, 0.5), random) for pole in POLES])
    days = np.sqrt(2) * np.sin(2 * np.pi * np.arange(rows) / ROWS_PER_DAY)
    latents[WEATHER] = np.sqrt(DAILY_SHARE) * days + np.sqrt(1 - DAILY_SHARE) * latents[WEATHER]
    return latents


def respond(plant: Plant, latents: np.ndarray, inputs: np.ndarray | float = 0.0) -> np.ndarray:
    """Return how sensors and valves respond to the disturbances.

    A loop moves its valve against the slow part of what disturbs its sensor; the rest is what the sensor
    shows.

    Args:
        plant: The plant.
        latents: Shape (latents, rows).
        inputs: What else acts on the sensors, in their deviations, shape (sensors, rows).

    Returns:
        Signals in deviations, shape (sensors + loops, rows).
    """
    count = len(SENSORS)
    mixed = plant.loadings @ latents
    signals = np.stack([lag_signal(mixed[place], plant.lags[place]) for place in range(count)])
    signals += inputs * plant.scales[:count, None]
    slow = np.stack(
        [lag_signal(signals[place], rows) for place, rows in zip(CONTROLLED, plant.loop_rows, strict=True)]
    )
    signals[list(CONTROLLED)] -= slow
    responses: np.ndarray = np.concatenate([signals, -slow]) / plant.scales[:, None]
    return responses


def draw_faults(rows: int, random: np.random.Generator) -> list[Fault]:
    """Draw the faults: one in each of equal stretches of the last 40 % of the rows."""
    first = int(np.ceil(NORMAL_SHARE * rows))
    count = max(len(SIZES), round((rows - first) / ROWS_PER_FAULT))
    width = (rows - first) // count
    return [
        _draw_fault(kind, grade, first + number * width, width - MARGIN_ROWS, random)
        for number, (kind, grade) in enumerate(draw_kinds_and_grades(tuple(SIZES), count, random))
    ]


def _draw_fault(kind: str, grade: float, first: int, width: int, random: np.random.Generator) -> Fault:
    """Draw a fault of a kind within `width` rows from `first` on."""
    length = min(int(scale_grade(random.random(), FAULT_ROWS[kind])), width)
    start = first + int(random.integers(width - length + 1))
    size = scale_grade(grade, SIZES[kind]) * draw_sign(kind in HAS_SIGN, random)
    sensors = _choose_sensors(kind, round(size) if kind == "frozen" else COUNTS.get(kind, 1), random)
    return Fault(start, start + length, kind, sensors, len(sensors) if kind == "frozen" else size)


def _choose_sensors(kind: str, count: int, random: np.random.Generator) -> tuple[str, ...]:
    """Choose sensors of one area in which a fault can show."""
    area = int(random.integers(len(AREAS)))
    members = [sensor.name for sensor in SENSORS if sensor.area == area]
    if kind == "disturbance":
        members = [sensor.name for sensor in SENSORS if sensor.area in (area, area + 1)]
        return (*members, *(VALVES[name][0] for name in members if name in VALVES))
    if kind in ("frozen", "decoupled"):
        members = [s.name for s in SENSORS if s.area == area and s.name not in VALVES and s.held_rows == 1]
    chosen = [str(name) for name in random.choice(members, min(count, len(members)), replace=False)]
    if chosen[0] in VALVES:
        chosen.append(VALVES[chosen[0]][0])
    return tuple(chosen)


def _draw_pump(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw which of two pumps runs, 0 or 1, int64, shape (rows,)."""
    return np.cumsum(random.random(rows) < 1 / ROWS_PER_PUMP_CHANGE) % 2


def _draw_normal(
    plant: Plant, latents: np.ndarray, pump: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Draw what sensors and valves show without faults, in deviations, shape (sensors + loops, rows)."""
    rows = latents.shape[1]
    shown = respond(plant, latents)
    for place, sensor in enumerate(SENSORS):
        noise = _draw_sensor_noise(sensor.noise_kind, rows, random)
        shown[place] = np.sqrt(1 - sensor.noise**2) * shown[place] + sensor.noise * noise
    for name, change in SECOND_PUMP.items():
        shown[NAMES.index(name)] += change * pump
    return shown


def _draw_sensor_noise(kind: str, rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw noise of variance 1, shape (rows,)."""
    if kind == "slow":
        return draw_memory_noise(rows, (0.7,), random)
    if kind == "heavy":
        return np.asarray(random.standard_t(4, rows) / np.sqrt(2))
    return random.standard_normal(rows)


def _plant(
    plant: Plant,
    normal: np.ndarray,
    faults: list[Fault],
    signals: np.ndarray,
    shadow: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Measure all sensors, and plant the faults in their rows, shape (sensors + loops, rows)."""
    values = _measure(normal)
    effects = np.zeros_like(normal)
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        effects[:, rows] = _find_effect(plant, fault, signals[:, rows], shadow[:, rows], random)
    faulty = _measure(normal + effects)
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        values[:, rows] = faulty[:, rows]
        if fault.kind == "frozen":
            places = [NAMES.index(name) for name in fault.sensors]
            values[places, rows] = values[places, fault.start - 1][:, None]
    return values


def _find_effect(
    plant: Plant, fault: Fault, signals: np.ndarray, shadow: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return what a fault adds to sensors and valves in its rows.

    Args:
        plant: The plant.
        fault: The fault.
        signals: What the sensors would show without noise, in deviations, shape (sensors, rows).
        shadow: The same of another course of the same plant.
        random: Draws noise and the period of oscillations.

    Returns:
        In deviations, shape (sensors + loops, rows).
    """
    rows, place = fault.stop - fault.start, NAMES.index(fault.sensors[0])
    if fault.kind == "decoupled":
        return _decouple(fault, signals, shadow)
    # the row before is normal: loops and lags begin at rest
    latents, inputs = np.zeros((LATENTS, rows + 1)), np.zeros((len(SENSORS), rows + 1))
    if fault.kind == "disturbance":
        latents[SENSORS[place].area, 1:] = _draw_course(fault, rows - RECOVERY_ROWS, random)
    elif fault.kind != "frozen":
        recovery = RECOVERY_ROWS if place in CONTROLLED else 0
        inputs[place, 1:] = _draw_course(fault, rows - recovery, random)
    return respond(plant, latents, inputs)[:, 1:]


def _draw_course(fault: Fault, acting_rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the course of what acts on a sensor, in deviations: as long as it acts, then 0, shape (rows,)."""
    ticks = np.arange(acting_rows) + 1
    course = np.zeros(fault.stop - fault.start)
    if fault.kind == "ramp":
        course[:acting_rows] = ticks / acting_rows
    elif fault.kind == "oscillation":
        course[:acting_rows] = np.sin(2 * np.pi * ticks / random.uniform(*PERIODS))
    elif fault.kind == "noise":
        course[:acting_rows] = random.standard_normal(acting_rows)
    else:
        course[:acting_rows] = 1
    return fault.size * course


def _decouple(fault: Fault, signals: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """Turn the signals of some sensors towards another course of the plant, with the same spread."""
    ticks = np.arange(fault.stop - fault.start) + 1
    angles = fault.size * np.pi / 2 * np.minimum(1, ticks / SWING_ROWS)
    effect = np.zeros((len(SENSORS) + len(VALVES), len(ticks)))
    for place in map(NAMES.index, fault.sensors):
        own = np.sqrt(1 - SENSORS[place].noise ** 2)
        effect[place] = own * ((np.cos(angles) - 1) * signals[place] + np.sin(angles) * shadow[place])
    return effect


def _measure(shown: np.ndarray) -> np.ndarray:
    """Turn deviations into what is recorded: in the sensor's unit, held, limited and rounded."""
    levels = [(s.level, s.deviation) for s in SENSORS] + [(level, size) for _, level, size in VALVES.values()]
    values = np.empty_like(shown)
    ticks = np.arange(shown.shape[1])
    for place, (level, deviation) in enumerate(levels):
        held = SENSORS[place].held_rows if place < len(SENSORS) else 1
        decimals = int(np.ceil(-np.log10(deviation / 8)))
        values[place] = np.round(level + deviation * shown[place, ticks - ticks % held], decimals)
    values[len(SENSORS) :] = np.minimum(np.round(values[len(SENSORS) :]), 100)
    return np.maximum(values, 0)
