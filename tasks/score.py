"""Score windows: rows in, reconstruction errors out, in one traced function."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

from schemas.windows import Split
from tasks.window import view_windows

# windows in one call of the traced function: wide enough for the matrix products, small in memory
WINDOWS_PER_CALL = 4096
# a request for a few rows does not pay for thousands
FEW_WINDOWS = 64
# XLA takes a second or two to compile and then scores about twice as fast on two cores
WINDOWS_THAT_REPAY_COMPILING = 500_000

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def make_scorer(network: keras.Model, *, is_compiled: bool = False) -> Scorer:
    """Make a function from rows and windows to squared errors of each window's last row.

    Windows are scored in calls of one of two sizes, so that the score of a window does not depend on how
    many are scored with it.

    Args:
        network: Autoencoder of (batch, lookback, sensors).
        is_compiled: Whether XLA compiles the function at its first call.

    Returns:
        A function of scaled rows, float32, shape (rows, sensors), and last rows, shape (windows,).
        It returns float32 squared errors, shape (windows, sensors); their mean over the sensors is
        the score.
    """
    lookback, sensors = network.input_shape[1:]

    @tf.function(
        # called with two shapes alone: XLA compiles anew for each shape that it meets
        input_signature=[tf.TensorSpec((None, lookback, sensors), tf.float32)],
        jit_compile=is_compiled,
    )
    def square_errors(windows: tf.Tensor) -> tf.Tensor:
        return tf.square(network(windows, training=False)[:, -1] - windows[:, -1])

    def score(scaled: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        errors = np.empty((len(end_rows), sensors), dtype=np.float32)
        size = FEW_WINDOWS if len(end_rows) <= FEW_WINDOWS else WINDOWS_PER_CALL
        windows = np.zeros((size, lookback, sensors), dtype=np.float32)
        for start in range(0, len(end_rows), size):
            chosen = end_rows[start : start + size]
            windows[: len(chosen)] = view_windows(scaled, lookback)[chosen - lookback + 1]
            errors[start : start + len(chosen)] = square_errors(windows)[: len(chosen)].numpy()
        return errors

    return score


def score_windows(scorer: Scorer, scaled: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
    """Score windows by the mean squared error of their last row.

    Args:
        scorer: Made by `make_scorer`.
        scaled: Scaled rows, float32, shape (rows, sensors).
        end_rows: Last rows of the windows, shape (windows,).

    Returns:
        float64, shape (windows,), at least 0; higher is more alarming.
    """
    if len(end_rows) == 0:
        return np.zeros(0)
    pieces = np.split(end_rows, range(WINDOWS_PER_CALL, len(end_rows), WINDOWS_PER_CALL))
    return np.concatenate([scorer(scaled, piece).mean(axis=1, dtype=np.float64) for piece in pieces])


def score_parts(network: keras.Model, scaled: np.ndarray, split: Split) -> dict[str, np.ndarray]:
    """Score the windows of every part.

    Args:
        network: Trained autoencoder of (batch, lookback, sensors).
        scaled: Scaled rows, float32, shape (rows, sensors).
        split: The parts.

    Returns:
        By part, float64, shape (windows of the part,).
    """
    windows = sum(split.window_counts[part.name] for part in split.parts)
    scorer = make_scorer(network, is_compiled=windows >= WINDOWS_THAT_REPAY_COMPILING)
    return {part.name: score_windows(scorer, scaled, part.end_rows) for part in split.parts}


def load_scorer(path: Path) -> Scorer:
    """Load a network from a `.keras` file, refusing code in it, and trace its scoring function.

    Args:
        path: The file.

    Returns:
        As `make_scorer` does; it has scored one window already.
    """
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    scorer = make_scorer(network)
    lookback, sensors = network.input_shape[1:]
    scorer(np.zeros((lookback, sensors), dtype=np.float32), np.array([lookback - 1]))
    return scorer
