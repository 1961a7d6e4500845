"""The published implementation, rewritten from the posts' description: loops, lists and default settings.

The benchmarks measure against it, so it keeps the posts' loops; nothing else imports it.

Source: Ranjan 2019, "LSTM Autoencoder for Extreme Rare Event Classification in Keras".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pandas as pd
from keras import layers
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

NO_SENSORS = ("time", "x28", "x61")
TEST_FRACTION = VALIDATION_FRACTION = 0.2
# `temporalize` never makes the first two windows
WINDOWS_LEFT_OUT = 2


@dataclass(frozen=True, eq=False)
class PublishedWindows:
    """Scaled windows as the posts make them, float64, each shape (windows, lookback, sensors).

    Attributes:
        train_normal: Training windows that are not positive.
        validation_normal: Validation windows that are not positive.
        validation: All validation windows.
        test: All test windows.
        validation_labels: Labels of the validation windows, shape (windows,).
    """

    train_normal: np.ndarray
    validation_normal: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    validation_labels: np.ndarray


def prepare(table: pd.DataFrame, rows_ahead: int, lookback: int, seed: int) -> PublishedWindows:
    """Prepare windows: curve shift, temporalize, two random splits, a scaler fitted on normal rows.

    Args:
        table: Readings with `time`, `y` and sensors; it is not changed.
        rows_ahead: Rows before an event to mark.
        lookback: Rows in a window.
        seed: Seed of both splits.
    """
    shifted = curve_shift(table, rows_ahead).drop(columns=[name for name in NO_SENSORS if name in table])
    rows, labels = shifted.loc[:, shifted.columns != "y"].to_numpy(), shifted["y"].to_numpy()
    listed, listed_labels = temporalize(rows, labels, lookback)
    windows, window_labels = np.array(listed), np.array(listed_labels)
    windows = windows.reshape(len(windows), lookback, rows.shape[1])
    rest, test, rest_labels, _ = train_test_split(
        windows, window_labels, test_size=TEST_FRACTION, random_state=seed
    )
    train, validation, train_labels, validation_labels = train_test_split(
        rest, rest_labels, test_size=VALIDATION_FRACTION, random_state=seed
    )
    train_normal = train[train_labels == 0]
    scaler = StandardScaler().fit(flatten(train_normal))
    return PublishedWindows(
        train_normal=scale(train_normal, scaler),
        validation_normal=scale(validation[validation_labels == 0], scaler),
        validation=scale(validation, scaler),
        test=scale(test, scaler),
        validation_labels=validation_labels,
    )


def curve_shift(table: pd.DataFrame, rows_ahead: int) -> pd.DataFrame:
    """Mark the rows before each event by adding shifted labels, then drop the event rows."""
    marked = table["y"].copy()
    for _ in range(rows_ahead):
        marked = marked + marked.shift(-1).fillna(0)
    shifted = table.assign(y=(marked > 0).astype(int))
    return shifted.loc[table["y"] != 1]


def temporalize(
    rows: np.ndarray, labels: np.ndarray, lookback: int
) -> tuple[list[list[np.ndarray]], list[int]]:
    """Collect windows row by row: `rows - lookback - 1` of them, without the first two possible ones."""
    windows, window_labels = [], []
    for i in range(len(rows) - lookback - 1):
        window = []
        for j in range(1, lookback + 1):
            window.append(rows[[i + j + 1], :])  # noqa: PERF401 - the posts' loop
        windows.append(window)
        window_labels.append(labels[i + lookback + 1])
    return windows, window_labels


def flatten(windows: np.ndarray) -> np.ndarray:
    """Keep the last row of each window, shape (windows, sensors)."""
    last_rows = np.empty((windows.shape[0], windows.shape[2]))
    for i in range(windows.shape[0]):
        last_rows[i] = windows[i, windows.shape[1] - 1, :]
    return last_rows


def scale(windows: np.ndarray, scaler: StandardScaler) -> np.ndarray:
    """Scale window by window, in place as the posts do."""
    for i in range(windows.shape[0]):
        windows[i, :, :] = scaler.transform(windows[i, :, :])
    return windows


def build_network(lookback: int, sensors: int, seed: int) -> keras.Model:
    """Build the LSTM autoencoder 32-16, 16-32 with ReLU; 25,243 parameters for 59 sensors."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((lookback, sensors)),
            layers.LSTM(32, activation="relu", return_sequences=True),
            layers.LSTM(16, activation="relu", return_sequences=False),
            layers.RepeatVector(lookback),
            layers.LSTM(16, activation="relu", return_sequences=True),
            layers.LSTM(32, activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(sensors)),
        ]
    )


def train(
    network: keras.Model, windows: PublishedWindows, epochs: int, batch_size: int, callbacks: list[Any]
) -> dict[str, list[float]]:
    """Train on float64 arrays with default settings and Adam 1e-4; return the losses of every epoch."""
    network.compile(loss="mse", optimizer=keras.optimizers.Adam(1e-4))
    fitted = network.fit(
        windows.train_normal,
        windows.train_normal,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(windows.validation_normal, windows.validation_normal),
        verbose=0,
        callbacks=callbacks,
    )
    losses: dict[str, list[float]] = fitted.history
    return losses


def score(network: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Score windows with `predict` and its default batch of 32: the mean squared error of the last row."""
    reconstructed = network.predict(windows, verbose=0)
    errors: np.ndarray = np.mean(np.power(flatten(windows) - flatten(reconstructed), 2), axis=1)
    return errors
