"""The files of a benchmark: a self-contained HTML page, its plots, the result, and all figures as CSV."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import yaml

from schemas.benchmark import BenchmarkResult, MethodResult, TableResult
from schemas.evaluation import Interval
from tasks.reports.benchmark_plot import render_benchmark_plots
from tasks.reports.benchmark_text import name_figure, write_csv, write_difference, write_ranking, write_test
from tasks.reports.report import embed_plots, format_figure, hide_password, list_pictures, make_environment

PLOT_TEXTS = {
    "critical_difference": (
        "Mean ranks",
        "The further left, the better. A bar joins methods whose mean ranks do not differ by more than the "
        "critical difference, so that the order among them may be chance.",
    ),
    "roc_areas": (
        "ROC areas",
        "Each point is a method on one table, and its bar the interval.",
    ),
}
# figures with three decimals, unless they are named here
_DECIMALS = {"false_alarms_per_day": 1, "lead_minutes_median": 1}


@dataclass(frozen=True)
class FigureRow:
    """One figure with a cell for each method: its value and its interval, empty if there is none."""

    title: str
    cells: tuple[tuple[str, str], ...]


def render_benchmark_files(result: BenchmarkResult) -> dict[str, bytes]:
    """Render everything that is written of a benchmark.

    Returns:
        Content by path: `report/report.html`, `benchmark.csv`, `benchmark.json` and `plots/...png`.
    """
    plots = render_benchmark_plots(result)
    return {
        "report/report.html": render_benchmark_report(result, plots).encode(),
        "benchmark.csv": write_csv(result),
        "benchmark.json": result.model_dump_json(indent=1).encode(),
        **{f"plots/{name}.png": image for name, image in plots.items()},
    }


def render_benchmark_report(result: BenchmarkResult, plots: dict[str, bytes]) -> str:
    """Render the result of a benchmark as one self-contained HTML page.

    Args:
        result: The result.
        plots: PNG bytes by the names that `tasks.reports.benchmark_plot.render_benchmark_plots` gives them.

    Returns:
        The page, which has no script and loads nothing.
    """
    environment = make_environment()
    environment.filters |= {
        "figure": format_figure,
        "named": name_figure,
        "difference": write_difference,
        "ranking": write_ranking,
        "tested": write_test,
    }
    return environment.get_template("benchmark.html.jinja").render(
        result=result,
        done=[(table, list_figure_rows(table)) for table in result.tables if table.problem is None],
        pictures=list_pictures(embed_plots(plots), PLOT_TEXTS),
        tracking_uri=hide_password(result.tracking_uri),
        command=f"forewarn benchmark --config configuration.yaml --data {shlex.quote(result.folder)}",
        settings=yaml.safe_dump(result.settings, sort_keys=False, allow_unicode=True),
    )


def list_figure_rows(table: TableResult) -> tuple[FigureRow, ...]:
    """List the figures of a table, each with the values of all methods."""
    names = list(table.methods[0].figures)
    return tuple(
        FigureRow(
            name_figure(name),
            tuple(_write_cell(each, name, _DECIMALS.get(name, 3)) for each in table.methods),
        )
        for name in names
    )


def _write_cell(each: MethodResult, name: str, decimals: int) -> tuple[str, str]:
    """Write a figure and its interval."""
    return format_figure(each.figures[name], decimals), _write_span(each.intervals.get(name), decimals)


def _write_span(bounds: Interval | None, decimals: int) -> str:
    return "" if bounds is None else f"{bounds.low:.{decimals}f} to {bounds.high:.{decimals}f}"
