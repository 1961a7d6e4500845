"""The report of a backtest: a self-contained HTML page, and a Markdown page for the documentation."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from schemas.backtest import BacktestResult, LeakCheck
from schemas.configuration import Configuration
from schemas.evaluation import Interval
from tasks.reports.backtest_plot import TITLES, find_best_control
from tasks.reports.report import (
    Column,
    embed_plots,
    format_figure,
    hide_password,
    list_metric_rows,
    list_pictures,
    make_environment,
)

if TYPE_CHECKING:
    from jinja2 import Environment

PLOT_TEXTS = {
    "folds": (
        "Fold by fold",
        "Each point is a test on days after the training, and its bar the interval. A scorer on the line of "
        "chance has learned nothing that lasts.",
    ),
    "recall_curve": (
        "Events caught against false alarms",
        "The lines show the best that a fixed threshold, chosen on the test itself, could have done in each "
        "fold. The diamonds show the results of thresholds set beforehand.",
    ),
    "lead_minutes": (
        "Warning time",
        "Minutes from the first alarm to the event, for the events that were caught.",
    ),
    "score_before_event": (
        "Scores before an event",
        "On average, half of all normal rows score lower than a normal row; where the line rises above one "
        "half, the model begins to see the event coming.",
    ),
}


def render_backtest_report(
    result: BacktestResult, configuration: Configuration, plots: Mapping[str, bytes]
) -> str:
    """Render the result of a backtest as one self-contained HTML page.

    Passwords in addresses are left out. The same arguments give the same page.

    Args:
        result: The result.
        configuration: The effective configuration of the run.
        plots: PNG bytes by the names that `tasks.reports.backtest_plot.render_backtest_plots` gives them.

    Returns:
        The page, which has no script and loads nothing.

    Raises:
        ValueError: If a plot has an unknown name.
    """
    source = hide_password(result.data.source)
    return _render(
        "backtest.html.jinja",
        result,
        configuration,
        pictures=list_pictures(embed_plots(plots), PLOT_TEXTS),
        source=source,
        tracking_uri=hide_password(result.tracking_uri),
        command=f"forewarn backtest --config configuration.yaml --data {shlex.quote(source)}",
        settings=configuration.to_yaml(),
    )


def write_backtest_page(
    result: BacktestResult,
    configuration: Configuration,
    published_random_split: float | None = None,
    pictures: Mapping[str, str] | None = None,
) -> str:
    """Render the result of a backtest as a Markdown page in plain words, for the operators of a plant.

    The table is named by its file name alone.

    Args:
        result: The result.
        configuration: The effective configuration of the run.
        published_random_split: The ROC area of the published model with a random split; None to leave it
            out.
        pictures: Addresses of the plots, by their names; None to leave them out.

    Raises:
        ValueError: If a picture has an unknown name.
    """
    return _render(
        "backtest.md.jinja",
        result,
        configuration,
        pictures=list_pictures(pictures or {}, PLOT_TEXTS),
        source=PurePath(result.data.source).name,
        published_random_split=published_random_split,
    )


def list_columns(result: BacktestResult, kind: str) -> tuple[Column, ...]:
    """List the figures of every scorer, of the kind `mean` or `pooled`."""
    return tuple(
        Column(
            TITLES.get(scorer, scorer),
            getattr(standing, kind).model_dump(),
            getattr(standing, f"{kind}_intervals"),
        )
        for scorer, standing in result.entrants.items()
    )


def list_statements(result: BacktestResult, confidence: float) -> tuple[str, ...]:
    """Describe in plain sentences what to expect of the model."""
    sentences = (
        describe_false_alarms(result),
        describe_recall(result),
        describe_warning_time(result),
        describe_ranking(result),
        describe_difference(result, confidence),
    )
    return tuple(sentence for sentence in sentences if sentence)


def describe_ranking(result: BacktestResult) -> str:
    """Explain the ROC area; empty if it is undefined."""
    area = result.mean.roc_auc
    if area is None:
        return ""
    others = ["guessing does so in 50%"]
    if "published" in result.entrants:
        others.append(f"the published model in {_percent(result.entrants['published'].mean.roc_auc)}")
    best = find_best_control(result)
    if best is not None:
        others.append(
            f"the best control, {TITLES.get(best, best)}, in {_percent(result.controls[best].roc_auc)}"
        )
    bounds = result.intervals.get("roc_auc")
    within = f" ({_percent(bounds.low)} to {_percent(bounds.high)})" if bounds else ""
    return (
        "Of a row shortly before an event and a normal row, the model scores the former higher in "
        f"{_percent(area)} of all pairs{within}; {', '.join(others)}."
    )


def describe_difference(result: BacktestResult, confidence: float) -> str:
    """Describe whether the model is better than the published one; empty without the published one."""
    bounds, folds = result.published_difference, len(result.folds)
    if bounds is None:
        return ""
    span = f"{bounds.low:+.3f} to {bounds.high:+.3f} ({confidence:.0%} interval)"
    if bounds.low > 0:
        verdict = "The model is better than the published model by more than chance"
    elif bounds.high < 0:
        verdict = "The model is worse than the published model by more than chance"
    else:
        verdict = "The model does not differ from the published model by more than chance"
    better = f"the model's area is larger in {result.better_than_published_folds} of {folds} folds"
    return f"{verdict}: the difference in ROC area is {span}, and {better}."


def describe_false_alarms(result: BacktestResult) -> str:
    """Describe the realised and the promised rate of false alarms."""
    realised, promised = result.realised_false_alarms_per_day, result.promised_false_alarms_per_day
    raised = f"The model raised {format_figure(realised, 1)} false alarms a day"
    if promised is None:
        return f"{raised}; no rate was promised."
    worst = max(fold.false_alarm_ratio or 0 for fold in result.folds)
    return f"{raised} where {promised:g} were promised; the worst fold had {worst:.1f} times the promise."


def describe_recall(result: BacktestResult) -> str:
    """Describe how many events were caught by these alarms."""
    near, far = result.mean.event_recall, result.mean.event_recall_20min
    minutes = result.rows_ahead * result.step_minutes
    ahead = f"up to {minutes:g} minutes before them" if result.rows_ahead else "on their own rows"
    return (
        f"Of the events, {_percent(near)} had an alarm {ahead} and {_percent(far)} had one up to "
        f"{result.horizon_minutes:g} minutes before; the others came without a warning."
    )


def describe_warning_time(result: BacktestResult) -> str:
    """Describe how early the warnings came; empty if no event was caught."""
    if not result.lead_minutes:
        return ""
    return (
        f"Half of the first alarms came at least {np.median(result.lead_minutes):g} minutes before the event."
    )


def describe_leak_check(check: LeakCheck, step_minutes: float) -> str:
    """Describe how tampering with the inputs changes the ROC area, and what this means."""
    late = f"delayed by {check.delayed_rows * step_minutes:g} minutes"
    bounds, loss = check.loss_by_delay, check.roc_auc - check.delayed_roc_auc
    figures = (
        f"The ROC area is {check.roc_auc:.3f} with unchanged inputs, {check.shuffled_roc_auc:.3f} "
        f"({_span(check.shuffled_interval)}) with test rows in random order, and {check.delayed_roc_auc:.3f} "
        f"with inputs {late}, a loss of {loss:.3f} ({bounds.low:+.3f} to {bounds.high:+.3f})."
    )
    if check.has_passed:
        return f"{figures} So the scores depend on what the sensors show at the time."
    reasons = []
    if check.shuffled_interval.low > 0.5:
        reasons.append("rows in random order should give an area of 0.5, which is chance")
    if loss <= 0 or bounds.high < 0:
        reasons.append("delayed inputs should lower the area")
    return f"{figures} But {' and '.join(reasons)}: look for a leak of information into the scores."


def _render(template: str, result: BacktestResult, configuration: Configuration, **values: object) -> str:
    """Fill a template with the values common to both pages, and its own."""
    confidence = configuration.evaluation.confidence
    tables = {kind: list_columns(result, kind) for kind in ("mean", "pooled")}
    return (
        _make_page_environment(is_markdown=template.endswith(".md.jinja"))
        .get_template(template)
        .render(
            result=result,
            configuration=configuration,
            statements=list_statements(result, confidence),
            leaks=describe_leak_check(result.leak_check, result.step_minutes),
            titles=[column.title for column in tables["mean"]],
            mean_rows=list_metric_rows(tables["mean"], configuration),
            pooled_rows=list_metric_rows(tables["pooled"], configuration),
            scorer_titles=TITLES,
            **values,
        )
    )


def _make_page_environment(*, is_markdown: bool) -> Environment:
    """Make the template environment; in Markdown nothing is escaped."""
    environment = make_environment().overlay(autoescape=not is_markdown)
    environment.filters |= {
        "figure": format_figure,
        "percent": _percent,
        "moment": _name_moment,
        "span": _span,
    }
    return environment


def _percent(share: float | None) -> str:
    """Format a share as a percentage, None as a dash."""
    return format_figure(None, 0) if share is None else f"{share:.0%}"


def _span(bounds: Interval | None, decimals: int = 3) -> str:
    """Format the bounds of an interval, None as an empty text."""
    return "" if bounds is None else f"{bounds.low:.{decimals}f} to {bounds.high:.{decimals}f}"


def _name_moment(time: str) -> str:
    """Format a time to the minute."""
    return time.replace("T", " ")[:16]
