"""Preparation: from a table in memory to scaled training, validation and test windows."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks import published
from benchmarks.measure import Measurement, alternate, take_seconds
from benchmarks.published import PublishedWindows
from benchmarks.readings import Material, Prepared, convert_table, prepare_readings
from schemas.configuration import Configuration
from schemas.readings import RawTable
from tasks.configuration.configure import configure
from tasks.readings.check import check_readings
from tasks.times.parse import parse_times
from tasks.windows.window import view_windows

GOAL = 100.0
REPETITIONS = 5


def measure_preparation(material: Material) -> list[Measurement]:
    """Measure preparation with and without our checks of the table; both sides must give equal windows."""
    settings, table = configure("ranjan-2019"), material.table
    times = parse_times(table["time"], None).to_numpy()
    lookback, seed = settings.windows.lookback, settings.split.seed

    def prepare_published() -> PublishedWindows:
        return published.prepare(table, settings.labels.rows_ahead, lookback, seed)

    def prepare_ours() -> Prepared:
        return prepare_readings(convert_table(table, times), settings)

    def prepare_with_times() -> Prepared:
        return prepare_readings(convert_table(table), settings)

    def prepare_checked() -> Prepared:
        return prepare_readings(check_readings(RawTable(table, "", ""), settings.readings), settings)

    ours, theirs = prepare_ours(), prepare_published()
    require_equal_windows(theirs, ours, settings)
    ways = [prepare_published, prepare_ours, prepare_with_times, prepare_checked]
    slow, fast, timed, checked = (way.median for way in alternate(ways, REPETITIONS))
    gathering = take_seconds(lambda: gather_windows(ours, lookback))
    sizes = f"{material.description}; ranjan-2019, windows of {lookback} x {theirs.train_normal.shape[2]}"
    note = (
        f"{sizes}: loops, lists and scaling window by window {slow:.2f} s, ours {1000 * fast:.0f} ms. "
        "Neither side parses the times, which the published way does not use; with parsing, ours takes "
        f"{1000 * timed:.0f} ms. Ours keeps windows as positions in one scaled table; copying all of them "
        f"out would add {1000 * gathering:.0f} ms. Equal validation windows."
    )
    checks = f"{sizes}: published without checks {slow:.2f} s, ours with the schema check {checked:.2f} s."
    return [
        Measurement("prepare", slow / fast, GOAL, note),
        Measurement("prepare with checks", slow / checked, None, checks),
    ]


def require_equal_windows(theirs: PublishedWindows, ours: Prepared, settings: Configuration) -> None:
    """Check that both sides give the same validation windows, in the order of the published split.

    Raises:
        RuntimeError: If they differ.
    """
    end_rows = order_validation(len(ours.scaled), settings)
    is_same_choice = np.array_equal(np.sort(end_rows), ours.split.validation.end_rows)
    gathered = view_windows(ours.scaled, settings.windows.lookback)[end_rows - settings.windows.lookback + 1]
    if not (is_same_choice and np.allclose(theirs.validation, gathered, rtol=1e-5, atol=1e-5)):
        raise RuntimeError(
            "The published preparation and ours must give equal validation windows. They differ, so their "
            "times cannot be compared. Look for a change in `tasks/windows/` or `tasks/features/scale.py`."
        )


def order_validation(rows: int, settings: Configuration) -> np.ndarray:
    """Return the last rows of the published validation windows, in their order."""
    seed = settings.split.seed
    end_rows = np.arange(settings.windows.lookback + 1, rows)
    rest, _ = train_test_split(end_rows, test_size=published.TEST_FRACTION, random_state=seed)
    _, validation = train_test_split(rest, test_size=published.VALIDATION_FRACTION, random_state=seed)
    ordered: np.ndarray = validation
    return ordered


def gather_windows(prepared: Prepared, lookback: int) -> list[np.ndarray]:
    """Copy the windows of every part from the scaled table."""
    windows = view_windows(prepared.scaled, lookback)
    return [windows[part.end_rows - lookback + 1] for part in prepared.split.parts]
