"""Score rows or windows by principal components: T2 in their space, the squared residual Q outside it."""

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


# bounds the memory of the inputs
WINDOWS_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class ProjectionModel:
    """Principal components of normal training rows, or of normal training windows.

    Attributes:
        statistic: `t2`: Hotelling's T2, the squared length in the space of the components, each divided by
            its standard deviation; `q`: the mean squared distance from that space.
        columns: Positions of the input features, shape (features,).
        center: Mean of each input in training, shape (inputs,): the features of the last row, then those
            of the row before it, and so on.
        components: Directions of unit length, shape (components, inputs).
        deviations: Standard deviation along each component in training, shape (components,).
        rows: Rows of a window that are inputs, the last ones.
    """

    statistic: Literal["t2", "q"]
    columns: np.ndarray
    center: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    rows: int = 1
    history = None

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return self.center.size + self.components.size + self.deviations.size

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows; see `schemas.model.FittedModel`."""
        return np.concatenate([np.zeros(0), *(self._score(rows, piece) for piece in self._cut(end_rows))])

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return how much each column adds to the score.

        T2 is divided among the columns by its complete decomposition, Q by the squared residuals.

        Source: Alcala and Qin 2009, "Reconstruction-based contribution for process monitoring".
        """
        shares = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        centered, along = self._project(rows, end_rows)
        is_inside = self.statistic == "t2"
        parts = multiply_rows(along, self.components) if is_inside else centered - self._return(along)
        by_row = (parts**2).reshape(len(end_rows), self.rows, len(self.columns))
        shares[:, self.columns] = by_row.sum(axis=1)
        return shares

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the values that the score measures distance from.

        Q measures the distance to the space of the components, so the projection onto it is expected. T2
        measures the distance to the centre within that space, so the training mean is expected: the
        projection of an unusual row is as unusual as the row.
        """
        expected = np.full((len(end_rows), rows.shape[1]), np.nan, dtype=np.float32)
        if self.statistic == "t2":
            expected[:, self.columns] = self.center[: len(self.columns)]
        else:
            projection = self.center + self._return(self._project(rows, end_rows)[1])
            expected[:, self.columns] = projection[:, : len(self.columns)]
        return expected

    def save(self, folder: Path) -> None:
        """Write the model into a folder that exists."""
        content = {
            "statistic": self.statistic,
            "columns": self.columns.tolist(),
            "center": self.center.tolist(),
            "components": self.components.tolist(),
            "deviations": self.deviations.tolist(),
            "rows": self.rows,
        }
        (folder / "pca.json").write_text(json.dumps(content), encoding="utf-8")

    def _cut(self, end_rows: np.ndarray) -> list[np.ndarray]:
        """Cut windows into pieces, which bounds the memory of their inputs."""
        return [
            end_rows[start : start + WINDOWS_AT_ONCE] for start in range(0, len(end_rows), WINDOWS_AT_ONCE)
        ]

    def _score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        centered, along = self._project(rows, end_rows)
        if self.statistic == "t2":
            return np.asarray(np.sum(along**2, axis=1))
        return np.asarray(np.mean((centered - self._return(along)) ** 2, axis=1))

    def _project(self, rows: np.ndarray, end_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre inputs, and project them onto each component in units of its standard deviation."""
        centered = take_inputs(rows, end_rows, self.columns, self.rows) - self.center
        return centered, multiply_rows(centered, self.components.T) / self.deviations

    def _return(self, along: np.ndarray) -> np.ndarray:
        """Map from the space of the components back to the features."""
        return multiply_rows(along * self.deviations, self.components)


def fit_projection(material: Material, model: ModelSection, statistic: Literal["t2", "q"]) -> ProjectionModel:
    """Find the components that explain `model.explained_variance` of the variance of normal training rows."""
    columns = find_columns(material.columns, model.inputs)
    return _fit(material, columns, 1, model.explained_variance, statistic)


def fit_windows(material: Material, model: ModelSection) -> ProjectionModel:
    """Find the components that explain `model.window_variance` of the variance of normal training windows."""
    columns = find_columns(material.columns, model.window_inputs)
    return _fit(material, columns, material.window_rows, model.window_variance, "q")


def fit_raw_t2(material: Material, model: ModelSection) -> ProjectionModel:
    """Fit T2 on the raw values of single rows; see `fit_projection`."""
    columns = find_columns(material.columns, model.window_inputs)
    return _fit(material, columns, 1, model.explained_variance, "t2")


def take_inputs(rows: np.ndarray, end_rows: np.ndarray, columns: np.ndarray, window_rows: int) -> np.ndarray:
    """Take features of the last `window_rows` rows of each window, those of the last row first.

    Returns:
        float64, C order, shape (windows, window_rows * columns).
    """
    width = len(columns)
    inputs = np.empty((len(end_rows), window_rows * width))
    for back in range(window_rows):
        inputs[:, back * width : (back + 1) * width] = rows[(end_rows - back)[:, None], columns]
    return inputs


def _fit(
    material: Material, columns: np.ndarray, rows: int, variance: float, statistic: Literal["t2", "q"]
) -> ProjectionModel:
    # accurate enough in float64, and many times faster than a decomposition of all rows
    pca = PCA(n_components=variance, svd_solver="covariance_eigh")
    pca.fit(take_inputs(material.rows, material.train.normal_end_rows, columns, rows))
    return ProjectionModel(
        statistic=statistic,
        columns=columns,
        center=pca.mean_,
        components=pca.components_,
        deviations=np.sqrt(pca.explained_variance_),
        rows=rows,
    )


def load_projection(folder: Path) -> ProjectionModel:
    """Load what `ProjectionModel.save` wrote."""
    content = json.loads((folder / "pca.json").read_text(encoding="utf-8"))
    statistic = content.pop("statistic")
    # versions saved by earlier releases take single rows
    rows = content.pop("rows", 1)
    arrays = {name: np.asarray(values) for name, values in content.items()}
    return ProjectionModel(statistic=statistic, rows=rows, **arrays)


def suggest_windows(trial: BaseTrial) -> Changes:
    """Suggest the share of variance that the components of windows hold."""
    share = trial.suggest_categorical("window_variance", [0.9, 0.8, 0.95, 0.99])
    return {"model": {"window_variance": share}}


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
WINDOWS = Family(lambda material, model, *_: fit_windows(material, model), load_projection, suggest_windows)
RAW_T2 = Family(lambda material, model, *_: fit_raw_t2(material, model), load_projection, suggest_projection)
