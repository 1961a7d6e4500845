"""Log a benchmark, with a nested run for each table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.benchmark import BenchmarkResult, TableResult
from tasks.tracking.log import log_files, log_nested_run, make_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_benchmark(
    client: MlflowClient, run_id: str, result: BenchmarkResult, files: Mapping[str, bytes]
) -> None:
    """Log mean ranks, differences and files of a benchmark in its run, and a nested run for each table.

    Args:
        client: Client of the tracking store.
        run_id: Run of the benchmark.
        result: Result of the benchmark.
        files: Content by artifact path.
    """
    figures: dict[str, float] = {"tables": len(result.tables)}
    figures |= {
        f"rank_{method}_{ranking.figure}": rank
        for ranking in result.rankings
        for method, rank in ranking.mean_ranks.items()
    }
    for each in result.differences:
        name = f"{each.method}_minus_{each.other}_{each.figure}"
        figures |= {} if each.value is None else {name: each.value}
        if each.interval is not None:
            figures |= {f"{name}_low": each.interval.low, f"{name}_high": each.interval.high}
    figures |= {f"care_{each.method}_{each.group}": each.figures["care"] for each in result.care}
    client.log_batch(run_id, metrics=make_metrics(figures))
    parent = client.get_run(run_id)
    for table in result.tables:
        tags = {"table": table.name} | ({"failure": table.problem[:500]} if table.problem else {})
        logged = make_metrics(name_figures(table))
        log_nested_run(client, parent, table.name, tags, {"file": table.file}, logged)
    log_files(client, run_id, files)


def name_figures(table: TableResult) -> dict[str, float]:
    """Name the defined figures of a table `<method>_<figure>`, and its rows and events."""
    if table.problem is not None:
        return {}
    figures = {
        f"{each.method}_{name}": value
        for each in table.methods
        for name, value in each.figures.items()
        if value is not None
    }
    return figures | {"test_rows": table.test_rows, "test_events": table.test_events}
