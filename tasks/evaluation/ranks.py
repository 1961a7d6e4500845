"""Ranks of methods over tables, the Friedman test, and Nemenyi's critical difference."""

from __future__ import annotations

import numpy as np

from schemas.benchmark import Ranking


def rank_methods(figure: str, values: np.ndarray, methods: tuple[str, ...], level: float) -> Ranking | None:
    """Rank methods on every table, and test whether their mean ranks differ by more than chance.

    Two methods differ at the level if their mean ranks are further apart than the critical difference
    q * sqrt(k * (k + 1) / (6 * n)) of k methods on n tables, q being the quantile of the studentised range
    over the square root of 2.

    Args:
        figure: Name of the figure.
        values: The figure by table and method, higher is better, shape (tables, methods); tables with an
            undefined value are left out.
        methods: Names of the methods, at least two.
        level: Level of the tests, such as 0.1.

    Returns:
        The ranking, or None with fewer than two tables; the Friedman test needs three methods.

    Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    values = values[np.isfinite(values).all(axis=1)]
    tables, count = values.shape
    if tables < 2:
        return None
    ranks = rankdata(-values, axis=1).mean(axis=0)
    is_constant = bool(np.all(values == values[:, :1]))
    quantile = studentized_range.ppf(1 - level, count, np.inf) / np.sqrt(2)
    return Ranking(
        figure=figure,
        tables=tables,
        mean_ranks=dict(zip(methods, ranks.tolist(), strict=True)),
        friedman_p=None if count < 3 or is_constant else float(friedmanchisquare(*values.T).pvalue),
        critical_difference=float(quantile * np.sqrt(count * (count + 1) / (6 * tables))),
        level=level,
    )


def find_cliques(mean_ranks: np.ndarray, critical_difference: float) -> list[tuple[int, int]]:
    """Find the groups of neighbouring ranks that do not differ by more than the critical difference.

    Args:
        mean_ranks: Mean ranks, rising, shape (methods,).
        critical_difference: Largest difference that may be chance.

    Returns:
        First and last place of each group of at least two that is in no larger group.
    """
    reach = np.searchsorted(mean_ranks, mean_ranks + critical_difference, side="right") - 1
    groups = [(first, int(last)) for first, last in enumerate(reach) if last > first]
    return [group for number, group in enumerate(groups) if number == 0 or groups[number - 1][1] < group[1]]
