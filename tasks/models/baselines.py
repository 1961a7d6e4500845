"""The controls that stand beside every model: random, z-score and PCA."""

from __future__ import annotations

import numpy as np

from schemas.configuration import ModelSection, TrainingSection
from schemas.model import Material
from schemas.windows import Windows
from tasks.models.fit import fit_family

# share of the training variance that the components of the control `pca` hold
CONTROL_VARIANCE = 0.9
# the families that stand as controls, by the names of the contract
CONTROL_FAMILIES = {"zscore": "zscore", "pca": "pca_q"}


def score_controls(
    material: Material, windows: Windows, inputs: ModelSection, seed: int
) -> dict[str, np.ndarray]:
    """Score windows by three rules that any model has to beat.

    Args:
        material: The rows and parts that the model was fitted on.
        windows: All windows.
        inputs: Its `inputs` are the features that the controls look at.
        seed: Seed of the random control.

    Returns:
        By control, float64, shape (windows,), higher is more alarming. `random`: uniform numbers;
        `zscore`: mean of the squared scaled features; `pca`: mean squared error after projecting on
        the components that hold 90 % of the training variance (the Q statistic).
    """
    settings = ModelSection(family="zscore", inputs=inputs.inputs, explained_variance=CONTROL_VARIANCE)
    scores = {"random": np.random.default_rng(seed).random(len(windows))}
    for name, family in CONTROL_FAMILIES.items():
        control = fit_family(family, material, settings, TrainingSection())
        scores[name] = control.score(material.rows, windows.end_rows)
    return scores
