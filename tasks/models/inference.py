"""Run a network on windows for squared errors, expected values or encodings, one traced function each."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

from tasks.models.build import ENCODING, is_forecaster
from tasks.windows.window import view_windows

# windows per call of the traced function: enough for fast matrix products, few enough for memory
WINDOWS_PER_CALL = 4096
# smaller size, so that a request for a few rows does not pay for thousands
FEW_WINDOWS = 64

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]
Expecter = Callable[[np.ndarray, np.ndarray], np.ndarray]
Encoder = Callable[[np.ndarray, np.ndarray], np.ndarray]


def make_scorer(
    network: keras.Model,
    columns: np.ndarray,
    error_rows: Literal["last", "window"] = "last",
    *,
    is_compiled: bool = False,
) -> Scorer:
    """Make a function that computes the squared errors of windows.

    An autoencoder's window has `lookback` rows. A forecaster's window has one more: the network sees all
    but the last row, and its forecast is compared with that row. Windows are scored in calls of one of two
    fixed sizes, so that the errors of a window do not depend on how many are scored with it.

    Args:
        network: Autoencoder or forecaster with inputs of shape (batch, lookback, columns).
        columns: Positions of the columns that the network sees, int64, rising, shape (columns,).
        error_rows: `last` for the errors of the window's last row, `window` for their mean over its rows;
            a forecaster's errors are always those of the row that it forecasts.
        is_compiled: Whether XLA compiles the function at its first call. Compiling takes seconds; after
            that the function is about twice as fast on two cores. Errors differ in their last digits.

    Returns:
        A function of scaled rows, float32, shape (rows, all columns), and last rows, shape (windows,). It
        returns float32 squared errors, shape (windows, columns); their mean over the columns is the score.
    """
    lookback, seen = network.input_shape[1:]
    forecasts = is_forecaster(network)

    @tf.function(
        # called with two shapes only: XLA compiles again for each new shape
        input_signature=[tf.TensorSpec((None, lookback + forecasts, seen), tf.float32)],
        jit_compile=is_compiled,
    )
    def square_errors(windows: tf.Tensor) -> tf.Tensor:
        if forecasts:
            return tf.square(network(windows[:, :-1], training=False) - windows[:, -1])
        output = network(windows, training=False)
        if error_rows == "last":
            return tf.square(output[:, -1] - windows[:, -1])
        return tf.reduce_mean(tf.square(output - windows), axis=1)

    return _run_in_calls(square_errors, columns, seen)


def make_expecter(network: keras.Model, columns: np.ndarray) -> Expecter:
    """Make a function that computes the values that a network expects in each window's last row.

    Args:
        network: As for `make_scorer`.
        columns: As for `make_scorer`.

    Returns:
        A function with the arguments of `make_scorer`'s. It returns an autoencoder's reconstruction of the
        last row, or a forecaster's forecast of it, float32, shape (windows, columns).
    """
    lookback, seen = network.input_shape[1:]
    window_rows = lookback + is_forecaster(network)

    @tf.function(input_signature=[tf.TensorSpec((None, window_rows, seen), tf.float32)])
    def expect(windows: tf.Tensor) -> tf.Tensor:
        output = network(windows[:, :lookback], training=False)
        return output if output.shape.rank == 2 else output[:, -1]

    return _run_in_calls(expect, columns, seen)


def make_encoder(network: keras.Model, columns: np.ndarray) -> Encoder:
    """Make a function that computes the encoder's output for each window.

    Args:
        network: As for `make_scorer`; its layer `encoding` is the encoder's last one.
        columns: As for `make_scorer`.

    Returns:
        A function with the arguments of `make_scorer`'s. It returns float32, shape (windows, units of the
        layer); a forecaster does not see the last row of its window.
    """
    lookback, seen = network.input_shape[1:]
    window_rows = lookback + is_forecaster(network)
    encoder = keras.Model(network.input, network.get_layer(ENCODING).output)
    width = encoder.output_shape[-1]

    @tf.function(input_signature=[tf.TensorSpec((None, window_rows, seen), tf.float32)])
    def encode(windows: tf.Tensor) -> tf.Tensor:
        encoded = encoder(windows[:, :lookback], training=False)
        return encoded if encoded.shape.rank == 2 else encoded[:, -1]

    return _run_in_calls(encode, columns, width)


def score_windows(scorer: Scorer, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
    """Score windows by their mean squared error.

    Args:
        scorer: Function that `make_scorer` returned.
        rows: Scaled rows, float32, shape (rows, all columns).
        end_rows: Last rows of the windows, shape (windows,).

    Returns:
        float64, shape (windows,), at least 0; higher is more alarming.
    """
    if len(end_rows) == 0:
        return np.zeros(0)
    pieces = np.split(end_rows, range(WINDOWS_PER_CALL, len(end_rows), WINDOWS_PER_CALL))
    return np.concatenate([scorer(rows, piece).mean(axis=1, dtype=np.float64) for piece in pieces])


def _run_in_calls(
    traced: tf.types.experimental.PolymorphicFunction, columns: np.ndarray, width: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Make a function of rows and windows that calls a traced function on windows, few or many at a time."""
    window_rows = traced.input_signature[0].shape[1]
    span = slice(columns[0], columns[-1] + 1)
    is_span_whole = span.stop - span.start == len(columns)
    inside = slice(None) if is_span_whole else columns - columns[0]

    def run(rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        results = np.empty((len(end_rows), width), dtype=np.float32)
        size = FEW_WINDOWS if len(end_rows) <= FEW_WINDOWS else WINDOWS_PER_CALL
        windows = np.zeros((size, window_rows, len(columns)), dtype=np.float32)
        for start in range(0, len(end_rows), size):
            chosen = end_rows[start : start + size]
            views = view_windows(rows[:, span], window_rows)
            windows[: len(chosen)] = views[chosen - window_rows + 1][:, :, inside]
            results[start : start + len(chosen)] = traced(windows)[: len(chosen)].numpy()
        return results

    return run
