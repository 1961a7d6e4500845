"""What training promises: the losses it reports, the weights it leaves, and when it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from schemas.configuration import ModelSection, TrainingSection
from schemas.errors import InputError
from schemas.evaluation import History
from schemas.model import TrainingPlaces
from tasks.models.build import build_network
from tasks.models.train import STEPS_THAT_REPAY_COMPILING, hold_columns, is_compiling_repaid, train_network

if TYPE_CHECKING:
    import keras

ROWS, COLUMNS = 120, 3
TRAIN, VALIDATION = np.arange(4, 90), np.arange(94, ROWS)


def make_network(family: str = "dense_autoencoder", lookback: int = 1, **model: Any) -> keras.Model:
    section = ModelSection.model_validate({"units": [2], **model})
    return build_network(family, section, lookback, COLUMNS, seed=0)


def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


def train(network: keras.Model, rows: np.ndarray, **settings: Any) -> History:
    training = TrainingSection.model_validate({"epochs": 2, "batch_size": 32, **settings})
    return train_network(network, rows, TRAIN, VALIDATION, training)


def measure_loss(network: keras.Model, rows: np.ndarray, end_rows: np.ndarray) -> float:
    windows = rows[end_rows][:, None]
    return float(np.mean((np.asarray(network(windows)) - windows) ** 2))


@pytest.fixture(scope="module")
def trained() -> tuple[keras.Model, History]:
    """A network after three epochs of a rate so high that they differ."""
    network = make_network()
    return network, train(network, make_rows(), epochs=3, learning_rate=0.5, seed=1)


def test_every_epoch_has_both_losses(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    assert (len(history.loss), len(history.validation_loss)) == (3, 3)


def test_the_best_epoch_has_the_lowest_validation_loss(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    assert history.best_epoch == int(np.argmin(history.validation_loss))


def test_the_weights_left_are_those_of_the_best_epoch(trained: tuple[keras.Model, History]) -> None:
    network, history = trained
    kept = measure_loss(network, make_rows(), VALIDATION)
    assert kept == pytest.approx(history.validation_loss[history.best_epoch], rel=1e-5)


def test_the_best_epoch_is_not_the_last_where_training_gets_worse(
    trained: tuple[keras.Model, History],
) -> None:
    _, history = trained
    assert history.best_epoch < 2


def test_the_same_seed_gives_the_same_losses(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    again = train(make_network(), make_rows(), epochs=3, learning_rate=0.5, seed=1)
    assert again.loss.tolist() == history.loss.tolist()
    assert again.validation_loss.tolist() == history.validation_loss.tolist()


def test_another_seed_shuffles_otherwise(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    other = train(make_network(), make_rows(), epochs=1, learning_rate=0.5, seed=2)
    assert other.loss[0] != history.loss[0]


def test_the_loss_is_the_mean_over_all_windows_the_last_short_batch_included() -> None:
    network, rows = make_network(), make_rows()
    history = train(network, rows, epochs=1, learning_rate=1e-30)
    assert history.loss[0] == pytest.approx(measure_loss(network, rows, TRAIN), rel=1e-5)


def test_rows_that_end_no_window_are_not_learnt_from(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    rows = make_rows()
    rows[:4] = rows[90:94] = 1e6
    again = train(make_network(), rows, epochs=3, learning_rate=0.5, seed=1)
    assert again.loss.tolist() == history.loss.tolist()


@pytest.mark.parametrize("family", ["rnn_forecaster", "lstm_forecaster"])
def test_a_forecaster_learns_the_last_row_of_a_window_from_the_rows_before(family: str) -> None:
    network, rows = make_network(family, lookback=4), make_rows()
    before = np.stack([rows[end - 4 : end] for end in TRAIN])
    expected = np.mean((np.asarray(network(before)) - rows[TRAIN]) ** 2)
    assert train(network, rows, epochs=1, learning_rate=1e-30).loss[0] == pytest.approx(expected, rel=1e-5)


def test_an_autoencoder_learns_all_rows_of_a_window() -> None:
    network, rows = make_network("lstm_autoencoder", lookback=5), make_rows()
    windows = np.stack([rows[end - 4 : end + 1] for end in TRAIN])
    expected = np.mean((np.asarray(network(windows)) - windows) ** 2)
    assert train(network, rows, epochs=1, learning_rate=1e-30).loss[0] == pytest.approx(expected, rel=1e-5)


def test_a_forecaster_learns_a_rule_that_repeats() -> None:
    rows = np.tile(np.eye(COLUMNS, dtype=np.float32), (ROWS // COLUMNS, 1))
    history = train(make_network("rnn_forecaster", 4, units=[6]), rows, epochs=60, learning_rate=0.02)
    # a constant forecast has 2/9
    assert history.validation_loss.min() < 0.02


def test_held_columns_train_as_the_same_columns_of_an_array(trained: tuple[keras.Model, History]) -> None:
    _, history = trained
    rows = np.insert(make_rows(), 1, 99, axis=1)
    held = hold_columns(rows, np.array([0, 2, 3]))
    again = train(make_network(), held, epochs=3, learning_rate=0.5, seed=1)
    assert again.loss.tolist() == history.loss.tolist()


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("lstm_autoencoder", {}),
        ("rnn_forecaster", {"dropout": 0.3, "recurrent_dropout": 0.3}),
        ("dense_autoencoder", {"gaussian_dropout": 0.3, "alpha_dropout": 0.3, "activation": "selu"}),
    ],
)
def test_the_same_seed_gives_bitwise_the_same_weights(family: str, options: dict[str, Any]) -> None:
    weights = []
    for _ in range(2):
        network = make_network(family, 1 if family == "dense_autoencoder" else 2, **options)
        train(network, make_rows(), learning_rate=0.01)
        weights.append(network.get_weights())
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))


@pytest.mark.parametrize(
    "options",
    [{}, {"dropout": 0.3, "gaussian_dropout": 0.3, "alpha_dropout": 0.3, "activation": "selu"}],
)
def test_a_network_can_be_compiled_whatever_it_drops(options: dict[str, Any]) -> None:
    history = train(make_network(**options), make_rows(), epochs=1, compile="always")
    assert np.isfinite(history.loss).all()


def test_training_stops_when_patience_is_over() -> None:
    history = train(make_network(), make_rows(), epochs=50, learning_rate=1e-30, patience=2)
    assert len(history.loss) == 3


def test_training_without_patience_never_stops_early() -> None:
    history = train(make_network(), make_rows(), epochs=6, learning_rate=1e-30, patience=None)
    assert len(history.loss) == 6


def test_a_loss_that_is_no_number_is_refused_with_advice() -> None:
    with pytest.raises(InputError, match=r"in epoch 1 of 2\. Lower `training\.learning_rate` \(now 1e\+30\)"):
        train(make_network(activation="relu"), make_rows(), learning_rate=1e30)


def test_a_validation_loss_that_is_no_number_is_refused_by_its_name() -> None:
    rows = make_rows()
    rows[100] = 1e30
    with pytest.raises(InputError, match=r"in training and inf in validation in epoch 1 of 2\."):
        train(make_network(), rows)


def test_progress_is_told_in_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    train(make_network(), make_rows(), epochs=2, learning_rate=1e-30)
    lines = [line.partition(",")[0] for line in capsys.readouterr().err.splitlines()]
    assert [line for line in lines if line.startswith("training")] == [
        "training: epoch 1 of 2",
        "training: epoch 2 of 2",
    ]


def test_tensorboard_logs_are_written_on_request(tmp_path: Path) -> None:
    train_network(
        make_network(),
        make_rows(),
        TRAIN,
        VALIDATION,
        TrainingSection(epochs=1),
        TrainingPlaces(logs=tmp_path),
    )
    assert {path.parent.name for path in tmp_path.rglob("events.out.tfevents.*")} == {"train", "validation"}


@pytest.mark.parametrize(
    ("compile_", "steps", "is_repaid"),
    [
        ("always", 1, True),
        ("never", STEPS_THAT_REPAY_COMPILING, False),
        ("auto", STEPS_THAT_REPAY_COMPILING // 10, True),
        ("auto", STEPS_THAT_REPAY_COMPILING // 10 - 1, False),
    ],
)
def test_compiling_is_for_trainings_long_enough_to_repay_it(
    compile_: str, steps: int, is_repaid: bool
) -> None:
    training = TrainingSection.model_validate({"epochs": 10, "compile": compile_})
    assert is_compiling_repaid(training, steps) == is_repaid
