"""The published procedures by name: settings that differ from the defaults."""

from __future__ import annotations

from typing import Any

_PUBLISHED: dict[str, Any] = {
    "features": {"standardise": "none", "clip": None},
    "windows": {"lookback": 5, "convention": "published"},
    "split": {"method": "random", "test_fraction": 0.2, "validation_fraction": 0.2, "seed": 123},
}

PRESETS: dict[str, dict[str, Any]] = {
    # Ranjan 2019, "LSTM Autoencoder for Extreme Rare Event Classification in Keras"
    "ranjan-2019": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 2, "across_gaps": True},
        "model": {"family": "lstm_autoencoder", "units": [32, 16], "activation": "relu"},
        "training": {"epochs": 200, "batch_size": 64, "learning_rate": 1e-4, "patience": None},
        "threshold": {"rule": "fixed", "value": 0.3},
    },
    # the 2020 post on the same data: its text says 2 rows, its code shifts by 5
    "shifted-2020": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 5, "across_gaps": True},
        "model": {"family": "lstm_autoencoder", "units": [32, 16], "activation": "relu"},
        "training": {"epochs": 200, "batch_size": 128, "learning_rate": 1e-3, "patience": None},
        "threshold": {"rule": "pr_crossing"},
    },
    # Ranjan 2019, the dense autoencoder that the LSTM is compared with: no windows, so all rows
    "dense-baseline": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 2, "across_gaps": True},
        "windows": {"lookback": 1, "convention": "published"},
        "model": {"family": "dense_autoencoder", "units": [32, 16], "activation": "relu"},
        "training": {"epochs": 200, "batch_size": 64, "learning_rate": 1e-3, "patience": None},
        "threshold": {"rule": "fixed", "value": 0.3},
    },
}
