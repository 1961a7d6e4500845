"""Fit a family of models, and load it again: the one mechanism by which families enter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from schemas.configuration import ModelSection, TrainingSection
from schemas.model import FittedModel, Material
from tasks.build import FAMILIES as NETWORKS
from tasks.families.join import join_models, load_joined
from tasks.families.logistic import fit_logistic, load_logistic
from tasks.families.network import fit_network, load_network
from tasks.families.pca import fit_projection, load_projection
from tasks.families.zscore import fit_deviation, load_deviation

# file in a model's folder that names its family
FAMILY_FILE = "family"


@dataclass(frozen=True)
class FamilyOfModels:
    """How a family is fitted and loaded.

    Attributes:
        fit: Fits a model on material, by the settings of model and training, with a folder for logs.
        load: Loads what the model's `save` wrote.
        is_labelled: Whether it learns from labels.
    """

    fit: Callable[[Material, ModelSection, TrainingSection, Path | None], FittedModel]
    load: Callable[[Path], FittedModel]
    is_labelled: bool = False


def _without_training(fit: Callable[[Material, ModelSection], FittedModel]) -> Callable[..., FittedModel]:
    """Let a family that is not trained in epochs be fitted like the others."""
    return lambda material, model, training, log_dir: fit(material, model)


FAMILIES: dict[str, FamilyOfModels] = {
    **{name: FamilyOfModels(partial(fit_network, name), load_network) for name in NETWORKS},
    "pca_t2": FamilyOfModels(_without_training(partial(fit_projection, statistic="t2")), load_projection),
    "pca_q": FamilyOfModels(_without_training(partial(fit_projection, statistic="q")), load_projection),
    "zscore": FamilyOfModels(_without_training(fit_deviation), load_deviation),
    "logistic": FamilyOfModels(_without_training(fit_logistic), load_logistic, is_labelled=True),
}


def fit_model(
    material: Material, model: ModelSection, training: TrainingSection, log_dir: Path | None = None
) -> FittedModel:
    """Fit the configured family, or the members of the join.

    Args:
        material: Rows, parts and labels.
        model: The family and its settings.
        training: Epochs, seed and the like, for networks.
        log_dir: Folder for TensorBoard logs, or none for no logs.

    Returns:
        The fitted model.

    Raises:
        InputError: If a family cannot be fitted on this material.
    """
    members = {
        name: FAMILIES[name].fit(material, model, training, None if log_dir is None else log_dir / name)
        for name in model.families
    }
    if model.family != "join":
        return members[model.family]
    labelled = [name for name in members if FAMILIES[name].is_labelled]
    return join_models(members, labelled, material.rows, material.validation.normal_end_rows)


def score_windows(model: FittedModel, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
    """Score windows with a fitted model; see `schemas.model.FittedModel.score`."""
    return model.score(rows, end_rows)


def save_model(model: FittedModel, family: str, folder: Path) -> None:
    """Write a model and the name of its family into a folder, which is made."""
    folder.mkdir(parents=True)
    (folder / FAMILY_FILE).write_text(family, encoding="utf-8")
    model.save(folder)


def archive_model(model: FittedModel, family: str) -> dict[str, bytes]:
    """Read what `save_model` writes, by the path of each file below `model/`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        save_model(model, family, place)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def load_model(folder: Path) -> FittedModel:
    """Load what `save_model` wrote; no pickle and no code is read.

    Args:
        folder: The model's folder.

    Returns:
        A model that scores as the saved one.
    """
    family = (folder / FAMILY_FILE).read_text(encoding="utf-8")
    if family != "join":
        return FAMILIES[family].load(folder)
    return load_joined(folder, lambda name, place: FAMILIES[name].load(place))
