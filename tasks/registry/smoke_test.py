"""Smoke-test a logged version in a fresh process: without pickles, on golden rows and perturbed readings."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schemas.decision import Trial
from schemas.detector import Detector
from schemas.tables import as_numbers
from tasks.registry.behaviour_tests import measure_behaviours
from tasks.registry.loading import copied_version
from tasks.registry.register import GOLDEN_FILE, split_golden
from tasks.tables.columns import replace_columns
from tasks.values.missing import blank_missing_words

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

_SECONDS_AT_MOST = 600


def run_smoke_test(tracking_uri: str, model_id: str) -> Trial:
    """Load a logged version in a fresh process, which shares no state with this one, and examine it.

    Args:
        tracking_uri: Tracking store.
        model_id: The logged model.

    Returns:
        The result; that a version cannot be loaded or run is a result too.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trial.json"
        environment = os.environ | {
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            # may contain a password; everyone on the host can read the command line
            "MLFLOW_TRACKING_URI": tracking_uri,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, "-m", "tasks.registry.smoke_test", model_id, str(out)]
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                errors="backslashreplace",
                timeout=_SECONDS_AT_MOST,
            )
        except subprocess.TimeoutExpired:
            return Trial(problem=f"it took more than {_SECONDS_AT_MOST} seconds")
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"it exited with code {done.returncode}"]
            return Trial(problem=lines[-1][:500])
        return Trial.model_validate_json(out.read_text(encoding="utf-8"))


def examine_version(tracking_uri: str, model_id: str) -> Trial:
    """Load a logged version in this process, score its golden rows, and run the behavioural tests on them."""
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    with copied_version(f"models:/{model_id}") as (version, folder):
        return try_out(version, folder)


def try_out(version: PyFuncModel, folder: Path) -> Trial:
    """Score the golden rows of a loaded version, and spoil them.

    Args:
        version: The loaded version.
        folder: Its files.
    """
    golden = pd.read_parquet(folder / "artifacts" / GOLDEN_FILE)
    rows, expected, thresholds = split_golden(golden)

    def score(table: pd.DataFrame) -> np.ndarray:
        return pd.DataFrame(version.predict(table))["score"].to_numpy(dtype=np.float64)

    scored = pd.DataFrame(version.predict(rows))
    given = scored["score"].to_numpy()
    differences = [
        measure_difference(expected, given),
        measure_difference(thresholds, scored["threshold"].to_numpy()),
    ]
    begin = time.perf_counter()
    score(rows)
    seconds = time.perf_counter() - begin
    detector = version.unwrap_python_model().detector
    return Trial(
        format_version=detector.format_version,
        golden_rows=len(rows),
        golden_scores=int(np.isfinite(expected).sum()),
        largest_difference=max(differences),
        undefined=int((np.isfinite(expected) & ~np.isfinite(given)).sum()),
        seconds_per_thousand_rows=seconds / len(rows) * 1000,
        megabytes=measure_megabytes(folder),
        behaviours=measure_behaviours(score, read_sensors(rows, detector), detector.sensors),
    )


def read_sensors(rows: pd.DataFrame, detector: Detector) -> pd.DataFrame:
    """Return raw rows with their sensors as float64: words for states and for no value are read.

    Args:
        rows: Raw rows of a version.
        detector: How the version reads them.
    """
    cleared, _ = blank_missing_words(rows, detector.sensors, detector.readings)
    numbers = {name: as_numbers(cleared[name], detector.readings.decimal) for name in detector.sensors}
    return replace_columns(cleared, numbers)


def measure_megabytes(folder: Path) -> float:
    """Measure the files of a version, without the bytecode that loading them has made; in MB."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files) / 1e6


def measure_difference(expected: np.ndarray, given: np.ndarray) -> float:
    """Compute the largest relative difference where both are finite; 0 if they never are."""
    is_known = np.isfinite(expected) & np.isfinite(given)
    distances = np.abs(given[is_known] - expected[is_known])
    return float(np.max(distances / np.maximum(np.abs(expected[is_known]), 1e-9), initial=0.0))


if __name__ == "__main__":
    found = examine_version(os.environ["MLFLOW_TRACKING_URI"], sys.argv[1])
    Path(sys.argv[2]).write_text(found.model_dump_json(), encoding="utf-8")
