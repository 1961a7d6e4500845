"""Cache fitted models, so that the same training is not repeated, and delete old ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from schemas.configuration import ModelSection, TrainingSection
from schemas.model import FittedModel, Material, TrainingPlaces
from schemas.work import Work
from tasks.models.checkpoint import remove_checkpoints
from tasks.models.fit import fit_model, load_model, save_model

# newest trainings whose models stay cached, for reuse with another threshold or another gate
TRAININGS_KEPT = 10


def fit_with_cache(
    work: Work, material: Material, model: ModelSection, training: TrainingSection, logs: Path | None = None
) -> str:
    """Fit a model and cache it; an interrupted training is resumed, a finished one is reused.

    Args:
        work: Identity of the training and its folder.
        material: Rows, parts and labels.
        model: The family and its settings.
        training: Epochs, seed and other settings of networks.
        logs: Folder for TensorBoard logs, or none for no logs.

    Returns:
        Folder of the model; `load_cached_model` reads it.

    Raises:
        InputError: If a family cannot be fitted on this material.
    """
    if not is_cached(work):
        places = TrainingPlaces(logs=logs, checkpoints=work.checkpoints)
        cache_model(fit_model(material, model, training, places), model.family, work.model)
    remove_checkpoints(work.checkpoints)
    return str(work.model)


def cache_model(model: FittedModel, family: str, folder: Path) -> None:
    """Write a model completely or not at all.

    Args:
        model: The fitted model.
        family: Its family.
        folder: Target folder, in the folder of the training; an existing one is replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as temporary:
        save_model(model, family, Path(temporary) / "model")
        remove_folder(folder)
        os.replace(Path(temporary) / "model", folder)


def load_cached_model(folder: str) -> FittedModel:
    """Load a cached model, with the losses of its training."""
    return load_model(Path(folder))


def is_cached(work: Work) -> bool:
    """Return whether the complete model of a training is cached."""
    return work.model.is_dir()


def delete_cached_training(work: Work) -> None:
    """Delete the cached model and checkpoints of a training, so that it next starts from the beginning."""
    remove_folder(work.folder)


def delete_old_trainings(work: Work) -> None:
    """Delete all cached trainings but the newest `TRAININGS_KEPT`."""
    kept = sorted(work.folder.parent.glob("*/"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in kept[TRAININGS_KEPT:]:
        remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Delete a folder if it exists."""
    if folder.is_dir():
        shutil.rmtree(folder)
