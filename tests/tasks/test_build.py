"""The networks, by their shapes, sizes and seeds."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.configuration import ModelSection
from tasks.build import build_network

LSTM = ModelSection(family="lstm_autoencoder", units=(32, 16), activation="relu")
DENSE = ModelSection(family="dense_autoencoder", units=(32, 16), activation="relu")
SMALL = ModelSection(family="dense_autoencoder", units=(3, 2))


@pytest.mark.parametrize("lookback", [5, 10])
def test_the_lstm_autoencoder_has_the_published_number_of_parameters(lookback: int) -> None:
    assert build_network(LSTM, lookback, sensors=59, seed=0).count_params() == 25_243


def test_the_dense_autoencoder_has_the_published_number_of_parameters() -> None:
    assert build_network(DENSE, lookback=1, sensors=59, seed=0).count_params() == 4_939


def test_the_dense_autoencoder_has_the_published_layers() -> None:
    layers = build_network(DENSE, lookback=1, sensors=59, seed=0).layers[1:]
    assert [layer.units for layer in layers] == [32, 16, 32, 59]


def test_the_lstm_autoencoder_has_the_published_layers() -> None:
    layers = build_network(LSTM, lookback=5, sensors=59, seed=0).layers[1:]
    assert [layer.output.shape[1:] for layer in layers] == [
        (5, 32),
        (16,),
        (5, 16),
        (5, 16),
        (5, 32),
        (5, 59),
    ]


@pytest.mark.parametrize("family", ["lstm_autoencoder", "dense_autoencoder"])
def test_a_reconstruction_has_the_shape_of_the_window(family: str) -> None:
    model = ModelSection.model_validate({"family": family, "units": [3]})
    network = build_network(model, lookback=1, sensors=4, seed=0)
    assert network.input_shape == network.output_shape == (None, 1, 4)


def test_the_activation_is_the_configured_one_but_for_the_last_layer() -> None:
    layers = build_network(DENSE, lookback=1, sensors=4, seed=0).layers[1:]
    assert [layer.activation.__name__ for layer in layers] == ["relu", "relu", "relu", "linear"]


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (build_network(SMALL, 1, sensors=4, seed=7).get_weights() for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_another_seed_gives_other_weights() -> None:
    first, second = (build_network(SMALL, 1, sensors=4, seed=seed).get_weights()[0] for seed in (7, 8))
    assert not np.array_equal(first, second)
