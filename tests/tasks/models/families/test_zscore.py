"""The z-score: the mean of the squared scaled features of a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import ModelSection
from schemas.features import Column
from schemas.model import Material
from schemas.windows import Part
from tasks.models.families.zscore import DeviationModel, fit_deviation, load_deviation

ROWS = np.array([[3, 1, 9], [-3, 5, 9], [0, 0, 9]], dtype=np.float32)
MODEL = DeviationModel(np.array([0, 1]))


def test_the_score_is_the_mean_square_of_the_inputs() -> None:
    assert MODEL.score(ROWS, np.array([0, 1, 2])).tolist() == [5, 17, 0]


def test_a_column_adds_its_square() -> None:
    assert MODEL.explain(ROWS, np.array([1])).tolist() == [[9, 25, 0]]


def test_explanations_sum_to_the_score_times_the_inputs() -> None:
    end_rows = np.arange(3)
    assert MODEL.explain(ROWS, end_rows).sum(axis=1).tolist() == (2 * MODEL.score(ROWS, end_rows)).tolist()


def test_the_inputs_are_the_configured_groups() -> None:
    columns = (
        Column(name="x1", sensor="x1", group="level"),
        Column(name="x1 volatility", sensor="x1", group="volatility"),
        Column(name="x1 difference", sensor="x1", group="difference"),
    )
    part = Part("train", np.arange(3), np.arange(3), np.zeros(3, bool), 0, 3, is_scattered=False)
    material = Material(ROWS, columns, part, part, 1, part.labels)
    model = fit_deviation(material, ModelSection(family="zscore", inputs=("level", "difference")))
    assert model.columns.tolist() == [0, 2]


def test_nothing_is_learnt() -> None:
    assert (MODEL.parameters, MODEL.history) == (0, None)


def test_a_loaded_model_looks_at_the_same_columns(tmp_path: Path) -> None:
    MODEL.save(tmp_path)
    assert load_deviation(tmp_path).columns.tolist() == [0, 1]


@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_a_window_scores_alone_as_among_others_to_the_last_bit(columns: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(20, columns)).astype(np.float32)
    model = DeviationModel(np.arange(columns))
    alone = [model.score(rows, np.array([row]))[0] for row in range(20)]
    assert model.score(rows, np.arange(20)).tolist() == alone


def test_the_training_mean_is_expected_of_the_inputs_and_nothing_of_other_columns() -> None:
    expected = MODEL.expect(ROWS, np.array([1, 2]))
    np.testing.assert_array_equal(expected, [[0, 0, np.nan], [0, 0, np.nan]])
