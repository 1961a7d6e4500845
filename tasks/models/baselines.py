"""Score the controls that are reported next to every model: random, z-score and PCA."""

from __future__ import annotations

import numpy as np

from schemas.configuration import ModelSection, TrainingSection
from schemas.model import Material
from schemas.windows import Windows
from tasks.models.fit import fit_family

# share of the training variance that the components of the control `pca` explain
CONTROL_VARIANCE = 0.9
# family of each control; the names of the controls are fixed by the contract
CONTROL_FAMILIES = {"zscore": "zscore", "pca": "pca_q", "pca_raw": "pca_windows"}


def score_controls(
    material: Material, windows: Windows, inputs: ModelSection, seed: int
) -> dict[str, np.ndarray]:
    """Score windows with four baselines that any model has to beat.

    Args:
        material: The rows and parts that the model was fitted on.
        windows: All windows.
        inputs: Settings of the model; `zscore` and `pca` use the features in its `inputs`.
        seed: Seed of the random control.

    Returns:
        By control, float64, shape (windows,), higher is more alarming. `random`: uniform numbers;
        `zscore`: mean of the squared scaled features; `pca`: mean squared residual of a projection onto
        the components that explain 90 % of the training variance (the Q statistic); `pca_raw`: the same of
        whole windows of raw values.
    """
    settings = ModelSection(
        family="zscore",
        inputs=inputs.inputs,
        explained_variance=CONTROL_VARIANCE,
        window_inputs=("raw",),
        window_variance=CONTROL_VARIANCE,
    )
    scores = {"random": np.random.default_rng(seed).random(len(windows))}
    for name, family in CONTROL_FAMILIES.items():
        control = fit_family(family, material, settings, TrainingSection())
        scores[name] = control.score(material.rows, windows.end_rows)
    return scores
