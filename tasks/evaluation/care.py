"""The CARE score of alarms on a group of assets, some with a fault and some without.

CARE stands for coverage, accuracy, reliability and earliness. Every asset is one table whose test is either
normal throughout or ends in a fault.

Source: Gueck, Roelofs and Faulstich 2024, "CARE to compare: a real-world benchmark dataset for early fault
detection in wind turbine data", doi 10.3390/data9120138, and the authors' package energy-fault-detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# weight of precision against recall in coverage and reliability: beta below 1 counts precision more
BETA = 0.5
# weights of coverage, accuracy, reliability and earliness
WEIGHTS = (1.0, 2.0, 1.0, 1.0)
# accuracy up to which a detector is worse than guessing, so that the score is the accuracy alone
LEAST_ACCURACY = 0.5
# share of a fault's time in which alarms count fully; then their weight falls to 0
FULL_WEIGHT = 0.25


@dataclass(frozen=True)
class AssetFigures:
    """How the alarms of one asset are judged.

    Attributes:
        is_faulty: Whether the asset has a fault.
        coverage: F score of its rows, NaN without a fault.
        accuracy: Share of its rows without an alarm, NaN with a fault.
        earliness: Weighted share of the fault's rows with an alarm, NaN without a fault.
        is_detected: Whether its criticality reaches the bound by the end of the fault, or of the test.
    """

    is_faulty: bool
    coverage: float
    accuracy: float
    earliness: float
    is_detected: bool


@dataclass(frozen=True)
class CareScore:
    """The CARE score and its four parts, each between 0 and 1."""

    score: float
    coverage: float
    accuracy: float
    reliability: float
    earliness: float


def judge_asset(is_flagged: np.ndarray, fault: tuple[int, int] | None, critical_rows: int) -> AssetFigures:
    """Judge the alarms of one asset.

    Args:
        is_flagged: Whether a row of the test is flagged, bool, shape (rows,), at least one row.
        fault: First row of the fault and the row after its last, or None without a fault.
        critical_rows: Criticality at which an asset counts as faulty.
    """
    if fault is None:
        is_detected = find_criticality(is_flagged).max() >= critical_rows
        return AssetFigures(False, np.nan, float(1 - is_flagged.mean()), np.nan, bool(is_detected))
    start, stop = fault
    hits, misses = is_flagged[start:stop].sum(), (~is_flagged[start:stop]).sum()
    false_alarms = is_flagged.sum() - hits
    weights = weigh_rows(stop - start)
    return AssetFigures(
        is_faulty=True,
        coverage=score_f_beta(float(hits), float(false_alarms), float(misses)),
        accuracy=np.nan,
        earliness=float(weights[is_flagged[start:stop]].sum() / weights.sum()),
        is_detected=bool(find_criticality(is_flagged[:stop]).max() >= critical_rows),
    )


def score_group(assets: Sequence[AssetFigures]) -> CareScore | None:
    """Compute the CARE score of a group of assets.

    It is (coverage + 2 accuracy + reliability + earliness) / 5, each a mean over assets; the accuracy alone
    where that is at most one half; and 0 where no asset was detected.

    Returns:
        The score, or None unless the group has assets with a fault and without.
    """
    is_faulty = np.array([asset.is_faulty for asset in assets], dtype=bool)
    if not is_faulty.any() or is_faulty.all():
        return None
    detected = np.array([asset.is_detected for asset in assets])
    parts = (
        float(np.mean([asset.coverage for asset in assets if asset.is_faulty])),
        float(np.mean([asset.accuracy for asset in assets if not asset.is_faulty])),
        score_f_beta(
            float((detected & is_faulty).sum()),
            float((detected & ~is_faulty).sum()),
            float((~detected & is_faulty).sum()),
        ),
        float(np.mean([asset.earliness for asset in assets if asset.is_faulty])),
    )
    if not detected.any():
        score = 0.0
    elif parts[1] <= LEAST_ACCURACY:
        score = parts[1]
    else:
        score = float(np.average(parts, weights=WEIGHTS))
    return CareScore(score, *parts)


def find_criticality(is_flagged: np.ndarray) -> np.ndarray:
    """Count up at every row with an alarm and down, not below 0, at every other, int64, shape (rows,)."""
    steps = np.cumsum(np.where(is_flagged, 1, -1))
    return steps - np.minimum(np.minimum.accumulate(steps), 0)


def weigh_rows(rows: int) -> np.ndarray:
    """Weigh the rows of a fault for earliness: 1 at first, then falling to 0 at its end, shape (rows,)."""
    scale = round(1 / FULL_WEIGHT)
    places = np.arange(rows) * scale / max(rows * scale - 1, 1)
    return np.minimum(1.0, (1 - places) / (1 - FULL_WEIGHT))


def score_f_beta(hits: float, false_alarms: float, misses: float) -> float:
    """Compute the F score with `BETA`; 0 without a hit."""
    weighted = (1 + BETA**2) * hits
    total = weighted + BETA**2 * misses + false_alarms
    return weighted / total if total else 0.0
