"""The controls that stand beside every network: random, z-score and PCA."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

# components that explain this share of the variance of normal training rows are kept
EXPLAINED_VARIANCE = 0.9


def score_controls(
    scaled: np.ndarray, normal_rows: np.ndarray, end_rows: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Score the last row of each window by three rules that any network has to beat.

    Args:
        scaled: Scaled rows, float32, shape (rows, sensors), the same that the network sees.
        normal_rows: Positions of the normal training rows that PCA is fitted on.
        end_rows: Last rows of the windows to score, shape (windows,).
        seed: Seed of the random control.

    Returns:
        `random`: uniform numbers; `zscore`: mean of the squared scaled values; `pca`: mean squared
        error after projecting on the components that hold 90 % of the training variance (the Q
        statistic). Each float64, shape (windows,), higher is more alarming.
    """
    rows = scaled[end_rows]
    pca = PCA(n_components=EXPLAINED_VARIANCE, svd_solver="full").fit(scaled[normal_rows])
    residual = rows - pca.inverse_transform(pca.transform(rows))
    return {
        "random": np.random.default_rng(seed).random(len(end_rows)),
        "zscore": np.mean(np.square(rows, dtype=np.float64), axis=1),
        "pca": np.mean(np.square(residual, dtype=np.float64), axis=1),
    }
