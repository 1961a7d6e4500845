"""The served version: loaded in the background, warmed up, swapped in atomically, following its alias."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.serving.rows import invent_rows, make_table
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from schemas.service import ModelAnswer
from tasks.registry.loading import load_version
from tasks.registry.resolve import ADDRESS
from tasks.registry.versions import find_alias
from tasks.scoring.score import score_readings
from tasks.times.time_columns import list_time_columns

if TYPE_CHECKING:
    from mlflow import MlflowClient

# most checks to skip before a version that failed to load is tried again; the number doubles each time
_MOST_CHECKS_SKIPPED = 64


@dataclass(frozen=True)
class Source:
    """What to serve: a version of a registered model, or the one that an alias points to.

    Attributes:
        uri: The URI as given.
        name: Registered model.
        version: A fixed version, or none.
        alias: The alias to follow, or none if the version is fixed.
    """

    uri: str
    name: str
    version: str | None
    alias: str | None


@dataclass(frozen=True, eq=False)
class ServedVersion:
    """A version in memory, ready to score.

    Attributes:
        name: Registered model.
        version: Its number.
        loaded_at: When it was loaded.
        detector: Everything besides the model.
        model: The fitted model.
    """

    name: str
    version: str
    loaded_at: datetime
    detector: Detector
    model: FittedModel


def parse_source(uri: str) -> Source:
    """Read `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        InputError: If the URI has another form.
    """
    match = ADDRESS.fullmatch(uri)
    if match is None:
        raise InputError(
            "`--model` must be models:/NAME@ALIAS, to follow the alias, or models:/NAME/VERSION, to serve a "
            f"fixed version. Received {uri!r}."
        )
    return Source(uri, match["name"], match["version"], match["alias"])


def find_version(client: MlflowClient, source: Source) -> str:
    """Find the version to serve.

    Raises:
        InputError: If no version has the alias.
    """
    if source.alias is None:
        return str(source.version)
    found = find_alias(client, source.name, source.alias)
    if found is None:
        raise InputError(
            f"{source.uri} must point to a version. No version has the alias {source.alias!r}. Train one by "
            "`forewarn retrain`, promote one by `forewarn promote --version N --why TEXT`, or name one by "
            f"--model models:/{source.name}/N; `forewarn models` lists them."
        )
    return str(found.version)


def load_served_version(source: Source, version: str) -> ServedVersion:
    """Load a version and score a few rows with it, so that its first request is not slow.

    Raises:
        InputError: If there is no such version, or it cannot be loaded by this code.
    """
    detector, model = load_version(f"models:/{source.name}/{version}")
    score_readings(detector, model, make_table(invent_rows(detector), detector))
    return ServedVersion(source.name, version, datetime.now(UTC), detector, model)


class ModelHolder:
    """Holds the served version, and periodically checks where the alias points."""

    def __init__(
        self, source: Source, client: MlflowClient, count_reload: Callable[[bool], None] = lambda _: None
    ) -> None:
        """Begin without a version.

        Args:
            source: What to serve.
            client: Client of the registry.
            count_reload: Called after each reload with whether it succeeded.
        """
        self.source = source
        self.served: ServedVersion | None = None
        self.problem: str | None = None
        self._client = client
        self._count_reload = count_reload
        self._failed_version: str | None = None
        self._checks_skipped = 0
        self._checks_to_skip = 0

    def load_first(self) -> None:
        """Load the first version.

        Raises:
            InputError: If there is no such version, or it cannot be loaded.
        """
        self.served = load_served_version(self.source, find_version(self._client, self.source))

    def look_again(self) -> None:
        """Check where the alias points, and swap in the version if it has changed.

        On any error the current version keeps scoring, and `problem` describes the error. A version that
        cannot be loaded is tried again after increasingly long intervals.
        """
        try:
            version = find_version(self._client, self.source)
        except Exception as error:  # noqa: BLE001 - no failure of the registry may stop the service
            self.problem = f"The registry could not be read: {_summarise(error)}"
            return
        if self.served is not None and version == self.served.version:
            self.problem, self._failed_version = None, None
        elif self._is_due(version):
            self._swap(version)

    def _is_due(self, version: str) -> bool:
        if version != self._failed_version:
            self._checks_to_skip = 0
            return True
        self._checks_skipped += 1
        return self._checks_skipped > self._checks_to_skip

    def _swap(self, version: str) -> None:
        try:
            served = load_served_version(self.source, version)
        except Exception as error:  # noqa: BLE001 - loading runs the version's own code
            self.problem = f"Version {version} could not be loaded: {_summarise(error)}"
            self._failed_version, self._checks_skipped = version, 0
            self._checks_to_skip = min(2 * self._checks_to_skip + 1, _MOST_CHECKS_SKIPPED)
            self._count_reload(False)
            return
        self.served, self.problem, self._failed_version = served, None, None
        self._count_reload(True)

    def follow(self, stopping: threading.Event, seconds: float) -> None:
        """Check the alias every `seconds` until `stopping` is set; return at once for a fixed version."""
        while self.source.alias is not None and not stopping.wait(seconds):
            self.look_again()


def describe_served(holder: ModelHolder, served: ServedVersion) -> ModelAnswer:
    """Describe the served version and the columns that it expects."""
    threshold, detector = served.detector.threshold, served.detector
    return ModelAnswer(
        model=served.name,
        version=served.version,
        uri=holder.source.uri,
        alias=holder.source.alias,
        loaded_at=served.loaded_at.isoformat(timespec="seconds"),
        columns=(*list_time_columns(detector.readings), *detector.sensors, *detector.categories),
        window_rows=detector.window_rows,
        threshold=threshold.value if abs(threshold.value) < float("inf") else None,
        threshold_rule=threshold.rule,
        is_threshold_trailing=threshold.trailing is not None,
        reload_problem=holder.problem,
    )


def _summarise(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
