"""Fit, save and load models of every family; `FAMILIES` is where a family is registered."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from schemas.configuration import ModelSection, TrainingSection
from schemas.errors import InputError
from schemas.families import JOIN, find_entry
from schemas.model import NOWHERE, Family, FittedModel, Material, TrainingPlaces
from tasks.models.families.join import join_models, load_joined

# file in a model's folder that contains the name of its family
FAMILY_FILE = "family"


def find_family(name: str) -> Family:
    """Import a family by its name, forewarn's own or that of an installed package.

    Raises:
        InputError: If no package provides it, or it cannot be imported.
    """
    try:
        entry = find_entry(name)
    except ValueError as error:
        raise InputError(f"`model.family`: {error}.") from None
    try:
        family = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"The family {name!r} must be importable from {entry.value}. Importing it failed: {error}. "
            "Repair the package that provides it."
        ) from error
    if not isinstance(family, Family):
        raise InputError(
            f"The family {name!r} must be a `schemas.model.Family`. Received {type(family).__name__} at "
            f"{entry.value}. Repair the package that provides it."
        )
    return family


def fit_model(
    material: Material, model: ModelSection, training: TrainingSection, places: TrainingPlaces = NOWHERE
) -> FittedModel:
    """Fit the configured family, or join the configured families.

    Args:
        material: Rows, parts and labels.
        model: The family and its settings.
        training: Epochs, seed and other settings of networks.
        places: Folders for logs and checkpoints, with a subfolder per family; by default nothing is
            written.

    Returns:
        The fitted model.

    Raises:
        InputError: If a family cannot be fitted on this material.
    """
    members = {name: fit_family(name, material, model, training, places) for name in model.families}
    if model.family != JOIN:
        return members[model.family]
    labelled = [name for name in members if find_family(name).learns_from_labels]
    train, validation = material.train.normal_end_rows, material.validation.normal_end_rows
    return join_models(members, labelled, material.rows, train, validation)


def fit_family(
    name: str,
    material: Material,
    model: ModelSection,
    training: TrainingSection,
    places: TrainingPlaces = NOWHERE,
) -> FittedModel:
    """Fit one family; see `fit_model`."""
    return find_family(name).fit(material, model, training, places.go_below(name))


def load_family(name: str, folder: Path) -> FittedModel:
    """Load a model of one family; see `load_model`."""
    return find_family(name).load(folder)


def score_windows(model: FittedModel, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
    """Score windows with a fitted model; see `schemas.model.FittedModel.score`."""
    return model.score(rows, end_rows)


def save_model(model: FittedModel, family: str, folder: Path) -> None:
    """Write a model and the name of its family into a new folder."""
    folder.mkdir(parents=True)
    (folder / FAMILY_FILE).write_text(family, encoding="utf-8")
    model.save(folder)


def archive_model(model: FittedModel, family: str) -> dict[str, bytes]:
    """Return the files that `save_model` writes: content by path, each path starting with `model/`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        save_model(model, family, place)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def load_model(folder: Path) -> FittedModel:
    """Load what `save_model` wrote; neither pickles nor code are loaded.

    Args:
        folder: The model's folder.

    Returns:
        A model that gives the same scores as the saved one.

    Raises:
        InputError: If the package that provides its family is not installed.
    """
    family = (folder / FAMILY_FILE).read_text(encoding="utf-8")
    if family != JOIN:
        return load_family(family, folder)
    return load_joined(folder, load_family)
