"""Fit, save and load models of every family; `FAMILIES` is where a family is registered."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from schemas.configuration import NETWORKS, ModelSection, TrainingSection
from schemas.model import NOWHERE, FittedModel, Material, TrainingPlaces
from tasks.models.families.join import join_models, load_joined

# file in a model's folder that contains the name of its family
FAMILY_FILE = "family"


@dataclass(frozen=True)
class FamilyOfModels:
    """How a family is fitted and loaded; its module is imported on first use.

    Attributes:
        module: Module of `tasks.models.families`; the module `network` loads TensorFlow.
        fit: Name of the function that fits a model on material with the settings of the model.
        load: Name of the function that loads what the model's `save` wrote.
        options: Further arguments of `fit`.
        is_trained: Whether the family is trained in epochs: `fit` then also takes the settings of training
            and the folders for logs and checkpoints.
        is_labelled: Whether the family learns from labels.
    """

    module: str
    fit: str
    load: str
    options: dict[str, str] = field(default_factory=dict)
    is_trained: bool = False
    is_labelled: bool = False

    def call(self, function: str, **arguments: Any) -> FittedModel:
        """Call a function of the family's module, `fit` or `load`."""
        module = importlib.import_module(f"tasks.models.families.{self.module}")
        model: FittedModel = getattr(module, function)(**arguments)
        return model


FAMILIES: dict[str, FamilyOfModels] = {
    **{
        name: FamilyOfModels("network", "fit_network", "load_network", {"family": name}, is_trained=True)
        for name in NETWORKS
    },
    "pca_t2": FamilyOfModels("pca", "fit_projection", "load_projection", {"statistic": "t2"}),
    "pca_q": FamilyOfModels("pca", "fit_projection", "load_projection", {"statistic": "q"}),
    "zscore": FamilyOfModels("zscore", "fit_deviation", "load_deviation"),
    "logistic": FamilyOfModels("logistic", "fit_logistic", "load_logistic", is_labelled=True),
}


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
    if model.family != "join":
        return members[model.family]
    labelled = [name for name in members if FAMILIES[name].is_labelled]
    return join_models(members, labelled, material.rows, material.validation.normal_end_rows)


def fit_family(
    name: str,
    material: Material,
    model: ModelSection,
    training: TrainingSection,
    places: TrainingPlaces = NOWHERE,
) -> FittedModel:
    """Fit one family; see `fit_model`."""
    family = FAMILIES[name]
    arguments: dict[str, Any] = {"material": material, "model": model, **family.options}
    if family.is_trained:
        arguments |= {"training": training, "places": places.go_below(name)}
    return family.call(family.fit, **arguments)


def load_family(name: str, folder: Path) -> FittedModel:
    """Load a model of one family; see `load_model`."""
    return FAMILIES[name].call(FAMILIES[name].load, folder=folder)


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
    """
    family = (folder / FAMILY_FILE).read_text(encoding="utf-8")
    if family != "join":
        return load_family(family, folder)
    return load_joined(folder, load_family)
