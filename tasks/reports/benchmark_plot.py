"""The plots of a benchmark: critical differences of mean ranks, and the ROC areas by table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.benchmark import DEFAULT_METHOD, BenchmarkResult, Ranking, TableResult
from tasks.evaluation.ranks import find_cliques
from tasks.reports.benchmark_text import name_figure, write_test
from tasks.reports.plot import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PURPLE,
    VERMILION,
    draw_legend,
    make_figure,
    name_axes,
    render_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# colour and marker of each method; other families take the last style
STYLES = {
    DEFAULT_METHOD: (BLUE, "o"),
    "pca_raw": (VERMILION, "s"),
    "pca": (GREEN, "^"),
    "zscore": (PURPLE, "v"),
    "random": (GREY, "x"),
}
OTHER_STYLE = (INK, "D")
WIDTH_INCHES = 8.2


def render_benchmark_plots(result: BenchmarkResult) -> dict[str, bytes]:
    """Draw the plots of a benchmark as PNG images about 900 pixels wide.

    Returns:
        PNG bytes by `critical_difference`, which needs two tables, and `roc_areas`.
    """
    figures = {"roc_areas": plot_areas(result)}
    ranking = next((each for each in result.rankings if each.figure == "roc_auc"), None)
    if ranking is not None:
        figures = {"critical_difference": plot_critical_difference(ranking), **figures}
    return {name: render_png(figure) for name, figure in figures.items()}


def plot_critical_difference(ranking: Ranking) -> Figure:
    """Draw mean ranks on a line, the best on the left, and bars that join ranks which may differ by chance.

    Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7.
    """
    ranks = sorted(ranking.mean_ranks.items(), key=lambda item: item[1])
    places, count = np.array([rank for _, rank in ranks]), len(ranks)
    cliques = find_cliques(places, ranking.critical_difference)
    left = (count + 1) // 2  # methods with their name on the left
    depth = 0.35 + 0.16 * len(cliques)
    figure, axes = make_figure((WIDTH_INCHES, 1.5 + 0.3 * left + 0.12 * len(cliques)))
    axes.set_axis_off()
    axes.set(xlim=(0.1 - 0.35 * count, 1.35 * count + 0.9), ylim=(-depth - 0.4 * left, 1.0))
    axes.plot([1, count], [0, 0], color=INK, lw=1.4)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, 0.09], color=INK, lw=1.4)
        axes.text(tick, 0.15, str(tick), ha="center", va="bottom", fontsize=10, color=INK)
    for number, (method, rank) in enumerate(ranks):
        is_left = number < left
        height = -depth - 0.4 * (number if is_left else count - 1 - number)
        _draw_method(axes, method, rank, height, is_left=is_left, count=count)
    for number, (first, last) in enumerate(cliques):
        level = -0.2 - 0.16 * number
        axes.plot([places[first] - 0.04, places[last] + 0.04], [level, level], color=INK, lw=4)
    stop = min(1 + ranking.critical_difference, 1.35 * count)
    axes.plot([1, stop], [0.62, 0.62], color=INK, lw=1.4, marker="|", ms=7)
    axes.text((1 + stop) / 2, 0.68, "critical difference", ha="center", va="bottom", fontsize=10, color=INK)
    figure.suptitle(
        f"Mean rank of the {name_figure(ranking.figure)} on {ranking.tables} tables, {write_test(ranking)}",
        fontsize=12,
        x=0.01,
        ha="left",
        color=INK,
    )
    return figure


def plot_areas(result: BenchmarkResult) -> Figure:
    """Draw the ROC area of every method on every table, with intervals and the line of chance."""
    done = [table for table in result.tables if table.problem is None]
    figure, axes = make_figure((WIDTH_INCHES, 1.6 + 0.16 * (len(result.methods) + 2) * max(len(done), 1)))
    axes.axvline(0.5, color=INK, lw=1)
    for place, method in enumerate(result.methods):
        _draw_areas(axes, method, done, 0.75 * (place / max(len(result.methods) - 1, 1) - 0.5))
    for place in range(1, len(done)):
        axes.axhline(place - 0.5, color="#dddddd", lw=0.6)
    axes.set_yticks(np.arange(len(done)), [table.name for table in done], fontsize=10)
    axes.set_ylim(len(done) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    name_axes(axes, "ROC area by table", "ROC area (0.5 is chance, 1 is perfect)", "")
    draw_legend(figure, axes)
    return figure


def _draw_method(axes: Axes, method: str, rank: float, height: float, *, is_left: bool, count: int) -> None:
    """Draw the line from a rank to the method's name at the side."""
    colour, _ = STYLES.get(method, OTHER_STYLE)
    side = 0.85 if is_left else count + 0.15
    axes.plot([rank, rank, side], [0, height, height], color=colour, lw=1.4)
    axes.text(
        side + (-0.06 if is_left else 0.06),
        height,
        f"{method} {rank:.2f}",
        ha="right" if is_left else "left",
        va="center",
        fontsize=11,
        color=colour,
    )


def _draw_areas(axes: Axes, method: str, tables: list[TableResult], offset: float) -> None:
    """Draw the areas of one method, one below the other."""
    colour, marker = STYLES.get(method, OTHER_STYLE)
    values = np.full(len(tables), np.nan)
    for place, table in enumerate(tables):
        found = next((each for each in table.methods if each.method == method), None)
        area = None if found is None else found.figures["roc_auc"]
        if found is None or area is None:
            continue
        values[place] = area
        bounds = found.intervals.get("roc_auc")
        if bounds is not None:
            axes.hlines(place + offset, bounds.low, bounds.high, color=colour, lw=2, alpha=0.55)
    look: dict[str, Any] = {"color": colour, "marker": marker, "ms": 6, "ls": "", "label": method}
    axes.plot(values, np.arange(len(tables)) + offset, **look)
