"""Train a network on normal windows and keep its best weights."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from schemas.errors import InputError
from schemas.evaluation import History
from schemas.model import NOWHERE, TrainingPlaces
from tasks.build import is_forecaster

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.configuration import TrainingSection

# XLA takes 10 to 20 s to compile and then saves about 2 ms a step on two cores
STEPS_THAT_REPAY_COMPILING = 15_000
STEPS_PER_EXECUTION = 16
VALIDATION_BATCH = 1024


def train_network(
    network: keras.Model,
    rows: np.ndarray | tf.Tensor,
    train_end_rows: np.ndarray,
    validation_end_rows: np.ndarray,
    training: TrainingSection,
    places: TrainingPlaces = NOWHERE,
) -> History:
    """Train a network to give back normal windows, or their last rows; it keeps its best epoch's weights.

    The shape of its output tells what it learns. An autoencoder, of (batch, lookback, columns) to the
    same, learns windows of `lookback` rows; a forecaster, to (batch, columns), learns the last row of
    windows of `lookback` + 1 rows from the rows before it. Windows are gathered batch by batch.

    Args:
        network: Changed in place.
        rows: Scaled rows, float32, shape (rows, columns), with the columns that the network sees alone;
            `hold_columns` makes them so that they are held once.
        train_end_rows: Last rows of the normal training windows, int64, shape (training windows,).
        validation_end_rows: Last rows of the normal validation windows, as for training.
        training: Epochs, batch size, learning rate, patience, seed, compilation.
        places: Where logs and checkpoints go; nowhere, unless told otherwise.

    Returns:
        The losses of every epoch.

    Raises:
        InputError: If the loss turns NaN or infinite.
    """
    keras.utils.set_random_seed(training.seed)
    steps = -(-len(train_end_rows) // training.batch_size)
    network.compile(
        optimizer=keras.optimizers.Adam(training.learning_rate),
        loss="mse",
        jit_compile=is_compiling_repaid(training, steps),
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
    )
    gather = _make_gather(network, rows)
    keeper = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=training.epochs if training.patience is None else training.patience,
        restore_best_weights=True,
    )
    callbacks = [keras.callbacks.TerminateOnNaN(), keeper, _Progress(training.epochs)]
    if places.logs is not None:
        callbacks.append(keras.callbacks.TensorBoard(str(places.logs)))
    fitted = network.fit(
        _shuffle(train_end_rows, training).map(gather).prefetch(2),
        validation_data=_in_order(validation_end_rows).map(gather).cache(),
        epochs=training.epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return _read_history(fitted.history, keeper.best_epoch, training)


def hold_columns(rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Hold some columns where a training reads them, so that it makes no more copies.

    Args:
        rows: Shape (rows, all columns).
        columns: Positions of the columns, int64, shape (columns,).

    Returns:
        Shape (rows, columns).
    """
    return tf.convert_to_tensor(rows[:, columns])


def is_compiling_repaid(training: TrainingSection, steps_per_epoch: int) -> bool:
    """Tell whether XLA's compile time comes back within the epochs asked for.

    Args:
        training: Its `compile` is `always`, `never` or `auto`.
        steps_per_epoch: Batches in an epoch.
    """
    if training.compile != "auto":
        return training.compile == "always"
    return training.epochs * steps_per_epoch >= STEPS_THAT_REPAY_COMPILING


def _shuffle(end_rows: np.ndarray, training: TrainingSection) -> tf.data.Dataset:
    order = tf.data.Dataset.from_tensor_slices(end_rows)
    return order.shuffle(len(end_rows), seed=training.seed).batch(training.batch_size)


def _in_order(end_rows: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(end_rows).batch(VALIDATION_BATCH)


def _make_gather(
    network: keras.Model, rows: np.ndarray | tf.Tensor
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    table = tf.convert_to_tensor(rows)
    lookback = network.input_shape[1]
    forecasts = is_forecaster(network)
    offsets = tf.range(1 - lookback - forecasts, 1, dtype=tf.int64)

    def gather(end_rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        windows = tf.gather(table, end_rows[:, None] + offsets)
        return (windows[:, :-1], windows[:, -1]) if forecasts else (windows, windows)

    return gather


def _read_history(losses: dict[str, list[float]], best_epoch: int, training: TrainingSection) -> History:
    history = History(
        loss=np.asarray(losses["loss"]),
        validation_loss=np.asarray(losses.get("val_loss", [np.nan] * len(losses["loss"]))),
        best_epoch=best_epoch,
    )
    is_finite = np.isfinite(history.loss) & np.isfinite(history.validation_loss)
    if not is_finite.all():
        epoch = int(np.argmin(is_finite))
        raise InputError(
            f"The loss must stay finite. Received {history.loss[epoch]:g} in training and "
            f"{history.validation_loss[epoch]:g} in validation in epoch {epoch + 1} of {training.epochs}. "
            f"Lower `training.learning_rate` (now {training.learning_rate:g}), "
            "set `model.activation` to tanh, or set `features.clip`."
        )
    return history


class _Progress(keras.callbacks.Callback):
    """A bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.is_terminal = sys.stderr.isatty()
        self.every = max(1, epochs // 10)
        self.bar = tqdm(total=epochs, desc="training", unit="epoch", disable=not self.is_terminal)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        losses = f"loss {logs.get('loss', np.nan):.4f}, validation {logs.get('val_loss', np.nan):.4f}"
        self.bar.update()
        self.bar.set_postfix_str(losses)
        if not self.is_terminal and (epoch == 0 or (epoch + 1) % self.every == 0):
            print(f"training: epoch {epoch + 1} of {self.bar.total}, {losses}", file=sys.stderr)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
