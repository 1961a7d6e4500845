"""Presets: published procedures as named sets of settings that differ from the defaults."""

from __future__ import annotations

from typing import Any

_RAW: dict[str, Any] = {
    "level": "raw",
    "volatility_rows": None,
    "difference_rows": None,
    "has_context": False,
    "clip": None,
    "scale_order": "window_split_scale",
}
_PUBLISHED: dict[str, Any] = {
    "features": _RAW,
    "windows": {"lookback": 5, "convention": "published"},
    "split": {"method": "random", "test_fraction": 0.2, "validation_fraction": 0.2, "seed": 123},
}
_LSTM: dict[str, Any] = {
    "family": "lstm_autoencoder",
    "inputs": ["level"],
    "error_rows": "last",
    "units": [32, 16],
    "activation": "relu",
}
_LECTURE: dict[str, Any] = {
    "features": _RAW,
    "windows": {"lookback": 10},
    "model": _LSTM,
    "training": {"epochs": 200, "batch_size": 128, "learning_rate": 1e-3, "patience": 20},
    "threshold": {"rule": "quantile", "quantile": 0.99},
}

# the published network as an entrant of a backtest: its own features, architecture and training, but the same
# windows, split and threshold rule as the other entrants, and early stopping with a patience of 10 epochs
PUBLISHED_ENTRANT: dict[str, Any] = {
    "features": _RAW,
    "windows": {"lookback": 5},
    "model": _LSTM,
    "training": {"epochs": 200, "batch_size": 64, "learning_rate": 1e-4, "patience": 10, "compile": "never"},
}

# the published mill file: what its columns are
MILL: dict[str, Any] = {"readings": {"categorical_columns": ["x28", "x61"], "complete_series": True}}

PRESETS: dict[str, dict[str, Any]] = {
    # Ranjan 2019, "LSTM Autoencoder for Extreme Rare Event Classification in Keras"
    "ranjan-2019": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 2, "across_gaps": True},
        "model": _LSTM,
        "training": {"epochs": 200, "batch_size": 64, "learning_rate": 1e-4, "patience": None},
        "threshold": {"rule": "fixed", "value": 0.3},
    },
    # the 2020 blog post on the same data: its text states a shift of 2 rows, its code shifts by 5
    "shifted-2020": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 5, "across_gaps": True},
        "model": _LSTM,
        "training": {"epochs": 200, "batch_size": 128, "learning_rate": 1e-3, "patience": None},
        "threshold": {"rule": "pr_crossing"},
    },
    # Ranjan 2019, the dense baseline for the LSTM; single rows in place of windows
    "dense-baseline": {
        **_PUBLISHED,
        "labels": {"rows_ahead": 2, "across_gaps": True},
        "windows": {"lookback": 1, "convention": "published"},
        "model": {**_LSTM, "family": "dense_autoencoder"},
        "training": {"epochs": 200, "batch_size": 64, "learning_rate": 1e-3, "patience": None},
        "threshold": {"rule": "fixed", "value": 0.3},
    },
    # the lecture's autoencoder: longer windows and a chronological split
    "lecture-lstm": _LECTURE,
    "lecture-lstm-wide": {**_LECTURE, "model": {**_LSTM, "units": [128, 64]}},
    # the lecture's forecaster: one temperature column, a lookback of four weeks, no labels
    "lecture-forecast": {
        "tracking": {"model_name": "forewarn-temperature"},
        "readings": {"label_column": None, "simulated": "temperature"},
        "features": _RAW,
        "windows": {"lookback": 4},
        "model": {"family": "rnn_forecaster", "inputs": ["level"], "units": [10], "activation": "tanh"},
        "training": {"epochs": 20, "batch_size": 32, "learning_rate": 5e-3, "patience": None},
        "threshold": {"rule": "quantile", "quantile": 0.99},
    },
    # the blog post on integer sequences: 91 for training (the last tenth for validation), 25 for testing
    "integer-sequence": {
        "tracking": {"model_name": "forewarn-sequences"},
        "readings": {"label_column": None, "simulated": "sequences"},
        "features": _RAW,
        "windows": {"lookback": 4},
        "split": {"test_fraction": 25 / 116, "validation_fraction": 0.1},
        "model": {**_LSTM, "error_rows": "window"},
        "training": {"epochs": 700, "batch_size": 32, "learning_rate": 1e-4, "patience": None},
        "threshold": {"rule": "quantile", "quantile": 0.99, "quantile_part": "train"},
    },
    # the default detector on the mill's file, whose columns are also recognised without the preset
    "mill": MILL,
}
