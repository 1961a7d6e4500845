"""Build the network that reconstructs normal windows."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
from keras import layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.configuration import ModelSection


def build_network(model: ModelSection, lookback: int, sensors: int, seed: int) -> keras.Model:
    """Build an autoencoder from (batch, lookback, sensors) to the same shape.

    Args:
        model: Family, units of the encoder (the decoder mirrors them) and activation.
        lookback: Rows in a window.
        sensors: Columns of a row.
        seed: Seed of the first weights.

    Returns:
        The network, not compiled. With units 32-16, 59 sensors and any lookback the LSTM
        autoencoder has 25,243 parameters; the dense one, on one row, has 4,939.

    Source: Ranjan 2019, "LSTM Autoencoder for Extreme Rare Event Classification in Keras".
    """
    keras.utils.set_random_seed(seed)
    window = keras.Input((lookback, sensors), name="window")
    reconstruction = FAMILIES[model.family](window, model.units, model.activation)
    return keras.Model(window, reconstruction, name=model.family)


def write_network(network: keras.Model) -> bytes:
    """Write a network, weights included, as the content of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        return path.read_bytes()


def _reconstruct_by_lstm(
    window: keras.KerasTensor, units: tuple[int, ...], activation: str
) -> keras.KerasTensor:
    lookback, sensors = window.shape[1:]

    def lstm(size: int, keeps_steps: bool) -> layers.LSTM:
        return layers.LSTM(size, activation=activation, return_sequences=keeps_steps, unroll=True)

    hidden = window
    for size in units[:-1]:
        hidden = lstm(size, True)(hidden)
    hidden = lstm(units[-1], False)(hidden)
    hidden = layers.RepeatVector(lookback)(hidden)
    for size in reversed(units):
        hidden = lstm(size, True)(hidden)
    return layers.TimeDistributed(layers.Dense(sensors))(hidden)


def _reconstruct_by_dense(
    window: keras.KerasTensor, units: tuple[int, ...], activation: str
) -> keras.KerasTensor:
    """Encode by `units`, decode back by all but the narrowest: 32-16-32-sensors for units 32-16."""
    hidden = window
    for size in (*units, *reversed(units[:-1])):
        hidden = layers.Dense(size, activation=activation)(hidden)
    return layers.Dense(window.shape[-1])(hidden)


FAMILIES: dict[str, Callable[[keras.KerasTensor, tuple[int, ...], str], keras.KerasTensor]] = {
    "lstm_autoencoder": _reconstruct_by_lstm,
    "dense_autoencoder": _reconstruct_by_dense,
}
