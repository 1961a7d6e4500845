"""Real detectors in a second: the whole line on simulated readings, with a family that trains at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient

from flows import line, steps
from schemas.configuration import Configuration
from schemas.detector import Detector
from schemas.model import FittedModel
from schemas.readings import RawTable
from tasks.configuration.configure import change_settings
from tasks.registry.register import log_detector, register_version
from tasks.simulators.simulate import simulate_readings
from tasks.tracking.runs import end_run, start_run

# what a version's tags say where a test does not
TAGS = {
    "decision": "HOLD",
    "decision_reasons": "made by a test",
    "decided_at": "2024-01-01T00:00:00+00:00",
    "data_sha256": "0" * 64,
    "code_version": "test",
    "train_end": "2024-01-01T00:00:00",
    "threshold_end": "2024-01-01T00:00:00",
    "rows_ahead": "2",
    "leaky_split": "false",
}


@cache
def simulated_table(rows: int = 6_000, seed: int = 5) -> pd.DataFrame:
    """Simulated mill readings; not to be changed by a test."""
    return simulate_readings(rows=rows, seed=seed)


def make_detector(
    family: str = "pca_t2", rows: int = 6_000, seed: int = 5, **sections: Any
) -> tuple[Detector, FittedModel]:
    """Make a detector of simulated readings.

    Args:
        family: Family of the model; those without epochs take a second.
        rows: Rows of readings; with fewer than 6,000 a part may lack events.
        seed: Seed of the readings.
        sections: Further settings, such as `threshold={"rule": "budget"}`.
    """
    detector, model, _ = train_detector(family, rows, seed, **sections)
    return detector, model


def train_detector(
    family: str = "pca_t2",
    rows: int = 6_000,
    seed: int = 5,
    table: pd.DataFrame | None = None,
    **sections: Mapping[str, Any],
) -> tuple[Detector, FittedModel, np.ndarray]:
    """Make a detector, arguments as for `make_detector`; `table` replaces the simulated readings.

    Returns:
        The detector, its model, and the scores of the training for each row of the table, NaN where a row
        ends no window, shape (rows,).
    """
    table = simulated_table(rows, seed) if table is None else table
    raw = RawTable(table, "simulated", "0" * 64)
    prepared, detector, model, scores = train_on_table(raw, family, **sections)
    by_row = np.full(len(table), np.nan)
    by_row[prepared.labelled.source_rows[prepared.windows.end_rows]] = scores
    return detector, model, by_row


def train_on_table(
    raw: RawTable, family: str = "pca_t2", **sections: Mapping[str, Any]
) -> tuple[line.Prepared, Detector, FittedModel, np.ndarray]:
    """Make a detector of any table.

    Returns:
        The prepared table, the detector, its model, and the score of each window.
    """
    changes = {**sections, "model": {"family": family, **sections.get("model", {})}}
    settings = change_settings(Configuration(), changes)
    raw, section = line.arrange_table(raw, settings)
    prepared = line.prepare(raw, steps.check_readings(raw, section), settings)
    split = steps.split_windows(prepared.windows, settings.split, settings.purge_rows)
    divided = line.scale(prepared, split, settings)
    model, scores = line.fit(prepared, divided, settings, has_controls=False)
    thresholds, _ = line.set_thresholds(prepared, split, scores, settings)
    detector = line.describe_detector(prepared, divided, thresholds["model"], settings)
    return prepared, detector, model, scores["model"]


def register_detector(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    detector: Detector,
    model: FittedModel,
    family: str = "pca_t2",
    tags: Mapping[str, str] | None = None,
    golden: pd.DataFrame | None = None,
) -> str:
    """Log a detector in a run of its own and register it; `golden` are raw rows, by default simulated ones.

    Returns:
        The version's number.
    """
    run_id, _ = start_run(client, experiment_id, {})
    golden = simulated_table().head(200) if golden is None else golden
    model_id = log_detector(client, run_id, detector, model, family, golden)
    end_run(client, run_id, "FINISHED")
    return register_version(client, name, model_id, run_id, {**TAGS, **(tags or {})})


def register_quickly(client: MlflowClient, experiment_id: str, name: str, **settings: Any) -> str:
    """Make and register a detector; `settings` are those of `make_detector`."""
    family = settings.get("family", "pca_t2")
    return register_detector(client, experiment_id, name, *make_detector(**settings), family)


def open_test_store(home: Path, experiment: str) -> tuple[MlflowClient, str]:
    """Open the tracking store of the tests."""
    from tasks.tracking.store import find_tracking_uri, open_store

    return open_store(find_tracking_uri(home), experiment, home)
