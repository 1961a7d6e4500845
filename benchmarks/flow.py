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
    """Measure a retraining with and without Prefect, both logging to MLflow; the server runs already."""
    load_heavy_modules().join()
    starting = start_server()
    results: list[RetrainResult] = []
    with tempfile.TemporaryDirectory(prefix="forewarn-bench-") as folder:
        data = Path(folder) / "readings.csv"
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
        f"{material.words}; default settings, {EPOCHS} epochs without XLA, from the file to the registered "
        f"version, medians of {REPETITIONS}: plain functions {plain:.1f} s, flow {whole:.1f} s. Both log to "
        f"MLflow; the flow also records its tasks and 2 artifacts in Prefect. Equal metrics. The embedded "
        f"server ran already; its start took {starting:.0f} s."
    )
    return [Measurement("flow", plain / whole, GOAL, note)]


def start_server() -> float:
    """Start Prefect's embedded server by a flow that does nothing; returns the seconds that took."""

    @flow(name="do nothing")
    def do_nothing() -> None:
        return None

    call: Callable[[], None] = do_nothing
    return take_seconds(call) - take_seconds(call)


def make_settings(number: int) -> Configuration:
    """Make the settings of one retraining: a model name of its own, so that it never meets a champion."""
    fixed = [f"training.epochs={EPOCHS}", "training.compile=never", f"tracking.model_name=bench-{number}"]
    return configure(settings=fixed)


@contextlib.contextmanager
def without_artifacts() -> Iterator[None]:
    """Let the flow's function run outside a flow, where its steps are plain functions."""
    with patch.object(flows.retrain, "publish_artifacts", lambda result: None):
        yield


def require_equal_results(results: list[RetrainResult]) -> None:
    """Compare what all retrainings came to.

    Raises:
        RuntimeError: If one differs.
    """
    if any(result.metrics != results[0].metrics for result in results):
        raise RuntimeError(
            "The flow and the plain functions must come to the same metrics. They differ, so their times say "
            "nothing. Look for a step that `benchmarks/flow.py` does not run on both sides."
        )
