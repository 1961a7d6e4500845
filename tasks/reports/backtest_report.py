"""The report of a backtest: one HTML page that needs nothing but a browser, and the same for the handbook."""

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
        "Each point is a test on days that came after the training, its bar the interval. What lies on the "
        "line of chance has learnt nothing that lasts.",
    ),
    "recall_curve": (
        "Events caught against false alarms",
        "The lines are the best that a fixed threshold could have done in each fold, looked up on the test "
        "itself. The diamonds are what came of thresholds that were set beforehand.",
    ),
    "lead_minutes": (
        "Warning time",
        "How many minutes are left from the first alarm to the event, for the events that were caught.",
    ),
    "score_before_event": (
        "Scores before an event",
        "A normal row has half of the normal rows below it on average; where the line rises above one half, "
        "the model begins to see the event coming.",
    ),
}


def render_backtest_report(
    result: BacktestResult, configuration: Configuration, plots: Mapping[str, bytes]
) -> str:
    """Write the outcome of a backtest as one HTML page with everything inside.

    Passwords in addresses are left out. The same arguments give the same page.

    Args:
        result: The outcome.
        configuration: The effective configuration of the run.
        plots: PNG bytes by the names that `tasks.reports.backtest_plot.render_backtest_plots` gives them.

    Returns:
        The page; it has no script and loads nothing from elsewhere.

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
    """Write the outcome of a backtest as a Markdown page in plain words, for those who run the plant.

    The table is named by its file name alone.

    Args:
        result: The outcome.
        configuration: The effective configuration of the run.
        published_random_split: The ROC area that the published model reaches where rows are divided at
            random; none to leave it out.
        pictures: Addresses of the plots, by their names; none to leave them out.

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
    """List every scorer with its figures of a kind, `mean` or `pooled`."""
    return tuple(
        Column(
            TITLES.get(scorer, scorer),
            getattr(standing, kind).model_dump(),
            getattr(standing, f"{kind}_intervals"),
        )
        for scorer, standing in result.entrants.items()
    )


def list_statements(result: BacktestResult, confidence: float) -> tuple[str, ...]:
    """Say in plain sentences what to expect of the model."""
    told = (
        tell_alarms(result),
        tell_catch(result),
        tell_lead(result),
        tell_ranking(result),
        tell_difference(result, confidence),
    )
    return tuple(sentence for sentence in told if sentence)


def tell_ranking(result: BacktestResult) -> str:
    """Say what the ROC area means; empty where it is undefined."""
    area = result.mean.roc_auc
    if area is None:
        return ""
    others = ["guessing in 50%"]
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
        "Of a row shortly before an event and a normal row, the model gives the former the higher score in "
        f"{_percent(area)} of all pairs{within}; {', '.join(others)}."
    )


def tell_difference(result: BacktestResult, confidence: float) -> str:
    """Say whether the model is better than the published one; empty without it."""
    bounds, folds = result.published_difference, len(result.folds)
    if bounds is None:
        return ""
    span = f"{bounds.low:+.3f} to {bounds.high:+.3f} ({confidence:.0%} interval)"
    if bounds.low > 0:
        verdict = "The model is better than the published model by more than chance"
    elif bounds.high < 0:
        verdict = "The model is worse than the published model by more than chance"
    else:
        verdict = "The model differs from the published model by no more than chance may give"
    return f"{verdict}: ROC area {span}, and larger in {result.better_than_published_folds} of {folds} folds."


def tell_alarms(result: BacktestResult) -> str:
    """Say how many false alarms came, beside the promise."""
    realised, promised = result.realised_false_alarms_per_day, result.promised_false_alarms_per_day
    came = f"{format_figure(realised, 1)} false alarms a day came"
    if promised is None:
        return f"{came}; none were promised."
    worst = max(fold.false_alarm_ratio or 0 for fold in result.folds)
    return f"{came} where {promised:g} were promised; in the worst fold {worst:.1f} times the promise."


def tell_catch(result: BacktestResult) -> str:
    """Say how many events were caught at these alarms."""
    near, far = result.mean.event_recall, result.mean.event_recall_20min
    ahead = f"up to {result.rows_ahead * result.step_minutes:g} minutes before" if result.rows_ahead else "in"
    return (
        f"At these alarms, {_percent(near)} of the events had one {ahead} them and {_percent(far)} one up to "
        f"{result.horizon_minutes:g} minutes before; the others came without a warning."
    )


def tell_lead(result: BacktestResult) -> str:
    """Say how long the warnings were; empty where nothing was caught."""
    if not result.lead_minutes:
        return ""
    return (
        f"Where it warned, half of the first alarms came {np.median(result.lead_minutes):g} minutes or more "
        "before the event."
    )


def tell_leaks(check: LeakCheck, step_minutes: float) -> str:
    """Say what tampering with the inputs has cost, and what that means."""
    late = f"{check.delayed_rows * step_minutes:g} minutes late"
    bounds, loss = check.loss_by_delay, check.roc_auc - check.delayed_roc_auc
    figures = (
        f"The ROC area is {check.roc_auc:.3f} with inputs as they are, {check.shuffled_roc_auc:.3f} "
        f"({_span(check.shuffled_interval)}) with test rows in random order, and {check.delayed_roc_auc:.3f} "
        f"with inputs that come {late}, a loss of {loss:.3f} ({bounds.low:+.3f} to {bounds.high:+.3f})."
    )
    if check.has_passed:
        return f"{figures} So the scores come from what the sensors show at the time."
    reasons = []
    if check.shuffled_interval.low > 0.5:
        reasons.append("rows in random order should leave nothing but chance, 0.5")
    if loss <= 0 or bounds.high < 0:
        reasons.append("late inputs should cost something")
    return f"{figures} But {' and '.join(reasons)}: look for what the scores know from elsewhere."


def _render(template: str, result: BacktestResult, configuration: Configuration, **words: object) -> str:
    """Fill a template with what both pages tell."""
    confidence = configuration.evaluation.confidence
    tables = {kind: list_columns(result, kind) for kind in ("mean", "pooled")}
    return (
        _make_page_environment(is_markdown=template.endswith(".md.jinja"))
        .get_template(template)
        .render(
            result=result,
            configuration=configuration,
            statements=list_statements(result, confidence),
            leaks=tell_leaks(result.leak_check, result.step_minutes),
            titles=[column.title for column in tables["mean"]],
            mean_rows=list_metric_rows(tables["mean"], configuration),
            pooled_rows=list_metric_rows(tables["pooled"], configuration),
            scorer_titles=TITLES,
            **words,
        )
    )


def _make_page_environment(*, is_markdown: bool) -> Environment:
    """Make the template engine; in Markdown nothing is escaped."""
    environment = make_environment().overlay(autoescape=not is_markdown)
    environment.filters |= {
        "figure": format_figure,
        "percent": _percent,
        "moment": _name_moment,
        "span": _span,
    }
    return environment


def _percent(share: float | None) -> str:
    """Write a share as a percentage, none as a dash."""
    return format_figure(None, 0) if share is None else f"{share:.0%}"


def _span(bounds: Interval | None, decimals: int = 3) -> str:
    """Write the bounds of an interval, none as nothing."""
    return "" if bounds is None else f"{bounds.low:.{decimals}f} to {bounds.high:.{decimals}f}"


def _name_moment(time: str) -> str:
    """Write a time to the minute."""
    return time.replace("T", " ")[:16]
