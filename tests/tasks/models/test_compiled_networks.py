"""What a compiled network that is kept promises: less time, and the bits of one compiled anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from schemas.configuration import ModelSection, TrainingSection
from tasks.models import compiled_networks
from tasks.models.build import build_network
from tasks.models.compiled_networks import NETWORKS_KEPT, borrow_compiled, discard_compiled
from tasks.models.train import train_network

ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
LONGER, SHORTER = np.arange(4, 45), np.arange(4, 30)
DROPOUT = {"dropout": 0.3, "recurrent_dropout": 0.3, "gaussian_dropout": 0.2}


@pytest.fixture(autouse=True)
def _nothing_kept_before() -> Iterator[None]:
    discard_compiled()
    yield
    discard_compiled()


def make_network(seed: int = 0, family: str = "dense_autoencoder", **model: Any) -> keras.Model:
    return build_network(family, ModelSection.model_validate({"units": [2], **model}), 1, 3, seed)


def train(network: keras.Model, seed: int, end_rows: np.ndarray = LONGER, **settings: Any) -> list[bytes]:
    training = TrainingSection.model_validate({"epochs": 2, "batch_size": 16, "seed": seed, **settings})
    history = train_network(network, ROWS, end_rows, np.arange(48, 60), training)
    return [history.loss.tobytes(), *(variable.numpy().tobytes() for variable in network.variables)]


def borrow(network: keras.Model) -> Any:
    return borrow_compiled(network, 0.01, is_jit=False, steps_per_execution=2)


@pytest.mark.parametrize(
    "family", ["dense_autoencoder", pytest.param("lstm_autoencoder", marks=pytest.mark.slow)]
)
def test_a_training_with_a_kept_network_ends_as_one_with_its_own(family: str) -> None:
    def train_one(seed: int, end_rows: np.ndarray, rate: float) -> list[bytes]:
        network = make_network(seed, family, **DROPOUT)
        return train(network, seed, end_rows, learning_rate=rate)

    cases = [(0, LONGER, 0.01), (1, SHORTER, 0.02), (2, LONGER, 0.05)]
    alone = []
    for case in cases:
        alone.append(train_one(*case))
        discard_compiled()
    assert [train_one(*case) for case in cases] == alone
    assert len(compiled_networks._idle) == 1


def test_a_second_training_is_not_traced() -> None:
    train(make_network(0), 0)
    (kept,) = compiled_networks._idle.values()
    traced = kept.network.train_function
    train(make_network(1), 1, SHORTER)
    (again,) = compiled_networks._idle.values()
    assert again.network.train_function is traced


def test_a_trained_network_is_not_changed_by_the_next_training() -> None:
    first = make_network(0)
    train(first, 0)
    weights = [variable.numpy() for variable in first.variables]
    train(make_network(1), 1)
    np.testing.assert_equal([variable.numpy() for variable in first.variables], weights)


@pytest.mark.parametrize("other", [{"units": [3]}, {"activation": "elu"}, {"dropout": 0.1}], ids=str)
def test_networks_with_other_layers_are_not_mixed_up(other: dict[str, Any]) -> None:
    train(make_network(0), 0)
    train(make_network(0, **other), 0)
    assert len(compiled_networks._idle) == 2


def test_two_borrowers_at_once_get_two_networks() -> None:
    with borrow(make_network()) as one, borrow(make_network()) as other:
        assert one is not other


def test_a_network_is_discarded_after_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), borrow(make_network()):
        raise KeyboardInterrupt
    assert not compiled_networks._idle


def test_few_networks_are_kept_the_last_used() -> None:
    for units in range(1, NETWORKS_KEPT + 3):
        with borrow(make_network(units=[units])) as compiled:
            pass
    assert len(compiled_networks._idle) == NETWORKS_KEPT
    assert list(compiled_networks._idle.values())[-1].network is compiled
