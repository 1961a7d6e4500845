"""The figures of a benchmark as text: the tables that a terminal shows, and a table of all figures as CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable

from schemas.benchmark import BenchmarkResult, Difference, MethodResult, Ranking, TableResult
from schemas.evaluation import Interval
from tasks.tables.format import count_things

# columns of a terminal
_WIDTH = 100
FIGURE_TITLES = {
    "roc_auc": "ROC area",
    "average_precision": "average precision",
    "event_recall": "events caught",
    "event_recall_20min": "events caught within the longer horizon",
    "false_alarms_per_day": "false alarms a day",
    "lead_minutes_median": "median lead in minutes",
    "range_recall": "range-based recall",
    "range_precision": "range-based precision",
    "affiliation_precision": "affiliation precision",
    "affiliation_recall": "affiliation recall",
}


def name_figure(figure: str) -> str:
    """Name a figure for people, such as `caught at 5 a day` for `recall_at_5`."""
    horizon, _, rate = figure.removeprefix("recall").partition("_at_")
    if not figure.startswith("recall"):
        return FIGURE_TITLES.get(figure, figure)
    return f"caught at {rate} a day{' within the longer horizon' if horizon else ''}"


def list_table_lines(result: BenchmarkResult) -> list[str]:
    """List the lines that show the figures of every table, at most 100 columns wide."""
    rates = "/".join(f"{rate:g}" for rate in result.rates)
    wide = 6 * len(result.rates)
    head = (
        f"{'':<15}{'ROC area':<18}{'AP':<17}{f'at {rates} a day':<{wide}} "
        f"{'caught':>7}{'false/d':>8}{'lead':>7}{'affil.':>9}"
    )
    lines = []
    for table in result.tables:
        lines += ["", *_write_title(table)]
        if table.problem is None:
            lines += [head, *(_write_method(each, result) for each in table.methods)]
    return lines


def write_difference(difference: Difference) -> str:
    """Write a difference between two methods with its interval."""
    value = "-" if difference.value is None else f"{difference.value:+.3f}"
    bounds = difference.interval
    span = "" if bounds is None else f" ({bounds.low:+.3f} to {bounds.high:+.3f})"
    return f"{value}{span}, better on {difference.wins} of {difference.tables}"


def write_ranking(ranking: Ranking) -> str:
    """Write the mean ranks of one figure, the best first."""
    ranks = sorted(ranking.mean_ranks.items(), key=lambda item: item[1])
    return ", ".join(f"{method} {rank:.2f}" for method, rank in ranks)


def write_test(ranking: Ranking) -> str:
    """Write the tests that belong to a ranking."""
    p = "" if ranking.friedman_p is None else f"Friedman p {ranking.friedman_p:.3g}, "
    return f"{p}critical difference {ranking.critical_difference:.2f} at {ranking.level:.0%}"


def write_csv(result: BenchmarkResult) -> bytes:
    """Write a row for each table and method, with each figure and the bounds of its interval, as CSV."""
    done = [table for table in result.tables if table.problem is None]
    figures = list(dict.fromkeys(name for table in done for each in table.methods for name in each.figures))
    columns = [column for name in figures for column in (name, f"{name}_low", f"{name}_high")]
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["table", "method", "test_rows", "test_events", "prevalence", "rows_ahead", "train_end", *columns]
    )
    for table in done:
        about = [table.test_rows, table.test_events, table.prevalence, table.rows_ahead, table.train_end]
        for each in table.methods:
            values = [
                value
                for name in figures
                for value in (each.figures.get(name), *_list_bounds(each.intervals.get(name)))
            ]
            rows.writerow([table.name, each.method, *about, *values])
    return text.getvalue().encode()


def _write_title(table: TableResult) -> list[str]:
    """Write what a table is, or why it has no figures."""
    if table.problem is not None:
        text = f"NOT DONE  {table.name} ({table.file}): {table.problem}"
        return [
            line
            for paragraph in text.splitlines()
            for line in textwrap.wrap(paragraph, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        ]
    kind = " to detect" if table.rows_ahead == 0 else f", {table.rows_ahead} rows ahead"
    until = "" if table.train_end is None else f" after {table.train_end.replace('T', ' ')[:16]}"
    share = "" if table.prevalence is None else f" ({table.prevalence:.1%} of rows)"
    text = (
        f"{table.name}: {table.test_rows:,} test rows{until}, {count_things(table.test_events, 'event')}"
        f"{kind}{share}"
    )
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _write_method(each: MethodResult, result: BenchmarkResult) -> str:
    """Write the figures of one method in one line."""
    figures, bounds = each.figures, each.intervals
    ceilings = "".join(f"{_write(figures.get(f'recall_at_{rate:g}'), 2):<6}" for rate in result.rates)
    affiliation = "/".join(
        _write(figures.get(name), 2) for name in ("affiliation_precision", "affiliation_recall")
    )
    return (
        f"  {each.method[:12]:<13}"
        f"{_write_with_bounds(figures['roc_auc'], bounds.get('roc_auc')):<18}"
        f"{_write_with_bounds(figures['average_precision'], bounds.get('average_precision')):<17}"
        f"{ceilings} {_write(figures['event_recall'], 2):>7}{_write(figures['false_alarms_per_day'], 1):>8}"
        f"{_write(figures['lead_minutes_median'], 1):>7}{affiliation:>9}"
    )


def _write_with_bounds(value: float | None, bounds: Interval | None) -> str:
    span = "" if bounds is None else f" {bounds.low:.2f}-{bounds.high:.2f}"
    return f"{_write(value, 3)}{span}"


def _write(value: float | None, decimals: int) -> str:
    """Write a share without its leading 0, and a dash for an undefined one."""
    if value is None:
        return "-"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("0") if decimals > 1 else text


def _list_bounds(bounds: Interval | None) -> Iterable[float | None]:
    return (None, None) if bounds is None else (bounds.low, bounds.high)
