"""The median normal scores of a version, to which the monitor compares later scores."""

from __future__ import annotations

import numpy as np

from schemas.windows import Split


def find_normal_medians(scores: np.ndarray, split: Split) -> dict[str, float]:
    """Compute the median score of the normal windows of each part.

    The fit has seen the training windows, which flatters networks; it has not seen those of validation.

    Args:
        scores: Scores of all windows of the table, shape (windows,).
        split: The parts.

    Returns:
        The medians by part, `train`, `validation` and `test`; NaN for a part without normal windows.
    """
    normal = {part.name: scores[part.places[~part.labels]] for part in split.parts}
    return {name: float(np.median(values)) if len(values) else np.nan for name, values in normal.items()}
