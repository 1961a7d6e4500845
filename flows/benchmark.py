"""Benchmark: the configuration, other families and the controls over a folder of tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow

from flows import line, steps
from flows.environment import find_home
from flows.fold import describe_table, prepare_once, stamp_settings
from flows.line import Prepared
from flows.prefect.fold_runner import gather_folds, order_seeds, submit_folds
from flows.progress import Stopwatch
from flows.recorded_run import recorded_run
from schemas.backtest import FoldOrder, FoldScores
from schemas.benchmark import (
    DEFAULT_METHOD,
    PLAN_FILE,
    BenchmarkPlan,
    BenchmarkResult,
    TablePlan,
    TableResult,
)
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.evaluation import CONTROLS
from schemas.readings import Finding, RawTable
from tasks.configuration.benchmark_plan import apply_settings, propose_plan, read_plan, write_plan
from tasks.evaluation.benchmark.boundaries import place_test
from tasks.evaluation.benchmark.compare import compare_tables
from tasks.evaluation.benchmark.methods import list_methods
from tasks.evaluation.benchmark.tables import TableFigures, describe_methods
from tasks.sources.addresses import is_database, make_absolute, take_password
from tasks.sources.several_files import list_files
from tasks.tracking.fingerprint import describe_code, identify_fold, make_key


@dataclass(frozen=True)
class OpenedTable:
    """A table whose folds can run.

    Attributes:
        plan: Its plan.
        source: Its source, absolute.
        settings: Its settings, with the folds of its plan.
        orders: Every training, method by method.
    """

    plan: TablePlan
    source: str
    settings: Configuration
    orders: tuple[FoldOrder, ...]

    def prepare(self) -> Prepared:
        """Return the prepared table, from this process's cache if it is there."""
        return prepare_once(
            self.source, stamp_settings(self.source, self.settings), describe_table(self.settings)
        )


@flow(name="benchmark", persist_result=False)
def benchmark(
    folder: str, plan: BenchmarkPlan, configuration: Configuration, families: Sequence[str]
) -> BenchmarkResult:
    """Run every method on every table, and compare them.

    Finished folds are kept, so that an interrupted benchmark is resumed and a changed one only runs what is
    new.

    Args:
        folder: Folder of the tables, absolute.
        plan: The tables.
        configuration: Settings that all tables start from; `evaluation` sets the number of seeds.
        families: Families of models to run besides the configuration.

    Returns:
        The figures of every method on every table, ranks and differences. A table that cannot be used has a
        problem instead.

    Raises:
        InputError: If no table can be used.
        StoreUnreachableError: If the tracking store does not answer.
    """
    clock = Stopwatch()
    code = describe_code([*configuration.model.families, *families])
    whole = RawTable(pd.DataFrame(), folder, hash_folder(folder, plan))
    work = make_key(whole.sha256, configuration.model_dump(mode="json"), list(families), code)
    tags = {"mlflow.source.name": "forewarn benchmark"}
    with recorded_run(configuration.tracking, whole, tags, work) as run:
        steps.log_configuration(run.client, run.id, configuration)
        opened = {
            table.name: open_table(table, folder, configuration, families, code) for table in plan.tables
        }
        clock.lap("open", f"{len(plan.tables)} tables in {folder}")
        started = {
            name: submit_folds(table.orders)
            for name, table in opened.items()
            if isinstance(table, OpenedTable)
        }
        tables: list[TableResult] = []
        measured: list[TableFigures] = []
        for name, table in opened.items():
            if isinstance(table, OpenedTable):
                results = gather_folds(table.orders, started[name], lambda order: None)
                table, figures = judge_table(table, results, plan.critical_minutes)  # noqa: PLW2901
                measured += figures
            clock.lap("table", describe_outcome(table))
            tables.append(table)
        require_results(tables, folder)
        section = configuration.evaluation
        methods = (*list_methods(configuration, families), *reversed(CONTROLS))
        result = BenchmarkResult(
            run_id=run.id,
            run_name=run.name,
            experiment=configuration.tracking.experiment,
            tracking_uri=run.tracking_uri,
            report=str(run.report),
            code_version=run.code_version,
            folder=folder,
            seeds=section.seeds,
            confidence=section.confidence,
            rates=section.alarm_rates,
            methods=methods,
            settings=configuration.model_dump(mode="json"),
            tables=tuple(tables),
            rankings=steps.rank_tables(measured, methods, section.alarm_rates, section.confidence),
            differences=steps.compare_tables(measured, section.alarm_rates, section.confidence),
            care=steps.score_groups(plan.tables, measured, section.bootstrap_samples, section.confidence),
            seconds=dict(clock.seconds),
        )
        files = steps.render_benchmark_files(result)
        steps.write_report(files["report/report.html"].decode(), run.report)
        files[PLAN_FILE] = write_plan(plan).encode()
        steps.log_benchmark(run.client, run.id, result, files)
        steps.delete_old_folds(find_kept_folds())
    clock.lap("log", f"run {run.name}")
    return result.model_copy(update={"seconds": dict(clock.seconds)})


def find_plan(folder: Path) -> tuple[BenchmarkPlan, bool]:
    """Read the plan of a folder, or propose one for its files.

    Returns:
        The plan, and whether it was proposed.

    Raises:
        InputError: If this is no folder, it holds no table, or the plan is not valid.
    """
    if not folder.is_dir():
        raise InputError(
            f"`--data` must name a folder of tables, with a {PLAN_FILE} that describes them. Received "
            f"{folder}. Check the path."
        )
    path = folder / PLAN_FILE
    if path.is_file():
        return hide_passwords(read_plan(path)), False
    files = [name for name in list_files(folder) if "/" not in name]
    if not files:
        raise InputError(
            f"A folder without a {PLAN_FILE} must hold a file for each table. Received {folder}, which only "
            f"has folders. Write the {PLAN_FILE}."
        )
    return propose_plan(files), True


def hide_passwords(plan: BenchmarkPlan) -> BenchmarkPlan:
    """Take the passwords out of the addresses of databases: flows and runs record the plan."""
    tables = tuple(table.model_copy(update={"file": take_password(table.file)}) for table in plan.tables)
    return plan.model_copy(update={"tables": tables})


def hash_folder(folder: str, plan: BenchmarkPlan) -> str:
    """Hash the plan and the files that it names; a database counts by its address."""
    digest = hashlib.sha256(write_plan(plan).encode())
    for table in plan.tables:
        for file in list_contents(locate(folder, table.file)):
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def list_contents(source: str) -> list[Path]:
    """List the files of a source; a database, and a source that does not exist, has none."""
    if is_database(source):
        return []
    if Path(source).is_file():
        return [Path(source)]
    try:
        return list(list_files(source).values())
    except InputError:
        return []


def locate(folder: str, name: str) -> str:
    """Return the source of a table or a file that its settings name, absolute."""
    return make_absolute(name if is_database(name) else Path(folder) / name)


def open_table(
    plan: TablePlan,
    folder: str,
    configuration: Configuration,
    families: Sequence[str],
    code: Mapping[str, Any],
) -> OpenedTable | TableResult:
    """Prepare a table, place its test and list its trainings.

    Returns:
        The opened table, or its result if it cannot be used.
    """
    source = locate(folder, plan.file)
    try:
        settings = apply_settings(configuration, plan.settings)
        if settings.labels.events_file is not None:
            events_file = locate(folder, settings.labels.events_file)
            settings = apply_settings(settings, {"labels.events_file": events_file})
        table = OpenedTable(plan, source, settings, ())
        prepared = table.prepare()
        settings = place_test(plan, prepared.readings, prepared.labelled, settings)
        orders = list_orders(source, settings, families, prepared.raw.identity, code)
    except InputError as problem:
        return TableResult(name=plan.name, file=plan.file, problem=str(problem))
    return replace(table, settings=settings, orders=tuple(orders))


def list_orders(
    source: str, settings: Configuration, families: Sequence[str], identity: str, code: Mapping[str, Any]
) -> list[FoldOrder]:
    """List every training of a table by method, fold and seed, each with the file that keeps its result."""
    orders = [
        order
        for method, of_method in list_methods(settings, families).items()
        for fold in range(1, len(settings.evaluation.fold_starts) + 1)
        for order in order_seeds(method, source, of_method, fold, has_controls=method == DEFAULT_METHOD)
    ]
    folder = find_kept_folds()
    unchecked = [replace(order, has_checks=False) for order in orders]
    return [
        replace(order, kept=str(folder / f"{identify_fold(identity, order, code)}.npz"))
        for order in unchecked
    ]


def find_kept_folds() -> Path:
    """Return the folder that keeps the scores of finished folds."""
    return find_home() / "mlruns" / "benchmarks"


def judge_table(
    table: OpenedTable, results: Sequence[FoldScores | InputError], critical_minutes: float
) -> tuple[TableResult, list[TableFigures]]:
    """Measure all methods on a table.

    A method with a training that failed is left out; if it is the configuration itself, the table has a
    problem.

    Returns:
        The result, and what was measured, empty if there is a problem.
    """
    plan, section = table.plan, table.settings.evaluation
    failed = {
        order.entrant: str(result)
        for order, result in zip(table.orders, results, strict=True)
        if isinstance(result, InputError)
    }
    scored = [each for each in results if isinstance(each, FoldScores) and each.entrant not in failed]
    try:
        if DEFAULT_METHOD in failed:
            raise InputError(failed[DEFAULT_METHOD])
        prepared = table.prepare()
        figures = steps.measure_table(plan, scored, prepared.labelled, section, critical_minutes)
    except InputError as problem:
        return TableResult(name=plan.name, file=plan.file, problem=str(problem)), []
    seconds = {
        method: sum(each.seconds for each in scored if each.entrant == method)
        for method in {each.entrant for each in scored}
    }
    first = min((each.fold for each in scored), key=lambda fold: fold.number)
    return TableResult(
        name=plan.name,
        file=plan.file,
        data=line.summarise_data(prepared, {"all": len(prepared.windows)}),
        train_end=str(prepared.labelled.times[first.test_start - 1].astype("datetime64[s]")),
        test_rows=figures.rows,
        test_events=figures.events,
        prevalence=figures.prevalence,
        rows_ahead=prepared.labelled.rows_ahead,
        methods=describe_methods(figures, seconds, section.confidence),
        differences=compare_tables([figures], section.alarm_rates, section.confidence),
        findings=(*prepared.readings.findings, *collect_findings(scored, failed)),
    ), [figures]


def collect_findings(results: Sequence[FoldScores], failed: Mapping[str, str]) -> list[Finding]:
    """Collect what was left out in trainings of the configuration, each once, and the methods that failed."""
    left_out = {
        finding.message: finding
        for result in results
        for finding in result.findings
        if result.entrant == DEFAULT_METHOD
    }
    problems = [
        Finding(check="method_left_out", message=f"{method} is left out: {problem}")
        for method, problem in failed.items()
    ]
    return [*left_out.values(), *problems]


def require_results(tables: Sequence[TableResult], folder: str) -> None:
    """Check that at least one table has results.

    Raises:
        InputError: If none has; the message has a line for each table.
    """
    if all(table.problem is not None for table in tables):
        lines = "\n".join(f"  {table.name}: {table.problem}" for table in tables)
        raise InputError(
            f"A benchmark needs at least one table that can be used. None in {folder} can:\n{lines}"
        )


def require_all_tables(result: BenchmarkResult) -> None:
    """Check that every table has results.

    Raises:
        InputError: If one has none.
    """
    failing = [table.name for table in result.tables if table.problem is not None]
    if failing:
        raise InputError(
            f"Expected {len(result.tables)} sound tables. {', '.join(failing)} cannot be used, for the "
            f"reasons above; the others are done. Correct them, or take them out of {PLAN_FILE}."
        )


def describe_outcome(table: TableResult) -> str:
    """Describe a finished table in one line."""
    if table.problem is not None:
        return f"{table.name}: not done, {table.problem.splitlines()[0]}"
    areas = {each.method: each.figures["roc_auc"] for each in table.methods}
    listed = ", ".join(f"{name} {area:.3f}" for name, area in areas.items() if area is not None)
    return f"{table.name}: {table.test_events} events, ROC area {listed or 'undefined'}"
