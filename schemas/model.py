"""The interface of model families: fitting, its data, and the methods of a fitted model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from schemas.configuration import ModelSection, TrainingSection
from schemas.evaluation import History
from schemas.features import Column
from schemas.windows import Part

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

# settings that differ, by section and key
Changes = dict[str, dict[str, Any]]


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


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        fit: Fits a model on material with the settings of the model. A family that is trained in epochs also
            uses the settings of training and the folders for logs and checkpoints. Raises `InputError` if
            the material is not suitable.
        load: Loads what the model's `save` wrote into a folder.
        suggest: Suggests settings for the next trial of `forewarn compare`; None if the family has no
            settings to search, so that one trial is enough.
        learns_from_labels: Whether it uses `Material.train_labels`. In a join, the members that do and those
            that do not have equal weight.
        least_positive_windows: Positive training windows without which a join leaves the family out; only for
            a family that learns from labels.
    """

    fit: Callable[[Material, ModelSection, TrainingSection, TrainingPlaces], FittedModel]
    load: Callable[[Path], FittedModel]
    suggest: Callable[[BaseTrial], Changes] | None = None
    learns_from_labels: bool = False
    least_positive_windows: int = 5
