"""The interface of all model families: the data for fitting, and the methods of a fitted model."""

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
    """The data that a model is fitted on.

    Attributes:
        rows: Scaled features of all rows, float32, shape (rows, columns).
        columns: Description of each column.
        train: The part to fit on; unsupervised families use only its normal windows.
        validation: The part for early stopping and for tail ranks.
        window_rows: Rows in a window; a family may use only the last few.
        train_labels: Labels for supervised families, bool, shape (training windows,): those of the part, or
            labels that reach further back from each event.
    """

    rows: np.ndarray
    columns: tuple[Column, ...]
    train: Part
    validation: Part
    window_rows: int
    train_labels: np.ndarray


@dataclass(frozen=True)
class TrainingPlaces:
    """The folders that a training writes to.

    Attributes:
        logs: Folder for TensorBoard logs, or None for no logs.
        checkpoints: Folder for this training's checkpoints and nothing else; an interrupted training resumes
            from it. None for no checkpoints: an interrupted training then starts again from the beginning.
    """

    logs: Path | None = None
    checkpoints: Path | None = None

    def go_below(self, name: str) -> TrainingPlaces:
        """Return the subfolders for one family."""
        return TrainingPlaces(
            logs=None if self.logs is None else self.logs / name,
            checkpoints=None if self.checkpoints is None else self.checkpoints / name,
        )


# for a training that writes neither logs nor checkpoints
NOWHERE = TrainingPlaces()


class FittedModel(Protocol):
    """A fitted model: it scores windows and explains its scores."""

    @property
    def parameters(self) -> int:
        """Number of fitted parameters."""

    @property
    def history(self) -> History | None:
        """Losses of the training, or None for a model that is not trained in epochs."""

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows; a score does not depend on the other windows in the call.

        Args:
            rows: Scaled features, float32, shape (rows, columns).
            end_rows: Last row of each window, shape (windows,).

        Returns:
            float64, shape (windows,); higher is more alarming.
        """

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Compute how much each column contributes to the score of each window.

        Returns:
            At least 0, float32, shape (windows, columns).
        """

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Predict the last row of each window; a prediction does not depend on the other windows in the call.

        Returns:
            Scaled values, float32, shape (windows, columns); NaN for columns that the model does not predict.
        """

    def save(self, folder: Path) -> None:
        """Save the model to an existing folder, without pickles."""
