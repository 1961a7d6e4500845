"""What a version's normal scores were when it was made."""

from __future__ import annotations

import numpy as np

from schemas.windows import Split


def find_normal_medians(scores: np.ndarray, split: Split) -> dict[str, float]:
    """Find the median score of the normal windows of each part.

    Those of training are seen by the fit, which flatters networks; those of validation are not.

    Args:
        scores: Scores of all windows of the table, shape (windows,).
        split: The parts.

    Returns:
        By part, `train`, `validation` and `test`; NaN for a part without normal windows.
    """
    normal = {part.name: scores[part.places[~part.labels]] for part in split.parts}
    return {name: float(np.median(values)) if len(values) else np.nan for name, values in normal.items()}
