"""Backtest: rolling-origin evaluation of a configuration beside the published model and the controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from flows import line, steps
from flows.announce import Stopwatch
from flows.environment import find_home
from flows.fold import count_delay_rows
from flows.orders import run_folds
from flows.record import recorded_run
from schemas.backtest import BacktestResult, FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.presets import PUBLISHED_ENTRANT
from tasks.configure import change_settings

MODEL, PUBLISHED = "model", "published"


@flow(name="backtest", persist_result=False)
def backtest(data: Path, configuration: Configuration) -> BacktestResult:
    """Train and test a configuration fold by fold, forward in time, over several seeds.

    Args:
        data: Table of readings, CSV or Parquet.
        configuration: Settings of every step; `evaluation` has the folds and the number of seeds.

    Returns:
        The figures of every fold, their means with intervals, and the controls beside them.

    Raises:
        InputError: If the table or the configuration cannot be used, or a fold has too few events.
        StoreUnreachableError: If the tracking store does not answer.
    """
    home, clock, tracking = find_home(), Stopwatch(), configuration.tracking
    raw, readings = line.load_table(data, configuration, steps)
    prepared = line.prepare(raw, readings, configuration, steps)
    orders = list_orders(data, configuration)
    clock.lap("load", f"{len(readings.times):,} rows, {int(readings.events.sum())} event rows, {data}")
    tracking_uri = steps.find_tracking_uri(home)
    client, experiment_id = steps.open_store(tracking_uri, tracking.experiment, home)
    code_version = steps.find_code_version()
    tags = {
        "mlflow.source.name": "forewarn backtest",
        "data_sha256": raw.sha256,
        "data_source": raw.source,
        "code_version": code_version,
        "preset": configuration.preset or "none",
    }
    with recorded_run(client, experiment_id, tags) as (run_id, run_name):
        steps.log_configuration(client, run_id, configuration)
        results = run_folds(orders, lambda result: clock.lap("fold", describe_fold(result, len(orders))))
        summary = steps.summarise_folds(
            results,
            prepared.labelled,
            configuration.evaluation,
            configuration.threshold.promised_false_alarms_per_day,
            count_delay_rows(readings.step_minutes),
        )
        clock.lap("summarise", f"{len(results)} trainings")
        report = home / "mlruns" / "reports" / f"{run_name}-{run_id[:8]}.html"
        result = BacktestResult(
            run_id=run_id,
            run_name=run_name,
            experiment=tracking.experiment,
            tracking_uri=tracking_uri,
            report=str(report),
            code_version=code_version,
            preset=configuration.preset,
            family=configuration.model.family,
            replay=configuration.readings.replay,
            seeds=configuration.evaluation.seeds,
            settings=configuration.model_dump(mode="json"),
            data=line.summarise_data(prepared, {"all": len(prepared.windows)}),
            findings=readings.findings,
            seconds=dict(clock.seconds),
            **summary.model_dump(),
        )
        plots = steps.render_backtest_plots(result)
        page = steps.render_backtest_report(result, configuration, plots)
        steps.write_report(page, report)
        steps.log_backtest(client, experiment_id, run_id, result, results)
        files = {f"plots/{name}.png": image for name, image in plots.items()}
        files["report/report.html"] = page.encode()
        files["backtest.json"] = result.model_dump_json(indent=1).encode()
        steps.log_files(client, run_id, files)
    clock.lap("log", f"run {run_name}")
    return result.model_copy(update={"seconds": dict(clock.seconds)})


def list_orders(data: Path, settings: Configuration) -> list[FoldOrder]:
    """List every training of a backtest: fold by fold, the model and the published one, seed by seed."""
    entrants = {MODEL: settings, PUBLISHED: change_settings(settings, PUBLISHED_ENTRANT)}
    first, section = settings.training.seed, settings.evaluation
    return [
        FoldOrder(
            entrant=name,
            path=data.resolve(),
            settings=change_settings(entrant, {"training": {"seed": first + number}}),
            fold=fold,
            has_controls=name == MODEL,
        )
        for fold in range(1, len(section.fold_starts) + 1)
        for name, entrant in entrants.items()
        for number in range(section.seeds)
    ]


def describe_fold(result: FoldScores, trainings: int) -> str:
    """Say in a line which training has been done."""
    return (
        f"{result.fold.number}, {result.entrant}, seed {result.seed}: {result.parameters:,} parameters, "
        f"{result.epochs} epochs, {len(result.end_rows):,} test windows ({trainings} trainings in all)"
    )


def summarise(result: BacktestResult) -> str:
    """Write the summary that ends the command."""
    scorers = ("model", "published", "pca", "zscore", "random")
    rows: Sequence[tuple[str, str]] = (
        ("roc_auc", "mean"),
        ("roc_auc", "pooled"),
        ("average_precision", "mean"),
        ("average_precision", "pooled"),
        ("event_recall", "mean"),
        ("event_recall_20min", "mean"),
        ("false_alarms_per_day", "mean"),
    )
    bounds = result.entrants["model"].mean_intervals["roc_auc"]
    lines = [
        "",
        f"Tested on   {result.data.source}, {len(result.folds)} folds forward in time, {result.seeds} seeds, "
        f"replay {result.replay}",
        f"Model       {result.family}",
        "",
        f"{'':<30}" + "".join(f"{name:>11}" for name in scorers),
    ]
    for metric, kind in rows:
        values = [getattr(getattr(result.entrants[name], kind), metric) for name in scorers]
        figures = "".join(f"{'-' if value is None else f'{value:.3f}':>11}" for value in values)
        lines.append(f"  {metric + ', ' + kind:<28}{figures}")
    lines += [
        "",
        f"ROC area    {result.mean.roc_auc:.3f}, 90 % interval {bounds.low:.3f} to {bounds.high:.3f}; "
        f"better than published in {result.better_than_published_folds} of {len(result.folds)} folds",
    ]
    lines += [
        f"Promise     {rate.promised:g} false alarms a day: {rate.realised:.1f} came (worst fold "
        f"{rate.ratio_worst:.1f} times the promise), events caught {rate.event_recall:.0%}, "
        f"within the longer horizon {rate.event_recall_20min:.0%}"
        for rate in result.rates
    ]
    check = result.leak_check
    lines += [
        f"Leak check  {'passed' if check.has_passed else 'NOT PASSED'}: ROC area with shuffled inputs "
        f"{check.shuffled_roc_auc:.3f}, inputs {check.delayed_rows} rows late {check.delayed_roc_auc:.3f}, "
        f"as they are {check.roc_auc:.3f}",
    ]
    lines += [f"Note        {finding.message}" for finding in result.findings]
    lines += [
        f"Report      {result.report}",
        f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}",
    ]
    return "\n".join(lines)
