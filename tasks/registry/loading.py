"""Load a registered version without writing into the artifact store.

Where the store is a local folder, MLflow loads a version in place: Python writes `__pycache__` beside its
code, and MLflow a file `registered_model_meta`. That fails in a read-only store and changes a shared one.
A version is therefore loaded from a private copy, which is deleted afterwards.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from tasks.readings.check import check_scored_table
from tasks.scoring.score import score_readings
from tasks.times.sampling import require_interval

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


@contextlib.contextmanager
def copied_version(model_uri: str) -> Iterator[tuple[PyFuncModel, Path]]:
    """Copy the files of a version, load it from the copy, and delete the copy afterwards.

    Args:
        model_uri: Such as `models:/forewarn@champion`, `models:/forewarn/3` or `models:/<model id>`.

    Yields:
        The loaded pyfunc, and the folder of the copy.

    Raises:
        MlflowException: If there is no such version.
    """
    import mlflow.artifacts
    import mlflow.pyfunc
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

    known_paths = set(sys.path)
    with tempfile.TemporaryDirectory(prefix="forewarn-version-") as folder:
        try:
            # from its place: given the URI of a version, MLflow would replace a file in the copy, which has
            # the permissions of the store and may be read-only too
            place = ModelsArtifactRepository.get_underlying_uri(model_uri)
            copy = mlflow.artifacts.download_artifacts(place, dst_path=folder)
            yield mlflow.pyfunc.load_model(copy), Path(copy)
        finally:
            # MLflow puts the version's own copy of our code on the path; this process has the code already
            sys.path[:] = [path for path in sys.path if path in known_paths]


def load_version(model_uri: str) -> tuple[Detector, FittedModel]:
    """Load the detector and the model of a version.

    Args:
        model_uri: Such as `models:/forewarn@champion` or `models:/forewarn/3`.

    Raises:
        InputError: If there is no such version, or this code cannot load it.
    """
    from mlflow.exceptions import MlflowException

    try:
        with copied_version(model_uri) as (version, _):
            warner = version.unwrap_python_model()
    except MlflowException as error:
        raise InputError(
            f"`--model` must name a version that can be loaded, such as models:/forewarn@champion. Received "
            f"{model_uri}: {str(error).splitlines()[0]}"
        ) from error
    return warner.detector, warner.model


def score_with_version(model_uri: str, table: pd.DataFrame) -> pd.DataFrame:
    """Load a version and score raw readings with it.

    The pyfunc's own `predict` gives the same, after looking at the type of every single cell: for a table of
    thousands of rows that takes longer than scoring. `smoke_test` is what runs `predict`.

    Args:
        model_uri: Such as `models:/forewarn@champion` or `models:/<model id>`.
        table: Raw readings.

    Returns:
        `time, score, threshold, alarm, top_sensors, drivers`, one row for each row of `table`.

    Raises:
        InputError: If the version cannot score the table, the rows come at another interval than those of
            its training, or its output breaks the schema of scores.
    """
    with copied_version(model_uri) as (version, _):
        warner = version.unwrap_python_model()
    scored = score_readings(warner.detector, warner.model, table)
    require_interval(scored["time"].to_numpy(), warner.detector, "the table")
    return check_scored_table(scored)
