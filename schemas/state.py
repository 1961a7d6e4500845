"""State that scoring carries from one batch of rows to the next."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from schemas.evaluation import Threshold


@dataclass(frozen=True, eq=False)
class ScoringState:
    """The history that later scores depend on.

    Attributes:
        rows: The last raw rows, in time order: history for windows and features.
        threshold: The threshold, with the recent scores that it is recalibrated from.
    """

    rows: pd.DataFrame | None
    threshold: Threshold
