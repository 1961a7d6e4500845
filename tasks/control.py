"""The controls that stand beside every network: random, z-score and PCA."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from schemas.evaluation import CONTROLS
from schemas.windows import Split

# components that explain this share of the variance of normal training rows are kept
EXPLAINED_VARIANCE = 0.9


def score_controls(scaled: np.ndarray, split: Split, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Score the last row of each window by three rules that any network has to beat.

    Args:
        scaled: Scaled rows, float32, shape (rows, sensors), the same that the network sees.
        split: The parts; PCA is fitted on normal training rows.
        seed: Seed of the random control.

    Returns:
        By control, then by part, float64, shape (windows of the part,), higher is more alarming.
        `random`: uniform numbers; `zscore`: mean of the squared scaled values; `pca`: mean squared
        error after projecting on the components that hold 90 % of the training variance (the Q
        statistic).
    """
    # exact enough in float64, and many times faster than the decomposition of all rows
    pca = PCA(n_components=EXPLAINED_VARIANCE, svd_solver="covariance_eigh")
    pca.fit(scaled[split.train.normal_end_rows].astype(np.float64))
    generator = np.random.default_rng(seed)
    scores: dict[str, dict[str, np.ndarray]] = {name: {} for name in CONTROLS}
    for part in split.parts:
        rows = scaled[part.end_rows]
        residual = rows - pca.inverse_transform(pca.transform(rows))
        scores["random"][part.name] = generator.random(len(rows))
        scores["zscore"][part.name] = np.mean(np.square(rows, dtype=np.float64), axis=1)
        scores["pca"][part.name] = np.mean(np.square(residual, dtype=np.float64), axis=1)
    return scores
