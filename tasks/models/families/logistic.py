"""Fit a regularised logistic regression on labelled windows, by the features of their last rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

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
# constant added to a magnitude before its logarithm, in standard deviations
MAGNITUDE_FLOOR = 0.05
# standardised inputs are clipped to plus or minus so many standard deviations
CLIP = 4.0
# weight, before the penalty, of a feature whose magnitude is an input too
SIGNED_SHARE = 0.3
# an input with a smaller standard deviation in training is constant
LEAST_DEVIATION = 1e-9
Magnitude = Literal["logarithm", "absolute"]


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Weights of features, and of the magnitudes of features.

    Attributes:
        columns: Positions of the input features, shape (features,).
        folded: Positions of the features whose magnitude is an input too, shape (folded features,).
        means: Training mean of each feature and each magnitude, shape (inputs,), features first.
        deviations: Training standard deviation of each, above 0.
        weights: Weight of each after standardisation.
        intercept: Intercept of the logit.
        magnitude: `logarithm` of the absolute value plus `MAGNITUDE_FLOOR`, or the `absolute` value.
        clip: Standardised inputs are clipped to plus or minus this value, or None.
    """

    columns: np.ndarray
    folded: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    weights: np.ndarray
    intercept: float
    magnitude: Magnitude = "absolute"
    clip: float | None = None
    history = None

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return len(self.weights) + 1

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows by -log(1 - p), where p is the estimated probability of an event ahead.

        It is the probability if rows before events were as common as normal ones; what counts is the order.
        """
        inputs = take_inputs(rows, end_rows, self.columns, self.folded, self.magnitude)
        if self.clip is None:
            slopes = self.weights / self.deviations
            offset = self.intercept - float(np.sum(slopes * self.means))
            return np.logaddexp(0.0, multiply_rows(inputs, slopes[:, None])[:, 0] + offset)
        standardised = standardise(inputs, self.means, self.deviations, self.clip)
        return np.logaddexp(0.0, multiply_rows(standardised, self.weights[:, None])[:, 0] + self.intercept)

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return how much each column raises the logit above that of a mean row; lowering counts as 0."""
        inputs = take_inputs(rows, end_rows, self.columns, self.folded, self.magnitude)
        raised = standardise(inputs, self.means, self.deviations, self.clip) * self.weights
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
            "magnitude": self.magnitude,
            "clip": self.clip,
        }
        (folder / "logistic.json").write_text(json.dumps(content), encoding="utf-8")


def fit_logistic(material: Material, model: ModelSection) -> LogisticModel:
    """Fit the weights on all training windows.

    Windows before events together count as much as normal ones, and the direction in which a sensor moves is
    penalised more than how far it moves: before rare events there are too few rows to learn many directions.

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
    folds = [group for group in model.magnitude_inputs if group in model.labelled_inputs]
    folded = find_columns(material.columns, folds)
    inputs = take_inputs(material.rows, material.train.end_rows, columns, folded, "logarithm")
    means, deviations = inputs.mean(axis=0), inputs.std(axis=0)
    # the logarithms of a constant differ from their mean by rounding
    deviations = np.where(deviations > LEAST_DEVIATION, deviations, 1.0)
    shares = np.where(np.isin(columns, folded), SIGNED_SHARE, 1.0)
    shares = np.concatenate([shares, np.ones(len(folded))])
    regression = LogisticRegression(C=model.regularisation, max_iter=ITERATIONS, class_weight="balanced")
    regression.fit(standardise(inputs, means, deviations, CLIP) * shares, labels)
    return LogisticModel(
        columns,
        folded,
        means,
        deviations,
        weights=regression.coef_[0] * shares,
        intercept=float(regression.intercept_[0]),
        magnitude="logarithm",
        clip=CLIP,
    )


def load_logistic(folder: Path) -> LogisticModel:
    """Load what `LogisticModel.save` wrote."""
    content = json.loads((folder / "logistic.json").read_text(encoding="utf-8"))
    intercept = content.pop("intercept")
    # versions saved by earlier releases take absolute values and do not clip
    magnitude, clip = content.pop("magnitude", "absolute"), content.pop("clip", None)
    places = {name: np.asarray(content.pop(name), dtype=np.int64) for name in ("columns", "folded")}
    arrays = {name: np.asarray(values) for name, values in content.items()}
    return LogisticModel(intercept=intercept, magnitude=magnitude, clip=clip, **places, **arrays)


def take_inputs(
    rows: np.ndarray, end_rows: np.ndarray, columns: np.ndarray, folded: np.ndarray, magnitude: Magnitude
) -> np.ndarray:
    """Take features of each window's last row, and the magnitudes of some of them.

    Returns:
        float64, shape (windows, columns + folded).
    """
    last = rows[end_rows]
    inputs = np.hstack([last[:, columns], np.abs(last[:, folded])]).astype(np.float64)
    if magnitude == "logarithm":
        # on a separate array, so that every row goes through the same instructions
        inputs[:, len(columns) :] = np.log(inputs[:, len(columns) :] + MAGNITUDE_FLOOR)
    return inputs


def standardise(
    inputs: np.ndarray, means: np.ndarray, deviations: np.ndarray, clip: float | None
) -> np.ndarray:
    """Standardise inputs by their training means and standard deviations, and clip them if so configured."""
    standardised = (inputs - means) / deviations
    return standardised if clip is None else np.clip(standardised, -clip, clip)


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
