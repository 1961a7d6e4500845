"""Log a review in MLflow, and keep track of the last event of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from schemas.monitoring import EventKind, LastEmission, MonitorWindow, Review, WatchedVersion
from tasks.tracking.log import log_files, make_metrics, tag_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

# tags of the runs that sent an event, after its kind; the cool-down is computed from them
_MODEL_TAG, _VERSION_TAG, _END_TAG, _EVENT_TAG = "{}_model", "{}_version", "{}_data_end", "{}_event"
_METRICS_AT_ONCE = 1000
_RUNS_AT_MOST = 1000


def find_last_emissions(
    client: MlflowClient, experiment: str, version: WatchedVersion
) -> dict[EventKind, LastEmission]:
    """Find the last event of each kind about a version, by the time of its data.

    Args:
        client: Client of the tracking store.
        experiment: Name of the monitor's experiment.
        version: The champion; events about other versions do not count.
    """
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return {}
    last = {kind: _find_last(client, found.experiment_id, version, kind) for kind in get_args(EventKind)}
    return {kind: emission for kind, emission in last.items() if emission is not None}


def _find_last(
    client: MlflowClient, experiment_id: str, version: WatchedVersion, kind: EventKind
) -> LastEmission | None:
    wanted = f"tags.{_VERSION_TAG.format(kind)} = '{version.number}'"
    runs = client.search_runs([experiment_id], wanted, max_results=_RUNS_AT_MOST)
    emissions = [
        LastEmission(data_end=run.data.tags[_END_TAG.format(kind)], run_id=run.info.run_id)
        for run in runs
        # not in the filter, as a name may contain quotes
        if run.data.tags[_MODEL_TAG.format(kind)] == version.name
    ]
    return max(emissions, key=lambda emission: np.datetime64(emission.data_end), default=None)


def remember_emission(
    client: MlflowClient, run_id: str, version: WatchedVersion, kind: EventKind, data_end: str, event_id: str
) -> None:
    """Tag a run after the server has recorded its event."""
    tags = {
        _MODEL_TAG: version.name,
        _VERSION_TAG: version.number,
        _END_TAG: data_end,
        _EVENT_TAG: event_id,
    }
    tag_run(client, run_id, {name.format(kind): value for name, value in tags.items()})


def log_review(
    client: MlflowClient, run_id: str, version: WatchedVersion, review: Review, plot: bytes
) -> None:
    """Log the windows as metrics over time, the whole review as `monitoring.json`, and the plot.

    The metrics of a window have its number as their step and its end as their time, so that the UI can plot
    them over either.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        version: The champion.
        review: The review.
        plot: PNG of `plots/monitor.png`.
    """
    metrics = [metric for window in review.windows for metric in make_window_metrics(window)]
    metrics += make_metrics(name_totals(review))
    for start in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])
    verdicts = {"verdict": review.verdict.status, "recall_verdict": review.recall.status}
    tag_run(client, run_id, {"model_version": version.number, **verdicts})
    whole = review.model_dump_json(indent=1).encode()
    log_files(client, run_id, {"monitoring.json": whole, "plots/monitor.png": plot})


def make_window_metrics(window: MonitorWindow) -> list[Metric]:
    """Make the metrics of one window; undefined ones are left out."""
    from mlflow.entities import Metric

    moment = int(np.datetime64(window.last, "ms").astype(np.int64))
    figures = {
        "window_median_ratio": window.ratio,
        "window_median_score": window.median_score,
        "window_false_alarms_per_day": window.false_alarms_per_day,
        "window_event_recall_20min": window.caught_20min / window.events if window.events else None,
        "window_normal_rows": window.normal_rows,
    }
    return [
        Metric(name, float(value), moment, window.number)
        for name, value in figures.items()
        if value is not None
    ]


def name_totals(review: Review) -> dict[str, float]:
    """Collect the metrics of the whole review by name; undefined ones are left out."""
    verdict, calibration = review.verdict, review.calibration
    figures: dict[str, float | None] = {
        "windows": len(review.windows),
        "windows_above": verdict.above,
        "median_ratio": verdict.ratio,
        "reference_median_score": review.reference,
        "moved_sensors": len(review.feature_drift),
        "sensor_issues": len(review.issues),
    }
    if calibration is not None:
        figures |= {f"recent_{name}": value for name, value in calibration.metrics.model_dump().items()}
        figures["promised_false_alarms_per_day"] = calibration.promised_false_alarms_per_day
    # such as `random_event_recall` and `test_event_recall_20min`
    figures |= {f"{check.against}_{check.metric}": check.expected for check in review.recall.checks}
    return {name: float(value) for name, value in figures.items() if value is not None}
