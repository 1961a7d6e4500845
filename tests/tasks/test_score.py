"""What a score is, and that it is the same however windows are scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from schemas.configuration import ModelSection, SplitSection
from tasks.build import build_network
from tasks.score import WINDOWS_PER_CALL, Scorer, load_scorer, make_scorer, score_parts, score_windows
from tasks.split import split_windows
from tasks.window import make_windows
from tests.builders import labelled_with

if TYPE_CHECKING:
    import keras

LOOKBACK, SENSORS = 3, 2
ROWS = np.random.default_rng(0).normal(size=(WINDOWS_PER_CALL + 500, SENSORS)).astype(np.float32)
END_ROWS = np.arange(LOOKBACK - 1, len(ROWS))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return build_network(ModelSection(units=(3, 2)), LOOKBACK, SENSORS, seed=0)


@pytest.fixture(scope="module")
def scorer(network: keras.Model) -> Scorer:
    return make_scorer(network)


@pytest.fixture(scope="module")
def zero_scorer() -> Scorer:
    """The scorer of a network that reconstructs every window by zeros."""
    network = build_network(ModelSection(units=(2,)), LOOKBACK, SENSORS, seed=0)
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    return make_scorer(network)


def test_a_score_is_the_mean_squared_error_of_the_last_row(zero_scorer: Scorer) -> None:
    rows = np.array([[9, 9], [9, 9], [1, 3], [2, 4]], dtype=np.float32)
    assert score_windows(zero_scorer, rows, np.array([2, 3])).tolist() == [5, 10]


def test_errors_are_told_sensor_by_sensor(zero_scorer: Scorer) -> None:
    rows = np.array([[9, 9], [9, 9], [1, 3]], dtype=np.float32)
    assert zero_scorer(rows, np.array([2])).tolist() == [[1, 9]]


def test_a_score_compares_the_last_row_with_what_the_network_gives(
    network: keras.Model, scorer: Scorer
) -> None:
    windows = np.stack([ROWS[end - LOOKBACK + 1 : end + 1] for end in END_ROWS[:20]])
    expected = ((np.asarray(network(windows)) - windows)[:, -1] ** 2).mean(axis=1)
    np.testing.assert_allclose(score_windows(scorer, ROWS, END_ROWS[:20]), expected, rtol=1e-5)


def test_a_score_does_not_depend_on_how_many_are_scored_with_it(scorer: Scorer) -> None:
    together = score_windows(scorer, ROWS, END_ROWS)
    chosen = [0, 1, 777, WINDOWS_PER_CALL - 1, WINDOWS_PER_CALL, len(END_ROWS) - 1]
    alone = [score_windows(scorer, ROWS, END_ROWS[[index]])[0] for index in chosen]
    assert alone == together[chosen].tolist()


def test_a_score_does_not_depend_on_rows_outside_its_window(scorer: Scorer) -> None:
    others = ROWS.copy()
    others[:100] = others[100 + LOOKBACK :] = 7
    end = np.array([100 + LOOKBACK - 1])
    assert score_windows(scorer, others, end).tolist() == score_windows(scorer, ROWS, end).tolist()


def test_scores_keep_the_order_of_their_windows(scorer: Scorer) -> None:
    backwards = score_windows(scorer, ROWS, END_ROWS[::-1])
    assert backwards[::-1].tolist() == score_windows(scorer, ROWS, END_ROWS).tolist()


def test_no_windows_have_no_scores(scorer: Scorer) -> None:
    assert score_windows(scorer, ROWS, END_ROWS[:0]).tolist() == []


def test_every_window_of_every_part_is_scored(network: keras.Model, scorer: Scorer) -> None:
    windows = make_windows(labelled_with(rows=150, events=[105, 135]), LOOKBACK)
    split = split_windows(windows, SplitSection(), purge_rows=2)
    scores = score_parts(network, ROWS[:148], split)
    expected = {part.name: score_windows(scorer, ROWS[:148], part.end_rows).tolist() for part in split.parts}
    assert {name: values.tolist() for name, values in scores.items()} == expected


def test_a_compiled_scorer_gives_the_same_scores() -> None:
    network = build_network(ModelSection(family="dense_autoencoder", units=(2,)), 1, SENSORS, seed=0)
    plain, compiled = (
        score_windows(make_scorer(network, is_compiled=is_compiled), ROWS, END_ROWS)
        for is_compiled in (False, True)
    )
    np.testing.assert_allclose(compiled, plain, rtol=1e-4)


def test_a_loaded_network_scores_as_the_saved_one(
    network: keras.Model, scorer: Scorer, tmp_path: Path
) -> None:
    network.save(tmp_path / "network.keras")
    loaded = load_scorer(tmp_path / "network.keras")
    expected = score_windows(scorer, ROWS, END_ROWS)
    assert score_windows(loaded, ROWS, END_ROWS).tolist() == expected.tolist()


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((1, SENSORS)), keras.layers.Lambda(lambda rows: rows)])
    network.save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        load_scorer(tmp_path / "network.keras")
