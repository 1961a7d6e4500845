"""CARE scores of the methods on groups of assets, with intervals from resampling the assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.benchmark import CareResult, TablePlan
from schemas.errors import InputError
from tasks.evaluation.benchmark.streams import Stream
from tasks.evaluation.bootstrap import take_interval
from tasks.evaluation.care import AssetFigures, CareScore, judge_asset, score_group
from tasks.evaluation.evaluate import BOOTSTRAP_SEED

if TYPE_CHECKING:
    from tasks.evaluation.benchmark.tables import TableFigures


def judge_stream(
    stream: Stream, ranges: np.ndarray, critical_rows: int, asset: Literal["normal", "faulty"] | None
) -> AssetFigures:
    """Judge the alarms of a stream on the test of one asset.

    Args:
        stream: The stream; a row without a score has no alarm.
        ranges: Positive rows of the events, relative to the test, shape (events, 2). A fault lasts from the
            first to the last of them.
        critical_rows: Criticality at which an asset counts as faulty.
        asset: Whether it has a fault.

    Raises:
        InputError: If a normal asset has events in its test.
    """
    if asset == "normal" and len(ranges):
        raise InputError(
            f"An asset that is `normal` must have no event in its test. Received {len(ranges)} events. Make "
            "it `asset: faulty`, or choose another `train_end`."
        )
    part = stream.part
    is_flagged = np.zeros(part.stop - part.start, dtype=bool)
    is_flagged[part.end_rows[stream.scores >= stream.thresholds] - part.start] = True
    fault = (int(ranges[0, 0]), int(ranges[-1, 1])) if len(ranges) else None
    return judge_asset(is_flagged, fault, critical_rows)


def score_groups(
    plans: Sequence[TablePlan], tables: Sequence[TableFigures], samples: int, confidence: float
) -> tuple[CareResult, ...]:
    """Score every method on every group of assets, as means over seeds.

    Groups without assets of both kinds have no score.

    Args:
        plans: Plans of all tables.
        tables: The tables that were measured.
        samples: Number of resamples.
        confidence: Coverage of the intervals.
    """
    measured = {table.name: table for table in tables}
    groups: dict[str, list[TableFigures]] = {}
    for plan in plans:
        if plan.care_group is not None and plan.name in measured:
            groups.setdefault(plan.care_group, []).append(measured[plan.name])
    return tuple(
        result
        for group, of_group in groups.items()
        for method in of_group[0].assets
        if (result := _score_method(group, method, of_group, samples, confidence)) is not None
    )


def _score_method(
    group: str, method: str, tables: Sequence[TableFigures], samples: int, confidence: float
) -> CareResult | None:
    """Score one method on one group; None without assets of both kinds."""
    of_seeds = list(zip(*(table.assets[method] for table in tables if method in table.assets), strict=True))
    scores = [score for assets in of_seeds if (score := score_group(assets)) is not None]
    if not scores:
        return None
    is_faulty = np.array([asset.is_faulty for asset in of_seeds[0]])
    resampled = _resample(of_seeds, is_faulty, samples)
    return CareResult(
        group=group,
        method=method,
        normal=int((~is_faulty).sum()),
        faulty=int(is_faulty.sum()),
        figures=_average(scores),
        interval=take_interval(resampled, confidence),
    )


def _resample(of_seeds: Sequence[Sequence[AssetFigures]], is_faulty: np.ndarray, samples: int) -> np.ndarray:
    """Score resamples of the assets, drawn among those with a fault and those without, shape (samples,)."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    kinds = [np.flatnonzero(is_faulty), np.flatnonzero(~is_faulty)]
    scores = []
    for _ in range(samples):
        places = np.concatenate([generator.choice(kind, len(kind)) for kind in kinds])
        drawn = [score_group([assets[place] for place in places]) for assets in of_seeds]
        scores.append(np.mean([score.score for score in drawn if score is not None]))
    return np.array(scores)


def _average(scores: Sequence[CareScore]) -> dict[str, float]:
    """Average the score and its parts over seeds."""
    names: Mapping[str, str] = {
        "care": "score",
        **{name: name for name in ("coverage", "accuracy", "reliability", "earliness")},
    }
    return {name: float(np.mean([getattr(each, field) for each in scores])) for name, field in names.items()}
