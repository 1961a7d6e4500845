"""What a training that was killed promises: it ends as if it had not been."""

from __future__ import annotations

import contextlib
import errno
import io
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from schemas.configuration import ModelSection, TrainingSection
from schemas.errors import InputError
from schemas.evaluation import History
from schemas.model import NOWHERE, TrainingPlaces
from tasks.models import checkpoint, train
from tasks.models.build import build_network
from tasks.models.checkpoint import CHECKPOINT_FILE, Checkpoint, hash_arrays, write_checkpoint

ROWS, COLUMNS = 120, 3
TRAIN, VALIDATION = np.arange(4, 90), np.arange(94, ROWS)

STOPPED_EARLY, COMPILED, LSTM = "dense, stopped early", "dense, compiled", "LSTM that drops inputs"
# family, lookback, model and training; two batches an epoch
CASES: dict[str, tuple[str, int, dict[str, Any], dict[str, Any]]] = {
    LSTM: ("lstm_autoencoder", 2, {"dropout": 0.3, "recurrent_dropout": 0.3}, {}),
    "forecaster": ("rnn_forecaster", 3, {"gaussian_dropout": 0.3}, {}),
    COMPILED: ("dense_autoencoder", 1, {"dropout": 0.3}, {"compile": "always"}),
    STOPPED_EARLY: ("dense_autoencoder", 1, {}, {"epochs": 20, "patience": 3, "learning_rate": 0.3}),
}


class Killed(BaseException):
    """Ends a training where a kill would."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training left: losses, and the state of the network."""

    history: History
    state: list[bytes]

    @property
    def content(self) -> tuple[bytes, bytes, int, list[bytes]]:
        history = self.history
        return history.loss.tobytes(), history.validation_loss.tobytes(), history.best_epoch, self.state


def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


def train_case(case: str, places: TrainingPlaces = NOWHERE, **settings: Any) -> Outcome:
    family, lookback, model, training = CASES[case]
    section = TrainingSection.model_validate(
        {"epochs": 3, "batch_size": 45, "learning_rate": 0.01, **training, **settings}
    )
    outline = ModelSection.model_validate({"units": [2], **model})
    network = build_network(family, outline, lookback, COLUMNS, section.seed)
    history = train.train_network(network, make_rows(), TRAIN, VALIDATION, section, places)
    return Outcome(history, read_state(network))


def read_state(network: keras.Model) -> list[bytes]:
    return [variable.numpy().tobytes() for variable in network.variables]


@cache
def train_undisturbed(case: str) -> Outcome:
    return train_case(case)


@pytest.fixture(autouse=True, scope="module")
def _a_checkpoint_after_every_epoch() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "SECONDS_BETWEEN_CHECKPOINTS", 0)
        yield


@pytest.fixture
def places(tmp_path: Path) -> TrainingPlaces:
    return TrainingPlaces(checkpoints=tmp_path / "checkpoints")


def kill(
    case: str, places: TrainingPlaces, is_written: Callable[[int], bool], last: int | None = None
) -> None:
    """Kill a training after its next epoch, or its `last` one, having written some of its checkpoints."""

    def write(folder: Path, state: Checkpoint, marks: dict[str, str]) -> None:
        if is_written(state.epochs):
            write_checkpoint(folder, state, marks)
        if last is None or state.epochs == last:
            raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "write_checkpoint", write)
        with pytest.raises(Killed):
            train_case(case, places)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.slow if case in {LSTM, COMPILED} else []) for case in CASES],
)
def test_a_training_killed_after_each_epoch_ends_as_one_that_was_not(
    case: str, places: TrainingPlaces
) -> None:
    expected = train_undisturbed(case)
    for _ in expected.history.loss:
        kill(case, places, lambda epochs: True)
    assert train_case(case, places).content == expected.content


def test_the_case_that_is_stopped_early_stops_early_and_not_with_its_best_epoch() -> None:
    history = train_undisturbed(STOPPED_EARLY).history
    assert history.best_epoch + 4 == len(history.loss) < 20


@dataclass(frozen=True, eq=False)
class Resumed:
    """A training killed after epoch 4 with a checkpoint after epoch 2, and gone on with."""

    outcome: Outcome
    lines: list[str]
    logs: Path


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    folder = tmp_path_factory.mktemp("resumed")
    places = TrainingPlaces(logs=folder / "logs", checkpoints=folder / "checkpoints")
    kill(STOPPED_EARLY, places, lambda epochs: epochs <= 2, last=4)
    with contextlib.redirect_stderr(io.StringIO()) as told:
        outcome = train_case(STOPPED_EARLY, places)
    return Resumed(outcome, told.getvalue().splitlines(), folder / "logs")


def test_epochs_since_the_last_checkpoint_are_gone_through_again(resumed: Resumed) -> None:
    assert resumed.outcome.content == train_undisturbed(STOPPED_EARLY).content


def test_a_training_that_is_resumed_says_so(resumed: Resumed) -> None:
    assert resumed.lines[0] == "training: resumed after epoch 2 of 20"
    assert resumed.lines[1].startswith("training: epoch 4 of 20, loss ")


def test_every_epoch_is_in_the_tensorboard_logs_of_a_resumed_training(resumed: Resumed) -> None:
    history = resumed.outcome.history
    for part, losses in (("train", history.loss), ("validation", history.validation_loss)):
        assert read_losses(resumed.logs / part) == dict(enumerate(losses.tolist()))


def test_a_training_that_had_ended_goes_through_no_epoch_more(
    places: TrainingPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_case(STOPPED_EARLY, places)

    def refuse(*arguments: Any) -> None:
        raise AssertionError("an epoch was gone through")

    monkeypatch.setattr(train, "write_checkpoint", refuse)
    assert train_case(STOPPED_EARLY, places).content == first.content


def test_a_loss_that_is_no_number_is_refused_again(places: TrainingPlaces) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match=r"in epoch 1 of 20\. Lower `training\.learning_rate`"):
            train_case(STOPPED_EARLY, places, learning_rate=1e30)


def test_a_checkpoint_is_written_in_the_end_however_short_the_training(
    places: TrainingPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SECONDS_BETWEEN_CHECKPOINTS", 1e9)
    written: list[int] = []
    monkeypatch.setattr(train, "write_checkpoint", lambda folder, state, marks: written.append(state.epochs))
    outcome = train_case(STOPPED_EARLY, places)
    assert written == [len(outcome.history.loss)]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: os.truncate(path, path.stat().st_size - 100), "damaged"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    ],
    ids=["damaged", "no file"],
)
def test_a_checkpoint_that_cannot_be_read_is_reported_and_the_training_starts_again(
    spoil: Callable[[Path], Any], reason: str, places: TrainingPlaces, capsys: pytest.CaptureFixture[str]
) -> None:
    kill(STOPPED_EARLY, places, lambda epochs: True, last=2)
    assert places.checkpoints is not None
    spoil(places.checkpoints / CHECKPOINT_FILE)
    capsys.readouterr()
    outcome = train_case(STOPPED_EARLY, places)
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("training: starting from the first epoch. ")
    assert reason in line
    assert outcome.content == train_undisturbed(STOPPED_EARLY).content


def test_a_checkpoint_of_another_training_is_reported_and_not_mixed_in(
    places: TrainingPlaces, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(CASES, STOPPED_EARLY, ("dense_autoencoder", 1, {}, {"epochs": 2}))
        train_case(STOPPED_EARLY, places)
    capsys.readouterr()
    outcome = train_case(STOPPED_EARLY, places)
    line = capsys.readouterr().err.splitlines()[0]
    assert "training: starting from the first epoch. A checkpoint must belong to the same training." in line
    assert "of a training with other settings (expected settings {" in line
    assert outcome.content == train_undisturbed(STOPPED_EARLY).content


MARKED = {"model": {}, "training": {}, "row": 50, "end": 90}


def mark(**changes: Any) -> dict[str, str]:
    """Tell what a training is known by that differs from another one in some things."""
    told = {**MARKED, **changes}
    section = ModelSection.model_validate({"units": [2], **told["model"]})
    training = TrainingSection.model_validate(told["training"])
    rows = make_rows()
    rows[told["row"], 1] = 9
    network = build_network("dense_autoencoder", section, 1, COLUMNS, training.seed)
    return train._mark_training(network, rows, (np.arange(4, told["end"]), VALIDATION), training)


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"training": {"seed": 1}}, {"layers", "first weights", "settings"}),
        ({"training": {"patience": 4}}, {"settings"}),
        ({"training": {"tensorboard": True}}, set()),
        ({"model": {"activation": "elu"}}, {"layers"}),
        ({"row": 51}, {"rows"}),
        ({"end": 91}, {"windows"}),
    ],
    ids=["seed", "patience", "logs", "activation", "rows", "windows"],
)
def test_a_training_is_known_by_what_its_result_depends_on(
    changes: dict[str, Any], differing: set[str]
) -> None:
    one, other = mark(), mark(**changes)
    assert {name for name in one if one[name] != other[name]} == differing


def test_networks_that_differ_in_their_names_alone_are_known_by_the_same() -> None:
    networks = [build_network("lstm_autoencoder", ModelSection(), 2, COLUMNS, 0) for _ in range(2)]
    assert networks[0].layers[1].name != networks[1].layers[1].name
    one, other = (
        train._mark_training(network, make_rows(), (TRAIN, VALIDATION), TrainingSection())
        for network in networks
    )
    assert one == other


def test_a_full_disk_is_told_of_once_and_does_not_end_the_training(
    places: TrainingPlaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill_disk(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.os, "fsync", fill_disk)
    outcome = train_case(STOPPED_EARLY, places)
    lines = [line for line in capsys.readouterr().err.splitlines() if "No space left on device" in line]
    assert len(lines) == 1
    assert outcome.content == train_undisturbed(STOPPED_EARLY).content


def test_a_disk_that_has_room_again_gets_a_checkpoint(
    places: TrainingPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.checkpoints is not None
    places.checkpoints.write_text("no folder can be made here")

    def make_room(folder: Path, state: Checkpoint, marks: dict[str, str]) -> None:
        if state.epochs == 3:
            folder.unlink()
        write_checkpoint(folder, state, marks)

    monkeypatch.setattr(train, "write_checkpoint", make_room)
    train_case(STOPPED_EARLY, places)
    assert [path.name for path in places.checkpoints.iterdir()] == [CHECKPOINT_FILE]


def test_nothing_is_written_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train_case(STOPPED_EARLY)
    assert list(tmp_path.rglob("*")) == []


def read_losses(folder: Path) -> dict[int, float]:
    """Read the losses of epochs as TensorBoard does."""
    return {
        event.step: float(tf.make_ndarray(value.tensor))
        for path in folder.iterdir()
        for event in map(Event.FromString, tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        for value in event.summary.value
        if value.tag == "epoch_loss"
    }


def train_for_long(folder: Path | None, result: Path) -> None:
    """Train for some seconds and write a hash of what it came to, in a process of its own."""
    train.SECONDS_BETWEEN_CHECKPOINTS = 0
    places = TrainingPlaces(checkpoints=folder)
    outcome = train_case("LSTM that drops inputs", places, epochs=300, patience=None)
    loss, validation_loss, best_epoch, state = outcome.content
    arrays = [np.frombuffer(part, np.uint8) for part in (loss, validation_loss, *state)]
    result.write_text(f"{hash_arrays(arrays)}, best epoch {best_epoch}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    processes = multiprocessing.get_context("forkserver")
    # TensorFlow is imported once, by the process that all others come from
    processes.set_forkserver_preload([__name__])
    path = tmp_path / "checkpoints" / CHECKPOINT_FILE

    def start(folder: Path | None, result: str) -> BaseProcess:
        process = processes.Process(target=train_for_long, args=(folder, tmp_path / result))
        process.start()
        return process

    def stamp() -> int:
        return path.stat().st_mtime_ns if path.exists() else 0

    for wait in np.random.default_rng(5).uniform(0, 0.2, size=10):
        before, process = stamp(), start(path.parent, "resumed")
        while process.is_alive() and stamp() == before:
            time.sleep(0.01)
        time.sleep(wait)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    for process in (start(path.parent, "resumed"), start(None, "undisturbed")):
        process.join()
    assert (tmp_path / "resumed").read_text() == (tmp_path / "undisturbed").read_text()
