"""The networks, by their shapes, sizes, options and seeds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from schemas.configuration import FORECASTERS, ModelSection
from schemas.families import BUILT_IN
from tasks.models.build import FAMILIES, build_network, is_forecaster, read_network, write_network

if TYPE_CHECKING:
    import keras

PUBLISHED = ModelSection(units=(32, 16), activation="relu")
TEN = ModelSection(units=(10,))
TEN_TWICE = ModelSection(units=(10, 10))
SMALL = ModelSection(units=(3, 2))
RECURRENT = [name for name in FAMILIES if name != "dense_autoencoder"]
# dropout of each kind, and the families that have what it drops
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((family, {"dropout": 0.5}) for family in FAMILIES),
    *((family, {"recurrent_dropout": 0.5}) for family in RECURRENT),
    *((family, {"gaussian_dropout": 0.5}) for family in FAMILIES),
    *((family, {"alpha_dropout": 0.5, "activation": "selu"}) for family in FAMILIES),
]
WINDOWS = np.random.default_rng(0).normal(size=(64, 3, 4)).astype(np.float32)


def build_small(family: str, seed: int = 0, **options: Any) -> keras.Model:
    model = ModelSection.model_validate({"units": [3, 2], **options})
    return build_network(family, model, lookback=3, columns=4, seed=seed)


def list_layers(network: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in network.layers[1:]]


@pytest.mark.parametrize(
    ("family", "model", "columns", "parameters"),
    [
        ("lstm_autoencoder", PUBLISHED, 59, 25_243),
        # one feature, as the integer sequences have: 4 (1 + 32 + 1) 32 = 4,352 in the first layer instead
        # of 4 (59 + 32 + 1) 32 = 11,776, and 32 + 1 = 33 in the last instead of 59 (32 + 1) = 1,947
        ("lstm_autoencoder", PUBLISHED, 1, 25_243 - 11_776 + 4_352 - 1_947 + 33),
        # 4 (inputs + units + 1) units a layer, then a dense one: 96,256 + 49,408 + 33,024 + 98,816 + 7,611
        ("lstm_autoencoder", ModelSection(units=(128, 64), activation="relu"), 59, 285_115),
        # (1 + 10 + 1) 10 = 120, then 10 + 1
        ("rnn_forecaster", TEN, 1, 131),
        # (1 + 10 + 1) 10 = 120, (10 + 10 + 1) 10 = 210, then 10 + 1
        ("rnn_forecaster", TEN_TWICE, 1, 341),
        # 4 times 120, then 10 + 1
        ("lstm_forecaster", TEN, 1, 491),
        # filters 32 (3 x 59 + 1) = 5,696; LSTM 3,136 + 2,112 + 6,272; dense 1,947
        ("conv_lstm_autoencoder", PUBLISHED, 59, 19_163),
    ],
)
def test_a_network_has_the_published_number_of_parameters(
    family: str, model: ModelSection, columns: int, parameters: int
) -> None:
    assert build_network(family, model, 4, columns, seed=0).count_params() == parameters


def test_the_number_of_parameters_does_not_depend_on_the_lookback() -> None:
    assert build_network("lstm_autoencoder", PUBLISHED, 10, 59, seed=0).count_params() == 25_243


def test_the_dense_autoencoder_has_the_published_number_of_parameters() -> None:
    assert build_network("dense_autoencoder", PUBLISHED, 1, 59, seed=0).count_params() == 4_939


def test_the_dense_autoencoder_has_the_published_layers() -> None:
    layers = build_network("dense_autoencoder", PUBLISHED, 1, 59, seed=0).layers[1:]
    assert [layer.units for layer in layers] == [32, 16, 32, 59]


@pytest.mark.parametrize(
    ("family", "model", "shapes"),
    [
        ("lstm_autoencoder", PUBLISHED, [(5, 32), (16,), (5, 16), (5, 16), (5, 32), (5, 59)]),
        ("conv_lstm_autoencoder", PUBLISHED, [(5, 32), (16,), (5, 16), (5, 16), (5, 32), (5, 59)]),
        ("conv_lstm_autoencoder", TEN, [(5, 10), (10,), (5, 10), (5, 10), (5, 59)]),
        ("rnn_forecaster", TEN_TWICE, [(5, 10), (10,), (59,)]),
        ("lstm_forecaster", TEN, [(10,), (59,)]),
    ],
)
def test_the_layers_narrow_to_the_encoding_and_widen_again(
    family: str, model: ModelSection, shapes: list[tuple[int, ...]]
) -> None:
    layers = build_network(family, model, lookback=5, columns=59, seed=0).layers[1:]
    assert [layer.output.shape[1:] for layer in layers] == shapes


def test_a_filter_stands_in_front_of_an_lstm_in_the_convolutional_family() -> None:
    assert list_layers(build_small("conv_lstm_autoencoder")) == [
        "Conv1D",
        "LSTM",
        "RepeatVector",
        "LSTM",
        "LSTM",
        "TimeDistributed",
    ]


def test_every_family_with_a_network_can_be_configured() -> None:
    assert set(FAMILIES) == {name for name, entry in BUILT_IN.items() if entry.module.endswith(".networks")}


@pytest.mark.parametrize("lookback", [1, 3])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in FORECASTERS])
def test_a_reconstruction_has_the_shape_of_the_window(family: str, lookback: int) -> None:
    network = build_network(family, SMALL, lookback, columns=4, seed=0)
    assert network.input_shape == network.output_shape == (None, lookback, 4)


@pytest.mark.parametrize("lookback", [1, 3])
@pytest.mark.parametrize("family", FORECASTERS)
def test_a_forecast_has_the_shape_of_one_row(family: str, lookback: int) -> None:
    network = build_network(family, SMALL, lookback, columns=4, seed=0)
    assert (network.input_shape, network.output_shape) == ((None, lookback, 4), (None, 4))


@pytest.mark.parametrize("family", FAMILIES)
def test_forecasters_are_known_by_their_output(family: str) -> None:
    assert is_forecaster(build_small(family)) == (family in FORECASTERS)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoding_is_as_wide_as_the_last_units(family: str) -> None:
    assert build_small(family).get_layer("encoding").output.shape[-1] == 2


def test_the_activation_is_the_configured_one_but_for_the_last_layer() -> None:
    layers = build_network("dense_autoencoder", PUBLISHED, 1, 4, seed=0).layers[1:]
    assert [layer.activation.__name__ for layer in layers] == ["relu", "relu", "relu", "linear"]


@pytest.mark.parametrize(("activation", "initialiser"), [("selu", "LecunNormal"), ("relu", "GlorotUniform")])
def test_hidden_weights_start_as_their_activation_asks(activation: str, initialiser: str) -> None:
    hidden = build_small("dense_autoencoder", activation=activation).layers[1:-1]
    assert {type(layer.kernel_initializer).__name__ for layer in hidden} == {initialiser}


@pytest.mark.parametrize("family", FAMILIES)
def test_options_that_are_off_add_no_layer(family: str) -> None:
    assert not [name for name in list_layers(build_small(family)) if "Dropout" in name]


def test_dropout_stands_before_every_hidden_layer_of_the_dense_autoencoder() -> None:
    layers = list_layers(build_small("dense_autoencoder", dropout=0.1))
    assert layers == ["SpatialDropout1D", "Dense"] * 3 + ["Dense"]


@pytest.mark.parametrize("option", ["gaussian_dropout", "alpha_dropout"])
def test_noise_follows_every_hidden_layer(option: str) -> None:
    layers = list_layers(build_small("rnn_forecaster", **{option: 0.1}, activation="selu"))
    noise = "GaussianDropout" if option == "gaussian_dropout" else "AlphaDropout"
    assert layers == ["SimpleRNN", noise] * 2 + ["Dense"]


@pytest.mark.parametrize(("family", "options"), OPTIONS)
def test_an_option_changes_what_training_sees_and_nothing_else(family: str, options: dict[str, Any]) -> None:
    with_option = build_small(family, **options)
    without = build_small(family, activation=options.get("activation", "tanh"))
    without.set_weights(with_option.get_weights())
    plain, scored, trained = (
        np.asarray(network(WINDOWS, training=is_training))
        for network, is_training in ((without, False), (with_option, False), (with_option, True))
    )
    np.testing.assert_allclose(scored, plain, rtol=1e-5, atol=1e-6)
    assert not np.allclose(trained, plain, rtol=1e-2)


def test_the_dense_autoencoder_has_nothing_recurrent_to_drop() -> None:
    network = build_small("dense_autoencoder", recurrent_dropout=0.5)
    assert np.array_equal(network(WINDOWS, training=True), network(WINDOWS, training=False))


@pytest.mark.parametrize("family", ["lstm_autoencoder", "conv_lstm_autoencoder", "rnn_forecaster"])
def test_dropout_drops_the_same_columns_in_all_rows_of_a_window(family: str) -> None:
    model = ModelSection(units=(1,), activation="linear", dropout=0.5, kernel_rows=1)
    network = build_network(family, model, lookback=2, columns=1, seed=0)
    first = network.layers[1]
    first.set_weights(
        [np.ones_like(weight) if weight.ndim > 1 else weight * 0 for weight in first.get_weights()]
    )
    outputs = np.asarray(first(np.ones((64, 2, 1), dtype=np.float32), training=True)).reshape(64, -1)
    assert len(np.unique(outputs, axis=0)) == 2


def test_what_is_dropped_differs_from_batch_to_batch() -> None:
    network = build_small("lstm_autoencoder", dropout=0.5)
    first, second = (np.asarray(network(WINDOWS, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_same_seed_drops_the_same() -> None:
    first, second = (
        np.asarray(build_small("lstm_autoencoder", dropout=0.5)(WINDOWS, training=True)) for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_weights(family: str) -> None:
    first, second = (build_small(family, seed=7).get_weights() for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(("family", "options"), OPTIONS)
def test_no_part_draws_a_seed_from_the_generator_that_threads_share(
    family: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        raise AssertionError("a part without a seed of its own")

    monkeypatch.setattr(random, "randint", refuse)
    assert np.isfinite(build_small(family, **options)(WINDOWS, training=True)).all()


def test_another_seed_gives_other_weights() -> None:
    first, second = (build_small("dense_autoencoder", seed=seed).get_weights()[0] for seed in (7, 8))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("lookback", [1, 3])
@pytest.mark.parametrize("kernel_rows", [1, 2, 6])
def test_no_filter_looks_at_a_row_after_its_own(kernel_rows: int, lookback: int) -> None:
    import keras

    model = ModelSection(units=(3, 2), kernel_rows=kernel_rows)
    network = build_network("conv_lstm_autoencoder", model, lookback, columns=4, seed=0)
    filters = keras.Model(network.input, network.layers[1].output)
    windows = np.random.default_rng(0).normal(size=(1, lookback, 4)).astype(np.float32)
    others = windows.copy()
    others[:, -1] = 9
    before, after = np.asarray(filters(windows))[0], np.asarray(filters(others))[0]
    assert np.array_equal(before[:-1], after[:-1])
    assert not np.array_equal(before[-1], after[-1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_that_was_written_is_read_as_it_was(family: str, tmp_path: Path) -> None:
    network = build_small(family, dropout=0.1, recurrent_dropout=0.1, gaussian_dropout=0.1)
    (tmp_path / "network.keras").write_bytes(write_network(network))
    read = read_network(tmp_path / "network.keras")
    assert np.array_equal(read(WINDOWS, training=False), network(WINDOWS, training=False))


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((1, 2)), keras.layers.Lambda(lambda rows: rows)])
    network.save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        read_network(tmp_path / "network.keras")
