"""Range-based recall and precision against the published implementation, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.range_based import Bias, score_ranges
from tasks.evaluation.ranges import find_ranges

EVENTS = np.array([[2, 6], [9, 11], [15, 18]])
ALARMS = np.array([[1, 3], [4, 5], [12, 13], [15, 19]])


@st.composite
def any_ranges(draw: st.DrawFn, rows: int = 30) -> np.ndarray:
    """Draw disjoint ranges of rows."""
    marked = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    return find_ranges(np.array(marked), np.zeros(rows, dtype=int))


@pytest.mark.parametrize(
    ("bias", "one", "reciprocal", "precision"),
    [
        ("flat", 0.5416666666666666, 0.4791666666666667, 0.5625),
        ("front", 0.5666666666666668, 0.4916666666666667, 0.5583333333333333),
        ("back", 0.5166666666666667, 0.4666666666666666, 0.5666666666666667),
        ("middle", 0.5416666666666666, 0.4791666666666667, 0.5833333333333334),
    ],
)
def test_the_figures_are_those_of_prts(bias: Bias, one: float, reciprocal: float, precision: float) -> None:
    # computed with prts 1.0.0.3 (alpha 0.25 for recall, 0 for precision) on the same rows
    of_one = score_ranges(EVENTS, ALARMS, existence_weight=0.25, bias=bias)
    of_pieces = score_ranges(EVENTS, ALARMS, existence_weight=0.25, bias=bias, is_reciprocal=True)
    assert of_one.mean() == pytest.approx(one)
    assert of_pieces.mean() == pytest.approx(reciprocal)
    assert score_ranges(ALARMS, EVENTS, bias=bias).mean() == pytest.approx(precision)


def test_by_default_it_is_the_share_of_rows_covered() -> None:
    assert score_ranges(EVENTS, ALARMS).tolist() == [0.5, 0.0, 1.0]


def test_an_empty_range_is_not_covered() -> None:
    assert score_ranges(np.array([[3, 3]]), np.array([[0, 9]]), existence_weight=1.0).tolist() == [0.0]


@given(any_ranges(), st.sampled_from(["flat", "front", "back", "middle"]), st.floats(0, 1))
def test_ranges_that_cover_themselves_score_1(ranges: np.ndarray, bias: Bias, weight: float) -> None:
    np.testing.assert_allclose(score_ranges(ranges, ranges, existence_weight=weight, bias=bias), 1.0)


@given(any_ranges(), any_ranges(), st.floats(0, 1))
def test_scores_lie_between_0_and_1_and_pieces_never_score_more(
    ranges: np.ndarray, others: np.ndarray, weight: float
) -> None:
    whole = score_ranges(ranges, others, existence_weight=weight)
    pieces = score_ranges(ranges, others, existence_weight=weight, is_reciprocal=True)
    assert np.all((whole >= 0) & (whole <= 1 + 1e-12))
    assert np.all(pieces <= whole + 1e-12)


@given(any_ranges(), any_ranges())
def test_single_rows_give_the_recall_of_rows(ranges: np.ndarray, others: np.ndarray) -> None:
    # with ranges of one row, the range-based recall is the classical one
    rows = np.concatenate([np.zeros(0, int), *(np.arange(start, stop) for start, stop in ranges)])
    covered = np.concatenate([np.zeros(0, int), *(np.arange(start, stop) for start, stop in others)])
    scores = score_ranges(np.stack([rows, rows + 1], axis=1), others)
    np.testing.assert_array_equal(scores, np.isin(rows, covered).astype(float))
