"""Train a network on normal windows and keep its best weights; one that was killed goes on where it was."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.configuration import TrainingSection

# XLA takes 10 to 20 s to compile and then saves about 2 ms a step on two cores
STEPS_THAT_REPAY_COMPILING = 15_000
STEPS_PER_EXECUTION = 16
VALIDATION_BATCH = 1024
# seconds of training that a kill may cost, besides the epoch that it stopped; see docs/crash-safety.md
SECONDS_BETWEEN_CHECKPOINTS = 1.0
# Keras asks for an iterator before an epoch and for another one after it, and each draws a new order
_ORDERS_DRAWN_PER_EPOCH = 2
# a checkpoint of another format is not read
_CHECKPOINT_FORMAT = "1"


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

    Where there is a folder for checkpoints, a training that was killed goes on after the last epoch that
    was written there, and ends with the losses and weights, to the last bit, of one that was not.

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
    _compile(network, training, len(train_end_rows))
    keeper = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=training.epochs if training.patience is None else training.patience,
        restore_best_weights=True,
    )
    callbacks = [keras.callbacks.TerminateOnNaN(), keeper]
    found = None
    if places.checkpoints is not None:
        marks = _mark_training(network, rows, (train_end_rows, validation_end_rows), training)
        found = _find_checkpoint(places.checkpoints, marks)
        callbacks.append(_Saver(places.checkpoints, marks, keeper, found))
    callbacks.append(_Progress(training.epochs, found))
    if places.logs is not None:
        _log_epochs_before(places.logs, found)
        callbacks.append(keras.callbacks.TensorBoard(str(places.logs)))
    order, gather = _shuffle(train_end_rows, training), _make_gather(network, rows)
    _go_on(network, order, found)
    fitted = network.fit(
        order.batch(training.batch_size).map(gather).prefetch(2),
        validation_data=_in_order(validation_end_rows).map(gather).cache(),
        initial_epoch=_count_epochs(found, training),
        epochs=training.epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return _read_history(_join_losses(found, fitted.history), keeper.best_epoch, training)


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


def _compile(network: keras.Model, training: TrainingSection, windows: int) -> None:
    steps = -(-windows // training.batch_size)
    network.compile(
        optimizer=keras.optimizers.Adam(training.learning_rate),
        loss="mse",
        jit_compile=is_compiling_repaid(training, steps),
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
    )


def _shuffle(end_rows: np.ndarray, training: TrainingSection) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(end_rows).shuffle(len(end_rows), seed=training.seed)


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
    """Tell what a training is known by: all that its result depends on, before its first epoch."""
    layers = [(type(layer).__name__, _drop_names(layer.get_config())) for layer in network.layers]
    return {
        "format": _CHECKPOINT_FORMAT,
        "layers": hash_arrays([np.frombuffer(json.dumps(layers, default=str).encode(), np.uint8)]),
        "first weights": hash_arrays(variable.numpy() for variable in network.variables),
        "rows": hash_arrays([np.asarray(rows)]),
        "windows": " and ".join(f"{len(part):,} ({hash_arrays([part])})" for part in parts),
        "settings": training.model_dump_json(exclude={"tensorboard"}),
        "releases": f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
    }


def _drop_names(config: Any) -> Any:
    """Leave out the names of layers: they count the networks that the process has built."""
    if isinstance(config, dict):
        return {name: _drop_names(value) for name, value in config.items() if name != "name"}
    return [_drop_names(value) for value in config] if isinstance(config, (list, tuple)) else config


def _find_checkpoint(folder: Path, marks: dict[str, str]) -> Checkpoint | None:
    """Read the checkpoint to go on from; one that cannot be used is told of."""
    try:
        return read_checkpoint(folder, marks)
    except (OSError, ValueError) as error:
        _tell(f"training: it starts anew. {error}")
        return None


def _go_on(network: keras.Model, order: tf.data.Dataset, found: Checkpoint | None) -> None:
    """Bring a compiled network and the order of its windows to where they were."""
    if found is None:
        return
    for variable, value in zip(_list_variables(network), found.variables, strict=True):
        variable.assign(value)
    for _ in range(found.epochs * _ORDERS_DRAWN_PER_EPOCH):
        iter(order)


def _list_variables(network: keras.Model) -> list[keras.Variable]:
    """List what an epoch changes: weights, states of what drops inputs, the optimiser's variables."""
    if not network.optimizer.built:
        network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]


def _count_epochs(found: Checkpoint | None, training: TrainingSection) -> int:
    """Count the epochs that are not gone through any more."""
    if found is None:
        return 0
    return training.epochs if found.is_ended else found.epochs


def _join_losses(found: Checkpoint | None, losses: dict[str, list[float]]) -> dict[str, list[float]]:
    if found is None:
        return losses
    before = dict(zip(("loss", "val_loss"), found.losses.T.tolist(), strict=True))
    return {name: of_before + losses.get(name, []) for name, of_before in before.items()}


def _log_epochs_before(logs: Path, found: Checkpoint | None) -> None:
    """Log the epochs before a resumption again: those that a kill kept from the disk are missing there."""
    if found is None:
        return
    for name, losses in zip(("train", "validation"), found.losses.T, strict=True):
        writer = tf.summary.create_file_writer(str(logs / name))
        with writer.as_default():
            for epoch, loss in enumerate(losses):
                tf.summary.scalar("epoch_loss", loss, step=epoch)
        writer.close()


def _tell(text: str) -> None:
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
    """Writes a checkpoint after an epoch; it stands behind the callbacks that may stop the training."""

    def __init__(
        self,
        folder: Path,
        marks: dict[str, str],
        keeper: keras.callbacks.EarlyStopping,
        found: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.folder, self.marks, self.keeper, self.found = folder, marks, keeper, found
        self.losses = [] if found is None else found.losses.tolist()
        self.written_at = time.monotonic()
        self.is_trouble_told = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Give the keeper of the best weights back what it knew: it has just forgotten all."""
        if self.found is None:
            return
        self.keeper.best = self.found.best_loss
        self.keeper.best_epoch = self.found.best_epoch
        self.keeper.best_weights = list(self.found.best_weights) or None
        self.keeper.wait = self.found.waited

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        self.losses.append([logs.get("loss", np.nan), logs.get("val_loss", np.nan)])
        is_ended = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if is_ended or time.monotonic() - self.written_at >= SECONDS_BETWEEN_CHECKPOINTS:
            self._write(is_ended)
            self.written_at = time.monotonic()

    def _write(self, is_ended: bool) -> None:
        """Write a checkpoint; a training is worth more than its checkpoints, so it does not end by one."""
        checkpoint = Checkpoint(
            epochs=len(self.losses),
            is_ended=is_ended,
            losses=np.asarray(self.losses),
            variables=tuple(variable.numpy() for variable in _list_variables(self.model)),
            best_weights=tuple(self.keeper.best_weights or ()),
            best_loss=np.nan if self.keeper.best is None else float(self.keeper.best),
            best_epoch=self.keeper.best_epoch,
            waited=self.keeper.wait,
        )
        try:
            write_checkpoint(self.folder, checkpoint, self.marks)
        except OSError as error:
            if not self.is_trouble_told:
                self.is_trouble_told = True
                _tell(
                    f"training: {self.folder / CHECKPOINT_FILE} must be a file that can be written. "
                    f"Received: {error.strerror or error}. The training goes on, and tries again; if it is "
                    "killed, it starts from the last checkpoint that was written, or anew."
                )


class _Progress(keras.callbacks.Callback):
    """A bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, epochs: int, found: Checkpoint | None) -> None:
        super().__init__()
        self.is_terminal = sys.stderr.isatty()
        self.every = max(1, epochs // 10)
        gone = 0 if found is None else found.epochs
        self.bar = tqdm(
            total=epochs, initial=gone, desc="training", unit="epoch", disable=not self.is_terminal
        )
        if found is not None:
            end = ", which was its last" if found.is_ended else ""
            _tell(f"training: resumed after epoch {gone} of {epochs}{end}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        losses = f"loss {logs.get('loss', np.nan):.4f}, validation {logs.get('val_loss', np.nan):.4f}"
        self.bar.update()
        self.bar.set_postfix_str(losses)
        if not self.is_terminal and (epoch == 0 or (epoch + 1) % self.every == 0):
            print(f"training: epoch {epoch + 1} of {self.bar.total}, {losses}", file=sys.stderr)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
