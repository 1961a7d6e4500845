"""What makes two runs the same work: data, configuration and code; and how a stopped run is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# tags of a run
WORK_TAG = "forewarn.work"
RESUMABLE_TAG = "forewarn.resumable"
RESUMED_TAG = "forewarn.resumed"
# artifact of a finished run with what it has come to
RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Work:
    """One retraining, known by what decides its result.

    Attributes:
        key: Of data, whole configuration and code.
        training_key: Of data, the settings that the fitted model depends on, and code: another
            threshold or another gate needs no new training.
        folder: Where what the training has come to is kept; it belongs to `training_key`.
    """

    key: str
    training_key: str
    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Where a training that goes on writes what it would go on from."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the fitted model is kept."""
        return self.folder / "model"
