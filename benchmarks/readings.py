"""The readings that the benchmarks run on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.published import NO_SENSORS
from schemas.configuration import Configuration
from schemas.readings import LabelledReadings, SensorReadings
from schemas.scaling import Scaler
from schemas.windows import Split
from tasks.features.featurise import compute_features
from tasks.features.scale import choose_scaler_rows, fit_scaler, scale_rows
from tasks.simulators.simulate import simulate_readings
from tasks.times.parse import find_step_minutes, number_runs, parse_times
from tasks.windows.label import label_ahead
from tasks.windows.split import split_windows
from tasks.windows.window import make_windows

# the file of Ranjan et al., arXiv 1809.10717, as distributed
_MILL_SHA256 = "f2d3acd2a035d9317b24b9b52ba45346992ee66bcf9178e0f8a03e25b640dc75"


@dataclass(frozen=True, eq=False)
class Material:
    """A table of readings, and its description for notes."""

    table: pd.DataFrame
    description: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """Readings prepared our way: scaled rows, float32, and windows given by their last rows."""

    labelled: LabelledReadings
    split: Split
    scaler: Scaler
    scaled: np.ndarray


def find_material(path: Path | None) -> Material:
    """Read a CSV file of readings, or simulate readings if no file is named."""
    if path is None:
        table = simulate_readings()
        return Material(table, f"simulated readings, {len(table):,} rows")
    table = pd.read_csv(path)
    is_mill = hashlib.sha256(path.read_bytes()).hexdigest() == _MILL_SHA256
    return Material(table, f"{'real mill file' if is_mill else 'a file of readings'}, {len(table):,} rows")


def convert_table(table: pd.DataFrame, times: np.ndarray | None = None) -> SensorReadings:
    """Convert a table to arrays without checking it: parse the times unless given, number the runs.

    Columns other than the label and `NO_SENSORS` are sensors.
    """
    sensors = [name for name in table.columns if name not in ("y", *NO_SENSORS)]
    if times is None:
        times = parse_times(table["time"], None).to_numpy()
    step_minutes = find_step_minutes(times)
    return SensorReadings(
        times=times,
        events=table["y"].to_numpy() == 1,
        values=np.ascontiguousarray(table[sensors].to_numpy(dtype=np.float64)),
        sensors=tuple(sensors),
        categories=(),
        category_values=np.zeros((len(table), 0), dtype=np.int64),
        runs=number_runs(times, step_minutes),
        step_minutes=step_minutes,
        source="",
        sha256="",
    )


def prepare_readings(readings: SensorReadings, settings: Configuration) -> Prepared:
    """Label, make windows, divide and scale, with the functions that the retrain flow calls."""
    labelled = label_ahead(readings, settings.labels.rows_ahead, across_gaps=settings.labels.across_gaps)
    windows = make_windows(labelled, settings.windows.lookback, settings.windows.convention)
    split = split_windows(windows, settings.split, settings.purge_rows)
    features = compute_features(labelled, settings.features)
    rows = choose_scaler_rows(split, labelled.labels, settings.features)
    scaler = fit_scaler(features, rows, settings.features.clip)
    return Prepared(labelled, split, scaler, scale_rows(scaler, features.values))
