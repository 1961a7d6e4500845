"""Fit a regularised logistic regression on labelled windows, by the features of their last rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression

from schemas.configuration import ModelSection
from schemas.errors import InputError
from schemas.features import find_columns
from schemas.model import Changes, Family, Material
from tasks.models.families.multiply import multiply_rows

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

LEAST_POSITIVE_WINDOWS = 5
ITERATIONS = 1000


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Weights of features, and of the absolute values of the features computed from sensors.

    Attributes:
        columns: Positions of the input features, shape (inputs,).
        folded: Positions of the features whose absolute value is an input too, shape (folded inputs,).
        means: Training mean of each input and folded input, shape (inputs + folded inputs,).
        deviations: Training standard deviation of each, above 0.
        weights: Weight of each after standardisation.
        intercept: Intercept of the logit.
    """

    columns: np.ndarray
    folded: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    weights: np.ndarray
    intercept: float
    history = None

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return len(self.weights) + 1

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows by -log(1 - p), where p is the estimated probability of an event ahead."""
        slopes = self.weights / self.deviations
        offset = self.intercept - float(np.sum(slopes * self.means))
        inputs = take_inputs(rows, end_rows, self.columns, self.folded)
        return np.logaddexp(0.0, multiply_rows(inputs, slopes[:, None])[:, 0] + offset)

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return how much each column raises the logit above that of a mean row; lowering counts as 0."""
        inputs = take_inputs(rows, end_rows, self.columns, self.folded)
        raised = (inputs - self.means) * (self.weights / self.deviations)
        shares = np.zeros((len(end_rows), rows.shape[1]))
        shares[:, self.columns] = raised[:, : len(self.columns)]
        shares[:, self.folded] += raised[:, len(self.columns) :]
        return np.maximum(shares, 0.0).astype(np.float32)

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the training mean, which is 0 after scaling; see `schemas.model.FittedModel`."""
        expected = np.full((len(end_rows), rows.shape[1]), np.nan, dtype=np.float32)
        expected[:, self.columns] = 0.0
        return expected

    def save(self, folder: Path) -> None:
        """Write the model into a folder that exists."""
        content = {
            "columns": self.columns.tolist(),
            "folded": self.folded.tolist(),
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }
        (folder / "logistic.json").write_text(json.dumps(content), encoding="utf-8")


def fit_logistic(material: Material, model: ModelSection) -> LogisticModel:
    """Fit the weights on all training windows.

    Args:
        material: Rows, parts and the training labels.
        model: Inputs and strength of the penalty.

    Raises:
        InputError: If too few windows are positive.
    """
    labels = material.train_labels
    if labels.sum() < LEAST_POSITIVE_WINDOWS or labels.all():
        raise InputError(
            f"`model.family` logistic, or join with logistic as a member, needs at least "
            f"{LEAST_POSITIVE_WINDOWS} positive training windows, and normal ones. Received "
            f"{int(labels.sum())} positive of {len(labels)}. Use a longer table, raise `model.warning_rows`, "
            "or leave logistic out of `model.members`."
        )
    columns = find_columns(material.columns, model.labelled_inputs)
    folded = np.asarray([place for place in columns if material.columns[place].sensor is not None], np.int64)
    inputs = take_inputs(material.rows, material.train.end_rows, columns, folded)
    means, deviations = inputs.mean(axis=0), inputs.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    regression = LogisticRegression(C=model.regularisation, max_iter=ITERATIONS)
    regression.fit((inputs - means) / deviations, labels)
    return LogisticModel(
        columns, folded, means, deviations, regression.coef_[0], float(regression.intercept_[0])
    )


def load_logistic(folder: Path) -> LogisticModel:
    """Load what `LogisticModel.save` wrote."""
    content = json.loads((folder / "logistic.json").read_text(encoding="utf-8"))
    intercept = content.pop("intercept")
    places = {name: np.asarray(content.pop(name), dtype=np.int64) for name in ("columns", "folded")}
    arrays = {name: np.asarray(values) for name, values in content.items()}
    return LogisticModel(intercept=intercept, **places, **arrays)


def take_inputs(
    rows: np.ndarray, end_rows: np.ndarray, columns: np.ndarray, folded: np.ndarray
) -> np.ndarray:
    """Take features of each window's last row, and the absolute values of some of them.

    Returns:
        float64, shape (windows, columns + folded).
    """
    last = rows[end_rows]
    return np.hstack([last[:, columns], np.abs(last[:, folded])]).astype(np.float64)


def suggest_logistic(trial: BaseTrial) -> Changes:
    """Suggest the penalty, and how long before an event rows teach."""
    return {
        "model": {
            "regularisation": trial.suggest_float("regularisation", 1e-5, 1e-1, log=True),
            "warning_rows": trial.suggest_categorical("warning_rows", [2, 5, 10]),
        }
    }


LOGISTIC = Family(
    lambda material, model, *_: fit_logistic(material, model),
    load_logistic,
    suggest_logistic,
    learns_from_labels=True,
    least_positive_windows=LEAST_POSITIVE_WINDOWS,
)
