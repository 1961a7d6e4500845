"""Fit a network on windows of normal rows, and wrap it as a model that scores, explains and encodes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.configuration import FORECASTERS, ModelSection, TrainingSection
from schemas.evaluation import History
from schemas.features import find_columns
from schemas.model import NOWHERE, Material, TrainingPlaces
from tasks.models.build import build_network, read_network
from tasks.models.inference import Encoder, Expecter, make_encoder, make_expecter, make_scorer, score_windows
from tasks.models.train import hold_columns, train_network

if TYPE_CHECKING:
    import keras

NETWORK_FILE = "network.keras"
OUTLINE_FILE = "network.json"
HISTORY_FILE = "history.json"


class Outline(BaseModel):
    """What scoring needs besides the network itself.

    Attributes:
        family: One of `tasks.models.build.FAMILIES`.
        columns: Positions, among all features, of the columns that the network sees, rising.
        error_rows: Rows of a window whose squared errors make up its score.
        lookback: Rows that the network sees.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    columns: tuple[int, ...]
    error_rows: Literal["last", "window"]
    lookback: int


class NetworkModel:
    """A network that scores a window by its mean squared error over the columns that it sees.

    An autoencoder's error is that of its reconstruction, in the window's last row or in all its rows; a
    forecaster's error is that of its forecast of the last row from the rows before it. Of the rows that end
    at `end_rows`, the network uses only as many as it needs.
    """

    def __init__(self, network: keras.Model, outline: Outline, history: History | None = None) -> None:
        self.network = network
        self.outline = outline
        self.history = history
        self.columns = np.asarray(outline.columns, dtype=np.int64)
        self._scorer = make_scorer(network, self.columns, outline.error_rows)

    @property
    def parameters(self) -> int:
        """Weights of the network."""
        return int(self.network.count_params())

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows; see `schemas.model.FittedModel`."""
        return score_windows(self._scorer, rows, end_rows)

    def errors(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the squared errors; their mean over the columns is the score.

        Returns:
            float32, shape (windows, columns that the network sees).
        """
        return self._scorer(rows, end_rows)

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return each column's squared error, 0 if the network does not see it; see `FittedModel`."""
        drivers = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        drivers[:, self.columns] = self.errors(rows, end_rows)
        return drivers

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the network's reconstruction, or forecast, of the last row; see `FittedModel`."""
        expected = np.full((len(end_rows), rows.shape[1]), np.nan, dtype=np.float32)
        expected[:, self.columns] = self._expecter(rows, end_rows)
        return expected

    def encode(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return the encoder's output for each window: features for other models.

        A forecaster's encoding comes from the rows before the forecast row.

        Returns:
            float32, shape (windows, last of the encoder's units).
        """
        return self._encoder(rows, end_rows)

    def save(self, folder: Path) -> None:
        """Write `network.keras`, `network.json` and the losses into a folder that exists."""
        self.network.save(folder / NETWORK_FILE)
        (folder / OUTLINE_FILE).write_text(self.outline.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if self.history is not None:
            (folder / HISTORY_FILE).write_text(self.history.to_json() + "\n", encoding="utf-8")

    @cached_property
    def _expecter(self) -> Expecter:
        return make_expecter(self.network, self.columns)

    @cached_property
    def _encoder(self) -> Encoder:
        return make_encoder(self.network, self.columns)


def fit_network(
    family: str,
    material: Material,
    model: ModelSection,
    training: TrainingSection,
    places: TrainingPlaces = NOWHERE,
) -> NetworkModel:
    """Fit a network on normal training windows, with early stopping on normal validation windows.

    `dense_autoencoder` sees the columns of `model.inputs` in the last row of a window. The others see the
    columns of `model.window_inputs`: a forecaster in all rows but the last, which it forecasts, and an
    autoencoder in all rows.

    Args:
        family: One of `tasks.models.build.FAMILIES`.
        material: Scaled features and the windows.
        model: Inputs, units, activation, dropout and the rows whose errors count.
        training: Epochs, batch size, learning rate, patience, seed, compilation.
        places: Folders for logs and checkpoints; by default nothing is written.

    Raises:
        InputError: If the loss becomes NaN or infinite.
    """
    sees_windows = family != "dense_autoencoder"
    columns = find_columns(material.columns, model.window_inputs if sees_windows else model.inputs)
    lookback = _find_lookback(family, material.window_rows)
    network = build_network(family, model, lookback, len(columns), training.seed)
    history = train_network(
        network,
        hold_columns(material.rows, columns),
        material.train.normal_end_rows,
        material.validation.normal_end_rows,
        training,
        places,
    )
    outline = Outline(
        family=family, columns=tuple(columns.tolist()), error_rows=model.error_rows, lookback=lookback
    )
    return NetworkModel(network, outline, history)


def load_network(folder: Path) -> NetworkModel:
    """Load a saved network, and trace its functions for scores and explanations ahead of the first alarm.

    Args:
        folder: Folder that `NetworkModel.save` wrote.

    Raises:
        ValueError: If a file is not as `NetworkModel.save` writes it, or contains code.
    """
    outline = Outline.model_validate_json((folder / OUTLINE_FILE).read_text(encoding="utf-8"))
    losses = folder / HISTORY_FILE
    # versions saved by earlier releases have no losses
    history = History.from_json(losses.read_text(encoding="utf-8")) if losses.is_file() else None
    model = NetworkModel(read_network(folder / NETWORK_FILE), outline, history)
    # enough rows for a forecaster too
    rows = np.zeros((outline.lookback + 1, outline.columns[-1] + 1), dtype=np.float32)
    model.score(rows, np.array([outline.lookback]))
    model.expect(rows, np.array([outline.lookback]))
    return model


def _find_lookback(family: str, window_rows: int) -> int:
    if family == "dense_autoencoder":
        return 1
    return window_rows - (family in FORECASTERS)
