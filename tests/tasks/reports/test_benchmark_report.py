"""The page and the plots of a benchmark."""

from __future__ import annotations

from tasks.reports.benchmark_plot import plot_areas, plot_critical_difference, render_benchmark_plots
from tasks.reports.benchmark_report import render_benchmark_files
from tests.benchmark_results import AREAS, benchmark_with, table_with


def test_the_page_shows_every_table_and_escapes_what_it_shows() -> None:
    page = render_benchmark_files(benchmark_with())["report/report.html"].decode()
    assert "<h3>pump</h3>" in page
    assert "fan is not done: Expected a header line" in page
    assert "0.760 to 0.860" in page
    assert "farm, forewarn (3 faulty, 2 normal)" in page
    assert "<tables>" not in page


def test_one_table_has_no_critical_difference() -> None:
    assert list(render_benchmark_plots(benchmark_with(table_with(), rankings=()))) == ["roc_areas"]


def test_the_critical_difference_names_every_method_with_its_rank() -> None:
    (axes,) = plot_critical_difference(benchmark_with().rankings[0]).axes
    texts = [text.get_text() for text in axes.texts]
    assert {f"{method} {place:.2f}" for place, method in enumerate(AREAS, start=1)} <= set(texts)
    bars = [line for line in axes.lines if line.get_linewidth() == 4]
    # 1 to 4 and 2 to 5 are within 3.9 of one another, 1 and 5 are not
    assert [[round(float(x), 2) for x in bar.get_xdata()] for bar in bars] == [[0.96, 4.04], [1.96, 5.04]]


def test_areas_are_drawn_for_the_tables_that_were_done() -> None:
    (axes,) = plot_areas(benchmark_with()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pump"]
    drawn = {
        line.get_label(): float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() != "None"
    }
    assert drawn == AREAS
