"""What a score is, and that it is the same however windows are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from schemas.configuration import FORECASTERS, ModelSection
from tasks.models.build import FAMILIES, build_network
from tasks.models.inference import (
    WINDOWS_PER_CALL,
    Scorer,
    make_encoder,
    make_expecter,
    make_scorer,
    score_windows,
)

if TYPE_CHECKING:
    import keras

WINDOW_ROWS, COLUMNS = 3, np.array([0, 2, 3])
ROWS = np.random.default_rng(0).normal(size=(WINDOWS_PER_CALL + 500, 5)).astype(np.float32)
END_ROWS = np.arange(WINDOW_ROWS - 1, len(ROWS))


def build_small(family: str) -> keras.Model:
    lookback = 1 if family == "dense_autoencoder" else WINDOW_ROWS - (family in FORECASTERS)
    return build_network(family, ModelSection(units=(3, 2)), lookback, len(COLUMNS), seed=0)


def stack_seen(network: keras.Model, end_rows: np.ndarray) -> np.ndarray:
    """What the network sees of each window, shape (windows, lookback, columns)."""
    lookback = network.input_shape[1]
    stops = end_rows + (network.name not in FORECASTERS)
    return np.stack([ROWS[stop - lookback : stop, COLUMNS] for stop in stops])


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> keras.Model:
    return build_small(request.param)


@pytest.fixture(scope="module")
def scorer(network: keras.Model) -> Scorer:
    return make_scorer(network, COLUMNS)


def score_by_zeros(
    family: str,
    rows: list[list[float]],
    columns: list[int],
    error_rows: Literal["last", "window"] = "last",
) -> list[list[float]]:
    """Errors of the window that ends at the last row, by a network that gives zeros for every row."""
    lookback = len(rows) - (family in FORECASTERS)
    network = build_network(family, ModelSection(units=(2,)), lookback, len(columns), seed=0)
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    scorer = make_scorer(network, np.array(columns), error_rows)
    return scorer(np.array(rows, dtype=np.float32), np.array([len(rows) - 1])).tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_errors_are_those_of_the_last_row_column_by_column(family: str) -> None:
    assert score_by_zeros(family, [[9, 9], [9, 9], [1, 3]], [0, 1]) == [[1, 9]]


@pytest.mark.parametrize("family", ["lstm_autoencoder", "conv_lstm_autoencoder"])
def test_errors_of_the_window_are_their_mean_over_its_rows(family: str) -> None:
    assert score_by_zeros(family, [[2, 0], [2, 0], [1, 3]], [0, 1], "window") == [[3, 3]]


@pytest.mark.parametrize("family", FORECASTERS)
def test_a_forecaster_has_the_error_of_the_row_that_it_forecasts_alone(family: str) -> None:
    assert score_by_zeros(family, [[2, 0], [2, 0], [1, 3]], [0, 1], "window") == [[1, 9]]


@pytest.mark.parametrize(
    ("columns", "expected"), [([0, 1], [[1, 4]]), ([1, 2], [[4, 9]]), ([0, 2], [[1, 9]])]
)
def test_columns_that_the_network_does_not_see_have_no_error(
    columns: list[int], expected: list[list[float]]
) -> None:
    assert score_by_zeros("lstm_autoencoder", [[9, 9, 9], [1, 2, 3]], columns) == expected


@pytest.mark.parametrize("family", ["lstm_autoencoder", "conv_lstm_autoencoder"])
@pytest.mark.parametrize("error_rows", ["last", "window"])
def test_an_autoencoder_is_compared_with_what_it_sees(
    family: str, error_rows: Literal["last", "window"]
) -> None:
    network = build_small(family)
    windows = stack_seen(network, END_ROWS[:20])
    errors = (np.asarray(network(windows)) - windows) ** 2
    expected = errors[:, -1] if error_rows == "last" else errors.mean(axis=1)
    scorer = make_scorer(network, COLUMNS, error_rows)
    np.testing.assert_allclose(scorer(ROWS, END_ROWS[:20]), expected, rtol=1e-4)


@pytest.mark.parametrize("family", FORECASTERS)
def test_a_forecast_is_compared_with_the_row_after_those_that_it_is_made_from(family: str) -> None:
    network = build_small(family)
    forecasts = np.asarray(network(stack_seen(network, END_ROWS[:20])))
    expected = (forecasts - ROWS[END_ROWS[:20]][:, COLUMNS]) ** 2
    np.testing.assert_allclose(make_scorer(network, COLUMNS)(ROWS, END_ROWS[:20]), expected, rtol=1e-4)


def test_a_score_is_the_mean_of_the_errors(scorer: Scorer) -> None:
    scores, errors = score_windows(scorer, ROWS, END_ROWS[:9]), scorer(ROWS, END_ROWS[:9])
    assert errors.shape == (9, len(COLUMNS))
    np.testing.assert_allclose(scores, errors.mean(axis=1), rtol=1e-6)


def test_a_score_does_not_depend_on_how_many_are_scored_with_it(scorer: Scorer) -> None:
    together = score_windows(scorer, ROWS, END_ROWS)
    chosen = [0, 1, 777, WINDOWS_PER_CALL - 1, WINDOWS_PER_CALL, len(END_ROWS) - 1]
    alone = [score_windows(scorer, ROWS, END_ROWS[[index]])[0] for index in chosen]
    assert alone == together[chosen].tolist()


def test_a_score_does_not_depend_on_rows_outside_its_window(scorer: Scorer) -> None:
    others = ROWS.copy()
    others[:100] = others[100 + WINDOW_ROWS :] = 7
    end = np.array([100 + WINDOW_ROWS - 1])
    assert score_windows(scorer, others, end).tolist() == score_windows(scorer, ROWS, end).tolist()


def test_a_score_depends_on_the_last_row(scorer: Scorer) -> None:
    others = ROWS.copy()
    others[100] += 1
    end = np.array([100])
    assert score_windows(scorer, others, end).tolist() != score_windows(scorer, ROWS, end).tolist()


def test_scores_keep_the_order_of_their_windows(scorer: Scorer) -> None:
    backwards = score_windows(scorer, ROWS, END_ROWS[::-1])
    assert backwards[::-1].tolist() == score_windows(scorer, ROWS, END_ROWS).tolist()


def test_no_windows_have_no_scores(scorer: Scorer) -> None:
    assert score_windows(scorer, ROWS, END_ROWS[:0]).tolist() == []


def test_a_compiled_scorer_gives_the_same_scores() -> None:
    network = build_network("dense_autoencoder", ModelSection(units=(2,)), 1, len(COLUMNS), seed=0)
    plain, compiled = (
        score_windows(make_scorer(network, COLUMNS, is_compiled=is_compiled), ROWS, END_ROWS)
        for is_compiled in (False, True)
    )
    np.testing.assert_allclose(compiled, plain, rtol=1e-4)


def test_an_encoding_is_what_the_encoder_says_of_the_rows_that_the_network_sees(network: keras.Model) -> None:
    import keras

    windows = stack_seen(network, END_ROWS[:20])
    expected = keras.Model(network.input, network.get_layer("encoding").output)(windows)
    encodings = make_encoder(network, COLUMNS)(ROWS, END_ROWS[:20])
    np.testing.assert_allclose(encodings, np.asarray(expected).reshape(20, 2), rtol=1e-4, atol=1e-6)


def test_an_encoding_is_as_wide_as_the_last_units(network: keras.Model) -> None:
    assert make_encoder(network, COLUMNS)(ROWS, END_ROWS[:7]).shape == (7, 2)


def test_the_encoding_of_a_forecaster_does_not_see_the_row_that_it_forecasts() -> None:
    encoder = make_encoder(build_small("rnn_forecaster"), COLUMNS)
    others = ROWS.copy()
    others[100] += 1
    end = np.array([100])
    assert encoder(others, end).tolist() == encoder(ROWS, end).tolist()


def test_an_expectation_is_what_the_network_gives_of_the_last_row(network: keras.Model) -> None:
    given = np.asarray(network(stack_seen(network, END_ROWS[:20])))
    expected = given if given.ndim == 2 else given[:, -1]
    np.testing.assert_allclose(make_expecter(network, COLUMNS)(ROWS, END_ROWS[:20]), expected, rtol=1e-4)


@pytest.mark.parametrize("family", FORECASTERS)
def test_a_forecast_is_expected_whatever_the_row_is(family: str) -> None:
    expecter = make_expecter(build_small(family), COLUMNS)
    others = ROWS.copy()
    others[100] += 1
    end = np.array([100])
    assert expecter(others, end).tolist() == expecter(ROWS, end).tolist()


def test_an_expectation_does_not_depend_on_how_many_windows_are_asked_for(network: keras.Model) -> None:
    expecter = make_expecter(network, COLUMNS)
    many = expecter(ROWS, END_ROWS)
    few = np.concatenate([expecter(ROWS, END_ROWS[:1]), expecter(ROWS, END_ROWS[1:60])])
    assert many[:60].tolist() == few.tolist()
