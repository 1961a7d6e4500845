"""Find and open the tracking store, and report its failures in one message."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from schemas.errors import DISK_FULL, ForewarnError, InputError, StoreUnreachableError
from tasks.files.lock import hold_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_ANSWER_SECONDS = 10
_OPENING_SECONDS = 120.0
_SERVER_ERROR = 500
_FULL_OR_FAILING = (*DISK_FULL, errno.EIO, errno.EROFS, errno.ESTALE)
# makes the MLflow UI open the experiment with its runs and models
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


def find_tracking_uri(home: Path) -> str:
    """Return the URI of the tracking store: `MLFLOW_TRACKING_URI`, or the SQLite database in `home`.

    Args:
        home: Folder that contains `mlruns/`.

    Raises:
        InputError: If the URI is that of a plain folder, which MLflow 3 refuses.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{home / 'mlruns' / 'mlflow.db'}"
    if uri.startswith("file:") or "://" not in uri:
        raise InputError(
            "`MLFLOW_TRACKING_URI` must name a database or a server, such as sqlite:///mlruns/mlflow.db "
            f"or http://127.0.0.1:5000. Received {uri!r}."
        )
    return uri


def open_store(uri: str, experiment: str, home: Path) -> tuple[MlflowClient, str]:
    """Open the store and find the experiment, creating either if it is missing.

    A new SQLite database is created under a file lock: two processes that create it at once corrupt it.

    Args:
        uri: Tracking store.
        experiment: Name of the experiment.
        home: Folder whose `mlruns/artifacts` holds the artifacts if the store is a database without a server.

    Returns:
        A client, and the experiment's id.

    Raises:
        InputError: If the experiment was deleted.
        StoreUnreachableError: If the store does not answer.
    """
    with report_unreachable(uri), _lock_database(uri):
        client = connect_store(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            # a server has its own location for artifacts, a database has none
            location = None if _is_server(uri) else (home / "mlruns" / "artifacts").as_uri()
            return client, client.create_experiment(experiment, location, tags=_EXPERIMENT_TAGS)
    if found.lifecycle_stage != "active":
        raise InputError(
            f"The experiment {experiment!r} must be active. It has been deleted in MLflow. Restore it there, "
            "or set `tracking.experiment` to another name."
        )
    return client, found.experiment_id


def connect_store(uri: str) -> MlflowClient:
    """Make a client of a store; an existing store is not changed.

    Args:
        uri: Tracking store.

    Raises:
        OSError: If a server does not answer.
    """
    import mlflow
    from mlflow import MlflowClient

    _require_answer(uri)
    mlflow.set_tracking_uri(uri)
    return MlflowClient(tracking_uri=uri)


def has_store(uri: str) -> bool:
    """Return whether the store exists: the file of a local database may not have been created yet."""
    return not uri.startswith(_SQLITE) or Path(uri.removeprefix(_SQLITE)).is_file()


def _require_answer(uri: str) -> None:
    """Check that a server answers: MLflow's own first call would retry for minutes."""
    if not _is_server(uri):
        return
    with contextlib.suppress(HTTPError):  # an error status is an answer too
        urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWER_SECONDS).close()  # noqa: S310 - http only


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


@contextlib.contextmanager
def _lock_database(uri: str) -> Iterator[None]:
    if not uri.startswith(_SQLITE):
        yield
        return
    path = Path(uri.removeprefix(_SQLITE))
    with hold_file(path.with_name(path.name + ".lock"), _OPENING_SECONDS, f"Opening {path}"):
        yield


@contextlib.contextmanager
def report_unreachable(uri: str) -> Iterator[None]:
    """Report in one message that the store failed, whatever its packages raise.

    Args:
        uri: Tracking store.

    Raises:
        StoreUnreachableError: In place of the errors of MLflow, the database and the network.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ForewarnError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise describe_trouble(error, uri) from error


@contextlib.contextmanager
def report_trouble(uri: str) -> Iterator[None]:
    """Report in one message that the store or the disk failed; other errors are raised unchanged.

    Args:
        uri: Tracking store.

    Raises:
        StoreUnreachableError: In place of errors that may not occur when the same call is repeated later.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ForewarnError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if not is_trouble(error):
            raise
        raise describe_trouble(error, uri) from error


def is_trouble(error: Exception) -> bool:
    """Return whether an error means that a store, a network or a disk failed, rather than a bad request.

    Args:
        error: An error of MLflow, of the database or of the operating system.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call] # untyped in MLflow
        return status >= _SERVER_ERROR
    if isinstance(error, SQLAlchemyError):
        return isinstance(error, (DBAPIError, PoolTimeoutError))
    if not isinstance(error, OSError):
        return False
    is_http_client = type(error).__module__.startswith(("requests.", "urllib"))
    is_network = is_http_client or isinstance(error, (ConnectionError, TimeoutError))
    return is_network or error.errno in _FULL_OR_FAILING


def describe_trouble(error: Exception, uri: str) -> StoreUnreachableError:
    """Make an error that states what failed and what to do: the disk if it is full, else the store."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    text = str(error).lower()
    if getattr(error, "errno", None) in DISK_FULL or "disk is full" in text or "no space left" in text:
        place = getattr(error, "filename", None) or uri
        return StoreUnreachableError(
            f"The disk of {place} must have free space. It is full: {reason}. Free some space and try again; "
            "work already done is not repeated."
        )
    return StoreUnreachableError(
        f"The tracking store {uri} must answer. It did not: {reason}. Check that the server is up and "
        "that `MLFLOW_TRACKING_URI` is right."
    )
