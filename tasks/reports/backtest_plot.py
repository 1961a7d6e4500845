"""The plots of a backtest: what to expect on days that the model has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.backtest import FoldResult, Standing, Summary
from schemas.evaluation import CONTROLS, Interval, Metrics
from tasks.reports.plot import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SCORER_TITLES,
    SIZE_INCHES,
    VERMILION,
    draw_legend,
    make_figure,
    name_axes,
    render_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = SCORER_TITLES | {"published": "Published model"}
FOLDS_INCHES = (8.2, 5.2)
BARS_AT_MOST = 40

# colour, marker and line of each scorer; markers and lines differ for colour-blind readers
STYLES = {
    "model": (BLUE, "o", "-"),
    "published": (VERMILION, "s", "--"),
    "pca": (GREEN, "^", "-."),
    "zscore": (PURPLE, "v", (0, (1, 1))),
    "pca_raw": (ORANGE, "<", (0, (3, 1, 1, 1))),
    "random": (GREY, "x", ":"),
}
OTHER_STYLE = (INK, "D", (0, (5, 1)))


class Bar(NamedTuple):
    """A ROC area and its interval, None if undefined."""

    value: float | None
    interval: Interval | None


def render_backtest_plots(summary: Summary, published_random_split: float | None = None) -> dict[str, bytes]:
    """Draw the four plots of a backtest as PNG images about 900 pixels wide.

    Args:
        summary: The summary of all folds.
        published_random_split: The ROC area of the published model with a random split, to show for
            comparison; None to leave it out.

    Returns:
        PNG bytes by `folds`, `recall_curve`, `lead_minutes` and `score_before_event`.
    """
    figures = {
        "folds": plot_folds(summary, published_random_split),
        "recall_curve": plot_recall_curve(summary),
        "lead_minutes": plot_lead_minutes(summary),
        "score_before_event": plot_score_before_event(summary),
    }
    return {name: render_png(figure) for name, figure in figures.items()}


def plot_folds(summary: Summary, published_random_split: float | None = None) -> Figure:
    """Draw the ROC area of each fold and their mean, with intervals and the line of chance.

    Shown are the model, other entrants, the control with the largest mean area, and the random control.
    """
    figure, axes = make_figure(FOLDS_INCHES)
    scorers = choose_scorers(summary)
    places = np.append(np.arange(len(summary.folds)), len(summary.folds) + 0.4)
    offsets = _spread(len(scorers))
    axes.axhline(0.5, color=INK, lw=1)
    axes.text(-1.6, 0.5, "chance: 0.50", fontsize=10, color=INK, va="bottom")
    if published_random_split is not None:
        _draw_promise(axes, published_random_split)
    for scorer, offset in zip(scorers, offsets, strict=True):
        _draw_bars(
            axes, scorer, places + offset * np.append(np.full(len(summary.folds), 0.17), 0.36), summary
        )
    axes.axvspan(len(summary.folds) - 0.4, places[-1] + 1, color="#f2f2f2", lw=0, zorder=0)
    axes.set_xlim(-1.65, places[-1] + 0.8)
    axes.set_xticks(
        places, [*(_name_fold(fold) for fold in summary.folds), "Mean of\nall folds"], fontsize=10
    )
    axes.grid(visible=False, axis="x")
    name_axes(
        axes,
        _make_title(summary, published_random_split),
        "Days of the test; each model was trained on the days before",
        "ROC area (1 is perfect)",
    )
    draw_legend(figure, axes)
    return figure


def plot_recall_curve(summary: Summary) -> Figure:
    """Draw the share of events caught against the false alarms a day, for both horizons.

    The lines show the best fixed threshold of each fold, chosen on the test; the diamonds show the results
    of thresholds set beforehand.
    """
    from matplotlib.ticker import PercentFormatter

    figure, axes = make_figure(SIZE_INCHES)
    figure.delaxes(axes)
    panels: tuple[Axes, ...] = tuple(figure.subplots(1, 2, sharey=True))
    minutes = summary.rows_ahead * summary.step_minutes
    near = f"up to {minutes:g} minutes before" if summary.rows_ahead else "on the event's own rows"
    far = f"up to {summary.horizon_minutes:g} minutes before"
    horizons = (("event_recall", near), ("event_recall_20min", far))
    for panel, (name, horizon) in zip(panels, horizons, strict=True):
        for scorer, standing in summary.entrants.items():
            _draw_curve(panel, scorer, standing, name)
        realised = [rate.realised for rate in summary.rates]
        caught = [getattr(rate, name) for rate in summary.rates]
        look: dict[str, Any] = {"marker": "D", "ms": 7, "mfc": "white", "mec": BLUE, "mew": 1.8, "ls": ""}
        panel.plot(realised, caught, label="Model, threshold set beforehand", **look)
        _style_panel(panel)
        name_axes(panel, f"Alarm {horizon}", "False alarms a day", "")
    panels[0].set_ylim(bottom=0, top=1.05 * max(panel.dataLim.ymax for panel in panels) or 1)
    panels[0].set_ylabel("Events caught", fontsize=11, color=INK)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    figure.suptitle(
        "Events caught against false alarms a day, all folds", fontsize=13, x=0.01, ha="left", color=INK
    )
    draw_legend(figure, panels[0])
    return figure


def plot_lead_minutes(summary: Summary) -> Figure:
    """Draw a histogram of the minutes from the first alarm to the event, for caught events."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = make_figure(SIZE_INCHES)
    leads = np.array(summary.lead_minutes)
    title = f"How long before an event its first alarm came, within {summary.horizon_minutes:g} minutes"
    name_axes(axes, title, "Minutes from the first alarm to the event", "Caught events, all seeds")
    if len(leads) == 0:
        return _write_reason(figure, axes, "No event was caught.")
    axes.hist(leads, bins=_cut_bins(leads, summary.step_minutes).tolist(), color=BLUE, edgecolor="white")
    median = float(np.median(leads))
    axes.axvline(median, color=INK, ls="--", lw=1.4, label=f"median: {median:g} minutes")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=11, integer=True, min_n_ticks=1))
    axes.grid(visible=False, axis="x")
    draw_legend(figure, axes)
    return figure


def plot_score_before_event(summary: Summary) -> Figure:
    """Draw the percentile of scores among normal rows by the time before an event."""
    from matplotlib.ticker import PercentFormatter

    figure, axes = make_figure(SIZE_INCHES)
    name_axes(
        axes,
        "Scores before an event, ranked among those of normal rows",
        "Minutes before the event",
        "Normal rows that score lower",
    )
    if not summary.score_by_rows_before:
        return _write_reason(figure, axes, "Too few events have rows before them.")
    minutes = np.arange(1, len(summary.score_by_rows_before) + 1) * summary.step_minutes
    axes.plot(minutes, summary.score_by_rows_before, color=BLUE, marker="o", lw=2, label="Model")
    axes.axhline(0.5, color=GREY, ls=":", lw=1.4, label="as on any normal row")
    axes.axvline(0, color=VERMILION, lw=2, label="the event")
    axes.set_xlim(minutes[-1] + summary.step_minutes, -0.5 * summary.step_minutes)
    axes.set_ylim(min(0.4, *summary.score_by_rows_before) - 0.02, 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    draw_legend(figure, axes)
    return figure


def choose_scorers(summary: Summary) -> list[str]:
    """Choose the scorers to show by fold: the model, other entrants, the best and the random control."""
    best = find_best_control(summary)
    return [scorer for scorer in summary.entrants if scorer not in CONTROLS or scorer in {best, "random"}]


def find_best_control(summary: Summary) -> str | None:
    """Find the control with the largest mean ROC area, other than the random one; None without controls."""
    areas = {
        scorer: metrics.roc_auc
        for scorer, metrics in summary.controls.items()
        if scorer != "random" and metrics.roc_auc is not None
    }
    return max(areas, key=areas.__getitem__, default=None)


def list_bars(summary: Summary, scorer: str) -> list[Bar]:
    """List the ROC areas of a scorer with their intervals: fold by fold, then their mean."""
    standing = summary.entrants[scorer]
    folds: list[tuple[Metrics, Any]] = [
        (fold.metrics, fold.intervals)
        if scorer == "model"
        else (fold.others[scorer], fold.other_intervals[scorer])
        for fold in summary.folds
    ]
    return [
        Bar(metrics.roc_auc, intervals.get("roc_auc"))
        for metrics, intervals in [*folds, (standing.mean, standing.mean_intervals)]
    ]


def _make_title(summary: Summary, published_random_split: float | None) -> str:
    """Write the mean areas as a title."""
    areas = {
        scorer: standing.mean.roc_auc
        for scorer, standing in summary.entrants.items()
        if scorer not in CONTROLS and standing.mean.roc_auc is not None
    }
    listed = ", ".join(f"{TITLES.get(scorer, scorer).lower()} {area:.2f}" for scorer, area in areas.items())
    aside = "" if published_random_split is None else f" (random split: {published_random_split:.2f})"
    return f"On days it has not seen: {listed}{aside}"


def _name_fold(fold: FoldResult) -> str:
    """Format the days of a fold's test."""
    first, last = (np.datetime64(time, "D").item() for time in (fold.test_start, fold.test_end))
    begin = (
        f"{first.day}" if (first.year, first.month) == (last.year, last.month) else f"{first.day} {first:%b}"
    )
    days = f"{last.day} {last:%b}" if first == last else f"{begin} to\n{last.day} {last:%b}"
    return f"{days}"


def _draw_promise(axes: Axes, value: float) -> None:
    """Draw the ROC area that a random split promises."""
    axes.axhline(value, color=VERMILION, ls=(0, (6, 3)), lw=1.4)
    text = f"published model,\nrandom split: {value:.2f}"
    axes.text(-1.6, value, text, fontsize=10, color=VERMILION, va="bottom")


def _draw_bars(axes: Axes, scorer: str, places: np.ndarray, summary: Summary) -> None:
    """Draw the areas of one scorer as points with their intervals, and label the mean."""
    colour, marker, _ = STYLES.get(scorer, OTHER_STYLE)
    size = 9 if scorer == "model" else 6.5
    bars = list_bars(summary, scorer)
    values = np.array([np.nan if bar.value is None else bar.value for bar in bars])
    for place, bar in zip(places, bars, strict=True):
        if bar.interval is not None:
            axes.vlines(place, bar.interval.low, bar.interval.high, color=colour, lw=2.2, alpha=0.55)
    axes.plot(places, values, color=colour, marker=marker, ms=size, ls="", label=TITLES.get(scorer, scorer))
    if np.isfinite(values[-1]):
        top = values[-1] if bars[-1].interval is None else bars[-1].interval.high
        look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 10}
        axes.annotate(f"{values[-1]:.2f}", (places[-1], top), xytext=(0, 3), color=colour, **look)


def _draw_curve(axes: Axes, scorer: str, standing: Standing, name: str) -> None:
    """Draw the curve of one scorer."""
    colour, _, style = STYLES.get(scorer, OTHER_STYLE)
    rates = [point.false_alarms_per_day for point in standing.curve]
    caught = [getattr(point, name) for point in standing.curve]
    width = 2.6 if scorer == "model" else 1.6
    axes.plot(rates, caught, color=colour, ls=style, lw=width, label=TITLES.get(scorer, scorer))


def _style_panel(axes: Axes) -> None:
    """Start the x axis at 0, and style the axes as in the other plots."""
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=11, colors=INK)


def _spread(count: int) -> np.ndarray:
    """Make `count` offsets around 0, 1 apart."""
    return np.arange(count) - (count - 1) / 2


def _cut_bins(values: np.ndarray, step: float) -> np.ndarray:
    """Cut the range of values into bins, one for each step unless there would be too many."""
    bars = round((values.max() - values.min()) / step) + 1
    if bars > BARS_AT_MOST:
        return np.linspace(values.min(), values.max(), BARS_AT_MOST + 1)
    return values.min() + (np.arange(bars + 1) - 0.5) * step


def _write_reason(figure: Figure, axes: Axes, text: str) -> Figure:
    """Write into an empty figure why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color=INK)
    return figure
