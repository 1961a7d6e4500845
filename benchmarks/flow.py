"""The retrain flow under Prefect against the same functions called one after the other."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

from prefect import flow

import flows.retrain
from benchmarks.measure import Measurement, alternate, take_seconds
from benchmarks.readings import Material
from flows.environment import load_heavy_modules
from schemas.configuration import Configuration
from schemas.results import RetrainResult
from tasks.configuration.configure import configure

GOAL = 0.8
EPOCHS = 10
REPETITIONS = 3


def measure_flow(material: Material) -> list[Measurement]:
    """Measure a retraining with and without Prefect, both logging to MLflow; server start not included."""
    load_heavy_modules().join()
    starting = start_server()
    results: list[RetrainResult] = []
    with tempfile.TemporaryDirectory(prefix="forewarn-bench-") as folder:
        data = str(Path(folder) / "readings.csv")
        material.table.to_csv(data, index=False)

        def run_flow() -> None:
            results.append(flows.retrain.retrain(data, make_settings(len(results)), force=True))

        def run_plain() -> None:
            with without_artifacts():
                results.append(flows.retrain.retrain.fn(data, make_settings(len(results)), force=True))

        with contextlib.redirect_stderr(io.StringIO()):
            plain, whole = (way.median for way in alternate([run_plain, run_flow], REPETITIONS))
    require_equal_results(results)
    note = (
        f"{material.description}; default settings, {EPOCHS} epochs without XLA, from the file to the "
        f"registered version, medians of {REPETITIONS}: plain functions {plain:.1f} s, flow {whole:.1f} s. "
        f"Both log to MLflow; the flow also records its tasks and 2 artifacts in Prefect. Equal metrics. The "
        f"start of the embedded server, {starting:.0f} s, is not included."
    )
    return [Measurement("flow", plain / whole, GOAL, note)]


def start_server() -> float:
    """Start Prefect's embedded server with an empty flow, and return the seconds that it took."""

    @flow(name="do nothing")
    def do_nothing() -> None:
        return None

    call: Callable[[], None] = do_nothing
    return take_seconds(call) - take_seconds(call)


def make_settings(number: int) -> Configuration:
    """Make the settings of one retraining, with a new model name so that there is no champion."""
    fixed = [f"training.epochs={EPOCHS}", "training.compile=never", f"tracking.model_name=bench-{number}"]
    return configure(settings=fixed)


@contextlib.contextmanager
def without_artifacts() -> Iterator[None]:
    """Disable the Prefect artifacts, so that the flow's function can run outside a flow."""
    with patch.object(flows.retrain, "publish_artifacts", lambda result: None):
        yield


def require_equal_results(results: list[RetrainResult]) -> None:
    """Check that all retrainings have the same metrics.

    Raises:
        RuntimeError: If one differs.
    """
    if any(result.metrics != results[0].metrics for result in results):
        raise RuntimeError(
            "The flow and the plain functions must give the same metrics. They differ, so their times cannot "
            "be compared. Look for a step that `benchmarks/flow.py` runs on one side only."
        )
