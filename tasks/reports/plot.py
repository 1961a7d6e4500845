"""The plots of a training run, drawn without pyplot and without global state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from schemas.evaluation import History, PartScores
from schemas.explanation import AlarmExplanation, Driver, ExplainedAlarms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter, Locator

SCORER_TITLES = {
    "model": "Model",
    "pca_raw": "PCA, raw",
    "pca": "PCA",
    "zscore": "z-score",
    "random": "Random",
}

# Okabe and Ito's colours, distinguishable by colour-blind readers; the line styles differ too
BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6B6B6B"
ORANGE = "#E69F00"
INK = "#222222"
LINES = ((BLUE, "-"), (GREEN, "--"), (PURPLE, "-."), (GREY, ":"), (ORANGE, (0, (3, 1, 1, 1))))

SIZE_INCHES = (8.2, 4.4)
SQUARE_INCHES = (8.2, 6.0)
DOTS_PER_INCH = 110
SHORT_INCHES = (8.2, 3.1)
WIDE_SPREAD = 20.0
POINTS_AT_MOST = 20_000


def plot_loss(history: History) -> Figure:
    """Draw training and validation loss of each epoch, and mark the epoch whose weights were kept.

    Args:
        history: Losses, shape (epochs,), at least one epoch. The figure counts epochs from 1.

    Returns:
        A figure with one pair of axes.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = make_figure(SIZE_INCHES)
    epochs = np.arange(1, len(history.loss) + 1)
    marker = "o" if len(epochs) == 1 else ""
    kept, kept_loss = history.best_epoch + 1, history.validation_loss[history.best_epoch]
    axes.plot(epochs, history.loss, color=BLUE, marker=marker, label="training windows")
    axes.plot(
        epochs, history.validation_loss, color=VERMILION, ls="--", marker=marker, label="validation windows"
    )
    axes.axvline(kept, color=GREY, ls=":", lw=1.2)
    label = f"kept: epoch {kept}, validation loss {kept_loss:.4g}"
    axes.plot([kept], [kept_loss], color=INK, marker="D", ls="", label=label)
    _scale_by_spread(axes, "y", np.concatenate([history.loss, history.validation_loss]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    name_axes(
        axes,
        "Loss of the network on normal windows, epoch by epoch",
        "Epoch",
        "Loss (mean squared error\nof scaled values)",
    )
    draw_legend(figure, axes)
    return figure


def plot_precision_recall(scores: PartScores, threshold: float) -> Figure:
    """Draw precision and recall against the threshold, and mark the chosen threshold.

    Between two scores a curve has the value at the higher one, as an alarm is `score >= threshold`.
    scikit-learn's last point, with a precision of 1 and a recall of 0, belongs to no threshold and is left
    out.

    Args:
        scores: Windows of one part, finite scores, shape (windows,).
        threshold: The threshold chosen on this part.

    Returns:
        A figure with one pair of axes; only a message if all windows are of one class.
    """
    from matplotlib.ticker import PercentFormatter

    figure, axes = make_figure(SIZE_INCHES)
    title = f"Precision and recall for every threshold, {scores.part} part"
    name_axes(axes, title, "Threshold (score at which alarms begin)", "Share")
    if not scores.has_both_classes:
        return _write_missing_class(figure, axes, scores)
    _draw_precision_and_recall(axes, scores, threshold)
    _draw_threshold(axes, "x", threshold)
    _scale_by_spread(axes, "x", np.append(scores.scores, threshold))
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    draw_legend(figure, axes)
    return figure


def plot_roc(scores_by_name: Mapping[str, PartScores]) -> Figure:
    """Draw the ROC curves of several scorers on one part, with their areas in the legend.

    Args:
        scores_by_name: Windows of one part by scorer, `model` and the controls; finite scores.

    Returns:
        A figure with one pair of axes; only a message if all windows are of one class.

    Raises:
        ValueError: If there is no scorer.
    """
    from matplotlib.ticker import PercentFormatter

    if not scores_by_name:
        raise ValueError("A ROC figure needs at least one scorer. Received none. Pass the model's scores.")
    figure, axes = make_figure(SQUARE_INCHES)
    first = next(iter(scores_by_name.values()))
    name_axes(
        axes,
        f"Positive windows flagged against normal windows flagged, {first.part} part (ROC)",
        "Normal windows flagged (false positive rate)",
        "Positive windows flagged (true positive rate)",
    )
    if not first.has_both_classes:
        return _write_missing_class(figure, axes, first)
    _draw_roc(axes, scores_by_name)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    figure.legend(frameon=False, fontsize=11, loc="outside right center")
    return figure


def plot_errors_over_time(scores: PartScores) -> Figure:
    """Draw the score of each window over time, by class, with the threshold.

    Normal windows are thinned by `choose_points` if there are many; all positive ones are drawn.

    Args:
        scores: Windows of one part, finite scores, shape (windows,), and the threshold of each.

    Returns:
        A figure with one pair of axes; with a message if all windows are of one class.
    """
    figure, axes = make_figure(SIZE_INCHES)
    title = f"Score of every window over time, {scores.part} part"
    name_axes(axes, title, "Time of the window's last row", "Score")
    _draw_windows(axes, scores)
    lowest, highest = find_threshold_range(scores)
    if lowest == highest:
        _draw_threshold(axes, "y", lowest)
    else:
        label = f"threshold, {lowest:.4g} to {highest:.4g}"
        axes.step(scores.times, scores.thresholds, where="post", color=INK, lw=1.2, label=label)
    _scale_by_spread(axes, "y", np.append(scores.scores, scores.thresholds))
    show_dates(axes)
    draw_legend(figure, axes)
    return figure if scores.has_both_classes else _write_missing_class(figure, axes, scores, height=0.93)


def plot_confusion(scores: PartScores) -> Figure:
    """Draw how many normal and positive windows raised an alarm and how many did not.

    An alarm is `score >= threshold`.

    Args:
        scores: Windows of one part, shape (windows,), and the threshold of each.

    Returns:
        A figure with one pair of axes: truth by row, alarm by column, with counts and shares of each row.
    """
    from matplotlib.colors import to_rgba

    figure, axes = make_figure(SIZE_INCHES)
    counts = np.array(_count_alarms(scores, scores.thresholds)).reshape(2, 2)
    names = (("correctly quiet", "false alarm"), ("missed", "caught"))
    colours = np.empty((2, 2, 4))
    for row, column in np.ndindex(2, 2):
        count, total = int(counts[row, column]), int(counts[row].sum())
        opacity = 0.08 + 0.42 * count / max(total, 1)
        colours[row, column] = to_rgba(BLUE if row == column else VERMILION, opacity)
        share = f"{names[row][column]}, {_format_share(count, total)} of {total:,}"
        axes.text(column, row - 0.06, f"{count:,}", ha="center", va="center", fontsize=20, color=INK)
        axes.text(column, row + 0.2, share, ha="center", va="center", fontsize=11, color=INK)
    axes.imshow(colours, aspect="auto")
    axes.set_xticks([0, 1], ["no alarm", "alarm"])
    axes.set_yticks([0, 1], ["normal", "positive"])
    axes.axhline(0.5, color="white", lw=3)
    axes.axvline(0.5, color="white", lw=3)
    lowest, highest = find_threshold_range(scores)
    moving = "" if lowest == highest else f" to {highest:.4g}"
    title = f"Windows by truth and alarm, {scores.part} part, threshold {lowest:.4g}{moving}"
    name_axes(axes, title, "Prediction", "Truth")
    axes.grid(visible=False)
    return figure if scores.has_both_classes else _write_missing_class(figure, axes, scores)


def plot_drivers(alarm: AlarmExplanation) -> Figure:
    """Draw the last rows of the sensors that drive an alarm, against the values that the model expected.

    Args:
        alarm: The alarm; drivers without values, such as `context`, are left out.

    Returns:
        A figure with a pair of axes for each sensor, or with a message if no sensor drives the alarm.
    """
    figure = _make_canvas(SHORT_INCHES)
    drivers = [driver for driver in alarm.drivers if driver.last]
    for place, driver in enumerate(drivers):
        axes = _style_axes(figure.add_subplot(1, len(drivers), place + 1))
        _draw_driver(axes, driver)
        name_axes(axes, f"{driver.sensor}, {driver.share:.0%} of the score", "Row, the alarm at 0", "")
    figure.suptitle(
        f"Alarm at {alarm.time:%Y-%m-%d %H:%M}: last rows of the sensors that drive it",
        fontsize=13,
        color=INK,
    )
    if drivers:
        draw_legend(figure, figure.axes[0])
    else:
        figure.text(
            0.5, 0.5, "No sensor drives this alarm, but the recent history of the process.", ha="center"
        )
    return figure


def find_threshold_range(scores: PartScores) -> tuple[float, float]:
    """Find the lowest and the highest threshold; both infinite without windows."""
    if len(scores.thresholds) == 0:
        return np.inf, np.inf
    return float(scores.thresholds.min()), float(scores.thresholds.max())


def render_plots(
    history: History | None,
    validation: PartScores,
    test: Mapping[str, PartScores],
    threshold: float,
    explained: ExplainedAlarms | None = None,
) -> dict[str, bytes]:
    """Draw the plots of a run as PNG images about 900 pixels wide.

    Args:
        history: Losses of the training, or None if the model is not trained in epochs.
        validation: The model's scores on the validation part, where the threshold was chosen.
        test: Scores on the test part by scorer: `model` and the controls.
        threshold: The threshold chosen on validation.
        explained: The alarms of the test part, or None if they were not explained.

    Returns:
        PNG bytes by `loss` (with a history), `precision_recall`, `roc`, `errors_over_time`,
        `confusion_matrix` and `latest_alarm` (if an alarm was explained).

    Raises:
        ValueError: If `test` has no entry `model`.
    """
    if "model" not in test:
        raise ValueError(
            f"`test` must contain the scores of the model under the name `model`. Received {sorted(test)}. "
            "Add the model's scores."
        )
    figures = {} if history is None else {"loss": plot_loss(history)}
    figures |= {
        "precision_recall": plot_precision_recall(validation, threshold),
        "roc": plot_roc(test),
        "errors_over_time": plot_errors_over_time(test["model"]),
        "confusion_matrix": plot_confusion(test["model"]),
    }
    if explained is not None and explained.alarms:
        figures["latest_alarm"] = plot_drivers(explained.alarms[-1])
    return {name: render_png(figure) for name, figure in figures.items()}


def choose_points(labels: np.ndarray, scores: np.ndarray, at_most: int) -> np.ndarray:
    """Choose the windows to draw: all positive ones, and a thinned selection of the normal ones.

    More than `at_most` normal windows are cut into stretches of equal length, and the first and the highest
    window of each stretch are drawn, so that no peak is lost.

    Args:
        labels: Whether a window is positive, bool, shape (windows,).
        scores: Finite scores, shape (windows,).
        at_most: Largest number of stretches, at least 1.

    Returns:
        Positions of the chosen windows, ascending, shape (chosen,).
    """
    normal = np.flatnonzero(~labels)
    length = -(-len(normal) // at_most)
    if length <= 1:
        return np.arange(len(labels))
    starts = np.arange(0, len(normal), length)
    padded = np.full(len(starts) * length, -np.inf)
    padded[: len(normal)] = scores[normal]
    highest = starts + padded.reshape(-1, length).argmax(axis=1)  # (stretches,)
    return np.unique(np.concatenate([normal[starts], normal[highest], np.flatnonzero(labels)]))


def make_figure(size_inches: tuple[float, float]) -> tuple[Figure, Axes]:
    """Make an empty figure on an Agg canvas, with one pair of axes."""
    figure = _make_canvas(size_inches)
    return figure, _style_axes(figure.add_subplot())


def make_panels(size_inches: tuple[float, float], count: int) -> tuple[Figure, list[Axes]]:
    """Make an empty figure with stacked panels that share the horizontal axis."""
    figure = _make_canvas(size_inches)
    first = _style_axes(figure.add_subplot(count, 1, 1))
    others = [_style_axes(figure.add_subplot(count, 1, place, sharex=first)) for place in range(2, count + 1)]
    return figure, [first, *others]


def show_dates(axes: Axes) -> None:
    """Label the x axis with concise dates and times."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    # matplotlib ships these two without types
    make_locator: Callable[[], Locator] = AutoDateLocator
    make_formatter: Callable[[Locator], Formatter] = ConciseDateFormatter
    locator = make_locator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(make_formatter(locator))


def name_axes(axes: Axes, title: str, horizontal: str, vertical: str) -> None:
    """Set the title and the labels of the axes."""
    axes.set_title(title, fontsize=13, loc="left", color=INK)
    axes.set_xlabel(horizontal, fontsize=11, color=INK)
    axes.set_ylabel(vertical, fontsize=11, color=INK)


def _make_canvas(size_inches: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _style_axes(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=11, colors=INK)
    return axes


def _draw_driver(axes: Axes, driver: Driver) -> None:
    """Draw the actual and expected values of a sensor, with the alarm at row 0."""
    from matplotlib.ticker import MaxNLocator

    rows = np.arange(1 - len(driver.last), 1)
    # a row without a value or an expectation is a gap in the line
    expected = np.asarray(driver.expected, dtype=np.float64)
    last = np.asarray(driver.last, dtype=np.float64)
    axes.plot(rows, last, color=BLUE, marker="o", ms=4, label="the sensor")
    axes.plot(rows, expected, color=VERMILION, ls="--", marker="s", ms=4, label="what the model expected")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _draw_precision_and_recall(axes: Axes, scores: PartScores, threshold: float) -> None:
    """Draw both curves, with their values at the threshold in the legend, and the precision of guessing."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(scores.labels, scores.scores)
    _, false_alarms, missed, caught = _count_alarms(scores, threshold)
    flagged, positive = caught + false_alarms, caught + missed
    curves = (
        ("precision", precision[:-1], BLUE, "-", _format_share(caught, flagged)),
        ("recall", recall[:-1], VERMILION, "--", _format_share(caught, positive)),
    )
    marker = "o" if len(thresholds) == 1 else ""
    for name, curve, colour, style, share in curves:
        look: dict[str, Any] = {"color": colour, "ls": style, "marker": marker, "drawstyle": "steps-pre"}
        axes.plot(thresholds, curve, label=f"{name} ({share} at the threshold)", **look)
    prevalence = positive / len(scores.labels)
    axes.axhline(prevalence, color=GREY, ls=":", lw=1.2, label=f"precision of guessing ({prevalence:.2%})")


def _draw_roc(axes: Axes, scores_by_name: Mapping[str, PartScores]) -> None:
    """Draw the diagonal and the ROC curve of each scorer, with its area in the legend."""
    from sklearn.metrics import auc, roc_curve

    for position, (name, scores) in enumerate(scores_by_name.items()):
        false_rate, true_rate, _ = roc_curve(scores.labels, scores.scores)
        colour, style = LINES[position % len(LINES)]
        label = f"{SCORER_TITLES.get(name, name)}: area {auc(false_rate, true_rate):.3f}"
        width = 2.4 if name == "model" else 1.5
        axes.plot(false_rate, true_rate, color=colour, ls=style, lw=width, label=label)
    axes.plot([0, 1], [0, 1], color=INK, lw=0.8, label="Chance: area 0.5")


def _draw_windows(axes: Axes, scores: PartScores) -> None:
    """Draw the scores over time, positive windows on top of the normal ones."""
    points = choose_points(scores.labels, scores.scores, POINTS_AT_MOST)
    labels, times, values = scores.labels[points], scores.times[points], scores.scores[points]
    classes = (
        (~labels, BLUE, ".", 5.0, 0.5, f"normal ({np.sum(~scores.labels):,})"),
        (labels, VERMILION, "^", 6.5, 1.0, f"positive: before an event ({np.sum(scores.labels):,})"),
    )
    for chosen, colour, marker, size, opacity, label in classes:
        style: dict[str, Any] = {
            "marker": marker,
            "ms": size,
            "mew": 0,
            "alpha": opacity,
            "ls": "",
            "rasterized": True,
        }
        axes.plot(times[chosen], values[chosen], color=colour, label=label, **style)


def draw_legend(figure: Figure, axes: Axes) -> None:
    """Draw the legend below the axes, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if len(labels) > 3 else 3
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=columns, fontsize=11)


def _draw_threshold(axes: Axes, along: str, threshold: float) -> None:
    """Draw the threshold as a line across the axis `along`, `x` or `y`; if infinite, in the legend only."""
    label = f"threshold {threshold:.4g}" + (" (never an alarm)" if threshold == np.inf else "")
    if not np.isfinite(threshold):
        axes.plot([], [], color=INK, ls=(0, (6, 2)), label=label)
    elif along == "x":
        axes.axvline(threshold, color=INK, ls=(0, (6, 2)), lw=1.4, label=label)
    else:
        axes.axhline(threshold, color=INK, ls=(0, (6, 2)), lw=1.4, label=label)


def _scale_by_spread(axes: Axes, along: str, values: np.ndarray) -> None:
    """Use a logarithmic axis if positive values spread so widely that a linear one would hide most."""
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    finite = values[np.isfinite(values)]
    is_wide = finite.size > 0 and finite.min() > 0 and finite.max() > WIDE_SPREAD * np.median(finite)
    if not is_wide:
        return
    axis = axes.xaxis if along == "x" else axes.yaxis
    axes.set_xscale("log") if along == "x" else axes.set_yscale("log")
    is_long = finite.max() > 1000 * finite.min()
    axis.set_major_locator(LogLocator(subs=(1.0,) if is_long else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _write_missing_class(figure: Figure, axes: Axes, scores: PartScores, height: float = 0.5) -> Figure:
    """Write into the figure, at a height between 0 and 1, which class is missing."""
    windows = len(scores.labels)
    missing = "normal" if scores.labels.any() else "positive"
    text = f"The {scores.part} part has no {missing} windows ({windows:,} in all)."
    box = {"facecolor": "#FFF3CD", "edgecolor": "#C9A227", "boxstyle": "round,pad=0.5"}
    axes.text(
        0.5,
        height,
        text,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=12,
        color=INK,
        bbox=box,
    )
    return figure


def _count_alarms(scores: PartScores, threshold: float | np.ndarray) -> tuple[int, int, int, int]:
    """Count quiet normal, flagged normal, quiet positive and flagged positive windows."""
    alarms = scores.scores >= threshold
    quiet_normal, flagged_normal, quiet_positive, flagged_positive = np.bincount(
        2 * scores.labels.astype(np.int64) + alarms, minlength=4
    ).tolist()
    return quiet_normal, flagged_normal, quiet_positive, flagged_positive


def _format_share(count: int, total: int) -> str:
    """Format a share as a percentage, or a dash if the total is 0."""
    return f"{count / total:.1%}" if total else "\N{EN DASH}"


def render_png(figure: Figure) -> bytes:
    """Render a figure to PNG bytes that depend only on its content; no text is read as mathematics."""
    from matplotlib.text import Text

    # labels of ticks are made while drawing, and keep their exponents
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and "$" in artist.get_text()):
        cast("Text", text).set_parse_math(False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
