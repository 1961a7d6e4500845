"""Simulate a stirred reactor that repeats recipes in batches, with planted deviations from them.

Batches that start in the first 60 % of the rows go as the recipe says; about half of the later ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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

LEAST_ROWS = 5_000
DEFAULT_ROWS = 30_000
FIRST_TIME = np.datetime64("2024-03-01T00:00", "m")
ROWS_PER_DAY = 24 * 60

PHASES = CHARGE, HEAT, DOSE, REACT, COOL, DISCHARGE, IDLE = range(7)
SHORTEST_ROWS = 4


@dataclass(frozen=True)
class Recipe:
    """How a product is made.

    Attributes:
        code: Number of the product.
        minutes: Usual length of each phase but the last.
        temperature: Temperature of dosing and reaction, in degrees Celsius.
        charge: Level after charging, in percent.
        dose: Level that dosing adds, in percent.
        speed: Speed of the agitator in revolutions per minute.
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
    Recipe(1, (18, 23, 46, 26, 22, 13), 67.0, 52.0, 15.0, 84.0, 1.5, 1.1),
    Recipe(2, (14, 28, 38, 36, 26, 13), 71.0, 48.0, 18.0, 92.0, 1.62, 1.2),
    Recipe(3, (13, 36, 32, 46, 33, 16), 76.0, 44.0, 22.0, 100.0, 1.78, 1.3),
)
SETTINGS = ("temperature", "charge", "dose", "speed", "pressure", "viscosity")
BATCHES_PER_CAMPAIGN = 5
LEAST_ROWS_PER_BATCH = 80
DURATION_SPREAD = 0.06
SETTING_SPREAD = 0.01
QUALITY_SPREAD = 0.05
# minutes between batches, and how often they are recorded as idle rows rather than left out
PAUSE_MINUTES = (16, 70)
IDLE_SHARE = 0.35

# the reactor
AMBIENT, WARM, EMPTIED = 22.0, 60.0, 62.0
HEEL, RELEASED, STIRRING = 30.0, 1.4, 75.0
VALVE_LAG, HEAT_LAG, JACKET_LAG = 3.0, 4.0, 2.0
MOTOR_LAG = 10.0
HEATING, LOSS, REACTION_HEAT = 9.0, 0.08, 16.0
REACTION_ROWS = 14.0
USUAL_DOSE = 25.0


@dataclass(frozen=True)
class Instrument:
    """How a sensor measures.

    Attributes:
        swing: Standard deviation of its values in normal batches.
        noise: Standard deviation of its noise, as a share of the swing.
        memory: Lag-1 autocorrelation of its noise.
        decimals: Decimals that are recorded.
    """

    swing: float
    noise: float
    memory: float
    decimals: int


INSTRUMENTS = {
    "TC101": Instrument(5, 0, 0, 1),
    "TI101": Instrument(5, 0.15, 0.5, 2),
    "TI102": Instrument(5, 0.2, 0.5, 2),
    "TI103": Instrument(4.8, 0.2, 0.5, 2),
    "TI104": Instrument(4.8, 0.2, 0.5, 2),
    "TI105": Instrument(4, 0.25, 0.7, 2),
    "PI106": Instrument(0.18, 0.2, 0.3, 3),
    "PI107": Instrument(0.17, 0.25, 0.3, 3),
    "LI108": Instrument(12.5, 0.2, 0.3, 1),
    "WI109": Instrument(530, 0.1, 0, 0),
    "LI110": Instrument(17, 0.1, 0, 1),
    "FI111": Instrument(1.8, 0.3, 0, 2),
    "FI112": Instrument(1.7, 0.2, 0, 2),
    "SI113": Instrument(9, 0.1, 0, 1),
    "II114": Instrument(5.5, 0.25, 0.3, 2),
    "EI115": Instrument(2.3, 0.25, 0.3, 2),
    "TI116": Instrument(7.3, 0.15, 0.8, 1),
    "QI117": Instrument(0.54, 0.15, 0.8, 2),
    "CI118": Instrument(2.8, 0.2, 0.6, 2),
    "DI119": Instrument(20, 0.2, 0.6, 1),
    "FI120": Instrument(6.6, 0.25, 0.3, 2),
    "AI121": Instrument(1.8, 0.25, 0.6, 2),
    "TI122": Instrument(2.1, 0.2, 0.5, 2),
    "TI123": Instrument(2.2, 0.25, 0.6, 2),
    "FI124": Instrument(2.0, 0.4, 0.5, 2),
    "TI125": Instrument(4.5, 0.2, 0.7, 1),
}
NAMES = tuple(INSTRUMENTS)

# faults
FAULTY_SHARE = 0.45
SIZES = {
    "shift": (0.8, 6.0),
    "ramp": (0.25, 1.0),
    "set_point": (5.0, 20.0),
    "dosing": (0.4, 1.0),
    "decoupled": (0.4, 1.0),
    "oscillation": (3.0, 18.0),
    "frozen": (1.0, 4.0),
    "noise": (0.8, 4.0),
}
HAS_SIGN = ("shift", "set_point", "dosing")
# the first and the last phase in which a fault of a kind acts
FAULT_PHASES = {
    "shift": (HEAT, COOL),
    "ramp": (HEAT, COOL),
    "set_point": (HEAT, COOL),
    "dosing": (DOSE, DISCHARGE),
    "decoupled": (DOSE, COOL),
    "oscillation": (DOSE, REACT),
    "frozen": (HEAT, COOL),
    "noise": (HEAT, COOL),
}
# the kinds that are failures of a sensor, and the sensors that may fail; the others deviate in the process
SENSOR_KINDS = ("shift", "frozen", "noise")
FAILING = ("TI101", "TI102", "TI104", "PI106", "LI108", "II114", "QI117", "CI118", "DI119")
FAILING_SHARES = (0.4, 0.9)
PERIODS = (8.0, 20.0)
# a fault shows in a sensor if it moves it by so many of its swings
VISIBLE_SWINGS = 0.1


@dataclass(frozen=True, eq=False)
class Timeline:
    """The batches and their phases.

    Attributes:
        batches: Number of the batch, shape (rows,).
        phases: The phase, one of `PHASES`, shape (rows,).
        spans: Length of the phase in rows, shape (rows,).
        done: Share of the phase that is over, above 0 and at most 1, shape (rows,).
        minutes: Minutes since the first row, shape (rows,).
        recipes: Position of the recipe in `RECIPES`, shape (batches,).
    """

    batches: np.ndarray
    phases: np.ndarray
    spans: np.ndarray
    done: np.ndarray
    minutes: np.ndarray
    recipes: np.ndarray


@dataclass(frozen=True, eq=False)
class Operation:
    """What is done to the reactor at each row; every array has the shape (rows,).

    Attributes:
        set_point: Temperature that the recipe asks for, in degrees Celsius.
        temperature: Temperature that the controller holds.
        charging: Flow into the reactor while charging, in percent of the level per row.
        dosing: The same while dosing.
        discharging: Flow out of it.
        speed: Set point of the agitator.
        pressure: Set point of the inert gas.
        viscosity: How much the batch thickens.
        quality: Quality of the raw material, about 1.
        leak: Pressure that is lost, in bar.
        grip: Share of the viscosity that the agitator feels.
    """

    set_point: np.ndarray
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


def simulate_batches(rows: int = DEFAULT_ROWS, seed: int = 0, *, has_faults: bool = True) -> Simulation:
    """Simulate a reactor with three recipes, and deviations from them in the last 40 % of the rows.

    The plant and the recipes are the same for every seed; the seed determines what happens.

    Args:
        rows: Rows of the table, at least 5,000; a batch has about 150, one a minute.
        seed: At least 0; the same seed gives the same table.
        has_faults: Whether faults are planted; without them the other rows are the same.

    Returns:
        The table (`time`, `y`, 26 sensors, the recipe, the phase and a valve), and the list of faults.

    Raises:
        InputError: If `rows` or `seed` is too small.
    """
    require_at_least("rows", rows, LEAST_ROWS, "Fewer rows have no room for a fault of each kind.")
    require_at_least("seed", seed, 0, "Use any non-negative integer.")
    normal_random, fault_random = np.random.default_rng(seed).spawn(2)
    timeline = draw_timeline(rows, normal_random)
    operation = draw_operation(timeline, normal_random)
    background = _draw_background(rows, normal_random)
    noise = _draw_noise(rows, normal_random)
    faults = draw_faults(timeline, fault_random) if has_faults else []
    normal = respond(operation, timeline.batches, background)
    faulty = respond(_deviate(operation, faults, fault_random), timeline.batches, background)
    faults = [_name_sensors(fault, faulty - normal) for fault in faults]
    values = np.maximum(_plant(normal + noise, faulty + noise, faults, fault_random), 0)
    columns = {
        name: np.round(each, INSTRUMENTS[name].decimals) for name, each in zip(NAMES, values, strict=True)
    }
    columns["KI126"] = np.array([recipe.code for recipe in RECIPES])[timeline.recipes][timeline.batches]
    columns["KI127"] = timeline.phases + 1
    columns["XV128"] = (timeline.phases == DOSE).astype(np.int64)
    times = (FIRST_TIME + timeline.minutes).astype(str)
    return lay_out_simulation(times, columns, faults)


def draw_timeline(rows: int, random: np.random.Generator) -> Timeline:
    """Draw the batches: their products, the lengths of their phases and the pauses between them."""
    count = rows // LEAST_ROWS_PER_BATCH + 1
    recipes = _draw_recipes(count, random)
    usual = np.array([recipe.minutes for recipe in RECIPES])[recipes]
    lengths = np.round(usual * np.exp(DURATION_SPREAD * random.standard_normal(usual.shape))).astype(int)
    pauses = random.integers(*PAUSE_MINUTES, count)
    is_recorded = random.random(count) < IDLE_SHARE
    lengths = np.column_stack([np.maximum(lengths, SHORTEST_ROWS), np.where(is_recorded, pauses, 0)]).ravel()
    place = np.repeat(np.arange(len(lengths)), lengths)[:rows]
    batches, phases = np.divmod(place, len(PHASES))
    starts = np.cumsum(lengths) - lengths
    steps = np.ones(rows, dtype=np.int64)
    firsts = np.flatnonzero(np.diff(batches)) + 1
    steps[firsts] += np.where(is_recorded, 0, pauses)[batches[firsts] - 1]
    return Timeline(
        batches=batches,
        phases=phases,
        spans=lengths[place],
        done=(np.arange(rows) - starts[place] + 1) / lengths[place],
        minutes=np.cumsum(steps) - 1,
        recipes=recipes,
    )


def draw_operation(timeline: Timeline, random: np.random.Generator) -> Operation:
    """Draw what is done in normal batches: the recipe, with small differences from batch to batch."""
    phases, done = timeline.phases, timeline.done
    hot, charge, dose, speed, pressure, viscosity = _draw_settings(timeline, random)
    heating = WARM + (hot - WARM) * done
    cooling = hot - (hot - EMPTIED) * done
    temperature = np.select(
        [phases == CHARGE, phases == HEAT, phases <= REACT, phases == COOL],
        [np.full(len(phases), WARM), heating, hot, cooling],
        EMPTIED,
    )
    is_closed = _is_closed(phases)
    quality = 1 + QUALITY_SPREAD * random.standard_normal(len(timeline.recipes))
    return Operation(
        set_point=temperature,
        temperature=temperature,
        charging=np.where(phases == CHARGE, (charge - HEEL) / timeline.spans, 0),
        dosing=np.where(phases == DOSE, dose / timeline.spans, 0),
        discharging=np.where(phases == DISCHARGE, (charge + dose - HEEL) / timeline.spans, 0),
        speed=np.where(is_closed, speed, STIRRING),
        pressure=np.where(is_closed, pressure, RELEASED),
        viscosity=viscosity,
        quality=quality[timeline.batches],
        leak=np.zeros(len(phases)),
        grip=np.ones(len(phases)),
    )


def respond(operation: Operation, batches: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return what the sensors show without noise.

    Args:
        operation: What is done to the reactor.
        batches: Number of the batch, shape (rows,).
        background: Cooling water, ambient air and control error, shape (3, rows).

    Returns:
        In the units of the sensors, in the order of `NAMES`, shape (sensors, rows).
    """
    water, air, control = background
    charging, dosing, discharging, speed, pressure = (
        lag_signal(each, VALVE_LAG)
        for each in (
            operation.charging,
            operation.dosing,
            operation.discharging,
            operation.speed,
            operation.pressure,
        )
    )
    level = HEEL + _sum_by_batch(charging + dosing - discharging, batches)
    rate = lag_signal(dosing * operation.quality, REACTION_ROWS)
    conversion = _sum_by_batch(rate, batches) / USUAL_DOSE
    ambient = AMBIENT + 3 * air
    inside = lag_signal(operation.temperature, HEAT_LAG) + 0.2 * control
    demand = HEATING * np.diff(inside, prepend=inside[0]) + LOSS * (inside - ambient) - REACTION_HEAT * rate
    jacket = lag_signal(inside + demand * (0.5 + level / 140), JACKET_LAG)
    returned = jacket - 0.22 * (jacket - inside)
    removed = np.maximum(inside - jacket, 0)
    dosed = _sum_by_batch(dosing, batches)
    gas = pressure + 0.0009 * np.maximum(inside - 30, 0) ** 1.5 - operation.leak
    thickness = operation.grip * operation.viscosity * operation.quality * conversion
    current = 4 + (speed / 30) ** 2 * (0.5 + 0.6 * level / 70 + thickness)
    shown = {
        "TC101": operation.set_point,
        "TI101": inside,
        "TI102": lag_signal(inside, JACKET_LAG) + 0.2 * control,
        "TI103": jacket,
        "TI104": returned,
        "TI105": 0.8 * lag_signal(inside, HEAT_LAG) + 0.2 * AMBIENT,
        "PI106": gas,
        "PI107": 0.96 * gas,
        "LI108": level,
        "WI109": 60 + 42 * level,
        "LI110": 92 - 2 * dosed,
        "FI111": charging * 6.0,
        "FI112": dosing * 9.0,
        "SI113": speed,
        "II114": current,
        "EI115": 0.4 * current + 0.01 * speed,
        "TI116": ambient + 1.1 * lag_signal(current, MOTOR_LAG),
        "QI117": 7.0 - 1.6 * conversion * operation.quality,
        "CI118": 12.0 + 9.0 * conversion - 0.05 * level,
        "DI119": 880.0 + 60.0 * conversion - 0.4 * (inside - WARM),
        "FI120": 45 * rate,
        "AI121": 0.2 + 12 * lag_signal(rate, VALVE_LAG) * operation.quality,
        "TI122": 15.0 + 1.2 * water + 1.2 * air,
        "TI123": 15.0 + 1.2 * water + 1.2 * air + 0.35 * removed,
        "FI124": 5 + 2.2 * removed,
        "TI125": ambient,
    }
    return np.stack([shown[name] for name in NAMES])


def draw_faults(timeline: Timeline, random: np.random.Generator) -> list[Fault]:
    """Draw the faults: at most one in a batch, in about half of the batches of the last 40 % of the rows."""
    firsts = np.flatnonzero(np.diff(timeline.batches, prepend=-1))
    later = np.flatnonzero(firsts >= NORMAL_SHARE * len(timeline.batches))[:-1]
    count = min(max(len(SIZES), round(FAULTY_SHARE * len(later))), len(later))
    chosen = np.sort(random.choice(later, count, replace=False)).tolist()
    kinds = draw_kinds_and_grades(tuple(SIZES), count, random)
    return [
        _draw_fault(timeline, batch, kind, grade, random)
        for batch, (kind, grade) in zip(chosen, kinds, strict=True)
    ]


def _draw_fault(
    timeline: Timeline, batch: int, kind: str, grade: float, random: np.random.Generator
) -> Fault:
    """Draw a fault of a kind in the phases of a batch in which it acts."""
    first, last = FAULT_PHASES[kind]
    is_open = (timeline.batches == batch) & (timeline.phases >= first) & (timeline.phases <= last)
    start, stop = int(np.argmax(is_open)), int(np.flatnonzero(is_open)[-1]) + 1
    size = scale_grade(grade, SIZES[kind]) * draw_sign(kind in HAS_SIGN, random)
    if kind not in SENSOR_KINDS:
        return Fault(start, stop, kind, (), size)
    count = round(size) if kind == "frozen" else 1
    sensors = random.choice(FAILING, count, replace=False)
    length = int((stop - start) * random.uniform(*FAILING_SHARES))
    start += int(random.integers(stop - start - length))
    return Fault(start, start + length, kind, tuple(sensors.tolist()), count if kind == "frozen" else size)


def _name_sensors(fault: Fault, effects: np.ndarray) -> Fault:
    """Name the sensors in which a deviation of the process shows, the most affected first.

    Args:
        fault: The fault; the sensors of one that is a sensor's failure are known.
        effects: What the faults change, in the units of the sensors, shape (sensors, rows).
    """
    if fault.sensors:
        return fault
    swings = np.array([instrument.swing for instrument in INSTRUMENTS.values()])
    moved = np.abs(effects[:, fault.start : fault.stop]).max(axis=1) / swings
    order = np.argsort(-moved, kind="stable")
    return replace(fault, sensors=tuple(NAMES[place] for place in order if moved[place] > VISIBLE_SWINGS))


def _is_closed(phases: np.ndarray) -> np.ndarray:
    """Return whether the reactor is closed, from heating to cooling, bool, shape (rows,)."""
    return np.asarray((phases >= HEAT) & (phases <= COOL))


def _draw_recipes(count: int, random: np.random.Generator) -> np.ndarray:
    """Draw the product of each batch, in campaigns of a few batches, shape (batches,)."""
    campaigns = random.integers(len(RECIPES), size=count)
    return np.repeat(campaigns, random.geometric(1 / BATCHES_PER_CAMPAIGN, count))[:count]


def _draw_settings(timeline: Timeline, random: np.random.Generator) -> np.ndarray:
    """Draw the settings of each batch about those of its recipe, shape (settings, rows)."""
    usual = np.array([[getattr(recipe, name) for recipe in RECIPES] for name in SETTINGS])
    settings = usual[:, timeline.recipes]
    settings *= 1 + SETTING_SPREAD * random.standard_normal(settings.shape)
    return np.asarray(settings[:, timeline.batches])


def _draw_background(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw what does not depend on the recipe: cooling water, ambient air and control error."""
    days = np.sin(2 * np.pi * np.arange(rows) / ROWS_PER_DAY)
    slow = np.stack([draw_memory_noise(rows, (pole,), random) for pole in (0.98, 0.98, 0.9)])
    slow[1] += 1.5 * days
    return slow


def _draw_noise(rows: int, random: np.random.Generator) -> np.ndarray:
    """Draw the noise of each sensor in its unit, shape (sensors, rows)."""
    return np.stack(
        [
            each.swing * each.noise * draw_memory_noise(rows, (each.memory,), random)
            for each in INSTRUMENTS.values()
        ]
    )


def _sum_by_batch(values: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Sum values up from the start of each batch, shape (rows,)."""
    sums = np.cumsum(values)
    firsts = np.flatnonzero(np.diff(batches, prepend=-1))
    return np.asarray(sums - (sums - values)[firsts][batches])


def _deviate(operation: Operation, faults: list[Fault], random: np.random.Generator) -> Operation:
    """Return what is done to the reactor instead of what the recipes ask for."""
    temperature, dosing = operation.temperature.copy(), operation.dosing.copy()
    leak, grip = operation.leak.copy(), operation.grip.copy()
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        share = (np.arange(fault.stop - fault.start) + 1) / (fault.stop - fault.start)
        risen = temperature[rows] - WARM
        if fault.kind == "set_point":
            temperature[rows] += fault.size * risen / risen.max()
        elif fault.kind == "oscillation":
            periods = len(share) / random.uniform(*PERIODS)
            temperature[rows] += fault.size * np.sin(2 * np.pi * periods * share)
        elif fault.kind == "dosing":
            dosing[rows] *= 1 + fault.size
        elif fault.kind == "ramp":
            leak[rows] = fault.size * share
        elif fault.kind == "decoupled":
            grip[rows] = 1 - fault.size
    return replace(operation, temperature=temperature, dosing=dosing, leak=leak, grip=grip)


def _plant(
    normal: np.ndarray, faulty: np.ndarray, faults: list[Fault], random: np.random.Generator
) -> np.ndarray:
    """Take the rows of faults from the deviating process, and let sensors fail, shape (sensors, rows)."""
    shown = normal.copy()
    for fault in faults:
        rows = slice(fault.start, fault.stop)
        shown[:, rows] = faulty[:, rows]
        places = [NAMES.index(name) for name in fault.sensors]
        if fault.kind == "frozen":
            shown[places, rows] = shown[places, fault.start - 1][:, None]
        elif fault.kind in ("shift", "noise"):
            size = fault.size * INSTRUMENTS[fault.sensors[0]].swing
            is_noise = fault.kind == "noise"
            shown[places, rows] += size * (
                random.standard_normal(fault.stop - fault.start) if is_noise else 1
            )
    return shown
