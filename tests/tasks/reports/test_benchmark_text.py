"""The text and the CSV of a benchmark."""

from __future__ import annotations

import csv
import io

from tasks.reports.benchmark_text import list_table_lines, name_figure, write_csv, write_difference
from tests.benchmark_results import AREAS, benchmark_with, table_with


def test_no_line_is_wider_than_a_terminal() -> None:
    lines = list_table_lines(
        benchmark_with(table_with("a-table-with-a-long-name" * 3), rates=(1.0, 2.0, 5.0))
    )
    assert max(map(len, lines + list_table_lines(benchmark_with()))) <= 100


def test_a_table_has_a_line_for_each_method() -> None:
    lines = list_table_lines(benchmark_with())
    start = lines.index(next(line for line in lines if line.startswith("  forewarn")))
    assert [line.split()[0] for line in lines[start : start + 5]] == list(AREAS)
    assert lines[start].split()[1:3] == [".810", "0.76-0.86"]


def test_a_table_that_was_not_done_says_why() -> None:
    assert any(
        line.startswith("NOT DONE  fan (fan.csv): Expected") for line in list_table_lines(benchmark_with())
    )


def test_the_csv_has_a_row_for_each_table_and_method() -> None:
    rows = list(
        csv.DictReader(io.StringIO(write_csv(benchmark_with(table_with(), table_with("fan"))).decode()))
    )
    assert [(row["table"], row["method"]) for row in rows] == [
        (table, method) for table in ("pump", "fan") for method in AREAS
    ]
    assert (rows[0]["roc_auc"], rows[0]["roc_auc_high"][:4], rows[0]["event_recall_low"]) == (
        "0.81",
        "0.86",
        "",
    )


def test_figures_and_differences_are_named_for_people() -> None:
    assert name_figure("recall_20min_at_5") == "caught at 5 a day within the longer horizon"
    (difference,) = benchmark_with().differences
    assert write_difference(difference) == "+0.070 (+0.020 to +0.120), better on 2 of 2"
