"""Backtest: rolling-origin evaluation of a configuration, the published model and the controls."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow

from flows import line, steps
from flows.fold import count_delay_rows
from flows.prefect.fold_runner import IN_THIS_PROCESS, order_seeds, run_folds
from flows.progress import Stopwatch
from flows.recorded_run import recorded_run
from schemas.backtest import MODEL, PUBLISHED, BacktestResult, FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.presets import PUBLISHED_ENTRANT
from schemas.readings import Finding, Source
from tasks.configuration.configure import change_settings
from tasks.evaluation.backtest.folds import report_folds_left_out, select_judgeable_folds


@flow(name="backtest", persist_result=False, task_runner=IN_THIS_PROCESS)
def backtest(data: Source, configuration: Configuration) -> BacktestResult:
    """Train and test a configuration fold by fold, forward in time, over several seeds.

    Args:
        data: Source of the readings: a file, folder, pattern, address of a database, or `-`.
        configuration: Settings of every step; `evaluation` sets the folds and the number of seeds.

    Returns:
        The metrics of every fold and their means with intervals, for the model and the controls.

    Raises:
        InputError: If the table or the configuration cannot be used, or no fold's test has an event.
        StoreUnreachableError: If the tracking store does not answer.
    """
    clock = Stopwatch()
    raw, readings = line.load_table(data, configuration)
    prepared = line.prepare(raw, readings, configuration)
    kept = select_judgeable_folds(prepared.windows, configuration.evaluation)
    left_out = report_folds_left_out(prepared.windows, configuration.evaluation, kept)
    orders = list_orders(data, configuration, kept)
    clock.lap("load", f"{len(readings.times):,} rows, {int(readings.events.sum())} event rows, {raw.source}")
    tags = {"mlflow.source.name": "forewarn backtest", "preset": configuration.preset or "none"}
    with recorded_run(configuration.tracking, raw, tags) as run:
        steps.log_configuration(run.client, run.id, configuration)
        results = run_folds(orders, lambda result: clock.lap("fold", describe_fold(result, len(orders))))
        summary = steps.summarise_folds(
            results,
            prepared.labelled,
            configuration.evaluation,
            configuration.threshold.promised_false_alarms_per_day,
            count_delay_rows(readings.step_minutes),
        )
        clock.lap("summarise", f"{len(results)} trainings")
        result = BacktestResult(
            run_id=run.id,
            run_name=run.name,
            experiment=configuration.tracking.experiment,
            tracking_uri=run.tracking_uri,
            report=str(run.report),
            code_version=run.code_version,
            preset=configuration.preset,
            family=configuration.model.family,
            replay=configuration.readings.replay,
            seeds=configuration.evaluation.seeds,
            settings=configuration.model_dump(mode="json"),
            data=line.summarise_data(prepared, {"all": len(prepared.windows)}),
            findings=(*readings.findings, *left_out, *collect_findings(results)),
            seconds=dict(clock.seconds),
            **summary.model_dump(),
        )
        plots = steps.render_backtest_plots(result)
        page = steps.render_backtest_report(result, configuration, plots)
        steps.write_report(page, run.report)
        steps.log_backtest(run.client, run.id, result, results)
        files = {f"plots/{name}.png": image for name, image in plots.items()}
        files["report/report.html"] = page.encode()
        files["backtest.json"] = result.model_dump_json(indent=1).encode()
        steps.log_files(run.client, run.id, files)
    clock.lap("log", f"run {run.name}")
    return result.model_copy(update={"seconds": dict(clock.seconds)})


def list_orders(data: str, settings: Configuration, folds: Sequence[int]) -> list[FoldOrder]:
    """List every training of a backtest by fold, entrant (the model, the published model) and seed."""
    entrants = {MODEL: settings, PUBLISHED: change_settings(settings, PUBLISHED_ENTRANT)}
    return [
        order
        for fold in folds
        for name, entrant in entrants.items()
        for order in order_seeds(name, data, entrant, fold, has_controls=name == MODEL)
    ]


def collect_findings(results: Sequence[FoldScores]) -> list[Finding]:
    """Collect what was left out or replaced in folds, each finding once for all seeds."""
    found = {}
    for result in results:
        who = f"Fold {result.fold.number}, {result.entrant}: "
        for finding in result.findings:
            told = finding.model_copy(update={"message": who + finding.message})
            found[told.message] = told
    return list(found.values())


def describe_fold(result: FoldScores, trainings: int) -> str:
    """Describe a finished training in one line."""
    return (
        f"{result.fold.number}, {result.entrant}, seed {result.seed}: {result.parameters:,} parameters, "
        f"{result.epochs} epochs, {len(result.end_rows):,} test windows ({trainings} trainings in all)"
    )
