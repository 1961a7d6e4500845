"""Summaries of finished flows: the text that a command prints at the end, and Prefect artifacts."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from schemas.backtest import BacktestResult
from schemas.benchmark import BenchmarkResult
from schemas.comparison import ComparisonResult
from schemas.evaluation import Metrics
from schemas.results import DataSummary, RetrainResult
from tasks.readings.inspect import describe_format
from tasks.reports.benchmark_text import (
    list_table_lines,
    name_figure,
    write_difference,
    write_ranking,
    write_test,
)
from tasks.tables.format import count_things

# columns are aligned by format strings: rich and tabulate would change the layout that scripts may read
_COLUMNS = ("model", "pca_raw", "pca", "zscore", "random")


def tabulate_metrics(result: RetrainResult) -> list[dict[str, str]]:
    """Tabulate the test metrics of the model and the controls, one row per metric."""
    scorers = {"model": result.metrics, **result.controls}
    return [
        {"metric": name} | {column: _write(getattr(scorers[column], name)) for column in _COLUMNS}
        for name in Metrics.model_fields
    ]


def summarise_retraining(result: RetrainResult) -> str:
    """Write the summary that `forewarn retrain` prints."""
    windows = result.data.windows
    rows = tabulate_metrics(result)
    lines = [
        "",
        *_write_origin(result),
        f"Trained on  {result.data.source}",
        f"            {result.data.rows:,} rows, {result.data.events} events, "
        f"{result.data.segments} runs of rows",
        *_write_times(result.data),
        f"            windows: {windows['train_normal']:,} normal of {windows['train']:,} for training, "
        f"{windows['validation']:,} validation, {windows['test']:,} test",
        f"Model       {_name_model(result)}, {result.parameters:,} parameters, {result.epochs} epochs",
        *_write_weights(result),
        f"Threshold   {result.threshold:.4g} by {result.threshold_rule}{_write_promise(result)}",
        *_write_parts(result),
        "",
        f"Test        {''.join(f'{column:>9}' for column in _COLUMNS)}",
        *(f"  {row['metric']:<20}" + "".join(f"{row[column]:>9}" for column in _COLUMNS) for row in rows),
        "",
        f"Decision    {result.decision} for version {result.model_version} of {result.model_name}",
        *(f"            - {reason}" for reason in result.reasons),
    ]
    # results of earlier releases hold only the findings about the data
    lines += [f"Note        {finding.message}" for finding in result.findings or result.data.findings]
    lines += [
        f"Report      {result.report}",
        f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}",
        "Compare     forewarn ui   (in a checkout: make ui)",
    ]
    return "\n".join(lines)


def _name_model(result: RetrainResult) -> str:
    """Name the family, with the members of a join from which some were left out."""
    if result.model is None or not result.model.left_out:
        return result.family
    left_out = ", ".join(each.family for each in result.model.left_out)
    return f"{result.family} of {', '.join(result.model.members)} (without {left_out})"


def _write_weights(result: RetrainResult) -> list[str]:
    """Write how much each member of a join counts."""
    if not result.weights:
        return []
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in result.weights.items())
    return [f"            weights: {weights}"]


def _write_times(data: DataSummary) -> list[str]:
    """Write from when to when the rows are; results of earlier releases do not say it."""
    if data.first_time is None or data.last_time is None:
        return []
    first, last = (time.replace("T", " ") for time in (data.first_time, data.last_time))
    return [f"            from {first} to {last}, {describe_format(data.time_format)}"]


def _write_origin(result: RetrainResult) -> list[str]:
    """Note that the result was found or resumed, if this command did not do all of the work."""
    if result.is_found:
        return [
            f"Found       finished run {result.run_name} of the same data, code and configuration:",
            "            nothing was trained or promoted now (`--force` trains again)",
        ]
    if result.is_resumed:
        return [f"Resumed     run {result.run_name}, which was stopped before it finished"]
    return []


def summarise_backtest(result: BacktestResult) -> str:
    """Write the summary that `forewarn backtest` prints."""
    scorers = [name for name in ("model", "published", *_COLUMNS[1:]) if name in result.entrants]
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
        f"Promise     {rate.promised:g} false alarms a day by {rate.rule}: {rate.realised:.1f} realised "
        f"(worst fold {rate.ratio_worst:.1f} times the promise), events caught {rate.event_recall:.0%}, "
        f"within the longer horizon {rate.event_recall_20min:.0%}"
        for rate in result.rates
    ]
    check = result.leak_check
    lines += [
        f"Leak check  {'passed' if check.has_passed else 'NOT PASSED'}: ROC area with shuffled inputs "
        f"{check.shuffled_roc_auc:.3f}, inputs {check.delayed_rows} rows late {check.delayed_roc_auc:.3f}, "
        f"unchanged {check.roc_auc:.3f}",
    ]
    lines += [f"Note        {finding.message}" for finding in result.findings]
    lines += [
        f"Report      {result.report}",
        f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}",
    ]
    return "\n".join(lines)


def summarise_comparison(result: ComparisonResult) -> str:
    """Write the leaderboard that `forewarn compare` prints."""
    lines = [
        "",
        f"Compared on {result.data.source}: settings chosen on {result.past_folds} past folds, "
        f"judged on fold {result.last_fold}, {result.seeds} seeds",
        "",
        f"{'':<24}{'past':>8}{'last fold':>11}{'90 % interval':>18}{'AP':>8}{'trials':>8}{'seconds':>9}",
    ]
    for row in result.leaderboard:
        past = "-" if row.past_roc_auc is None else f"{row.past_roc_auc:.3f}"
        bounds = row.intervals["roc_auc"]
        lines.append(
            f"  {row.family:<22}{past:>8}{row.metrics.roc_auc:>11.3f}"
            f"{f'{bounds.low:.3f} to {bounds.high:.3f}':>18}{row.metrics.average_precision:>8.3f}"
            f"{row.trials:>8}{row.seconds:>9.0f}"
        )
    lines += [
        "",
        *(f"Note        {finding.message}" for finding in (*result.data.findings, *result.findings)),
        f"Chosen      {result.chosen}, by its ROC area on past folds; settings in the run's chosen.yaml",
        f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}",
        "Compare     forewarn ui   (in a checkout: make ui)",
    ]
    return "\n".join(lines)


def summarise_benchmark(result: BenchmarkResult, *, is_proposed: bool) -> str:
    """Write the summary that `forewarn benchmark` prints.

    Args:
        result: The result.
        is_proposed: Whether the folder has no plan of its own.
    """
    done = sum(table.problem is None for table in result.tables)
    lines = [
        "",
        f"Benchmark of {', '.join(result.methods)}",
        f"on {done} of {count_things(len(result.tables), 'table')} in {result.folder}",
        f"Means over {count_things(result.seeds, 'seed')}, {result.confidence:.0%} intervals. "
        "Caught at a rate: by the best threshold on the test, a ceiling.",
        "Caught, false alarms, lead (minutes), affiliation precision/recall: by each method's own threshold.",
        *list_table_lines(result),
        "",
    ]
    for each in result.differences:
        if each.value is not None:
            name = f"{each.method} - {each.other}"
            lines.append(f"{name:<22}{name_figure(each.figure):<22}{write_difference(each)}")
    for ranking in result.rankings:
        lines += [
            f"{'Mean rank':<22}{name_figure(ranking.figure)}, {ranking.tables} tables, {write_test(ranking)}",
            f"{'':<22}{write_ranking(ranking)}",
        ]
    lines += [
        f"{'CARE ' + each.group:<22}{each.method:<22}{each.figures['care']:.3f}" for each in result.care
    ]
    lines.append(
        "Figures     all of them, with their intervals, are in benchmark.csv of the run and of `--out`"
    )
    if is_proposed:
        lines.append(
            "Note        the folder has no benchmark.yaml: the first half of every table is for training.\n"
            "            `--write-config` writes a file to start from."
        )
    lines += [
        f"Report      {result.report}",
        f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}",
    ]
    return "\n".join(lines)


def publish_artifacts(result: RetrainResult) -> None:
    """Show the summary and the metric table in the Prefect UI."""
    create_markdown_artifact(
        key="retrain-summary",
        markdown=f"## {result.decision}: {result.model_name} version {result.model_version}\n\n"
        + "\n".join(f"- {reason}" for reason in result.reasons)
        + f"\n\n```\n{summarise_retraining(result)}\n```",
        description="Training data, metrics and decision",
    )
    create_table_artifact(
        key="retrain-metrics",
        table=tabulate_metrics(result),
        description="Test metrics of model and controls",
    )


def _write_parts(result: RetrainResult) -> list[str]:
    """Summarise the scores of each part if there are no events to evaluate them with."""
    if result.data.events:
        return []
    return [
        f"{'Scores' if number == 0 else '':<12}{name}: mean {part.mean_score:.4g}, {part.flagged} of "
        f"{part.windows:,} windows at the threshold or above"
        for number, (name, part) in enumerate(result.parts.items())
    ]


def _write_promise(result: RetrainResult) -> str:
    """Compare the false alarms of the test part with the promised rate."""
    promised, realised = result.promised_false_alarms_per_day, result.metrics.false_alarms_per_day
    if promised is None or realised is None:
        return ""
    return f"; false alarms a day: promised {promised:g}, realised in the test {realised:.1f}"


def _write(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
