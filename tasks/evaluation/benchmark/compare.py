"""Differences between methods over tables, paired, and ranks of the methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.benchmark import DEFAULT_METHOD, Difference, Ranking
from tasks.evaluation.backtest.trial import average_arrays
from tasks.evaluation.benchmark.figures import name_rate
from tasks.evaluation.benchmark.tables import TableFigures, find_mean
from tasks.evaluation.bootstrap import take_interval
from tasks.evaluation.evaluate import BOOTSTRAP_SEED
from tasks.evaluation.ranks import rank_methods

# what the configuration under test is compared with
OTHERS = ("pca_raw", "zscore")


def list_compared(rates: Sequence[float]) -> tuple[str, ...]:
    """List the figures in which methods are compared and ranked; higher is better in all of them."""
    return ("roc_auc", "average_precision", *(name_rate(rate) for rate in rates))


def compare_tables(
    tables: Sequence[TableFigures], rates: Sequence[float], confidence: float
) -> tuple[Difference, ...]:
    """Compare the configuration under test with a plain PCA and the z-score, over one or several tables.

    A table's difference is the mean over seeds. The interval comes from drawing tables, then seeds within
    each, with the resamples of blocks of rows that both methods share.

    Args:
        tables: The tables; those on which a figure is undefined for either method are left out of it.
        rates: False alarms a day of the recalls.
        confidence: Coverage of the intervals.
    """
    return tuple(
        _compare(tables, other, figure, confidence)
        for other in OTHERS
        for figure in list_compared(rates)
        if any({DEFAULT_METHOD, other} <= table.figures.keys() for table in tables)
    )


def rank_tables(
    tables: Sequence[TableFigures], methods: tuple[str, ...], rates: Sequence[float], confidence: float
) -> tuple[Ranking, ...]:
    """Rank the methods over tables in each compared figure; none with fewer than two tables."""
    rankings = []
    for figure in list_compared(rates):
        values = np.array([[_find_value(table, method, figure) for method in methods] for table in tables])
        ranking = rank_methods(figure, values, methods, 1 - confidence) if len(values) else None
        if ranking is not None:
            rankings.append(ranking)
    return tuple(rankings)


def _compare(tables: Sequence[TableFigures], other: str, figure: str, confidence: float) -> Difference:
    """Compare in one figure."""
    differences = [
        values
        for table in tables
        if {DEFAULT_METHOD, other} <= table.figures.keys()
        and np.isfinite((values := _subtract(table, other, figure))[:, 0]).any()
    ]
    means = [float(average_arrays(values[:, 0])) for values in differences]
    return Difference(
        method=DEFAULT_METHOD,
        other=other,
        figure=figure,
        value=float(np.mean(means)) if means else None,
        interval=take_interval(_resample(differences), confidence) if means else None,
        tables=len(means),
        wins=sum(mean > 0 for mean in means),
    )


def _subtract(table: TableFigures, other: str, figure: str) -> np.ndarray:
    """Subtract the figure of another method, seed by seed, shape (seeds, 1 + samples)."""
    return np.asarray(table.figures[DEFAULT_METHOD][figure] - table.figures[other][figure])


def _resample(differences: Sequence[np.ndarray]) -> np.ndarray:
    """Draw tables, and seeds within each, for every resample of blocks, shape (samples,)."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    samples = differences[0].shape[1] - 1
    of_tables = []
    for values in differences:
        seeds = generator.integers(len(values), size=(len(values), samples))
        of_tables.append(average_arrays(np.take_along_axis(values[:, 1:], seeds, axis=0)))
    tables = generator.integers(len(differences), size=(len(differences), samples))
    return average_arrays(np.take_along_axis(np.stack(of_tables), tables, axis=0))


def _find_value(table: TableFigures, method: str, figure: str) -> float:
    """Find the mean of a figure over seeds, NaN if the method or the figure has none."""
    if method not in table.figures:
        return np.nan
    mean = find_mean(table.figures[method][figure])
    return np.nan if mean is None else mean
