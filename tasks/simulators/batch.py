"""Simulate a stirred reactor that repeats recipes in batches, with planted deviations from them.

All batches of the first 60 % of the rows go as the recipe says; about half of the later ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from schemas.simulation import Simulation
from tasks.simulators.faults import (
    NORMAL_SHARE,
    Fault,
    draw_kinds_and_grades,
    lay_out_simulation,
    scale_grade,
)
from tasks.simulators.noise import draw_memory_noise, lag_signal
from tasks.simulators.simulate_series import require_at_least

LEAST_ROWS = 5_000
DEFAULT_ROWS = 20_000
FIRST_TIME = np.datetime64("2024-03-01T00:00", "m")
ROWS_PER_DAY = 24 * 60

# recipes
PHASES = ("charge", "heat", "dose", "react", "cool", "discharge", "idle")
CHARGE, HEAT, DOSE, REACT, COOL, DISCHARGE, IDLE = range(len(PHASES))
SHORTEST_ROWS = 4


@dataclass(frozen=True)
class Recipe:
    """How a product is made.

    Attributes:
        code: Number of the product.
        minutes: Usual length of each phase up to discharge.
        temperature: Temperature of dosing and reaction, in degrees Celsius.
        charge: Level after charging, in percent.
        dose: Level that dosing adds, in percent.
        speed: Speed of the agitator during the reaction, in revolutions per minute.
        pressure: Pressure of the inert gas, in bar.
        viscosity: How much the product thickens.
    """

    code: int
    minutes: tuple[int, ...]
    temperature: float
    charge: float
    dose: float
    speed: float
    pressure: float
    viscosity: float


RECIPES = (
    Recipe(11, (12, 22, 30, 28, 20, 10), 72.0, 45.0, 25.0, 90.0, 1.6, 0.5),
    Recipe(14, (10, 28, 24, 36, 26, 12), 88.0, 38.0, 30.0, 110.0, 2.1, 0.8),
    Recipe(23, (14, 18, 36, 20, 16, 10), 61.0, 52.0, 18.0, 75.0, 1.3, 0.3),
)
BATCHES_PER_CAMPAIGN = 6
DURATION_SPREAD = 0.06
SETTING_SPREAD = 0.01
QUALITY_SPREAD = 0.1
# minutes between batches, and how often they are recorded as idle rows rather than left out
PAUSE_MINUTES = (16, 70)
IDLE_SHARE = 0.35

# the plant
AMBIENT = 22.0
HEAT_LAG, JACKET_LAG = 4.0, 2.0
HEATING, LOSS, REACTION_HEAT = 9.0, 0.08, 16.0
CONVERSION_ROWS = 14.0
USUAL_DOSE = 25.0

# sensors: unit of the noise, and decimals
NOISES = {
    "TI101": (0.25, 0.5, 2),
    "TI102": (0.45, 0.5, 2),
    "TI103": (0.45, 0.5, 2),
    "PI104": (0.018, 0.3, 3),
    "LI105": (0.35, 0.0, 1),
    "FI106": (0.12, 0.0, 2),
    "FI107": (0.05, 0.0, 2),
    "SI108": (0.4, 0.0, 1),
    "II109": (0.35, 0.3, 2),
    "QI110": (0.03, 0.8, 2),
    "CI111": (0.12, 0.6, 2),
    "FI112": (0.25, 0.3, 2),
    "TI113": (0.3, 0.9, 2),
    "TI114": (0.35, 0.6, 2),
    "PI115": (0.06, 0.8, 2),
    "FI116": (0.35, 0.5, 1),
    "TI117": (0.6, 0.9, 1),
    "WI118": (3.0, 0.0, 0),
}
NAMES = tuple(NOISES)

# faults
FAULTY_SHARE = 0.5
SIZES = {
    "shift": (0.8, 6.0),
    "ramp": (0.06, 0.5),
    "dosing": (0.06, 0.5),
    "slow_heating": (0.08, 0.5),
    "decoupled": (0.1, 0.7),
    "oscillation": (0.6, 4.0),
    "frozen": (1.0, 3.0),
    "noise": (1.0, 5.0),
}
# phases in which a fault of a kind acts, and the sensors in which it shows
FAULT_PHASES = {
    "shift": (DOSE, REACT),
    "ramp": (DOSE, REACT),
    "dosing": (DOSE, REACT),
    "slow_heating": (HEAT, HEAT),
    "decoupled": (DOSE, REACT),
    "oscillation": (DOSE, REACT),
    "frozen": (HEAT, COOL),
    "noise": (HEAT, COOL),
}
SHOWN_IN = {
    "shift": ("TI101", "TI102", "TI103", "PI104"),
    "ramp": ("PI104",),
    "dosing": ("FI107", "TI102", "TI103", "QI110", "CI111", "FI112", "LI105"),
    "slow_heating": ("TI101", "TI102", "TI103", "PI104"),
    "decoupled": ("II109",),
    "oscillation": ("TI101", "TI102", "TI103"),
}
PERIODS = (6.0, 16.0)


@dataclass(frozen=True, eq=False)
class Course:
    """What the recipes ask for at each row.

    Attributes:
        batches: Number of the batch, shape (rows,).
        phases: Position of the phase in `PHASES`, shape (rows,).
        minutes: Minutes since the first row, shape (rows,).
        codes: Number of the product, shape (rows,).
        temperature: Set point in degrees Celsius, shape (rows,).
        charging: Flow into the reactor while charging, level in percent per row, shape (rows,).
        dosing: The same of dosing, shape (rows,).
        discharging: Flow out, shape (rows,).
        speed: Set point of the agitator, shape (rows,).
        pressure: Set point of the inert gas, shape (rows,).
        viscosity: How much the batch thickens, shape (rows,).
        quality: Quality of the raw material, about 1, shape (rows,).
        leak: Pressure lost, in bar, shape (rows,).
        grip: Share of the viscosity that the agitator feels, shape (rows,).
    """

    batches: np.ndarray
    phases: np.ndarray
    minutes: np.ndarray
    codes: np.ndarray
    temperature: np.ndarray
    charging: np.ndarray
    dosing: np.ndarray
    discharging: np.ndarray
    speed: np.ndarray
    pressure: np.ndarray
    viscosity: np.ndarray
    quality: np.ndarray
    leak: np.ndarray
    grip: np.ndarray


def simulate_batches(rows: int = DEFAULT_ROWS, seed: int = 0) -> Simulation:
    """Simulate a reactor with three recipes, and deviations from them in the last 40 % of the rows.

    Args:
        rows: Rows of the table, at least 5,000; a batch has about 120.
        seed: At least 0; the same seed gives the same table.

    Returns:
        The table (`time`, `y`, 18 sensors, and the product, the phase and two valves), and the list of
        faults.

    Raises:
        InputError: If `rows` or `seed` is too small.
    """
    require_at_least("rows", rows, LEAST_ROWS, "Fewer rows have no room for a fault of each kind.")
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    normal_random, fault_random = np.random.default_rng(seed).spawn(2)
    course = draw_course(rows, normal_random)
    background = _draw_background(rows, normal_random)
    noise = _draw_noise(rows, normal_random)
    faults = draw_faults(course, fault_random)
    normal = respond(course, background)
    deviating = respond(_deviate(course, faults, fault_random), background)
    shown = _plant(normal, deviating, noise, faults, fault_random)
    columns = {
        name: np.round(np.maximum(values, 0), NOISES[name][2])
        for name, values in zip(NAMES, shown, strict=True)
    }
    columns["KI119"] = course.codes
    columns["KI120"] = course.phases + 1
    columns["XV121"] = (course.phases == DISCHARGE).astype(np.int64)
    columns["XV122"] = np.isin(course.phases, (HEAT, COOL)).astype(np.int64) + (course.phases == COOL)
    times = (FIRST_TIME + course.minutes).astype(str)
    return lay_out_simulation(times, columns, faults)


def draw_course(rows: int, random: np.random.Generator) -> Course:
    """Draw the batches: their products, the lengths of their phases and the pauses between them."""
    count = rows // 90 + 2
    recipes = _draw_recipes(count, random)
    usual = np.array([RECIPES[recipe].minutes for recipe in recipes])
    lengths = usual * np.exp(DURATION_SPREAD * random.standard_normal(usual.shape))
    pauses = random.integers(*PAUSE_MINUTES, count)
    is_recorded = random.random(count) < IDLE_SHARE
    lengths = np.column_stack([lengths.round().astype(int), np.where(is_recorded, pauses, 0)])
    lengths = np.where(np.arange(len(PHASES)) < IDLE, np.maximum(lengths, SHORTEST_ROWS), lengths)
    batches = np.repeat(np.arange(count), lengths.sum(axis=1))[:rows]
    phases = np.repeat(np.tile(np.arange(len(PHASES)), count), lengths.ravel())[:rows]
    starts = np.cumsum(lengths.ravel()) - lengths.ravel()
    done = (np.arange(rows) - np.repeat(starts, lengths.ravel())[:rows] + 1) / np.repeat(
        lengths.ravel(), lengths.ravel()
    )[:rows]
    steps = np.ones(rows, dtype=np.int64)
    is_first = np.diff(batches, prepend=0) > 0
    steps[is_first] = np.where(is_recorded, 1, pauses)[batches[is_first] - 1]
    steps[0] = 0
    span = np.repeat(lengths.ravel(), lengths.ravel())[:rows]
    settings = {
        name: (
            np.array([getattr(recipe, name) for recipe in RECIPES])[recipes]
            * (1 + SETTING_SPREAD * random.standard_normal(count))
        )[batches]
        for name in ("temperature", "charge", "dose", "speed", "pressure", "viscosity")
    }
    hot, is_hot = settings["temperature"], np.isin(phases, (DOSE, REACT))
    is_closed = (phases >= HEAT) & (phases <= COOL)
    heating = AMBIENT + (hot - AMBIENT) * done
    cooling = hot - (hot - AMBIENT - 8) * done
    temperature = np.select([phases == HEAT, is_hot, phases == COOL], [heating, hot, cooling], AMBIENT + 8)
    temperature = np.where(phases == CHARGE, AMBIENT, temperature)
    total = settings["charge"] + settings["dose"]
    return Course(
        batches=batches,
        phases=phases,
        minutes=np.cumsum(steps),
        codes=np.array([recipe.code for recipe in RECIPES])[recipes][batches],
        temperature=temperature,
        charging=np.where(phases == CHARGE, settings["charge"] / span, 0),
        dosing=np.where(phases == DOSE, settings["dose"] / span, 0),
        discharging=np.where(phases == DISCHARGE, total / span, 0),
        speed=np.where(is_closed, settings["speed"], np.where(phases == IDLE, 0, 30.0)),
        pressure=np.where(is_closed, settings["pressure"], 1.0),
        viscosity=settings["viscosity"],
        quality=(1 + QUALITY_SPREAD * random.standard_normal(count))[batches],
        leak=np.zeros(rows),
        grip=np.ones(rows),
    )


def _draw_recipes(count: int, random: np.random.Generator) -> np.ndarray:
    """Draw the product of each batch: campaigns of a few batches, shape (batches,)."""
    campaigns = random.integers(len(RECIPES), size=count)
    return np.repeat(campaigns, random.geometric(1 / BATCHES_PER_CAMPAIGN, count))[:count]


def _draw_background(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw what does not depend on the recipe: cooling water, steam, ambient air and controllers."""
    days = np.sin(2 * np.pi * np.arange(rows) / ROWS_PER_DAY)
    slow = np.stack([draw_memory_noise(rows, (pole,), random) for pole in (0.98, 0.97, 0.98, 0.9)])
    slow[0] += days
    slow[2] += 1.5 * days
    return slow


def _draw_noise(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the noise of each sensor in its unit, shape (sensors, rows)."""
    return np.stack([size * draw_memory_noise(rows, (pole,), random) for size, pole, _ in NOISES.values()])


def respond(course: Course, background: np.ndarray) -> np.ndarray:
    """Return what the sensors show without noise, shape (sensors, rows)."""
    water, steam, air, control = background
    inside = lag_signal(course.temperature, HEAT_LAG) + 0.2 * control
    level = _sum_by_batch(course.charging + course.dosing - course.discharging, course.batches)
    level = np.maximum(level, 0)
    dosed = _sum_by_batch(course.dosing, course.batches)
    reacted = _sum_by_batch(_follow_dose(course), course.batches)
    rate = _follow_dose(course)
    conversion = reacted / USUAL_DOSE
    ambient = AMBIENT + 3 * air
    demand = HEATING * np.diff(inside, prepend=inside[0]) + LOSS * (inside - ambient)
    demand = demand - REACTION_HEAT * rate
    jacket = lag_signal(inside + demand * (0.5 + level / 140), JACKET_LAG)
    outlet = jacket - 0.22 * (jacket - inside) + 0.2 * control
    gas = course.pressure + 0.0009 * np.maximum(inside - 30, 0) ** 1.5 - course.leak
    viscosity = course.viscosity * course.quality * conversion
    current = 4 + (course.speed / 30) ** 2 * (0.5 + 0.6 * level / 70 + course.grip * viscosity)
    removed = np.maximum(inside - jacket, 0)
    cooling = 5 + 2.2 * removed
    return np.stack(
        [
            inside,
            jacket,
            outlet,
            gas,
            level,
            course.charging * 4.0,
            course.dosing * 6.0,
            course.speed,
            current,
            7.0 - 1.6 * conversion * course.quality,
            12.0 + 9.0 * conversion - 0.05 * level,
            30 * rate * course.quality,
            15.0 + 1.2 * water,
            15.0 + 1.2 * water + 0.35 * removed,
            6.0 + 0.15 * steam - 0.004 * np.maximum(jacket - inside, 0),
            cooling,
            ambient,
            dosed * 40.0,
        ]
    )


def _follow_dose(course: Course) -> np.ndarray:
    """Return how fast the dosed material reacts, in percent of the level per row, shape (rows,)."""
    return lag_signal(course.dosing * course.quality, CONVERSION_ROWS)


def _sum_by_batch(values: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Sum values up from the start of each batch, shape (rows,)."""
    sums = np.cumsum(values)
    firsts = np.flatnonzero(np.diff(batches, prepend=-1))
    before = sums[firsts] - values[firsts]
    return np.asarray(sums - before[batches])


def draw_faults(course: Course, random: np.random.Generator) -> list[Fault]:
    """Draw the faults: at most one in a batch, in about half of the batches of the last 40 % of the rows."""
    rows = len(course.batches)
    firsts = np.flatnonzero(np.diff(course.batches, prepend=-1))
    whole = np.flatnonzero(firsts >= NORMAL_SHARE * rows)[:-1]
    count = max(len(SIZES), round(FAULTY_SHARE * len(whole)))
    chosen = np.sort(random.choice(whole, min(count, len(whole)), replace=False))
    kinds = draw_kinds_and_grades(tuple(SIZES), len(chosen), random)
    return [
        _draw_fault(course, int(batch), kind, grade, random)
        for batch, (kind, grade) in zip(chosen, kinds, strict=True)
    ]


def _draw_fault(course: Course, batch: int, kind: str, grade: float, random: np.random.Generator) -> Fault:
    """Draw a fault of a kind in the phases of a batch in which it acts."""
    first, last = FAULT_PHASES[kind]
    is_open = (course.batches == batch) & (course.phases >= first) & (course.phases <= last)
    start, stop = int(np.flatnonzero(is_open)[0]), int(np.flatnonzero(is_open)[-1]) + 1
    size = scale_grade(grade, SIZES[kind]) * (random.choice([-1, 1]) if kind in ("shift", "dosing") else 1)
    if kind in ("frozen", "noise"):
        length = int((stop - start) * random.uniform(0.25, 0.7))
        start += int(random.integers(stop - start - length))
        stop = start + length
        count = round(size) if kind == "frozen" else 1
        sensors = random.choice(["TI101", "TI102", "TI103", "PI104", "II109", "QI110", "CI111"], count, False)
        return Fault(
            start, stop, kind, tuple(str(name) for name in sensors), count if kind == "frozen" else size
        )
    return Fault(start, stop, kind, SHOWN_IN[kind], size)


def _deviate(course: Course, faults: list[Fault], random: np.random.Generator) -> Course:
    """Return what the plant does instead of what the recipes ask for."""
    temperature, dosing = course.temperature.copy(), course.dosing.copy()
    leak, grip = course.leak.copy(), course.grip.copy()
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        ticks = np.arange(fault.stop - fault.start) + 1
        if fault.kind == "shift":
            temperature[rows] += fault.size
        elif fault.kind == "ramp":
            leak[rows] += fault.size * ticks / len(ticks)
        elif fault.kind == "dosing":
            dosing[rows] *= 1 + fault.size
        elif fault.kind == "slow_heating":
            share = ticks / len(ticks)
            risen = temperature[rows] - AMBIENT
            temperature[rows] = AMBIENT + risen * (1 - 2 * fault.size * share * (1 - share))
        elif fault.kind == "decoupled":
            grip[rows] -= fault.size
        elif fault.kind == "oscillation":
            temperature[rows] += fault.size * np.sin(2 * np.pi * ticks / random.uniform(*PERIODS))
    return replace(course, temperature=temperature, dosing=dosing, leak=leak, grip=grip)


def _plant(
    normal: np.ndarray,
    deviating: np.ndarray,
    noise: np.ndarray,
    faults: list[Fault],
    random: np.random.Generator,
) -> np.ndarray:
    """Measure all sensors, and plant the faults in their rows, shape (sensors, rows)."""
    shown = normal + noise
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        shown[:, rows] = deviating[:, rows] + noise[:, rows]
        places = [NAMES.index(name) for name in fault.sensors]
        if fault.kind == "noise":
            sizes = np.array([NOISES[name][0] for name in fault.sensors])
            extra = random.standard_normal((len(places), fault.stop - fault.start))
            shown[places, rows] += fault.size * sizes[:, None] * extra
        elif fault.kind == "frozen":
            shown[places, rows] = shown[places, fault.start - 1][:, None]
    return shown
