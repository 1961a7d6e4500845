"""Commands that train: retrain, backtest, compare."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.group import (
    SOURCES,
    commands,
    run_flow,
    take_source,
    takes_configuration,
    takes_dask_address,
    takes_data,
    takes_workers,
    write_json,
)
from schemas.configuration import Configuration
from schemas.families import list_families
from schemas.presets import PRESETS

EXIT_HELD_BACK = 3


@commands.command(
    epilog="Example: forewarn retrain --data readings.csv --set windows.lookback=10 --json result.json"
)
@click.option(
    "--data", metavar="SOURCE", callback=take_source, help=f"{SOURCES}; by default simulated readings."
)
@click.option("--preset", help=f"A published procedure: {', '.join(PRESETS)}.")
@click.option("--require-promotion", is_flag=True, help="Exit with 3 unless the version is promoted.")
@click.option(
    "--force", is_flag=True, help="Train from the beginning even if this work is done or resumable."
)
@click.option(
    "--wait",
    "wait_minutes",
    metavar="MINUTES",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Longest wait for another retraining of the same model; by default exit with 4 at once.",
)
@takes_configuration
def retrain(
    data: str | None,
    configuration: Configuration,
    json_file: Path | None,
    require_promotion: bool,
    force: bool,
    wait_minutes: float,
) -> int:
    """Train, judge against controls and champion, register a version, and decide on its promotion.

    If the same data, configuration and code have been trained before, that result is shown and nothing is
    trained. A run that was stopped is resumed from its last epoch.
    """
    from flows.retrain import retrain as retrain_flow
    from flows.summaries import summarise_retraining

    result = run_flow(retrain_flow, data, configuration, force, wait_minutes)

    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_retraining(result))
    return EXIT_HELD_BACK if require_promotion and result.decision != "PROMOTE" else 0


@commands.command(
    epilog="Example: forewarn backtest --data readings.csv --set readings.replay=causal --json backtest.json"
)
@takes_data
@click.option("--preset", help=f"A published procedure: {', '.join(PRESETS)}.")
@takes_workers
@takes_dask_address
@takes_configuration
def backtest(
    data: str,
    configuration: Configuration,
    json_file: Path | None,
    workers: int | None,
    dask_address: str | None,
) -> None:
    """Evaluate forward in time, fold by fold, against the published model and the controls."""
    from flows.backtest import backtest as backtest_flow
    from flows.prefect.fold_runner import choose_runner, trains_here
    from flows.summaries import summarise_backtest

    runner = choose_runner(dask_address, data, workers)
    chosen = backtest_flow.with_options(task_runner=runner)
    result = run_flow(chosen, data, configuration, with_networks=trains_here(runner))
    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_backtest(result))


@commands.command(
    epilog="Example: forewarn compare --data readings.csv --families join,pca_t2,logistic --trials 5"
)
@takes_data
@click.option("--families", help="Families to compare, as a,b,c; by default all.")
@click.option(
    "--trials", default=5, show_default=True, type=click.IntRange(min=1), help="Settings to try per family."
)
@takes_workers
@takes_dask_address
@takes_configuration
def compare(
    data: str,
    configuration: Configuration,
    json_file: Path | None,
    families: str | None,
    trials: int,
    workers: int | None,
    dask_address: str | None,
) -> None:
    """Search the settings of several families on past folds, and judge each on the last one."""
    from flows.compare import compare as compare_flow
    from flows.compare import require_comparable
    from flows.prefect.fold_runner import choose_runner, trains_here
    from flows.summaries import summarise_comparison

    names = [name.strip() for name in families.split(",")] if families else list(list_families())
    require_comparable(configuration, names)
    runner = choose_runner(dask_address, data, workers)
    chosen = compare_flow.with_options(task_runner=runner)
    result = run_flow(chosen, data, configuration, names, trials, with_networks=trains_here(runner))
    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_comparison(result))
