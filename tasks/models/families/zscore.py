"""Score a row by how far its features are from their training means: the z-score."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.configuration import ModelSection
from schemas.features import find_columns
from schemas.model import Family, Material


@dataclass(frozen=True, eq=False)
class DeviationModel:
    """The mean of the squared scaled features of a window's last row.

    Attributes:
        columns: Positions of the input features, shape (inputs,).
    """

    columns: np.ndarray
    parameters = 0
    history = None

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows; see `schemas.model.FittedModel`."""
        # in C order, the mean of a row is rounded in the same way whatever the other rows are
        chosen = rows[end_rows][:, self.columns].astype(np.float64, order="C")
        return np.mean(chosen**2, axis=1)

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return how much each column adds to the score: its square."""
        shares = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        shares[:, self.columns] = rows[end_rows][:, self.columns] ** 2
        return shares

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the training mean, which is 0 after scaling; see `schemas.model.FittedModel`."""
        expected = np.full((len(end_rows), rows.shape[1]), np.nan, dtype=np.float32)
        expected[:, self.columns] = 0.0
        return expected

    def save(self, folder: Path) -> None:
        """Write the model into a folder that exists."""
        content = {"columns": self.columns.tolist()}
        (folder / "zscore.json").write_text(json.dumps(content), encoding="utf-8")


def fit_deviation(material: Material, model: ModelSection) -> DeviationModel:
    """Choose the features; nothing else is fitted, since they are scaled already."""
    return DeviationModel(find_columns(material.columns, model.inputs))


def load_deviation(folder: Path) -> DeviationModel:
    """Load what `DeviationModel.save` wrote."""
    content = json.loads((folder / "zscore.json").read_text(encoding="utf-8"))
    return DeviationModel(np.asarray(content["columns"], dtype=np.int64))


ZSCORE = Family(lambda material, model, *_: fit_deviation(material, model), load_deviation)
