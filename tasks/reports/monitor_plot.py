"""The plot of a monitor's review over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from schemas.monitoring import MonitorWindow, Review
from tasks.reports.plot import (
    BLUE,
    GREEN,
    GREY,
    INK,
    VERMILION,
    make_panels,
    name_axes,
    render_png,
    show_dates,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = (9.0, 8.4)
_TITLE_CHARACTERS = 100
# room for the legend above the highest point
_HEADROOM = 1.35


def render_monitor_plot(review: Review, bound: float, promised: float | None) -> bytes:
    """Draw median ratio, false alarms and recall of each window in three panels, as PNG.

    Args:
        review: The review.
        bound: Ratio above which a window counts.
        promised: False alarms a day that the threshold promises, or None.
    """
    return render_png(plot_windows(review, bound, promised))


def plot_windows(review: Review, bound: float, promised: float | None) -> Figure:
    """Draw the three panels; without windows they are empty, with a message."""
    figure, panels = make_panels(_INCHES, 3)
    windows = review.windows
    times = np.array([window.last for window in windows], dtype="datetime64[s]")
    _draw_ratios(panels[0], times, windows, bound)
    _draw_false_alarms(panels[1], times, windows, promised)
    _draw_recall(panels[2], times, windows)
    for axes in panels:
        show_dates(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=10, loc="upper left", ncols=3)
    if not windows:
        panels[0].text(
            0.5,
            0.5,
            "No full window of rows that the champion has not seen",
            transform=panels[0].transAxes,
            ha="center",
        )
    verdicts = (review.verdict.message, review.recall.message)
    title = "\n".join(textwrap.fill(message, _TITLE_CHARACTERS) for message in verdicts)
    figure.suptitle(title, fontsize=12, color=INK)
    return figure


def _draw_ratios(axes: Axes, times: np.ndarray, windows: Sequence[MonitorWindow], bound: float) -> None:
    """Draw the ratio of each window, marked if above the bound; missing ratios are gaps."""
    ratios = np.array([np.nan if window.ratio is None else window.ratio for window in windows])
    axes.plot(times, ratios, color=BLUE, marker="o", ms=4, label="median normal score / reference")
    is_above = np.array([window.is_above is True for window in windows], dtype=bool)
    if is_above.any():
        axes.plot(
            times[is_above],
            ratios[is_above],
            color=VERMILION,
            marker="D",
            ls="",
            ms=6,
            label="above the bound",
        )
    axes.axhline(bound, color=VERMILION, ls="--", lw=1.2, label=f"bound {bound:g}")
    axes.axhline(1.0, color=GREY, ls=":", lw=1.0)
    axes.set_ylim(0, np.nanmax(np.append(ratios, bound)) * _HEADROOM)
    name_axes(axes, "Median score of normal rows, relative to the reference of the version", "", "Ratio")


def _draw_false_alarms(
    axes: Axes, times: np.ndarray, windows: Sequence[MonitorWindow], promised: float | None
) -> None:
    """Draw the false alarms of each window, and the promised rate."""
    rates = [window.false_alarms_per_day for window in windows]
    axes.plot(times, rates, color=BLUE, marker="o", ms=4, label="false alarms a day")
    if promised is not None:
        axes.axhline(promised, color=INK, ls="--", lw=1.2, label=f"promised {promised:g}")
    axes.set_ylim(0, max([*rates, promised or 0.0, 1.0]) * _HEADROOM)
    name_axes(axes, "False alarms", "", "Per day")


def _draw_recall(axes: Axes, times: np.ndarray, windows: Sequence[MonitorWindow]) -> None:
    """Draw the events of each window, and how many were caught within the longer horizon."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    events = np.array([window.events for window in windows])
    caught = np.array([window.caught_20min for window in windows])
    axes.vlines(times, 0, events, color=GREY, lw=5, alpha=0.5, label="events")
    axes.vlines(times, 0, caught, color=GREEN, lw=5, label="caught within the longer horizon")
    axes.set_ylim(0, max(events.max(initial=0), 1) * _HEADROOM)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if events.sum():
        shares = np.divide(
            np.cumsum(caught),
            np.cumsum(events),
            out=np.full(len(events), np.nan),
            where=np.cumsum(events) > 0,
        )
        share = axes.twinx()
        share.plot(times, shares, color=INK, lw=1.4)
        share.set_ylim(0, 1)
        share.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        share.set_ylabel("Recall so far (line)", fontsize=11, color=INK)
        share.spines["top"].set_visible(False)
    name_axes(axes, "Events and caught events", "End of the window", "Events")
