"""What a benchmark came to: two tables, one of them bad."""

from __future__ import annotations

from typing import Any

from schemas.benchmark import BenchmarkResult, CareResult, Difference, MethodResult, Ranking, TableResult
from schemas.configuration import Configuration
from schemas.evaluation import Interval
from schemas.results import DataSummary

AREAS = {"forewarn": 0.81, "pca_raw": 0.74, "pca": 0.6, "zscore": 0.55, "random": 0.5}


def method_with(name: str, area: float) -> MethodResult:
    """Make the figures of a method with a ROC area."""
    figures: dict[str, float | None] = dict.fromkeys(
        ("average_precision", "recall_at_1", "recall_20min_at_1", "recall_at_5", "event_recall"), 0.25
    )
    figures |= {"false_alarms_per_day": 4.2, "lead_minutes_median": None}
    figures |= {"affiliation_precision": 0.7, "affiliation_recall": 0.6}
    return MethodResult(
        method=name,
        figures={"roc_auc": area} | figures,
        intervals={"roc_auc": Interval(low=area - 0.05, high=area + 0.05)},
    )


def table_with(name: str = "pump", **changes: Any) -> TableResult:
    """Make the results of a table that was done."""
    values: dict[str, Any] = {
        "name": name,
        "file": f"{name}.csv",
        "data": DataSummary(
            source=f"{name}.csv", sha256="9f86d0", rows=900, events=9, segments=3, windows={}, findings=()
        ),
        "train_end": "2024-03-01T12:00:00",
        "test_rows": 400,
        "test_events": 4,
        "prevalence": 0.02,
        "rows_ahead": 2,
        "methods": tuple(method_with(method, area) for method, area in AREAS.items()),
    }
    return TableResult.model_validate({**values, **changes})


def benchmark_with(*tables: TableResult, **changes: Any) -> BenchmarkResult:
    """Make the result of a benchmark, by default of a table that was done and a bad one."""
    bad = TableResult(name="fan", file="fan.csv", problem="Expected a header line. " + "Received none. " * 8)
    difference = Difference(
        method="forewarn",
        other="pca_raw",
        figure="roc_auc",
        value=0.07,
        interval=Interval(low=0.02, high=0.12),
        tables=2,
        wins=2,
    )
    ranking = Ranking(
        figure="roc_auc",
        tables=2,
        mean_ranks={name: float(place) for place, name in enumerate(AREAS, start=1)},
        friedman_p=0.04,
        critical_difference=3.9,
        level=0.1,
    )
    parts = {"care": 0.8, "coverage": 0.7, "accuracy": 0.9, "reliability": 0.8, "earliness": 0.7}
    values: dict[str, Any] = {
        "run_id": "4f1c0b",
        "run_name": "amber-mill-7",
        "experiment": "forewarn",
        "tracking_uri": "sqlite:///mlruns/mlflow.db",
        "report": "report.html",
        "code_version": "0.1.0",
        "folder": "/plants/<tables>",
        "seeds": 3,
        "confidence": 0.9,
        "rates": (1.0, 5.0),
        "methods": tuple(AREAS),
        "settings": Configuration().model_dump(mode="json"),
        "tables": tables or (table_with(), bad),
        "rankings": (ranking,),
        "differences": (difference,),
        "care": (
            CareResult(group="farm", method="forewarn", normal=2, faulty=3, figures=parts, interval=None),
        ),
        "seconds": {"open": 1.0},
    }
    return BenchmarkResult.model_validate({**values, **changes})
