"""Write the state of a training to disk, so that a killed training can be resumed."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.files.flush import flush

# the one file of a training, and its temporary name while it is written
CHECKPOINT_FILE = "checkpoint.npz"
PART_FILE = "checkpoint.npz.part"

_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that the next epoch of a training depends on.

    Attributes:
        epochs: Epochs completed.
        is_ended: Whether the training is over: all epochs are done, or it stopped early.
        losses: Mean squared errors on training and on validation windows, float64, shape (epochs, 2).
        variables: Weights, states of the dropout layers and the optimiser's variables, in the order in which
            the network and the optimiser list them.
        best_weights: Weights of the best epoch; empty if no epoch had a validation loss.
        best_loss: Validation loss of the best epoch.
        best_epoch: Index of the best epoch.
        waited: Epochs since the best one.
    """

    epochs: int
    is_ended: bool
    losses: np.ndarray
    variables: tuple[np.ndarray, ...]
    best_weights: tuple[np.ndarray, ...]
    best_loss: float
    best_epoch: int
    waited: int


def write_checkpoint(folder: Path, checkpoint: Checkpoint, marks: dict[str, str]) -> None:
    """Replace the previous checkpoint; a kill at any moment leaves one of the two complete.

    Args:
        folder: Checkpoint folder of this training; created if missing.
        checkpoint: The state after an epoch.
        marks: Identity of the training: `read_checkpoint` refuses a file with other marks.

    Raises:
        OSError: If the disk is full or the folder is not writable; the previous file stays.
    """
    content = _encode(checkpoint, marks)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / PART_FILE
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / CHECKPOINT_FILE)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    flush(folder)


def read_checkpoint(folder: Path, marks: dict[str, str]) -> Checkpoint | None:
    """Read the checkpoint of a training.

    Args:
        folder: Checkpoint folder of this training.
        marks: Identity of the training.

    Returns:
        The state after the last epoch that was written, or none if there is no checkpoint.

    Raises:
        ValueError: If the file is damaged, or belongs to another training.
        OSError: If the file cannot be read.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    content = path.read_bytes()
    payload, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError(
            f"A checkpoint must end with the hash of its content. Received {path}, which is damaged."
        )
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        state = json.loads(str(arrays["state"]))
        _require_same_marks(path, state.pop("marks"), marks)
        return Checkpoint(
            **state,
            losses=arrays["losses"],
            variables=_read_list(arrays, "variable"),
            best_weights=_read_list(arrays, "best_weight"),
        )


def remove_checkpoints(folder: Path) -> None:
    """Delete checkpoints, including those of a join's members, and folders that are then empty.

    Nothing else is deleted. A missing folder is no error.

    Args:
        folder: As in `TrainingPlaces.checkpoints`.
    """
    if not folder.is_dir():
        return
    for place in [*(path for path in folder.iterdir() if path.is_dir()), folder]:
        for name in (CHECKPOINT_FILE, PART_FILE):
            (place / name).unlink(missing_ok=True)
        if not any(place.iterdir()):
            place.rmdir()


def hash_arrays(arrays: Iterable[np.ndarray]) -> str:
    """Hash the types, shapes and values of arrays.

    Returns:
        Sixteen hexadecimal digits of a SHA-256.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _encode(checkpoint: Checkpoint, marks: dict[str, str]) -> bytes:
    state = {
        "marks": marks,
        "epochs": checkpoint.epochs,
        "is_ended": checkpoint.is_ended,
        "best_loss": checkpoint.best_loss,
        "best_epoch": checkpoint.best_epoch,
        "waited": checkpoint.waited,
    }
    arrays = {f"variable {place}": array for place, array in enumerate(checkpoint.variables)}
    arrays |= {f"best_weight {place}": array for place, array in enumerate(checkpoint.best_weights)}
    file = io.BytesIO()
    arrays |= {"state": np.asarray(json.dumps(state)), "losses": checkpoint.losses}
    np.savez(file, allow_pickle=False, **arrays)
    payload = file.getvalue()
    return payload + hashlib.sha256(payload).digest()


def _read_list(arrays: np.lib.npyio.NpzFile, name: str) -> tuple[np.ndarray, ...]:
    count = sum(file.startswith(f"{name} ") for file in arrays.files)
    return tuple(arrays[f"{name} {place}"] for place in range(count))


def _require_same_marks(path: Path, received: dict[str, str], expected: dict[str, str]) -> None:
    differing = [name for name in expected if received.get(name) != expected[name]]
    if differing:
        name = differing[0]
        raise ValueError(
            f"A checkpoint must belong to the same training. Received {path} of a training with other "
            f"{', '.join(differing)} (expected {name} {expected[name]}, received {received.get(name)})."
        )
