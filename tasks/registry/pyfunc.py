"""The pyfunc of a registered version: MLflow executes this file when it loads a model.

Nothing else imports it. It needs no pickle: networks are `.keras` files read in safe mode, everything else
is JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from schemas.detector import FORMAT_VERSION, Detector
from schemas.errors import InputError
from tasks.models.fit import load_model
from tasks.scoring.score import score_readings
from tasks.times.sampling import require_interval


class EarlyWarner(PythonModel):
    """Score raw readings: `time, score, threshold, alarm, top_sensors, drivers, missing_sensors`."""

    def load_context(self, context: Any) -> None:
        """Read the bundle, and trace the scoring function before the first request."""
        content = json.loads(Path(context.artifacts["detector"]).read_text(encoding="utf-8"))
        if content.get("format_version") != FORMAT_VERSION:
            raise InputError(
                f"The bundle must have format version {FORMAT_VERSION}. Received "
                f"{content.get('format_version')}. Load it with the version of forewarn that wrote it, or "
                "retrain."
            )
        self.detector = Detector.model_validate(content)
        self.model = load_model(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Score raw readings at the interval of training; see `tasks.scoring.score.score_readings`."""
        scored = score_readings(self.detector, self.model, model_input)
        require_interval(scored["time"].to_numpy(), self.detector, "the table")
        return scored


set_model(EarlyWarner())
