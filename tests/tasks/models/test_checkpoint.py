"""What a checkpoint promises: it is read as it was written, whole and for its own training, or not."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tasks.models import checkpoint as module
from tasks.models.checkpoint import (
    CHECKPOINT_FILE,
    PART_FILE,
    Checkpoint,
    hash_arrays,
    read_checkpoint,
    remove_checkpoints,
    write_checkpoint,
)

MARKS = {"rows": "a", "settings": "b"}


def checkpoint_after(epochs: int) -> Checkpoint:
    return Checkpoint(
        epochs=epochs,
        is_ended=False,
        losses=np.linspace(0.1, 0.7, 2 * epochs).reshape(epochs, 2),
        # eleven, so that their order by name is not the one by number
        variables=tuple(np.full((2, place), 1 / 3, np.float32) for place in range(11)),
        best_weights=(np.array([np.nan, -0.0, 1e-45], np.float32), np.array(7, np.uint32)),
        best_loss=1 / 3,
        best_epoch=0,
        waited=1,
    )


def list_bytes(checkpoint: Checkpoint) -> list[object]:
    content: list[object] = []
    for field in fields(Checkpoint):
        value = getattr(checkpoint, field.name)
        arrays = value if isinstance(value, tuple) else (np.asarray(value),)
        content.append([(array.dtype, array.shape, array.tobytes()) for array in arrays])
    return content


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "new" / "folder", checkpoint_after(3), MARKS)
    found = read_checkpoint(tmp_path / "new" / "folder", MARKS)
    assert found is not None
    assert list_bytes(found) == list_bytes(checkpoint_after(3))


def test_a_later_checkpoint_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for epochs in (1, 2):
        write_checkpoint(tmp_path, checkpoint_after(epochs), MARKS)
    found = read_checkpoint(tmp_path, MARKS)
    assert found is not None
    assert found.epochs == 2
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]


@pytest.mark.parametrize("is_folder_there", [True, False])
def test_no_checkpoint_is_none(tmp_path: Path, is_folder_there: bool) -> None:
    assert read_checkpoint(tmp_path if is_folder_there else tmp_path / "none", MARKS) is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, share: float) -> None:
    write_checkpoint(tmp_path, checkpoint_after(2), MARKS)
    path = tmp_path / CHECKPOINT_FILE
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(ValueError, match=r"must end with the hash of its content\. .* which is damaged\."):
        read_checkpoint(tmp_path, MARKS)


def test_a_checkpoint_with_one_bit_changed_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint_after(2), MARKS)
    path = tmp_path / CHECKPOINT_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_checkpoint(tmp_path, MARKS)


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint_after(2), MARKS)
    with pytest.raises(ValueError, match=r"other settings \(expected settings c, received b\)"):
        read_checkpoint(tmp_path, {**MARKS, "settings": "c"})


def test_a_write_that_fails_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, checkpoint_after(1), MARKS)

    def fill_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(tmp_path, checkpoint_after(2), MARKS)
    found = read_checkpoint(tmp_path, MARKS)
    assert found is not None
    assert found.epochs == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_what_a_killed_write_left_does_not_disturb(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint_after(1), MARKS)
    (tmp_path / PART_FILE).write_bytes(b"half of a checkpoint")
    found = read_checkpoint(tmp_path, MARKS)
    assert found is not None
    assert found.epochs == 1
    write_checkpoint(tmp_path, checkpoint_after(2), MARKS)
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_removing_takes_the_checkpoints_of_every_family(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    for family in ("lstm_autoencoder", "dense_autoencoder"):
        write_checkpoint(folder / family, checkpoint_after(1), MARKS)
    (folder / "lstm_autoencoder" / PART_FILE).touch()
    remove_checkpoints(folder)
    assert not folder.exists()


def test_removing_leaves_what_is_no_checkpoint(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, checkpoint_after(1), MARKS)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "network.keras").touch()
    remove_checkpoints(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "model",
        "model/network.keras",
    ]


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_checkpoints(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        np.array([[1, 2, 4]], np.int32),
        np.array([1, 2, 3], np.int32),
        np.array([[1, 2, 3]], np.uint32),
    ],
    ids=["values", "shape", "type"],
)
def test_arrays_that_differ_have_other_hashes(other: np.ndarray) -> None:
    assert hash_arrays([np.array([[1, 2, 3]], np.int32)]) != hash_arrays([other])


def test_the_hash_looks_at_values_not_at_their_places_in_memory() -> None:
    array = np.arange(6).reshape(2, 3)
    assert hash_arrays([array]) == hash_arrays([np.asfortranarray(array)])
