"""What a fitted network promises: what it sees, what it says, and that it says the same once loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.configuration import FORECASTERS, ModelSection, TrainingSection
from schemas.features import Column
from schemas.model import FittedModel, Material
from schemas.windows import Part
from tasks.models.build import FAMILIES
from tasks.models.families.network import NetworkModel, fit_network, load_network

ROWS, WINDOW_ROWS = 60, 3
COLUMNS = (
    Column(name="x1", sensor="x1", group="level"),
    Column(name="x2", sensor="x2", group="level"),
    Column(name="x1 volatility", sensor="x1", group="volatility"),
    Column(name="rows since a restart", sensor=None, group="context"),
)
# the dense network, which sees one row, takes `inputs`, the others take `window_inputs`
SEEN = {"inputs": ["level", "context"], "window_inputs": ["level", "context"]}
TRAINING = TrainingSection(epochs=2, batch_size=16, learning_rate=0.01, seed=1)


def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, len(COLUMNS))).astype(np.float32)


def part_with(name: str, start: int, stop: int, positives: Sequence[int] = ()) -> Part:
    end_rows = np.arange(start, stop)
    return Part(
        name, end_rows, end_rows, np.isin(end_rows, positives), start=start, stop=stop, is_scattered=False
    )


def material_with(
    rows: np.ndarray, positives: Sequence[int] = (), window_rows: int = WINDOW_ROWS
) -> Material:
    train = part_with("train", 2, 40, positives)
    validation = part_with("validation", 42, ROWS, positives)
    return Material(rows, COLUMNS, train, validation, window_rows, train_labels=train.labels)


def fit(family: str, material: Material | None = None, **model: Any) -> NetworkModel:
    section = ModelSection.model_validate(SEEN | {"units": [3, 2], "error_rows": "last"} | model)
    return fit_network(family, material or material_with(make_rows()), section, TRAINING)


@cache
def fit_once(family: str) -> NetworkModel:
    """Fit a network that sees columns 0, 1 and 3 and scores the last row; no test changes it."""
    return fit(family)


@pytest.fixture(params=FAMILIES)
def fitted(request: pytest.FixtureRequest) -> NetworkModel:
    return fit_once(request.param)


@pytest.fixture
def dense() -> NetworkModel:
    return fit_once("dense_autoencoder")


END_ROWS = np.arange(WINDOW_ROWS - 1, ROWS)


def test_it_is_a_fitted_model(dense: NetworkModel) -> None:
    model: FittedModel = dense
    # dense layers from 3 columns over 3, 2 and 3 units to 3 columns: 12 + 8 + 9 + 12
    assert model.parameters == 41


def test_the_losses_of_every_epoch_are_kept(dense: NetworkModel) -> None:
    assert dense.history is not None
    assert len(dense.history.loss) == 2


def test_a_network_sees_the_rows_of_its_family(fitted: NetworkModel) -> None:
    family = fitted.outline.family
    expected = 1 if family == "dense_autoencoder" else WINDOW_ROWS - (family in FORECASTERS)
    assert (fitted.outline.lookback, fitted.network.input_shape) == (expected, (None, expected, 3))


@pytest.mark.parametrize("family", ["dense_autoencoder", "rnn_forecaster"])
def test_a_network_of_single_rows_takes_inputs_and_one_of_windows_takes_window_inputs(family: str) -> None:
    model = fit(family, inputs=["volatility"], window_inputs=["level", "volatility"])
    assert model.outline.columns == ((2,) if family == "dense_autoencoder" else (0, 1, 2))


def test_a_score_is_the_mean_of_the_errors_that_explain_it(fitted: NetworkModel) -> None:
    scores, drivers = (give(make_rows(), END_ROWS) for give in (fitted.score, fitted.explain))
    assert (scores.dtype, drivers.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(scores, drivers.sum(axis=1) / 3, rtol=1e-6)


def test_columns_that_are_not_seen_explain_nothing_and_change_nothing(fitted: NetworkModel) -> None:
    rows, others = make_rows(), make_rows()
    others[:, 2] = 99
    assert not fitted.explain(others, END_ROWS)[:, 2].any()
    assert fitted.score(others, END_ROWS).tolist() == fitted.score(rows, END_ROWS).tolist()


def test_explanations_are_the_errors_in_their_columns(fitted: NetworkModel) -> None:
    drivers, errors = fitted.explain(make_rows(), END_ROWS), fitted.errors(make_rows(), END_ROWS)
    assert drivers[:, [0, 1, 3]].tolist() == errors.tolist()


def test_a_score_does_not_depend_on_later_rows(fitted: NetworkModel) -> None:
    rows, others = make_rows(), make_rows()
    others[31:] = 9
    early = np.arange(WINDOW_ROWS - 1, 31)
    assert fitted.score(others, early).tolist() == fitted.score(rows, early).tolist()


def test_a_score_does_not_depend_on_rows_before_the_window(fitted: NetworkModel) -> None:
    rows, others = make_rows(), make_rows()
    others[: 31 - WINDOW_ROWS] = 9
    late = np.arange(30, ROWS)
    assert fitted.score(others, late).tolist() == fitted.score(rows, late).tolist()


@pytest.mark.parametrize("family", FORECASTERS)
def test_the_score_of_a_forecaster_compares_the_forecast_with_its_own_row(family: str) -> None:
    model, rows, others = fit_once(family), make_rows(), make_rows()
    forecast = np.asarray(model.network(rows[None, 28:30, [0, 1, 3]]))[0]
    others[30, [0, 1, 3]] = forecast
    end = np.array([30])
    assert model.score(others, end)[0] == pytest.approx(0, abs=1e-12)
    assert model.score(rows, end)[0] == pytest.approx(
        np.mean((forecast - rows[30, [0, 1, 3]]) ** 2), rel=1e-5
    )


def test_the_error_of_the_window_is_that_of_all_its_rows() -> None:
    model, rows = fit("lstm_autoencoder", error_rows="window"), make_rows()
    windows = np.stack([rows[end - WINDOW_ROWS + 1 : end + 1, [0, 1, 3]] for end in END_ROWS])
    errors = (np.asarray(model.network(windows)) - windows) ** 2
    np.testing.assert_allclose(model.score(rows, END_ROWS), errors.mean(axis=(1, 2)), rtol=1e-4)


def test_the_error_of_the_window_is_the_rule() -> None:
    assert ModelSection().error_rows == "window"


def test_the_error_of_the_last_row_is_that_of_it_alone() -> None:
    model, rows = fit_once("lstm_autoencoder"), make_rows()
    windows = np.stack([rows[end - WINDOW_ROWS + 1 : end + 1, [0, 1, 3]] for end in END_ROWS])
    errors = (np.asarray(model.network(windows)) - windows)[:, -1] ** 2
    np.testing.assert_allclose(model.score(rows, END_ROWS), errors.mean(axis=1), rtol=1e-4)


def test_an_encoding_is_as_wide_as_the_last_units(fitted: NetworkModel) -> None:
    encodings = fitted.encode(make_rows(), END_ROWS)
    assert (encodings.dtype, encodings.shape) == (np.float32, (len(END_ROWS), 2))


def test_fitting_learns_from_normal_windows_alone(dense: NetworkModel) -> None:
    rows = make_rows()
    rows[[10, 50]] = 1e6
    other = fit("dense_autoencoder", material_with(rows, positives=[10, 50]))
    spared = fit("dense_autoencoder", material_with(make_rows(), positives=[10, 50]))
    assert other.score(make_rows(), END_ROWS).tolist() == spared.score(make_rows(), END_ROWS).tolist()
    assert other.score(make_rows(), END_ROWS).tolist() != dense.score(make_rows(), END_ROWS).tolist()


@pytest.mark.parametrize("option", ["dropout", "gaussian_dropout"])
def test_an_option_changes_training_but_not_the_number_of_parameters(
    dense: NetworkModel, option: str
) -> None:
    other = fit("dense_autoencoder", **{option: 0.4})
    assert other.parameters == dense.parameters
    assert other.score(make_rows(), END_ROWS).tolist() != dense.score(make_rows(), END_ROWS).tolist()


def test_scoring_twice_gives_the_same_where_training_drops() -> None:
    model = fit("dense_autoencoder", dropout=0.4, gaussian_dropout=0.4)
    first, second = (model.score(make_rows(), END_ROWS).tolist() for _ in range(2))
    assert first == second


def test_the_same_seed_fits_bitwise_the_same_weights(dense: NetworkModel) -> None:
    first, second = (model.network.get_weights() for model in (dense, fit("dense_autoencoder")))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_loaded_model_says_bitwise_what_the_saved_one_said(fitted: NetworkModel, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded, rows = load_network(tmp_path), make_rows()
    for name in ("score", "errors", "explain", "encode"):
        before, after = (getattr(model, name)(rows, END_ROWS) for model in (fitted, loaded))
        assert np.array_equal(before, after), name
    assert (loaded.parameters, loaded.outline) == (fitted.parameters, fitted.outline)


def test_a_loaded_model_has_the_losses_of_its_training(dense: NetworkModel, tmp_path: Path) -> None:
    dense.save(tmp_path)
    losses, loaded = dense.history, load_network(tmp_path).history
    assert losses is not None
    assert loaded is not None
    assert loaded.loss.tolist() == losses.loss.tolist()
    assert loaded.validation_loss.tolist() == losses.validation_loss.tolist()
    assert loaded.best_epoch == losses.best_epoch


def test_a_model_that_was_saved_before_losses_were_has_none(dense: NetworkModel, tmp_path: Path) -> None:
    dense.save(tmp_path)
    (tmp_path / "history.json").unlink()
    assert load_network(tmp_path).history is None


def test_a_model_is_saved_as_a_network_and_what_it_needs_besides(dense: NetworkModel, tmp_path: Path) -> None:
    dense.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "history.json",
        "network.json",
        "network.keras",
    ]
    assert json.loads((tmp_path / "network.json").read_text(encoding="utf-8")) == {
        "family": "dense_autoencoder",
        "columns": [0, 1, 3],
        "error_rows": "last",
        "lookback": 1,
    }


def test_a_network_with_code_in_it_is_refused(dense: NetworkModel, tmp_path: Path) -> None:
    import keras

    dense.save(tmp_path)
    network = keras.Sequential([keras.Input((1, 3)), keras.layers.Lambda(lambda rows: rows)])
    network.save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        load_network(tmp_path)


def test_the_last_row_less_what_was_expected_explains_the_score(fitted: NetworkModel) -> None:
    rows = make_rows()
    expected = fitted.expect(rows, END_ROWS)
    squares = (rows[END_ROWS] - expected)[:, [0, 1, 3]] ** 2
    np.testing.assert_allclose(squares, fitted.explain(rows, END_ROWS)[:, [0, 1, 3]], rtol=1e-3, atol=1e-6)


def test_a_network_expects_nothing_of_columns_that_it_does_not_see(fitted: NetworkModel) -> None:
    assert np.isnan(fitted.expect(make_rows(), END_ROWS)).all(axis=0).tolist() == [False, False, True, False]


def test_what_a_network_expects_does_not_depend_on_later_rows(fitted: NetworkModel) -> None:
    rows, others = make_rows(), make_rows()
    others[31:] = 9
    end_rows = np.arange(WINDOW_ROWS - 1, 31)
    assert fitted.expect(others, end_rows).tobytes() == fitted.expect(rows, end_rows).tobytes()
