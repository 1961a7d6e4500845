"""Resampled figures against scikit-learn on rows that are really repeated."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

import tasks.evaluation.bootstrap
from tasks.evaluation.bootstrap import (
    draw_weights,
    resample_average_precision,
    resample_roc_auc,
    take_interval,
)

Resample = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Score = Callable[[np.ndarray, np.ndarray], float]
FIGURES = pytest.mark.parametrize(
    ("resample", "score"),
    [(resample_roc_auc, roc_auc_score), (resample_average_precision, average_precision_score)],
    ids=["roc_auc", "average_precision"],
)
SCORES = np.array([0.1, 0.9, 0.5, 0.5, 0.2, 0.8, 0.5, 0.3])
LABELS = np.array([0, 1, 1, 0, 0, 0, 1, 0], dtype=bool)
BLOCKS = np.array([0, 0, 1, 1, 1, 2, 2, 2])


@st.composite
def any_scores(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with many ties, labels of both classes, and blocks."""
    rows = draw(st.integers(2, 25))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.append([True, False], generator.random(rows - 2) < 0.3)
    return generator.integers(0, draw(st.integers(1, 9)), rows) / 8, labels, generator.integers(0, 4, rows)


@FIGURES
@given(data=any_scores())
def test_every_row_once_gives_the_figure_of_scikit_learn(
    resample: Resample, score: Score, data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    scores, labels, blocks = data
    assert resample(scores, labels, blocks, np.ones((1, 4)))[0] == pytest.approx(score(labels, scores))


@FIGURES
def test_a_block_drawn_twice_counts_as_if_its_rows_were_there_twice(resample: Resample, score: Score) -> None:
    weights = np.array([[2.0, 0.0, 1.0]])
    repeated = np.concatenate([np.flatnonzero(np.equal(BLOCKS, block)) for block in (0, 0, 2)])
    expected = score(LABELS[repeated], SCORES[repeated])
    assert resample(SCORES, LABELS, BLOCKS, weights)[0] == pytest.approx(expected)


@FIGURES
def test_a_resample_without_a_positive_row_has_no_figure(resample: Resample, score: Score) -> None:
    blocks = np.where(LABELS, 0, 1)
    assert math.isnan(resample(SCORES, LABELS, blocks, np.array([[0.0, 2.0]]))[0])


def test_a_resample_without_a_negative_row_has_no_roc_area() -> None:
    blocks = np.where(LABELS, 0, 1)
    assert math.isnan(resample_roc_auc(SCORES, LABELS, blocks, np.array([[2.0, 0.0]]))[0])


@FIGURES
def test_rows_taken_in_small_pieces_give_the_same_figures(
    resample: Resample, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = draw_weights(3, samples=50, seed=0)
    whole = resample(SCORES, LABELS, BLOCKS, weights)
    monkeypatch.setattr(tasks.evaluation.bootstrap, "ELEMENTS_AT_ONCE", 1)
    np.testing.assert_allclose(resample(SCORES, LABELS, BLOCKS, weights), whole, rtol=1e-12)


def test_every_resample_draws_as_many_blocks_as_there_are() -> None:
    assert draw_weights(7, samples=20, seed=0).sum(axis=1).tolist() == [7] * 20


def test_the_same_seed_draws_the_same_blocks() -> None:
    assert draw_weights(7, 20, seed=1).tolist() == draw_weights(7, 20, seed=1).tolist()


def test_one_block_is_always_drawn_once() -> None:
    assert draw_weights(1, samples=3, seed=0).tolist() == [[1.0]] * 3


def test_an_interval_is_the_middle_of_the_values() -> None:
    interval = take_interval(np.arange(101.0), confidence=0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((5.0, 95.0))


def test_undefined_values_do_not_count_for_an_interval() -> None:
    interval = take_interval(np.array([np.nan, 3.0, np.nan]), confidence=0.9)
    assert interval is not None
    assert (interval.low, interval.high) == (3.0, 3.0)


def test_undefined_values_alone_have_no_interval() -> None:
    assert take_interval(np.array([np.nan, np.nan]), confidence=0.9) is None
