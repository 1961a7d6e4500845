"""Ranks, the Friedman test and Nemenyi's critical difference against published values."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluation.ranks import find_cliques, rank_methods

# Demsar 2006, table 5: critical values of Nemenyi's test by number of methods
CRITICAL_005 = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 10: 3.164}
CRITICAL_010 = {2: 1.645, 3: 2.052, 4: 2.291, 5: 2.459, 6: 2.589, 10: 2.920}


@pytest.mark.parametrize(
    ("level", "methods", "value"),
    [(0.05, *each) for each in CRITICAL_005.items()] + [(0.1, *each) for each in CRITICAL_010.items()],
)
def test_critical_values_are_those_published(level: float, methods: int, value: float) -> None:
    names = tuple(f"m{number}" for number in range(methods))
    values = np.random.default_rng(0).random((9, methods))
    ranking = rank_methods("roc_auc", values, names, level)
    assert ranking is not None
    expected = value * np.sqrt(methods * (methods + 1) / (6 * 9))
    assert ranking.critical_difference == pytest.approx(expected, abs=2e-3)


def test_the_critical_difference_of_demsars_example() -> None:
    # four methods on 14 tables: 1.25 at 5 %, 1.12 at 10 %
    values = np.random.default_rng(0).random((14, 4))
    found = [rank_methods("roc_auc", values, ("a", "b", "c", "d"), level) for level in (0.05, 0.1)]
    assert [round(each.critical_difference, 2) for each in found if each] == [1.25, 1.12]


def test_equal_values_share_their_ranks_and_1_is_best() -> None:
    ranking = rank_methods("roc_auc", np.array([[0.9, 0.5, 0.5], [0.8, 0.9, 0.1]]), ("a", "b", "c"), 0.1)
    assert ranking is not None
    assert ranking.mean_ranks == {"a": 1.5, "b": 1.75, "c": 2.75}


def test_the_friedman_test_is_that_of_mean_ranks() -> None:
    # chi square = 12 n / (k (k + 1)) * (sum of squared mean ranks - k (k + 1)^2 / 4)
    from scipy.stats import chi2

    values = np.random.default_rng(3).random((14, 4))
    ranking = rank_methods("roc_auc", values, ("a", "b", "c", "d"), 0.05)
    assert ranking is not None
    squares = sum(rank**2 for rank in ranking.mean_ranks.values())
    assert ranking.friedman_p == pytest.approx(chi2.sf(12 * 14 / 20 * (squares - 25), 3))


def test_tables_with_an_undefined_value_are_left_out() -> None:
    values = np.array([[0.9, 0.5], [np.nan, 0.5], [0.8, 0.4]])
    ranking = rank_methods("roc_auc", values, ("a", "b"), 0.1)
    assert ranking is not None
    assert (ranking.tables, ranking.mean_ranks) == (2, {"a": 1.0, "b": 2.0})


def test_one_table_ranks_nothing() -> None:
    assert rank_methods("roc_auc", np.array([[0.9, 0.5]]), ("a", "b"), 0.1) is None


def test_methods_that_are_all_alike_have_no_friedman_test() -> None:
    ranking = rank_methods("recall_at_1", np.zeros((4, 3)), ("a", "b", "c"), 0.1)
    assert ranking is not None
    assert (ranking.friedman_p, set(ranking.mean_ranks.values())) == (None, {2.0})


def test_groups_join_ranks_that_are_near_and_none_lies_in_another() -> None:
    assert find_cliques(np.array([1.0, 2.0, 2.5, 4.0]), 1.5) == [(0, 2), (2, 3)]
    assert find_cliques(np.array([1.0, 2.0, 2.5, 4.0]), 0.4) == []
    assert find_cliques(np.array([1.0, 2.0, 2.5, 4.0]), 3.0) == [(0, 3)]
