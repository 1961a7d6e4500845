"""The command that compares methods over many tables: benchmark."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.group import (
    commands,
    require_writable,
    run_flow,
    takes_configuration,
    takes_dask_address,
    takes_workers,
    write_json,
)
from schemas.configuration import Configuration


@commands.command(epilog="Example: forewarn benchmark --data tables/ --families dense_autoencoder --seeds 3")
@click.option(
    "--data",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of tables, with a benchmark.yaml that describes them.",
)
@click.option("--families", default="", help="Other families to run, as a,b,c.")
@click.option("--seeds", type=click.IntRange(min=1), help="Seeds; by default evaluation.seeds.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the report, the plots and benchmark.csv."
)
@click.option(
    "--write-config",
    "plan_file",
    type=click.Path(path_type=Path),
    help="Only write the folder's benchmark.yaml, as read or as proposed, to this file.",
)
@takes_workers
@takes_dask_address
@takes_configuration
def benchmark(
    folder: Path,
    configuration: Configuration,
    json_file: Path | None,
    families: str,
    seeds: int | None,
    out: Path | None,
    plan_file: Path | None,
    workers: int | None,
    dask_address: str | None,
) -> None:
    """Compare the defaults with a plain PCA and the other controls over a folder of tables."""
    from flows.benchmark import benchmark as benchmark_flow
    from flows.benchmark import find_plan, require_all_tables
    from flows.prefect.fold_runner import choose_runner, trains_here
    from flows.summaries import summarise_benchmark
    from tasks.configuration.benchmark_plan import write_plan
    from tasks.configuration.configure import change_settings
    from tasks.evaluation.benchmark.methods import list_methods, require_new_families
    from tasks.files.write import replace_at_end, write_files
    from tasks.reports.benchmark_report import render_benchmark_files
    from tasks.sources.addresses import is_database, make_absolute

    names = [name.strip() for name in families.split(",") if name.strip()]
    require_new_families(names)
    require_writable(plan_file, "--write-config")
    require_writable(None if out is None else out / "benchmark.csv", "--out")
    plan, is_proposed = find_plan(folder)
    if plan_file is not None:
        with replace_at_end(plan_file) as file:
            file.write(write_plan(plan).encode())
        print(f"Wrote the plan of {len(plan.tables)} tables to {plan_file}")
        return
    if seeds is not None:
        configuration = change_settings(configuration, {"evaluation": {"seeds": seeds}})
    list_methods(configuration, names)
    databases = [table.file for table in plan.tables if is_database(table.file)]
    runner = choose_runner(dask_address, next(iter(databases), str(folder)), workers)
    chosen = benchmark_flow.with_options(task_runner=runner)
    place = make_absolute(folder)
    result = run_flow(chosen, place, plan, configuration, names, with_networks=trains_here(runner))
    write_json(json_file, result.model_dump(mode="json"))
    if out is not None:
        write_files(render_benchmark_files(result), out)
    print(summarise_benchmark(result, is_proposed=is_proposed))
    require_all_tables(result)
