"""Services in this process, over detectors that were made in a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import pandas as pd
from fastapi import FastAPI
from mlflow import MlflowClient
from starlette.testclient import TestClient

from flows.serving.app import make_app
from flows.serving.metrics import Metrics
from flows.serving.model import ModelHolder, ServedVersion, parse_source
from flows.serving.service import Service
from schemas.configuration import ServingSection
from schemas.detector import Detector
from schemas.model import FittedModel
from tests.detectors import make_detector, simulated_table

# nine sensors and a category are as good as sixty, and quicker
SENSORS = tuple(f"x{number}" for number in range(1, 10))
DROPPED = tuple(name for name in simulated_table() if name not in {"time", "y", "x28", *SENSORS})
FEW_SENSORS = {"readings": {"drop_columns": DROPPED, "categorical_columns": ("x28",)}}


@cache
def small_detector(family: str = "pca_t2", seed: int = 5) -> tuple[Detector, FittedModel]:
    """Make a detector of nine sensors."""
    return make_detector(family, seed=seed, **FEW_SENSORS)


@cache
def tiny_detector() -> tuple[Detector, FittedModel]:
    """Make a detector of two sensors: the quickest to invent rows for."""
    dropped = tuple(name for name in simulated_table() if name not in {"time", "y", "x1", "x2"})
    return make_detector(readings={"drop_columns": dropped, "categorical_columns": ()})


def small_table(first: int, last: int) -> pd.DataFrame:
    """Take rows of the simulated readings, with the columns of `small_detector`."""
    return simulated_table()[["time", "y", *SENSORS, "x28"]].iloc[first:last].reset_index(drop=True)


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Lay a table out as rows of a request."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    for row, (_, exact) in zip(rows, table.iterrows(), strict=True):
        row.update({name: float(exact[name]) for name in SENSORS})
    return rows


def serve_small(version: str = "1", family: str = "pca_t2", seed: int = 5) -> ServedVersion:
    """Make a served version of `small_detector`."""
    return ServedVersion("forewarn", version, datetime.now(UTC), *small_detector(family, seed))


def make_service(
    served: ServedVersion | None = None, client: MlflowClient | None = None, **limits: Any
) -> Service:
    """Make a service that serves a small detector."""
    metrics, nobody = Metrics(), cast("MlflowClient", None)  # asked of a registry only where one is given
    holder = ModelHolder(parse_source("models:/forewarn@champion"), client or nobody, metrics.count_reload)
    holder.served = served or serve_small()
    return Service(ServingSection(**{"access_log": "none", **limits}), holder, metrics)


def open_client(service: Service, token: str | None = None) -> TestClient:
    """Open a client of a service; to be used as a context."""
    return TestClient(make_app(service, token), raise_server_exceptions=False)


def make_small_app(**limits: Any) -> FastAPI:
    """Make an application over a small detector."""
    return make_app(make_service(**limits))


def read_metrics(client: TestClient, headers: Mapping[str, str] | None = None) -> dict[str, float]:
    """Read the metrics by their names with labels."""
    lines = client.get("/metrics", headers=dict(headers or {})).text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[:1] != "#"}
