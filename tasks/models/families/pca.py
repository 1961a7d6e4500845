"""Score a row by principal components: Hotelling's T2 in their space, the squared residual Q outside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.decomposition import PCA

from schemas.configuration import ModelSection
from schemas.features import find_columns
from schemas.model import Changes, Family, Material
from tasks.models.families.multiply import multiply_rows

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True, eq=False)
class ProjectionModel:
    """Principal components of normal training rows.

    Attributes:
        statistic: `t2`: the squared length in the space of the components, each divided by its standard
            deviation; `q`: the mean squared distance from that space.
        columns: Positions of the input features, shape (inputs,).
        center: Mean of each feature in training, shape (inputs,).
        components: Directions of unit length, shape (components, inputs).
        deviations: Standard deviation along each component in training, shape (components,).
    """

    statistic: Literal["t2", "q"]
    columns: np.ndarray
    center: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    history = None

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return self.center.size + self.components.size + self.deviations.size

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows; see `schemas.model.FittedModel`."""
        centered, along = self._project(rows, end_rows)
        if self.statistic == "t2":
            return np.sum(along**2, axis=1)
        return np.mean((centered - self._return(along)) ** 2, axis=1)

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return how much each column adds to the score.

        T2 is divided among the columns by its complete decomposition, Q by the squared residuals.

        Source: Alcala and Qin 2009, "Reconstruction-based contribution for process monitoring".
        """
        shares = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        centered, along = self._project(rows, end_rows)
        if self.statistic == "t2":
            shares[:, self.columns] = multiply_rows(along, self.components) ** 2
        else:
            shares[:, self.columns] = (centered - self._return(along)) ** 2
        return shares

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the values that the score measures distance from.

        Q measures the distance to the space of the components, so the projection onto it is expected. T2
        measures the distance to the centre within that space, so the training mean is expected: the
        projection of an unusual row is as unusual as the row.
        """
        expected = np.full((len(end_rows), rows.shape[1]), np.nan, dtype=np.float32)
        if self.statistic == "t2":
            expected[:, self.columns] = self.center
        else:
            expected[:, self.columns] = self.center + self._return(self._project(rows, end_rows)[1])
        return expected

    def save(self, folder: Path) -> None:
        """Write the model into a folder that exists."""
        content = {
            "statistic": self.statistic,
            "columns": self.columns.tolist(),
            "center": self.center.tolist(),
            "components": self.components.tolist(),
            "deviations": self.deviations.tolist(),
        }
        (folder / "pca.json").write_text(json.dumps(content), encoding="utf-8")

    def _project(self, rows: np.ndarray, end_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre rows, and project them onto each component in units of its standard deviation."""
        # in C order, the sums of a row are rounded in the same way whatever the other rows are
        centered = np.ascontiguousarray(rows[end_rows][:, self.columns]) - self.center
        return centered, multiply_rows(centered, self.components.T) / self.deviations

    def _return(self, along: np.ndarray) -> np.ndarray:
        """Map from the space of the components back to the features."""
        return multiply_rows(along * self.deviations, self.components)


def fit_projection(material: Material, model: ModelSection, statistic: Literal["t2", "q"]) -> ProjectionModel:
    """Find the components that explain `model.explained_variance` of the variance of normal training rows."""
    columns = find_columns(material.columns, model.inputs)
    # accurate enough in float64, and many times faster than a decomposition of all rows
    pca = PCA(n_components=model.explained_variance, svd_solver="covariance_eigh")
    pca.fit(material.rows[material.train.normal_end_rows][:, columns].astype(np.float64))
    return ProjectionModel(
        statistic=statistic,
        columns=columns,
        center=pca.mean_,
        components=pca.components_,
        deviations=np.sqrt(pca.explained_variance_),
    )


def load_projection(folder: Path) -> ProjectionModel:
    """Load what `ProjectionModel.save` wrote."""
    content = json.loads((folder / "pca.json").read_text(encoding="utf-8"))
    statistic = content.pop("statistic")
    arrays = {name: np.asarray(values) for name, values in content.items()}
    return ProjectionModel(statistic=statistic, **arrays)


def suggest_projection(trial: BaseTrial) -> Changes:
    """Suggest the share of variance that the components hold."""
    share = trial.suggest_categorical("explained_variance", [0.9, 0.8, 0.95, 0.99])
    return {"model": {"explained_variance": share}}


T2 = Family(
    lambda material, model, *_: fit_projection(material, model, "t2"), load_projection, suggest_projection
)
Q = Family(
    lambda material, model, *_: fit_projection(material, model, "q"), load_projection, suggest_projection
)
