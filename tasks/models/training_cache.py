"""Keep a fitted model beside the runs, so that the same training is not done twice, and let it go again."""

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

# trainings whose models are kept for another threshold or another gate, the last ones
TRAININGS_KEPT = 10


def fit_with_cache(
    work: Work, material: Material, model: ModelSection, training: TrainingSection, logs: Path | None = None
) -> str:
    """Fit a model, going on where the same training was stopped, and keep it.

    Args:
        work: What the training is known by.
        material: Rows, parts and labels.
        model: The family and its settings.
        training: Epochs, seed and the like, for networks.
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
    """Write a model whole or not at all.

    Args:
        model: The fitted model.
        family: Its family.
        folder: Where it is to be, beside other files of the same training.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as beside:
        save_model(model, family, Path(beside) / "model")
        remove_folder(folder)
        os.replace(Path(beside) / "model", folder)


def load_cached_model(folder: str) -> FittedModel:
    """Load a kept model, with the losses of its training."""
    return load_model(Path(folder))


def is_cached(work: Work) -> bool:
    """Tell whether the model of a training is there, whole."""
    return work.model.is_dir()


def delete_cached_training(work: Work) -> None:
    """Remove what is kept of a training: it begins from the beginning next time."""
    remove_folder(work.folder)


def delete_old_trainings(work: Work) -> None:
    """Remove what is kept of trainings but the last ones."""
    kept = sorted(work.folder.parent.glob("*/"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in kept[TRAININGS_KEPT:]:
        remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder that may not be there."""
    if folder.is_dir():
        shutil.rmtree(folder)
