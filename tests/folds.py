"""Folds of a rolling-origin evaluation, made by saying which rows are flagged, and what one came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from schemas.backtest import (
    BacktestResult,
    CurvePoint,
    Fold,
    FoldResult,
    FoldScores,
    LeakCheck,
    RateResult,
    Standing,
)
from schemas.configuration import BUDGET_RULES, Configuration
from schemas.evaluation import Interval, Metrics
from schemas.readings import LabelledReadings
from schemas.results import DataSummary
from tests.builders import labelled_with

RATES = (1.0, 2.0, 5.0)


def four_runs() -> LabelledReadings:
    """Twenty rows in four runs of five; the last two rows of each run come right before its event."""
    return labelled_with(rows=24, events=[5, 11, 17, 23])


def fold_of(number: int, start: int, stop: int) -> Fold:
    """Make a fold that tests on the rows from `start` to before `stop`."""
    return Fold(number=number, validation_start=start - start // 4, test_start=start, test_stop=stop)


def fold_scores(
    fold: Fold,
    scores: np.ndarray,
    *,
    entrant: str = "model",
    seed: int = 0,
    threshold: float = 1.0,
    end_rows: Sequence[int] | None = None,
    controls: Mapping[str, np.ndarray] | None = None,
    tampered: Mapping[str, np.ndarray] | None = None,
    at_rates: Mapping[float, float] | None = None,
) -> FoldScores:
    """Make what a fold gives.

    Args:
        fold: The fold.
        scores: The entrant's scores of all rows, shape (rows,).
        entrant: Its name.
        seed: Seed of its training.
        threshold: The threshold that holds at every window.
        end_rows: Last rows of the windows; unless given, every test row.
        controls: Scores of all rows by control; unless given, none.
        tampered: Scores of all rows by way of tampering; unless given, 0 everywhere.
        at_rates: The threshold that holds under each promise; unless given, `threshold`.
    """
    ends = np.arange(fold.test_start, fold.test_stop) if end_rows is None else np.asarray(end_rows)
    is_model = entrant == "model"
    by_scorer = {"model": scores} | dict(controls or {})
    nothing = np.zeros(len(scores))
    by_way = dict(tampered or {"shuffled": nothing, "delayed": nothing}) if is_model else {}
    at_rates = (at_rates or dict.fromkeys(RATES, threshold)) if is_model else {}
    return FoldScores(
        entrant=entrant,
        fold=fold,
        seed=seed,
        end_rows=ends,
        scores={name: values[ends].astype(np.float64) for name, values in by_scorer.items()},
        held={name: np.full(len(ends), threshold) for name in by_scorer},
        held_at_rates={
            (rule, rate): np.full(len(ends), held)
            for rule, (rate, held) in product(BUDGET_RULES, at_rates.items())
        },
        tampered={name: values[ends].astype(np.float64) for name, values in by_way.items()},
        threshold=threshold,
        parameters=10,
        epochs=3,
        seconds=1.0,
    )


def flags(labelled: LabelledReadings, rows: Sequence[int]) -> np.ndarray:
    """Score 1 on some rows and 0 on all others, shape (rows,)."""
    return np.isin(np.arange(len(labelled.labels)), rows).astype(np.float64)


def metrics_with(**changes: float | None) -> Metrics:
    """Make metrics, all of them defined unless they are changed."""
    values: dict[str, float | None] = {
        "roc_auc": 0.72,
        "average_precision": 0.041,
        "precision": 0.11,
        "recall": 0.2,
        "f1": 0.14,
        "prevalence": 0.016,
        "event_recall": 0.25,
        "event_recall_20min": 0.4,
        "false_alarms_per_day": 6.2,
        "lead_minutes_median": 8.0,
    }
    return Metrics.model_validate({**values, **changes})


def standing_with(roc_auc: float, caught: float) -> Standing:
    """Make a standing with a mean ROC area and a curve that catches this share at 5 false alarms a day."""
    bounds = {"roc_auc": Interval(low=roc_auc - 0.04, high=roc_auc + 0.05)}
    return Standing(
        mean=metrics_with(roc_auc=roc_auc),
        pooled=metrics_with(roc_auc=roc_auc - 0.1),
        mean_intervals=bounds,
        pooled_intervals=bounds,
        curve=tuple(
            CurvePoint(
                false_alarms_per_day=rate,
                event_recall=caught * rate / 10,
                event_recall_20min=caught * rate / 5,
            )
            for rate in (1.0, 5.0)
        ),
    )


def fold_result(number: int, start: str, end: str, **changes: Any) -> FoldResult:
    """Make a fold that was tested from one day to another."""
    bounds = {"roc_auc": Interval(low=0.6, high=0.8)}
    areas = {"published": 0.52, "pca": 0.66, "zscore": 0.61, "random": 0.5}
    values: dict[str, Any] = {
        "number": number,
        "train_end": "1999-05-10T08:00:00",
        "test_start": f"{start}T10:00:00",
        "test_end": f"{end}T09:58:00",
        "rows": 2174,
        "events": 15,
        "threshold": 3.25,
        "metrics": metrics_with(roc_auc=0.7 + number / 100),
        "intervals": bounds,
        "others": {name: metrics_with(roc_auc=area) for name, area in areas.items()},
        "other_intervals": dict.fromkeys(areas, bounds),
        "false_alarm_ratio": 1.0 + number / 10,
    }
    return FoldResult.model_validate({**values, **changes})


def leak_check_with(**changes: Any) -> LeakCheck:
    """Make a leak check that was passed."""
    values: dict[str, Any] = {
        "roc_auc": 0.72,
        "shuffled_roc_auc": 0.502,
        "shuffled_interval": Interval(low=0.47, high=0.53),
        "delayed_roc_auc": 0.55,
        "delayed_rows": 30,
        "loss_by_delay": Interval(low=0.11, high=0.23),
        "has_passed": True,
    }
    return LeakCheck.model_validate({**values, **changes})


def result_with(**changes: Any) -> BacktestResult:
    """Make the outcome of a backtest of two folds."""
    areas = {"model": 0.72, "published": 0.52, "pca": 0.66, "zscore": 0.61, "random": 0.5}
    entrants = {name: standing_with(area, area - 0.3) for name, area in areas.items()}
    values: dict[str, Any] = {
        "step_minutes": 2.0,
        "rows_ahead": 2,
        "horizon_minutes": 20.0,
        "folds": (
            fold_result(1, "1999-05-12", "1999-05-15"),
            fold_result(2, "1999-05-28", "1999-06-02"),
        ),
        "mean": entrants["model"].mean,
        "pooled": entrants["model"].pooled,
        "intervals": entrants["model"].mean_intervals,
        "controls": {name: entrants[name].mean for name in ("pca", "zscore", "random")},
        "entrants": entrants,
        "published_difference": Interval(low=0.15, high=0.24),
        "better_than_published_folds": 2,
        "promised_false_alarms_per_day": 5.0,
        "realised_false_alarms_per_day": 6.2,
        "rates": (
            RateResult(
                rule="adaptive_budget",
                promised=5.0,
                realised=6.4,
                ratio_mean=1.28,
                ratio_worst=1.7,
                ratios=(0.86, 1.7),
                event_recall=0.21,
                event_recall_20min=0.36,
                ceiling_recall=0.24,
                ceiling_recall_20min=0.43,
            ),
        ),
        "lead_minutes": (4.0, 8.0, 20.0),
        "score_by_rows_before": (0.9, 0.8, 0.6),
        "leak_check": leak_check_with(),
        "run_id": "4f1c0b",
        "run_name": "amber-mill-7",
        "experiment": "paper machine",
        "tracking_uri": "sqlite:///mlruns/mlflow.db",
        "settings": Configuration().model_dump(mode="json"),
        "report": "report.html",
        "code_version": "0.1.0+abc123",
        "preset": None,
        "family": "pca_t2",
        "replay": "causal",
        "seeds": 3,
        "data": DataSummary(
            source="data/mill.csv",
            sha256="9f86d0",
            rows=18398,
            events=124,
            segments=129,
            windows={"all": 18000},
            findings=(),
        ),
        "findings": (),
        "seconds": {"load": 0.84, "fold": 81.33},
    }
    return BacktestResult.model_validate({**values, **changes})
