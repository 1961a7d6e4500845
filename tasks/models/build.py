"""Build the networks: autoencoders that reconstruct a window, forecasters that predict the next row."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
from keras import layers

if TYPE_CHECKING:
    from schemas.configuration import ModelSection

_HIGHEST_SEED = 10**9
# the layer whose output encodes a window: the bottleneck, or a forecaster's last recurrent layer
ENCODING = "encoding"


def build_network(family: str, model: ModelSection, lookback: int, columns: int, seed: int) -> keras.Model:
    """Build a network with inputs of shape (batch, lookback, columns).

    An autoencoder's output has the shape of its input; a forecaster's output is the row after its input,
    shape (batch, columns). The encoder's last layer is named `encoding`. An option that is 0 adds no layer:

    - `dropout` drops inputs of every hidden layer, the first included: the same inputs in all rows of a
      window.
    - `recurrent_dropout` applies to recurrent layers; `dense_autoencoder` has none.
    - `gaussian_dropout` and `alpha_dropout` follow every hidden layer.
    - With the activation `selu`, hidden layers are initialised by `lecun_normal`.

    Args:
        family: One of `FAMILIES`.
        model: Units of the encoder (an autoencoder's decoder mirrors them), activation and the options.
        lookback: Rows that the network sees, at least 1; 1 for `dense_autoencoder`.
        columns: Columns of a row.
        seed: Seed of the initial weights and of dropout.

    Returns:
        The network, not compiled. With units 32-16, 59 columns and any lookback, `lstm_autoencoder` has
        25,243 parameters and `dense_autoencoder` 4,939; `rnn_forecaster` with 10 units has 131 on one column.

    Source: Ranjan 2019, "LSTM Autoencoder for Extreme Rare Event Classification in Keras"; SELU, its
    initialisation and its dropout: Klambauer et al., arXiv 1706.02515.
    """
    window = keras.Input((lookback, columns), name="window")
    draft = _Draft(model, random.Random(seed))  # noqa: S311 - no secret
    return keras.Model(window, FAMILIES[family](window, draft), name=family)


def is_forecaster(network: keras.Model) -> bool:
    """Return whether a network predicts the row after its input, rather than reconstructing the input."""
    return len(network.output_shape) == 2


def write_network(network: keras.Model) -> bytes:
    """Return a network, weights included, as the content of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        return path.read_bytes()


def read_network(path: Path) -> keras.Model:
    """Read a network from a `.keras` file.

    Raises:
        ValueError: If the file contains code.
    """
    return keras.saving.load_model(path, compile=False, safe_mode=True)


@dataclass(frozen=True)
class _Draft:
    """A network's settings, and its own random generator, which seeds its layers.

    Python's global generator is shared by all threads of the process, an orchestrator's included.
    """

    model: ModelSection
    seeds: random.Random

    def draw_seed(self) -> int:
        return self.seeds.randint(1, _HIGHEST_SEED)


def _reconstruct_by_lstm(window: keras.KerasTensor, draft: _Draft) -> keras.KerasTensor:
    encoding = _encode(window, layers.LSTM, draft.model.units, draft)
    return _decode_by_lstm(encoding, window, draft)


def _reconstruct_by_dense(window: keras.KerasTensor, draft: _Draft) -> keras.KerasTensor:
    """Encode by `units` and decode by the same units without the last: 32-16-32-columns for units 32-16."""
    narrowest = len(draft.model.units) - 1
    hidden = window
    for place, size in enumerate((*draft.model.units, *reversed(draft.model.units[:-1]))):
        name = ENCODING if place == narrowest else None
        layer = layers.Dense(size, name=name, **_hidden_settings(draft))
        hidden = _add_noise(layer(_drop_inputs(hidden, draft)), draft)
    return _project(window.shape[-1], draft)(hidden)


def _reconstruct_by_convolution(window: keras.KerasTensor, draft: _Draft) -> keras.KerasTensor:
    """Convolve with all but the last of `units`, then encode with an LSTM of the last.

    A single number of units is used for both. The convolutions are causal: no filter looks at a later row
    or outside the window.
    """
    hidden = window
    for filters in draft.model.units[:-1] or draft.model.units:
        layer = layers.Conv1D(filters, draft.model.kernel_rows, padding="causal", **_hidden_settings(draft))
        hidden = _add_noise(layer(_drop_inputs(hidden, draft)), draft)
    encoding = _encode(hidden, layers.LSTM, draft.model.units[-1:], draft)
    return _decode_by_lstm(encoding, window, draft)


def _forecast(window: keras.KerasTensor, draft: _Draft, layer: type[layers.Layer]) -> keras.KerasTensor:
    return _project(window.shape[-1], draft)(_encode(window, layer, draft.model.units, draft))


def _encode(
    hidden: keras.KerasTensor, layer: type[layers.Layer], units: tuple[int, ...], draft: _Draft
) -> keras.KerasTensor:
    for size in units[:-1]:
        hidden = _recur(hidden, layer, size, draft)
    return _recur(hidden, layer, units[-1], draft, return_sequences=False, name=ENCODING)


def _decode_by_lstm(
    encoding: keras.KerasTensor, window: keras.KerasTensor, draft: _Draft
) -> keras.KerasTensor:
    lookback, columns = window.shape[1:]
    hidden = layers.RepeatVector(lookback)(encoding)
    for size in reversed(draft.model.units):
        hidden = _recur(hidden, layers.LSTM, size, draft)
    return layers.TimeDistributed(_project(columns, draft))(hidden)


def _recur(
    hidden: keras.KerasTensor, layer: type[layers.Layer], size: int, draft: _Draft, **settings: Any
) -> keras.KerasTensor:
    recurrent = layer(
        size,
        **{"return_sequences": True, **_hidden_settings(draft), **settings},
        recurrent_initializer=keras.initializers.Orthogonal(seed=draft.draw_seed()),
        dropout=draft.model.dropout,
        recurrent_dropout=draft.model.recurrent_dropout,
        seed=draft.draw_seed(),
        unroll=True,
    )
    return _add_noise(recurrent(hidden), draft)


def _hidden_settings(draft: _Draft) -> dict[str, Any]:
    is_selu = draft.model.activation == "selu"
    initialiser = keras.initializers.LecunNormal if is_selu else keras.initializers.GlorotUniform
    return {
        "activation": draft.model.activation,
        "kernel_initializer": initialiser(seed=draft.draw_seed()),
    }


def _project(columns: int, draft: _Draft) -> layers.Layer:
    return layers.Dense(columns, kernel_initializer=keras.initializers.GlorotUniform(seed=draft.draw_seed()))


def _drop_inputs(hidden: keras.KerasTensor, draft: _Draft) -> keras.KerasTensor:
    """Drop inputs as a recurrent layer's `dropout` does: the same inputs in all rows of a window."""
    return (
        layers.SpatialDropout1D(draft.model.dropout, seed=draft.draw_seed())(hidden)
        if draft.model.dropout
        else hidden
    )


def _add_noise(hidden: keras.KerasTensor, draft: _Draft) -> keras.KerasTensor:
    if draft.model.gaussian_dropout:
        hidden = layers.GaussianDropout(draft.model.gaussian_dropout, seed=draft.draw_seed())(hidden)
    if draft.model.alpha_dropout:
        hidden = layers.AlphaDropout(draft.model.alpha_dropout, seed=draft.draw_seed())(hidden)
    return hidden


FAMILIES: dict[str, Callable[[keras.KerasTensor, _Draft], keras.KerasTensor]] = {
    "lstm_autoencoder": _reconstruct_by_lstm,
    "dense_autoencoder": _reconstruct_by_dense,
    "conv_lstm_autoencoder": _reconstruct_by_convolution,
    "rnn_forecaster": partial(_forecast, layer=layers.SimpleRNN),
    "lstm_forecaster": partial(_forecast, layer=layers.LSTM),
}
