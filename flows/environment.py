"""The home folder, and the environment variables that the packages need before they are imported."""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path

from schemas.errors import InputError
from tasks.tracking.home import find_home

__all__ = ["find_home", "load_heavy_modules", "prepare_environment"]

_NETWORK_MODULES = ("tasks.models.train", "tasks.models.inference")
_OTHER_MODULES = ("mlflow.pyfunc", "matplotlib.backends.backend_agg", "sklearn.metrics")


def prepare_environment(home: Path) -> None:
    """Set the environment variables of Prefect, MLflow, Keras and matplotlib that are not set already.

    With these, nothing is written outside `home`, no telemetry is sent, and pickles are refused.

    Args:
        home: Folder in which `mlruns/` is created.

    Raises:
        InputError: If `mlruns/` cannot be created.
    """
    store = home / "mlruns"
    try:
        (store / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"`FOREWARN_HOME` must be a writable folder. Received {home}: {error.strerror}."
        ) from error
    for name, value in {
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(store / "prefect"),
        # a cold start of the embedded server takes 20 to 45 seconds
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        # the command line reports errors itself; the server keeps the whole log
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_UV_AUTO_DETECT": "false",
        "MLFLOW_LOGGING_LEVEL": "CRITICAL",
        # together with the retries of the steps, this bridges an outage of two minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(store / "cache" / "keras"),
        "MPLCONFIGDIR": str(store / "cache" / "matplotlib"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # no faster for these networks, and the last digits would depend on the processor
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }.items():
        os.environ.setdefault(name, value)


def load_heavy_modules(*, with_networks: bool = True) -> threading.Thread:
    """Import TensorFlow, MLflow and matplotlib in the background, while the Prefect server starts.

    Args:
        with_networks: Whether this process trains or scores with networks, and so needs TensorFlow.
    """
    names = (*(_NETWORK_MODULES if with_networks else ()), *_OTHER_MODULES)

    def load() -> None:
        for name in names:
            importlib.import_module(name)

    thread = threading.Thread(target=load, name="load-heavy-modules", daemon=True)
    thread.start()
    return thread
