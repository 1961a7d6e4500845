"""Encode readings by the bottleneck of a network, as features for other models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from tasks.scoring.score import prepare_rows
from tasks.times.sampling import require_interval
from tasks.windows.window import find_end_rows


@runtime_checkable
class Encoder(Protocol):
    """A fitted network with a bottleneck."""

    def encode(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Encode windows, float32, shape (windows, width)."""


def encode_readings(detector: Detector, model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Encode the window that ends at each row.

    Args:
        detector: Features, scaler and settings of a version.
        model: Model of the version: a network, or a join with a network as a member.
        table: Raw readings in time order.

    Returns:
        One row for each row of `table`, with the same index: `time`, and `encoding_1`, `encoding_2`, ...
        (float32, NaN where a row has too little history).

    Raises:
        InputError: If the model has no network, the table fails its schema, or its rows come at another
            interval than those of training.
    """
    encoder = find_encoder(model)
    times, labelled, scaled = prepare_rows(detector, table)
    require_interval(times, detector, "the table")
    end_rows = find_end_rows(labelled.runs, detector.window_rows, detector.convention)
    encodings = encoder.encode(scaled, end_rows)
    all_rows = np.full((len(table), encodings.shape[1]), np.nan, dtype=np.float32)
    all_rows[labelled.source_rows[end_rows]] = encodings
    encoded = pd.DataFrame(
        all_rows,
        columns=[f"encoding_{number}" for number in range(1, encodings.shape[1] + 1)],
        index=table.index,
    )
    encoded.insert(0, "time", times)
    return encoded


def find_encoder(model: FittedModel) -> Encoder:
    """Find the network in a model: the model itself, or the first member of a join that is a network.

    Raises:
        InputError: If there is no network.
    """
    members: Mapping[str, FittedModel] = getattr(model, "members", {})
    for candidate in (model, *members.values()):
        if isinstance(candidate, Encoder):
            return candidate
    raise InputError(
        f"Expected a model with a network, whose bottleneck is the encoding. Received a model of "
        f"{', '.join(members) or type(model).__name__}. Choose a version with an autoencoder by `--model`."
    )
