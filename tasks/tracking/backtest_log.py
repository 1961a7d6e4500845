"""Log backtests and comparisons, with nested runs for folds, trials and families."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from schemas.backtest import PUBLISHED, BacktestResult, FoldScores
from schemas.comparison import ComparisonResult, LeaderboardRow
from tasks.tracking.log import log_files, log_nested_run, make_metrics, name_figures

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_backtest(
    client: MlflowClient, run_id: str, result: BacktestResult, folds: Sequence[FoldScores]
) -> None:
    """Log the result of a backtest: its means in its run, and a nested run for each fold.

    Args:
        client: Client of the tracking store.
        run_id: Run of the backtest.
        result: Result of the backtest.
        folds: Scores of each training, for their seconds.
    """
    figures = name_figures("mean_", result.mean) | name_figures("pooled_", result.pooled)
    for name, metrics in result.controls.items():
        figures |= name_figures(f"control_{name}_", metrics)
    for bound in ("low", "high"):
        figures |= {f"mean_{name}_{bound}": getattr(value, bound) for name, value in result.intervals.items()}
    for name in ("promised_false_alarms_per_day", "realised_false_alarms_per_day"):
        if getattr(result, name) is not None:
            figures[name] = getattr(result, name)
    client.log_batch(run_id, metrics=make_metrics(figures))
    parent = client.get_run(run_id)
    for fold in result.folds:
        seconds = sum(each.seconds for each in folds if each.fold.number == fold.number)
        figures = name_figures("test_", fold.metrics)
        figures |= {"threshold": fold.threshold, "events": fold.events, "seconds": seconds}
        for name, metrics in fold.others.items():
            prefix = f"{PUBLISHED}_" if name == PUBLISHED else f"control_{name}_"
            figures |= name_figures(prefix, metrics)
        tags = {"test_start": fold.test_start, "test_end": fold.test_end}
        log_nested_run(client, parent, f"fold {fold.number}", tags, {}, make_metrics(figures))


def log_trial(
    client: MlflowClient,
    run_id: str,
    name: str,
    changes: Mapping[str, Mapping[str, Any]],
    areas: Sequence[float],
    tags: Mapping[str, str],
) -> None:
    """Log one trial of a comparison as a nested run.

    Args:
        client: Client of the tracking store.
        run_id: Run of the comparison.
        name: Name of the trial.
        changes: Settings that the trial changed, by section and key.
        areas: ROC area on each past fold that the trial completed.
        tags: `family`, and others such as `failure`.
    """
    from mlflow.entities import Metric

    now = round(time.time() * 1000)
    metrics = [Metric("past_fold_roc_auc", area, now, fold) for fold, area in enumerate(areas, start=1)]
    if areas:
        metrics += make_metrics({"past_roc_auc": sum(areas) / len(areas)})
    flat = {
        f"{section}.{key}": value for section, content in changes.items() for key, value in content.items()
    }
    params = {**flat, "model.family": tags["family"]}
    log_nested_run(client, client.get_run(run_id), name, tags, params, metrics)


def log_comparison(client: MlflowClient, run_id: str, result: ComparisonResult, chosen: str) -> None:
    """Log the leaderboard as a table and as files of the run, and a nested run for each family.

    Args:
        client: Client of the tracking store.
        run_id: Run of the comparison.
        result: Result of the comparison.
        chosen: Configuration of the winner, as YAML.
    """
    parent = client.get_run(run_id)
    for row in result.leaderboard:
        bounds = row.intervals["roc_auc"]
        figures = name_figures("test_", row.metrics) | {"parameters": row.parameters}
        figures |= {"test_roc_auc_low": bounds.low, "test_roc_auc_high": bounds.high}
        if row.past_roc_auc is not None:
            figures["past_roc_auc"] = row.past_roc_auc
        tags, params = {"family": row.family}, {"model.family": row.family}
        log_nested_run(client, parent, f"{row.family} (best)", tags, params, make_metrics(figures))
    table = pd.DataFrame([describe_row(row) for row in result.leaderboard])
    client.log_table(run_id, table.round(4), "leaderboard.json")
    files = {"comparison.json": result.model_dump_json(indent=1).encode(), "chosen.yaml": chosen.encode()}
    log_files(client, run_id, files)


def describe_row(row: LeaderboardRow) -> dict[str, Any]:
    """Convert a row of the leaderboard to the columns of the logged table."""
    return {
        "family": row.family,
        "past_roc_auc": row.past_roc_auc,
        "last_fold_roc_auc": row.metrics.roc_auc,
        "low": row.intervals["roc_auc"].low,
        "high": row.intervals["roc_auc"].high,
        "average_precision": row.metrics.average_precision,
        "event_recall_20min": row.metrics.event_recall_20min,
        "false_alarms_per_day": row.metrics.false_alarms_per_day,
        "parameters": row.parameters,
        "trials": row.trials,
        "pruned": row.pruned,
        "seconds": row.seconds,
    }
