"""What every family of models is fitted on, and what a fitted model can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from schemas.evaluation import History
from schemas.features import Column
from schemas.windows import Part


@dataclass(frozen=True, eq=False)
class Material:
    """What a model is fitted on.

    Attributes:
        rows: Scaled features of all rows, float32, shape (rows, columns).
        columns: What each column is.
        train: The part to fit on; families without labels take its normal windows alone.
        validation: The part that stops a training and that tail ranks come from.
        window_rows: Rows in a window; a family may look at fewer, the last ones.
        train_labels: Labels that teach, bool, shape (training windows,): those of the part, or wider.
    """

    rows: np.ndarray
    columns: tuple[Column, ...]
    train: Part
    validation: Part
    window_rows: int
    train_labels: np.ndarray


@dataclass(frozen=True)
class TrainingPlaces:
    """Where a training leaves what outlives it.

    Attributes:
        logs: Folder for TensorBoard logs, or none for no logs.
        checkpoints: Folder that this one training resumes from and that nothing else is in, or none: it is
            not written to a disk while it runs, and starts anew when it was killed.
    """

    logs: Path | None = None
    checkpoints: Path | None = None

    def go_below(self, name: str) -> TrainingPlaces:
        """Give the places of one family among those of a training."""
        return TrainingPlaces(
            logs=None if self.logs is None else self.logs / name,
            checkpoints=None if self.checkpoints is None else self.checkpoints / name,
        )


# a training that leaves nothing but its model
NOWHERE = TrainingPlaces()


class FittedModel(Protocol):
    """A model that has been fitted: it scores windows, and says what drives a score."""

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""

    @property
    def history(self) -> History | None:
        """Losses of the training, or none where nothing was trained in epochs."""

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows, whatever else is scored with them.

        Args:
            rows: Scaled features, float32, shape (rows, columns).
            end_rows: Last row of each window, shape (windows,).

        Returns:
            float64, shape (windows,); higher is more alarming.
        """

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Say how much each column adds to the score of each window.

        Returns:
            At least 0, float32, shape (windows, columns).
        """

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Give what the model expects of the last row of each window, whatever else is asked with it.

        Returns:
            Scaled values, float32, shape (windows, columns); NaN where it expects nothing of a column.
        """

    def save(self, folder: Path) -> None:
        """Write the model into a folder that exists, without pickles."""
