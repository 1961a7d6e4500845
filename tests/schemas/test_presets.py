"""Each preset against the table of published procedures."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.configuration import DEFAULTS, Configuration
from schemas.presets import PRESETS, PUBLISHED_ENTRANT
from schemas.windows import Windows
from tasks.windows.split import split_in_time

PUBLISHED = ("ranjan-2019", "shifted-2020", "dense-baseline")
LECTURE = ("lecture-lstm", "lecture-lstm-wide")
UNLABELLED = ("lecture-forecast", "integer-sequence")
PROCEDURES = PUBLISHED + LECTURE + UNLABELLED


def preset(name: str) -> Configuration:
    return Configuration.model_validate(PRESETS[name])


def test_every_published_procedure_has_a_name() -> None:
    assert tuple(PRESETS) == (*PROCEDURES, "mill")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_valid_configuration(name: str) -> None:
    assert preset(name)


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_network_sees_the_sensors_as_they_are(name: str) -> None:
    configuration = preset(name)
    assert (configuration.computes_features, configuration.model.inputs) == (False, ("level",))


@pytest.mark.parametrize("name", PROCEDURES)
def test_sensors_are_scaled_by_mean_and_deviation_alone_as_published(name: str) -> None:
    features = preset(name).features
    assert (features.level, features.clip) == ("raw", None)


@pytest.mark.parametrize("name", PROCEDURES)
def test_the_scaler_learns_from_the_last_rows_of_training_windows_as_published(name: str) -> None:
    assert preset(name).features.scale_order == "window_split_scale"


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


# the lecture


@pytest.mark.parametrize("name", LECTURE)
def test_the_lecture_divides_in_time_windows_of_ten_rows_within_runs(name: str) -> None:
    configuration = preset(name)
    windows = configuration.windows
    assert (windows.lookback, windows.convention) == (10, "within_runs")
    assert configuration.split.method == "time"


@pytest.mark.parametrize(("name", "units"), [("lecture-lstm", (32, 16)), ("lecture-lstm-wide", (128, 64))])
def test_the_network_is_that_of_the_lecture(name: str, units: tuple[int, ...]) -> None:
    model = preset(name).model
    assert (model.family, model.units, model.activation) == ("lstm_autoencoder", units, "relu")


@pytest.mark.parametrize("name", LECTURE)
def test_the_training_is_that_of_the_lecture(name: str) -> None:
    training = preset(name).training
    assert (training.epochs, training.patience) == (200, 20)
    assert (training.batch_size, training.learning_rate) == (128, 1e-3)


@pytest.mark.parametrize("name", LECTURE + UNLABELLED)
def test_the_threshold_is_the_99_percent_quantile(name: str) -> None:
    threshold = preset(name).threshold
    assert (threshold.rule, threshold.quantile) == ("quantile", 0.99)


# tables without labels


@pytest.mark.parametrize(
    ("name", "simulated"), [("lecture-forecast", "temperature"), ("integer-sequence", "sequences")]
)
def test_a_table_of_its_own_is_simulated_and_has_no_labels(name: str, simulated: str) -> None:
    readings = preset(name).readings
    assert (readings.label_column, readings.simulated) == (None, simulated)


@pytest.mark.parametrize("name", UNLABELLED)
def test_a_model_of_other_readings_is_registered_by_another_name(name: str) -> None:
    names = [preset(other).tracking.model_name for other in PRESETS if other != name]
    assert preset(name).tracking.model_name not in names


def test_the_forecast_is_that_of_the_lecture() -> None:
    configuration = preset("lecture-forecast")
    model, training = configuration.model, configuration.training
    assert (model.family, model.units, model.activation) == ("rnn_forecaster", (10,), "tanh")
    assert (training.epochs, training.batch_size, training.learning_rate) == (20, 32, 5e-3)
    assert training.patience is None


def test_a_week_is_forecast_from_the_four_before() -> None:
    configuration = preset("lecture-forecast")
    assert (configuration.windows.lookback, configuration.window_rows) == (4, 5)


def test_the_autoencoder_of_sequences_is_the_published_one() -> None:
    configuration = preset("integer-sequence")
    model, training = configuration.model, configuration.training
    assert (model.family, model.units, model.activation) == ("lstm_autoencoder", (32, 16), "relu")
    assert (training.epochs, training.batch_size, training.learning_rate) == (700, 32, 1e-4)
    assert training.patience is None


def test_a_sequence_is_judged_as_a_whole_against_the_training_sequences() -> None:
    configuration = preset("integer-sequence")
    assert configuration.window_rows == 4
    assert (configuration.model.error_rows, configuration.threshold.quantile_part) == ("window", "train")


def test_of_116_sequences_25_are_tested_on_and_the_last_tenth_of_the_others_validates() -> None:
    split = preset("integer-sequence").split
    rows = 116 * 4
    windows = Windows(np.arange(3, rows, 4), np.zeros(116, dtype=bool), lookback=4, rows=rows)
    parts = split_in_time(windows, split.test_fraction, split.validation_fraction, purge_rows=0).parts
    assert [len(part.end_rows) for part in parts] == [82, 9, 25]


# the published network among the entrants of a backtest


def test_the_published_entrant_differs_from_the_published_procedure_in_the_stopping_alone() -> None:
    sections = DEFAULTS.model_dump()
    changed = {name: {**sections[name], **section} for name, section in PUBLISHED_ENTRANT.items()}
    entrant, published = Configuration.model_validate({**sections, **changed}), preset("ranjan-2019")
    assert (entrant.features, entrant.model) == (published.features, published.model)
    assert entrant.windows.lookback == published.windows.lookback
    stopping = {"patience": published.training.patience, "compile": published.training.compile}
    assert entrant.training.model_copy(update=stopping) == published.training


def test_the_published_entrant_is_divided_and_judged_as_everyone() -> None:
    assert set(PUBLISHED_ENTRANT) == {"features", "windows", "model", "training"}
    assert "convention" not in PUBLISHED_ENTRANT["windows"]
