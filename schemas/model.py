"""What a family of models is, what it is fitted on, and what a fitted model can do."""

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


@dataclass(frozen=True)
class Family:
    """A family of models: all that forewarn knows of it besides its name.

    Attributes:
        fit: Fits a model on material, by the settings of the model and, where it is trained in epochs, those
            of the training, which leaves logs and checkpoints in the places. It raises `InputError` where
            the material does not do.
        load: Loads what the model's `save` wrote into a folder.
        suggest: Suggests settings for the next trial of `forewarn compare`; none where there is nothing to
            search, and one trial says it all.
        learns_from_labels: Whether it looks at `Material.train_labels`. In a join the members that do count
            as much together as those that do not.
    """

    fit: Callable[[Material, ModelSection, TrainingSection, TrainingPlaces], FittedModel]
    load: Callable[[Path], FittedModel]
    suggest: Callable[[BaseTrial], Changes] | None = None
    learns_from_labels: bool = False
