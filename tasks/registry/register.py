"""Log and register a detector as one pyfunc without pickle."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.families import list_packages
from schemas.model import FittedModel
from schemas.tables import MISSING_SENSORS, choose_free_name
from tasks.models.fit import save_model
from tasks.scoring.score import score_readings
from tasks.times.time_columns import list_time_columns

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, TensorSpec

# packages that scoring imports
_REQUIREMENTS = ("keras", "mlflow", "numpy", "pandas", "pandera", "pydantic", "scikit-learn")
# raw rows in a version's input example: enough for a score
_EXAMPLE_ROWS = 20
# raw rows in the bundle, each with the score and threshold that it had when the bundle was made
GOLDEN_FILE = "golden.parquet"
GOLDEN_SCORE, GOLDEN_THRESHOLD = "golden score", "golden threshold"
_CODE = Path(__file__).resolve().parents[2]


def log_detector(
    client: MlflowClient,
    run_id: str,
    detector: Detector,
    model: FittedModel,
    family: str,
    golden: pd.DataFrame,
) -> str:
    """Log features, scaler, threshold and model as one pyfunc of the run, complete or not at all.

    The logged model carries the scoring code, so that it loads where forewarn is not installed. A resumed
    run that has already logged its model keeps it; the flow checks that it still scores the same.

    Args:
        client: Client of the tracking store.
        run_id: The run that trained the detector.
        detector: Everything except the model.
        model: The fitted model.
        family: The model's family.
        golden: Raw rows in time order whose scores are kept in the bundle; the first of them are the
            input example.

    Returns:
        Id of the logged model, which loads as `models:/<id>`.
    """
    from mlflow.entities import LoggedModelOutput

    experiment_id = client.get_run(run_id).info.experiment_id
    ready = find_ready_model(client, experiment_id, run_id)
    if ready is not None:
        return ready
    logged = client.create_logged_model(experiment_id, name="detector", source_run_id=run_id)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = save_detector(Path(folder), detector, model, family, golden)
            client.log_model_artifacts(logged.model_id, str(path))
        client.finalize_logged_model(logged.model_id, "READY")
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged.model_id


def find_ready_model(client: MlflowClient, experiment_id: str, run_id: str) -> str | None:
    """Find the model that a run has already logged, and delete incomplete ones.

    Returns:
        Id of the complete logged model, or None.
    """
    from mlflow.entities import LoggedModelStatus

    found = client.search_logged_models([experiment_id], filter_string=f"source_run_id = '{run_id}'")
    for model in found:
        if model.status != LoggedModelStatus.READY:
            client.delete_logged_model(model.model_id)
    return next((model.model_id for model in found if model.status == LoggedModelStatus.READY), None)


def save_detector(
    folder: Path, detector: Detector, model: FittedModel, family: str, golden: pd.DataFrame
) -> Path:
    """Write the pyfunc into `folder`.

    Returns:
        The model's folder.
    """
    import mlflow.pyfunc

    golden = store_as_text(golden)
    (folder / "detector.json").write_text(detector.model_dump_json(indent=1), encoding="utf-8")
    save_model(model, family, folder / "fitted")
    keep_golden_scores(detector, model, golden).to_parquet(folder / GOLDEN_FILE)
    path = folder / "model"
    mlflow.pyfunc.save_model(
        path,
        python_model=str(Path(__file__).with_name("pyfunc.py")),
        artifacts={
            "detector": str(folder / "detector.json"),
            "model": str(folder / "fitted"),
            "golden": str(folder / GOLDEN_FILE),
        },
        code_paths=[str(_CODE / "schemas"), str(_CODE / "tasks")],
        signature=make_signature(detector),
        input_example=golden.head(_EXAMPLE_ROWS),
        pip_requirements=list_requirements(getattr(model, "members", (family,))),
    )
    return path


def keep_golden_scores(detector: Detector, model: FittedModel, golden: pd.DataFrame) -> pd.DataFrame:
    """Add scores and thresholds to raw rows, as the reference for every later check of the version.

    Returns:
        The rows with two more columns at the end, which `split_golden` separates again; values that are
        neither numbers nor times are stored as text.
    """
    scored = score_readings(detector, model, golden)
    kept = store_as_text(golden)
    for name, column in ((GOLDEN_SCORE, "score"), (GOLDEN_THRESHOLD, "threshold")):
        kept[choose_free_name(name, kept.columns)] = scored[column].to_numpy()
    return kept.reset_index(drop=True)


def store_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table with values that are neither numbers nor times as text."""
    texts = [name for name in table.columns if table[name].dtype == object]
    return table.astype(dict.fromkeys(texts, "str"))


def split_golden(golden: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Separate the raw rows of a bundle from their scores and thresholds, which are the last two columns.

    Returns:
        The rows; their scores and thresholds when the bundle was made, both shape (rows,).
    """
    rows, scores = golden.iloc[:, :-2], golden.iloc[:, -2:].to_numpy(np.float64)
    return rows, scores[:, 0], scores[:, 1]


def make_signature(detector: Detector) -> ModelSignature:
    """Make the signature: the input and output columns.

    Times may be strings or timestamps, and sensor values integers or floats, so inputs are of any type; the
    schema check of the readings reports invalid values.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    time_column, parts = detector.readings.time_column, list_time_columns(detector.readings)
    # two columns of dates and times of day may come joined, as in training, or as they were
    is_joined = len(parts) > 1
    inputs: list[ColSpec | TensorSpec] = [ColSpec(AnyType(), time_column, required=not is_joined)]
    inputs += [ColSpec(AnyType(), name, required=False) for name in parts if is_joined]
    if detector.readings.label_column is not None:
        inputs.append(ColSpec(AnyType(), detector.readings.label_column, required=False))
    inputs += [ColSpec(AnyType(), name) for name in (*detector.sensors, *detector.categories)]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec("datetime", "time"),
        ColSpec("double", "score", required=False),
        ColSpec("double", "threshold"),
        ColSpec("boolean", "alarm"),
        ColSpec("string", "top_sensors"),
        ColSpec("string", "drivers"),
        ColSpec("string", MISSING_SENSORS, required=False),
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def list_requirements(families: Iterable[str]) -> list[str]:
    """Pin the packages that scoring imports, and those that provide families, to the installed versions."""
    releases = {name: version(name) for name in _REQUIREMENTS} | list_packages(families)
    pins = [f"{name}=={release}" for name, release in releases.items()]
    # TensorFlow without GPU support is a package with a different name
    try:
        return [*pins, f"tensorflow-cpu=={version('tensorflow-cpu')}"]
    except ModuleNotFoundError:
        return [*pins, f"tensorflow=={version('tensorflow')}"]


def register_version(
    client: MlflowClient, model_name: str, model_id: str, run_id: str, tags: Mapping[str, str]
) -> str:
    """Register a logged model as the next version, created together with its tags.

    A resumed run that has already registered the model keeps its version.

    Args:
        client: Client of the registry.
        model_name: Registered model; created if missing.
        model_id: The logged model.
        run_id: The run that logged it.
        tags: The tags of every version, such as `decision` and `data_sha256`.

    Returns:
        The version number.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    try:
        client.create_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    for known in client.search_model_versions(f"run_id = '{run_id}'"):
        if known.name == model_name and known.source == f"models:/{model_id}":
            for key, value in tags.items():
                client.set_model_version_tag(model_name, known.version, key, value)
            return str(known.version)
    registered = client.create_model_version(
        model_name, source=f"models:/{model_id}", run_id=run_id, tags=dict(tags), model_id=model_id
    )
    # MLflow's own registration sets this tag; the UI uses it to link model and version
    link = json.dumps([{"name": model_name, "version": int(registered.version)}])
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})
    return str(registered.version)
