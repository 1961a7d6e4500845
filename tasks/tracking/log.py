"""Log parameters, datasets, metrics and files to an MLflow run.

A run resumed after a kill logs the same entries again. They are stamped with the start time of the run, so
that MLflow stores none of them twice.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from schemas.configuration import Configuration
from schemas.evaluation import Evaluation, History, Metrics
from schemas.readings import LabelledReadings
from schemas.tables import name_labelled_columns
from schemas.windows import Part
from tasks.readings.check import check_labelled_table
from tasks.tracking.runs import end_run, start_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

# MLflow's limits for one batch
_PARAMS_AT_ONCE = 100
_METRICS_AT_ONCE = 1000
_DIGEST_CHARACTERS = 32
_DATASET_KEYS = ("name", "digest", "source_type", "source", "schema", "profile")


def log_nested_run(
    client: MlflowClient,
    parent: Run,
    name: str,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    metrics: Sequence[Metric],
) -> None:
    """Log a complete nested run.

    Args:
        client: Client of the tracking store.
        parent: The parent run, whose source and experiment the nested run shares.
        name: Name of the run.
        tags: Tags of the run; a run with the tag `failure` ends as failed.
        params: Parameters by their full names.
        metrics: Metrics of the run.
    """
    from mlflow.entities import Param

    links = {"mlflow.parentRunId": parent.info.run_id, "mlflow.runName": name}
    links["mlflow.source.name"] = parent.data.tags["mlflow.source.name"]
    run_id, _ = start_run(client, parent.info.experiment_id, links | dict(tags))
    logged = [Param(key, _format_value(value)) for key, value in params.items()]
    client.log_batch(run_id, metrics=metrics, params=logged)
    end_run(client, run_id, "FAILED" if "failure" in tags else "FINISHED")


def log_configuration(client: MlflowClient, run_id: str, configuration: Configuration) -> None:
    """Log every setting as a parameter under its full name, and the configuration as `configuration.yaml`."""
    from mlflow.entities import Param

    params = [Param(name, value) for name, value in flatten_settings(configuration).items()]
    for start in range(0, len(params), _PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[start : start + _PARAMS_AT_ONCE])
    client.log_text(run_id, configuration.to_yaml(), "configuration.yaml")


def flatten_settings(configuration: Configuration) -> dict[str, str]:
    """Format every setting as text, by its full name, such as `windows.lookback`."""
    flat: dict[str, str] = {}
    for section, content in configuration.model_dump(mode="json").items():
        if isinstance(content, dict):
            flat |= {f"{section}.{key}": _format_value(value) for key, value in content.items()}
        else:
            flat[section] = _format_value(content)
    return flat


def log_datasets(
    client: MlflowClient, run_id: str, labelled: LabelledReadings, parts: tuple[Part, ...], source: str
) -> None:
    """Log the table of each part as a dataset whose digest is the hash of its rows.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        labelled: All rows.
        parts: The parts to log; a part's table contains the last rows of its windows.
        source: Name of the source of the readings, without a password.
    """
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import Dataset, DatasetInput, InputTag

    time_name, run_name, label_name = name_labelled_columns(labelled.sensors)
    # MLflow knows no kind of source for the address of a database
    origin = CodeDatasetSource({"mlflow.source.name": source}) if "://" in source else source
    inputs = []
    for part in parts:
        table = pd.DataFrame(labelled.values[part.end_rows], columns=list(labelled.sensors))
        table.insert(0, time_name, labelled.times[part.end_rows])
        table.insert(1, run_name, labelled.runs[part.end_rows])
        table.insert(2, label_name, part.labels.astype(np.int64))
        check_labelled_table(table, labelled.sensors)
        digest = hash_table(table)[:_DIGEST_CHARACTERS]
        with warnings.catch_warnings():
            # MLflow registers its source for local files twice, and warns about it
            warnings.filterwarnings("ignore", "The specified dataset source can be interpreted")
            # integers cannot be missing: the schema has just been checked
            warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer column")
            dataset = from_pandas(table, source=origin, targets=label_name, name=part.name, digest=digest)
        entity = Dataset(**{key: value for key, value in dataset.to_dict().items() if key in _DATASET_KEYS})
        inputs.append(DatasetInput(entity, tags=[InputTag("mlflow.data.context", part.name)]))
    client.log_inputs(run_id, inputs)


def hash_table(table: pd.DataFrame) -> str:
    """Hash the values and column names of a table: equal tables give equal hashes.

    Returns:
        SHA-256 as 64 hexadecimal digits.
    """
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes() + ",".join(table.columns).encode()).hexdigest()


def log_history(client: MlflowClient, run_id: str, history: History) -> None:
    """Log `train_loss` and `validation_loss` of every epoch, in batches."""
    from mlflow.entities import Metric

    begin = client.get_run(run_id).info.start_time
    metrics = [
        Metric(name, float(value), begin, epoch)
        for name, losses in (("train_loss", history.loss), ("validation_loss", history.validation_loss))
        for epoch, value in enumerate(losses)
    ]
    for start in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])


def log_evaluations(
    client: MlflowClient, run_id: str, evaluations: Mapping[str, Evaluation], figures: Mapping[str, float]
) -> None:
    """Log metrics under their prefixes, and the complete evaluations as `evaluations.json`.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        evaluations: Evaluations by prefix, such as `test` or `control_pca`; undefined metrics are not logged.
        figures: Further metrics by their full names.
    """
    values = dict(figures)
    for prefix, evaluation in evaluations.items():
        values |= name_metrics(prefix, evaluation)
    client.log_batch(run_id, metrics=make_metrics(values, client.get_run(run_id).info.start_time))
    whole = {prefix: evaluation.model_dump(mode="json") for prefix, evaluation in evaluations.items()}
    client.log_dict(run_id, whole, "evaluations.json")


def name_metrics(prefix: str, evaluation: Evaluation) -> dict[str, float]:
    """Name the defined metrics `<prefix>_<metric>`; for the test, include the bounds of their intervals.

    Returns:
        Values by names such as `test_roc_auc`, `test_roc_auc_low` and `test_roc_auc_high`. The other bounds
        are only in `evaluations.json`, because a chart for each would crowd the UI.
    """
    figures = name_figures(f"{prefix}_", evaluation.metrics)
    if prefix == "test":
        for name, interval in evaluation.intervals.items():
            figures |= {f"test_{name}_low": interval.low, f"test_{name}_high": interval.high}
    return figures


def log_files(client: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    """Log files as artifacts of a run.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        files: Content by artifact path, such as `plots/roc.png`.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(run_id, folder)


def log_run(
    client: MlflowClient,
    run_id: str,
    history: History | None,
    evaluations: Mapping[str, Evaluation],
    figures: Mapping[str, float],
    files: Mapping[str, bytes],
) -> None:
    """Log the results of a training: losses, metrics and files.

    Args:
        client: Client of the tracking store.
        run_id: The run.
        history: Losses of every epoch, or none if nothing was trained in epochs.
        evaluations: Evaluations by the prefix of their metrics.
        figures: Further metrics by their full names.
        files: Content by artifact path.
    """
    if history is not None:
        log_history(client, run_id, history)
    log_evaluations(client, run_id, evaluations, figures)
    log_files(client, run_id, files)


def name_figures(prefix: str, metrics: Metrics) -> dict[str, float]:
    """Return the defined metrics by their full names, with a prefix."""
    return {f"{prefix}{name}": value for name, value in metrics.model_dump().items() if value is not None}


def make_metrics(figures: Mapping[str, float], milliseconds: int | None = None) -> list[Metric]:
    """Convert figures to MLflow metrics.

    Args:
        figures: Values by full name.
        milliseconds: Timestamp of the metrics, since 1970; by default now.
    """
    from mlflow.entities import Metric

    at = round(time.time() * 1000) if milliseconds is None else milliseconds
    return [Metric(name, float(value), at, 0) for name, value in figures.items()]


def tag_run(client: MlflowClient, run_id: str, tags: Mapping[str, Any]) -> None:
    """Set several tags of a run in one call."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])


def _format_value(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
