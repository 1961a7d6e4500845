"""Keep compiled networks: in a process, trainings of the same layers are traced, or compiled, once."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

# idle networks that a process keeps; each takes a few megabytes
NETWORKS_KEPT = 4


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A compiled network, and its optimiser's variables before the first step."""

    network: keras.Model
    first_state: list[np.ndarray]


_idle: OrderedDict[str, _Compiled] = OrderedDict()


@contextmanager
def borrow_compiled(
    network: keras.Model, learning_rate: float, *, is_jit: bool, steps_per_execution: int
) -> Iterator[keras.Model]:
    """Borrow a compiled network with the layers and the weights of a network, and copy its weights back.

    Tracing a training takes seconds, as long as ten epochs of a small network; a network with the same layers
    needs no other trace, whatever its weights, the seeds of its dropout, or the windows. The results are
    those of a network compiled anew, bit for bit.

    Two borrowers at the same time, in two threads, get two networks. After an error, the borrowed network is
    discarded.

    Args:
        network: Built, not compiled; its weights and the states of its dropout layers are changed in place
            when the body ends.
        learning_rate: Learning rate of Adam.
        is_jit: Whether XLA compiles the steps, anew for each size of batch.
        steps_per_execution: Batches per call of the traced function.

    Yields:
        The compiled network, its optimiser as before the first step.
    """
    key = (
        f"{network.name} {is_jit} {steps_per_execution} {describe_layers(network, without=('name', 'seed'))}"
    )
    compiled = _idle.pop(key, None) or _compile(network, is_jit, steps_per_execution)
    for variable, value in zip(compiled.network.optimizer.variables, compiled.first_state, strict=True):
        variable.assign(value)
    compiled.network.optimizer.learning_rate = learning_rate
    _copy_variables(network, compiled.network)
    yield compiled.network
    _copy_variables(compiled.network, network)
    _idle[key] = compiled
    while len(_idle) > NETWORKS_KEPT:
        _idle.popitem(last=False)


def discard_compiled() -> None:
    """Discard the networks that are kept, for example to free memory or to measure what they save."""
    _idle.clear()


def describe_layers(network: keras.Model, without: tuple[str, ...] = ("name",)) -> str:
    """Write the types and settings of a network's layers, as JSON.

    Args:
        network: A built network.
        without: Settings to leave out: Keras numbers names by what the process has built before.
    """
    layers = [(type(layer).__name__, _drop(layer.get_config(), without)) for layer in network.layers]
    return json.dumps(layers, default=str)


def _compile(network: keras.Model, is_jit: bool, steps_per_execution: int) -> _Compiled:
    clone = keras.models.clone_model(network)
    optimizer = keras.optimizers.Adam()
    clone.compile(
        optimizer=optimizer, loss="mse", jit_compile=is_jit, steps_per_execution=steps_per_execution
    )
    optimizer.build(clone.trainable_variables)
    return _Compiled(clone, [variable.numpy() for variable in optimizer.variables])


def _copy_variables(source: keras.Model, target: keras.Model) -> None:
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value)


def _drop(config: Any, names: tuple[str, ...]) -> Any:
    if isinstance(config, dict):
        return {name: _drop(value, names) for name, value in config.items() if name not in names}
    return [_drop(value, names) for value in config] if isinstance(config, (list, tuple)) else config
