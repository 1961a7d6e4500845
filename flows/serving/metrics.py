"""Metrics for Prometheus: requests, durations, rows, alarms, sessions, the version and its reloads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH")


class Metrics:
    """The service's metrics, in a registry separate from that of other packages in the process."""

    def __init__(self) -> None:
        """Begin counting at 0."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "forewarn_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "forewarn_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "forewarn_requests_in_flight", "Requests being handled.", registry=self.registry
        )
        self._scored = Counter(
            "forewarn_scored_requests", "Requests scored, by version.", ("version",), registry=self.registry
        )
        self._rows = Counter("forewarn_rows_scored", "Rows scored.", registry=self.registry)
        self._alarms = Counter("forewarn_alarms", "Rows with an alarm.", registry=self.registry)
        self._reloads = Counter(
            "forewarn_reloads", "Attempts to load another version.", ("result",), registry=self.registry
        )
        for result in ("ok", "failed"):
            self._reloads.labels(result)
        self._version = Gauge(
            "forewarn_model_info", "The version that scores.", ("model", "version"), registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value is read when the metrics are requested."""
        Gauge(name, description, registry=self.registry).set_function(read)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_scores(self, version: str, rows: int, alarms: int) -> None:
        """Count scored rows."""
        self._scored.labels(version).inc()
        self._rows.inc(rows)
        self._alarms.inc(alarms)

    def count_reload(self, is_loaded: bool) -> None:
        """Count an attempt to load another version."""
        self._reloads.labels("ok" if is_loaded else "failed").inc()

    def write(self, model: str | None, version: str | None) -> bytes:
        """Write everything in Prometheus' text format."""
        self._version.clear()
        if model is not None and version is not None:
            self._version.labels(model, version).set(1)
        return generate_latest(self.registry)
