"""The families of networks; TensorFlow is imported when one is fitted or loaded, not when one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.configuration import ModelSection, TrainingSection
from schemas.model import Changes, Family, FittedModel, Material, TrainingPlaces

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


def suggest_autoencoder(trial: BaseTrial) -> Changes:
    """Suggest size, dropout and pace of an autoencoder."""
    units = trial.suggest_categorical("units", ["32-16", "64-32", "16-8", "64-16"])
    return {
        "model": {
            "units": [int(size) for size in units.split("-")],
            "dropout": trial.suggest_categorical("dropout", [0.0, 0.2]),
        },
        "training": {"learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True)},
    }


def suggest_forecaster(trial: BaseTrial) -> Changes:
    """Suggest depth and pace of a forecaster: one layer, or two for the deep one."""
    units = trial.suggest_categorical("units", ["32", "32-32", "64"])
    return {
        "model": {"units": [int(size) for size in units.split("-")]},
        "training": {"learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True)},
    }


def _make_family(name: str, suggest: Callable[[BaseTrial], Changes]) -> Family:
    """Make the family of a network that `tasks.models.build` knows by this name."""

    def fit(
        material: Material, model: ModelSection, training: TrainingSection, places: TrainingPlaces
    ) -> FittedModel:
        from tasks.models.families.network import fit_network

        return fit_network(name, material, model, training, places)

    def load(folder: Path) -> FittedModel:
        from tasks.models.families.network import load_network

        return load_network(folder)

    return Family(fit, load, suggest)


LSTM_AUTOENCODER = _make_family("lstm_autoencoder", suggest_autoencoder)
DENSE_AUTOENCODER = _make_family("dense_autoencoder", suggest_autoencoder)
CONV_LSTM_AUTOENCODER = _make_family("conv_lstm_autoencoder", suggest_autoencoder)
RNN_FORECASTER = _make_family("rnn_forecaster", suggest_forecaster)
LSTM_FORECASTER = _make_family("lstm_forecaster", suggest_forecaster)
