"""Each preset against the table of published procedures."""

from __future__ import annotations

import pytest

from schemas.configuration import Configuration
from schemas.presets import PRESETS

PUBLISHED = ("ranjan-2019", "shifted-2020", "dense-baseline")


def preset(name: str) -> Configuration:
    return Configuration.model_validate(PRESETS[name])


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_preset_is_runnable_by_name(name: str) -> None:
    assert preset(name)


@pytest.mark.parametrize(
    ("name", "rows_ahead"), [("ranjan-2019", 2), ("shifted-2020", 5), ("dense-baseline", 2)]
)
def test_the_curve_shift_is_the_published_one(name: str, rows_ahead: int) -> None:
    labels = preset(name).labels
    assert (labels.rows_ahead, labels.across_gaps, labels.are_event_rows_kept) == (rows_ahead, True, False)


@pytest.mark.parametrize(
    ("name", "lookback"), [("ranjan-2019", 5), ("shifted-2020", 5), ("dense-baseline", 1)]
)
def test_the_windows_are_the_published_ones(name: str, lookback: int) -> None:
    windows = preset(name).windows
    assert (windows.lookback, windows.convention) == (lookback, "published")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_split_is_random_as_published(name: str) -> None:
    split = preset(name).split
    assert (split.method, split.test_fraction, split.validation_fraction) == ("random", 0.2, 0.2)


@pytest.mark.parametrize("name", ["ranjan-2019", "dense-baseline"])
def test_the_seed_of_the_split_is_the_published_one(name: str) -> None:
    assert preset(name).split.seed == 123


@pytest.mark.parametrize("name", PUBLISHED)
def test_sensors_are_scaled_by_mean_and_deviation_alone_as_published(name: str) -> None:
    features = preset(name).features
    assert (features.standardise, features.clip) == ("none", None)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("ranjan-2019", "lstm_autoencoder"),
        ("shifted-2020", "lstm_autoencoder"),
        ("dense-baseline", "dense_autoencoder"),
    ],
)
def test_the_network_is_the_published_one(name: str, family: str) -> None:
    model = preset(name).model
    assert (model.family, model.units, model.activation) == (family, (32, 16), "relu")


@pytest.mark.parametrize(
    ("name", "batch_size", "learning_rate"),
    [("ranjan-2019", 64, 1e-4), ("shifted-2020", 128, 1e-3), ("dense-baseline", 64, 1e-3)],
)
def test_the_training_is_the_published_one(name: str, batch_size: int, learning_rate: float) -> None:
    training = preset(name).training
    assert (training.batch_size, training.learning_rate) == (batch_size, learning_rate)
    assert (training.epochs, training.patience) == (200, None)


@pytest.mark.parametrize(
    ("name", "rule", "value"),
    [("ranjan-2019", "fixed", 0.3), ("shifted-2020", "pr_crossing", None), ("dense-baseline", "fixed", 0.3)],
)
def test_the_threshold_is_the_published_one(name: str, rule: str, value: float | None) -> None:
    threshold = preset(name).threshold
    assert (threshold.rule, threshold.value) == (rule, value)
