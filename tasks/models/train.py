"""Train a network on normal windows and keep its best weights; a killed training can be resumed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from schemas.errors import InputError
from schemas.evaluation import History
from schemas.model import NOWHERE, TrainingPlaces
from tasks.models.build import is_forecaster
from tasks.models.checkpoint import (
    CHECKPOINT_FILE,
    Checkpoint,
    hash_arrays,
    read_checkpoint,
    write_checkpoint,
)
from tasks.models.compiled_networks import borrow_compiled, describe_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.configuration import TrainingSection

# XLA takes 10 to 20 s to compile and then saves about 2 ms a step on two cores
STEPS_THAT_REPAY_COMPILING = 15_000
STEPS_PER_EXECUTION = 16
VALIDATION_BATCH = 1024
# seconds of training that a kill may cost, besides the interrupted epoch; see docs/crash-safety.md
SECONDS_BETWEEN_CHECKPOINTS = 1.0
# Keras creates one iterator before an epoch and another after it, and each shuffles again
_SHUFFLES_PER_EPOCH = 2
# checkpoints of another format are refused
_CHECKPOINT_FORMAT = "1"


def train_network(
    network: keras.Model,
    rows: np.ndarray | tf.Tensor,
    train_end_rows: np.ndarray,
    validation_end_rows: np.ndarray,
    training: TrainingSection,
    places: TrainingPlaces = NOWHERE,
) -> History:
    """Train a network on normal windows; it ends with the weights of its best epoch.

    The network's output shape decides what it learns. An autoencoder, with output (batch, lookback,
    columns), learns to reconstruct windows of `lookback` rows; a forecaster, with output (batch, columns),
    learns to predict the last row of windows of `lookback` + 1 rows. Windows are gathered batch by batch.

    With a checkpoint folder, a killed training resumes after the last epoch written there, and its losses
    and weights are bit for bit those of an uninterrupted one.

    Args:
        network: Changed in place.
        rows: Scaled rows, float32, shape (rows, columns), with only the columns that the network sees;
            `hold_columns` returns them as a tensor, which is not copied again.
        train_end_rows: Last rows of the normal training windows, int64, shape (training windows,).
        validation_end_rows: Last rows of the normal validation windows, as for training.
        training: Epochs, batch size, learning rate, patience, seed, compilation.
        places: Folders for logs and checkpoints; by default nothing is written.

    Returns:
        The losses of every epoch.

    Raises:
        InputError: If the loss becomes NaN or infinite.
    """
    marks: dict[str, str] = {}
    if places.checkpoints is not None:
        marks = _mark_training(network, rows, (train_end_rows, validation_end_rows), training)
    steps = -(-len(train_end_rows) // training.batch_size)
    with borrow_compiled(
        network,
        training.learning_rate,
        is_jit=is_compiling_repaid(training, steps),
        steps_per_execution=STEPS_PER_EXECUTION,
    ) as compiled:
        return _fit(compiled, rows, train_end_rows, validation_end_rows, training, places, marks)


def hold_columns(rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Copy some columns into a tensor, which training then reads without further copies.

    Args:
        rows: Shape (rows, all columns).
        columns: Positions of the columns, int64, shape (columns,).

    Returns:
        Shape (rows, columns).
    """
    return tf.convert_to_tensor(rows[:, columns])


def is_compiling_repaid(training: TrainingSection, steps_per_epoch: int) -> bool:
    """Return whether XLA's compile time is repaid within the configured epochs.

    Args:
        training: Its `compile` is `always`, `never` or `auto`.
        steps_per_epoch: Batches in an epoch.
    """
    if training.compile != "auto":
        return training.compile == "always"
    return training.epochs * steps_per_epoch >= STEPS_THAT_REPAY_COMPILING


def _fit(
    network: keras.Model,
    rows: np.ndarray | tf.Tensor,
    train_end_rows: np.ndarray,
    validation_end_rows: np.ndarray,
    training: TrainingSection,
    places: TrainingPlaces,
    marks: dict[str, str],
) -> History:
    """Train a compiled network; see `train_network`."""
    early_stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=training.epochs if training.patience is None else training.patience,
        restore_best_weights=True,
    )
    callbacks = [keras.callbacks.TerminateOnNaN(), early_stopping]
    found = None
    if places.checkpoints is not None:
        found = _find_checkpoint(places.checkpoints, marks)
        callbacks.append(_Saver(places.checkpoints, marks, early_stopping, found))
    callbacks.append(_Progress(training.epochs, found))
    if places.logs is not None:
        _log_earlier_epochs(places.logs, found)
        callbacks.append(keras.callbacks.TensorBoard(str(places.logs)))
    order, gather = _shuffle(train_end_rows, training), _make_gather(network, rows)
    _restore(network, order, found)
    fitted = network.fit(
        order.batch(training.batch_size).map(gather).prefetch(2),
        validation_data=_in_order(validation_end_rows).map(gather).cache(),
        initial_epoch=_count_epochs(found, training),
        epochs=training.epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return _read_history(_join_losses(found, fitted.history), early_stopping.best_epoch, training)


def _shuffle(end_rows: np.ndarray, training: TrainingSection) -> tf.data.Dataset:
    """Shuffle windows, in another order each time that they are iterated over."""

    @tf.function(autograph=False)
    def shuffle() -> tf.data.Dataset:
        # the seed of this graph: setting that of the process would discard its compiled networks
        tf.compat.v1.set_random_seed(training.seed)
        return tf.data.Dataset.from_tensor_slices(end_rows).shuffle(len(end_rows), seed=training.seed)

    return shuffle.get_concrete_function()()


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


def _mark_training(
    network: keras.Model,
    rows: np.ndarray | tf.Tensor,
    parts: tuple[np.ndarray, ...],
    training: TrainingSection,
) -> dict[str, str]:
    """Describe everything that the result of a training depends on, as it is before the first epoch."""
    return {
        "format": _CHECKPOINT_FORMAT,
        "layers": hash_arrays([np.frombuffer(describe_layers(network).encode(), np.uint8)]),
        "first weights": hash_arrays(variable.numpy() for variable in network.variables),
        "rows": hash_arrays([np.asarray(rows)]),
        "windows": " and ".join(f"{len(part):,} ({hash_arrays([part])})" for part in parts),
        "settings": training.model_dump_json(exclude={"tensorboard"}),
        "releases": f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
    }


def _find_checkpoint(folder: Path, marks: dict[str, str]) -> Checkpoint | None:
    """Read the checkpoint to resume from; an unusable one is reported and ignored."""
    try:
        return read_checkpoint(folder, marks)
    except (OSError, ValueError) as error:
        _report(f"training: starting from the first epoch. {error}")
        return None


def _restore(network: keras.Model, order: tf.data.Dataset, found: Checkpoint | None) -> None:
    """Restore a compiled network and the shuffling of its windows from a checkpoint."""
    if found is None:
        return
    for variable, value in zip(_list_variables(network), found.variables, strict=True):
        variable.assign(value)
    for _ in range(found.epochs * _SHUFFLES_PER_EPOCH):
        iter(order)


def _list_variables(network: keras.Model) -> list[keras.Variable]:
    """List what an epoch changes: weights, states of dropout layers, the optimiser's variables."""
    return [*network.variables, *network.optimizer.variables]


def _count_epochs(found: Checkpoint | None, training: TrainingSection) -> int:
    """Count the epochs to skip; all of them if the training had ended."""
    if found is None:
        return 0
    return training.epochs if found.is_ended else found.epochs


def _join_losses(found: Checkpoint | None, losses: dict[str, list[float]]) -> dict[str, list[float]]:
    if found is None:
        return losses
    earlier = dict(zip(("loss", "val_loss"), found.losses.T.tolist(), strict=True))
    return {name: values + losses.get(name, []) for name, values in earlier.items()}


def _log_earlier_epochs(logs: Path, found: Checkpoint | None) -> None:
    """Log the epochs before a resumption again, because a kill loses those not yet written to disk."""
    if found is None:
        return
    for name, losses in zip(("train", "validation"), found.losses.T, strict=True):
        writer = tf.summary.create_file_writer(str(logs / name))
        with writer.as_default():
            for epoch, loss in enumerate(losses):
                tf.summary.scalar("epoch_loss", loss, step=epoch)
        writer.close()


def _report(text: str) -> None:
    tqdm.write(text, file=sys.stderr)


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


class _Saver(keras.callbacks.Callback):
    """Writes a checkpoint after an epoch; it must come after the callbacks that may stop the training."""

    def __init__(
        self,
        folder: Path,
        marks: dict[str, str],
        early_stopping: keras.callbacks.EarlyStopping,
        found: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.folder, self.marks, self.early_stopping, self.found = folder, marks, early_stopping, found
        self.losses = [] if found is None else found.losses.tolist()
        self.written_at = time.monotonic()
        self.is_failure_reported = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the state of early stopping, which resets itself when training begins."""
        if self.found is None:
            return
        self.early_stopping.best = self.found.best_loss
        self.early_stopping.best_epoch = self.found.best_epoch
        self.early_stopping.best_weights = list(self.found.best_weights) or None
        self.early_stopping.wait = self.found.waited

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        self.losses.append([logs.get("loss", np.nan), logs.get("val_loss", np.nan)])
        is_ended = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if is_ended or time.monotonic() - self.written_at >= SECONDS_BETWEEN_CHECKPOINTS:
            self._write(is_ended)
            self.written_at = time.monotonic()

    def _write(self, is_ended: bool) -> None:
        """Write a checkpoint; a failure to write is reported once and does not end the training."""
        checkpoint = Checkpoint(
            epochs=len(self.losses),
            is_ended=is_ended,
            losses=np.asarray(self.losses),
            variables=tuple(variable.numpy() for variable in _list_variables(self.model)),
            best_weights=tuple(self.early_stopping.best_weights or ()),
            best_loss=np.nan if self.early_stopping.best is None else float(self.early_stopping.best),
            best_epoch=self.early_stopping.best_epoch,
            waited=self.early_stopping.wait,
        )
        try:
            write_checkpoint(self.folder, checkpoint, self.marks)
        except OSError as error:
            if not self.is_failure_reported:
                self.is_failure_reported = True
                _report(
                    f"training: {self.folder / CHECKPOINT_FILE} must be writable. "
                    f"Received: {error.strerror or error}. Training continues and tries again; if it is "
                    "killed, it resumes from the last checkpoint written, or starts from the first epoch."
                )


class _Progress(keras.callbacks.Callback):
    """Shows a progress bar on a terminal, and prints about ten lines elsewhere."""

    def __init__(self, epochs: int, found: Checkpoint | None) -> None:
        super().__init__()
        self.is_terminal = sys.stderr.isatty()
        self.every = max(1, epochs // 10)
        done = 0 if found is None else found.epochs
        self.bar = tqdm(
            total=epochs, initial=done, desc="training", unit="epoch", disable=not self.is_terminal
        )
        if found is not None:
            end = ", which was its last" if found.is_ended else ""
            _report(f"training: resumed after epoch {done} of {epochs}{end}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        losses = f"loss {logs.get('loss', np.nan):.4f}, validation {logs.get('val_loss', np.nan):.4f}"
        self.bar.update()
        self.bar.set_postfix_str(losses)
        if not self.is_terminal and (epoch == 0 or (epoch + 1) % self.every == 0):
            print(f"training: epoch {epoch + 1} of {self.bar.total}, {losses}", file=sys.stderr)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
