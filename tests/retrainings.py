"""`forewarn retrain` in processes of their own, for tests of what happens to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# seconds in which a retraining of a small table ends, however busy the machine
LONGEST = 900


def retrain(
    home: Path, uri: str | None, table: Path, name: str, out: Path | None = None, **environment: str
) -> subprocess.Popen:
    """Start a retraining that takes a second to fit, with an experiment and a model of its own.

    Args:
        home: Its home; made where it is missing.
        uri: Tracking store, or none for that of the home.
        table: The readings.
        name: Of the experiment and of the model.
        out: File of the result; `out.json` in the home without it.
        environment: More variables.
    """
    settings = ["model.family=pca_t2", f"tracking.experiment={name}", f"tracking.model_name={name}"]
    command = [sys.executable, "-m", "flows", "retrain", "--data", str(table)]
    command += ["--json", str(out or home / "out.json")]
    command += [part for setting in settings for part in ("--set", setting)]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))}
    kept |= {"FOREWARN_HOME": str(home), **environment}
    if uri is not None:
        kept["MLFLOW_TRACKING_URI"] = uri
    home.mkdir(exist_ok=True)
    return subprocess.Popen(command, env=kept, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for the end; give the exit code and what was said."""
    _, said = process.communicate(timeout=LONGEST)
    return process.returncode, said
