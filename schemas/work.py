"""The identity of a retraining (data, configuration, code), and the tags that mark a resumable run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# run tags
WORK_TAG = "forewarn.work"
RESUMABLE_TAG = "forewarn.resumable"
RESUMED_TAG = "forewarn.resumed"
# artifact of a finished run that contains its result
RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Work:
    """One retraining, identified by everything that determines its result.

    Attributes:
        key: Hash of the data, the whole configuration and the code.
        training_key: Hash of the data, the settings that the fitted model depends on, and the code; a
            different threshold or gate needs no new training.
        folder: Folder of the checkpoints and the fitted model of `training_key`.
    """

    key: str
    training_key: str
    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints that an interrupted training resumes from."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the fitted model."""
        return self.folder / "model"
