"""What the figures of a run show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.testing import assert_allclose

from schemas.evaluation import History, PartScores
from schemas.explanation import ExplainedAlarms
from tasks.reports.plot import (
    choose_points,
    plot_confusion,
    plot_drivers,
    plot_errors_over_time,
    plot_loss,
    plot_precision_recall,
    plot_roc,
    render_plots,
    render_png,
)
from tests.builders import explained_alarms

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
LABELS = [0, 0, 1, 0, 1]
SCORES = [0.1, 0.2, 0.3, 0.4, 0.5]


def part_scores(
    labels: Sequence[int] = LABELS,
    scores: Sequence[float] = SCORES,
    thresholds: float | Sequence[float] = 0.4,
) -> PartScores:
    windows = len(labels)
    return PartScores(
        part="test",
        times=np.datetime64("1999-05-01T00:00", "ns") + np.arange(windows) * np.timedelta64(2, "m"),
        labels=np.array(labels, dtype=bool),
        scores=np.array(scores, dtype=np.float64),
        thresholds=np.broadcast_to(np.asarray(thresholds, dtype=np.float64), windows),
        runs=np.zeros(windows, dtype=np.int64),
    )


def history(losses: Sequence[float] = (3.0, 2.0, 1.0), best_epoch: int = 1) -> History:
    return History(np.array(losses), np.array(losses) + 0.5, best_epoch)


def line_data(figure: Figure, name: str) -> tuple[np.ndarray, np.ndarray]:
    for line in figure.axes[0].get_lines():
        if str(line.get_label()).startswith(name):
            return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    raise LookupError(name)


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_loss_marks_the_kept_epoch_counted_from_one() -> None:
    epochs, losses = line_data(plot_loss(history(best_epoch=1)), "kept")
    assert (epochs.tolist(), losses.tolist()) == ([2], [2.5])


def test_loss_of_one_epoch_is_drawn_as_a_point() -> None:
    figure = plot_loss(history([0.3], best_epoch=0))
    assert figure.axes[0].get_lines()[0].get_marker() == "o"


def test_loss_that_spreads_widely_has_a_logarithmic_axis() -> None:
    assert plot_loss(history([90.0, 0.2, 0.2], best_epoch=2)).axes[0].get_yscale() == "log"


def test_precision_is_aligned_with_its_thresholds() -> None:
    thresholds, precision = line_data(plot_precision_recall(part_scores(), 0.4), "precision (")
    assert_allclose(thresholds, SCORES)
    assert_allclose(precision, [2 / 5, 2 / 4, 2 / 3, 1 / 2, 1 / 1])


def test_recall_is_aligned_with_its_thresholds() -> None:
    thresholds, recall = line_data(plot_precision_recall(part_scores(), 0.4), "recall")
    assert_allclose(thresholds, SCORES)
    assert_allclose(recall, [1, 1, 1, 1 / 2, 1 / 2])


def test_precision_in_the_legend_counts_a_score_equal_to_the_threshold() -> None:
    assert "precision (66.7% at the threshold)" in legend_texts(plot_precision_recall(part_scores(), 0.3))


def test_precision_and_recall_show_the_chosen_threshold() -> None:
    positions, _ = line_data(plot_precision_recall(part_scores(), 0.4), "threshold")
    assert list(positions) == [0.4, 0.4]


def test_infinite_threshold_is_named_as_never_an_alarm() -> None:
    assert "threshold inf (never an alarm)" in legend_texts(plot_precision_recall(part_scores(), np.inf))


def test_precision_and_recall_say_which_part_they_are_of() -> None:
    assert "test part" in plot_precision_recall(part_scores(), 0.4).axes[0].get_title(loc="left")


def test_precision_and_recall_of_constant_scores_are_points() -> None:
    figure = plot_precision_recall(part_scores(scores=[0.5] * 5), 0.5)
    assert figure.axes[0].get_lines()[0].get_marker() == "o"


def test_roc_names_each_scorer_with_its_area() -> None:
    figure = plot_roc({"model": part_scores(), "zscore": part_scores(scores=[0.5] * 5)})
    assert legend_texts(figure) == ["Model: area 0.833", "z-score: area 0.500", "Chance: area 0.5"]


def test_roc_without_a_scorer_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one scorer"):
        plot_roc({})


@pytest.mark.parametrize(("labels", "missing"), [([0, 0], "positive"), ([1, 1], "normal"), ([], "positive")])
def test_figures_say_which_class_is_missing(labels: list[int], missing: str) -> None:
    scores = part_scores(labels, [0.1] * len(labels))
    figures = [
        plot_precision_recall(scores, 0.1),
        plot_roc({"model": scores}),
        plot_errors_over_time(scores),
        plot_confusion(scores),
    ]
    expected = f"The test part has no {missing} windows ({len(labels)} in all)."
    assert [expected in texts(figure.axes[0]) for figure in figures] == [True] * 4


def test_errors_over_time_draw_positive_windows_at_their_times() -> None:
    scores = part_scores()
    times, values = line_data(plot_errors_over_time(scores), "positive")
    assert times.tolist() == scores.times[[2, 4]].tolist()
    assert values.tolist() == [0.3, 0.5]


def test_errors_over_time_show_the_threshold() -> None:
    _, heights = line_data(plot_errors_over_time(part_scores()), "threshold")
    assert list(heights) == [0.4, 0.4]


def test_errors_over_time_show_a_threshold_that_moves() -> None:
    moving = part_scores(thresholds=[0.2, 0.2, 0.4, 0.4, 0.4])
    _, heights = line_data(plot_errors_over_time(moving), "threshold, 0.2 to 0.4")
    assert list(heights) == [0.2, 0.2, 0.4, 0.4, 0.4]


def test_scores_that_spread_widely_have_a_logarithmic_axis() -> None:
    figure = plot_errors_over_time(part_scores(scores=[0.1, 0.2, 0.3, 0.4, 500.0]))
    assert figure.axes[0].get_yscale() == "log"


def test_scores_below_zero_keep_a_plain_axis() -> None:
    figure = plot_errors_over_time(part_scores(scores=[-0.1, 0.2, 0.3, 0.4, 500.0]))
    assert figure.axes[0].get_yscale() == "linear"


def test_thinning_keeps_every_positive_window() -> None:
    labels = np.zeros(1000, dtype=bool)
    labels[[3, 4, 501, 999]] = True
    chosen = choose_points(labels, np.zeros(1000), at_most=10)
    assert set(np.flatnonzero(labels)) <= set(chosen)


def test_thinning_keeps_the_highest_normal_window() -> None:
    scores = np.zeros(1000)
    scores[777] = 9.0
    assert 777 in choose_points(np.zeros(1000, dtype=bool), scores, at_most=10)


def test_thinning_draws_at_most_two_windows_of_a_stretch() -> None:
    scores = np.random.default_rng(0).random(1003)
    assert len(choose_points(np.zeros(1003, dtype=bool), scores, at_most=10)) <= 20


def test_few_windows_are_all_drawn() -> None:
    chosen = choose_points(np.array([False, True, False]), np.zeros(3), at_most=2)
    assert chosen.tolist() == [0, 1, 2]


def test_score_equal_to_the_threshold_counts_as_alarm_in_the_confusion_matrix() -> None:
    counts = texts(plot_confusion(part_scores(thresholds=0.3)).axes[0])[::2]
    assert counts == ["2", "1", "0", "2"]


def test_confusion_matrix_gives_shares_of_the_truth() -> None:
    shares = texts(plot_confusion(part_scores(thresholds=0.5)).axes[0])[1::2]
    assert shares == [
        "correctly quiet, 100.0% of 3",
        "false alarm, 0.0% of 3",
        "missed, 50.0% of 2",
        "caught, 50.0% of 2",
    ]


def test_plots_are_png_images_by_the_names_of_the_report() -> None:
    plots = render_plots(history(), part_scores(), {"model": part_scores()}, 0.4)
    assert {name: data[:8] for name, data in plots.items()} == dict.fromkeys(
        ["loss", "precision_recall", "roc", "errors_over_time", "confusion_matrix"], PNG_SIGNATURE
    )


def test_plots_without_the_scores_of_the_model_are_refused() -> None:
    with pytest.raises(ValueError, match=r"under the name `model`\. Received \['pca'\]"):
        render_plots(history(), part_scores(), {"pca": part_scores()}, 0.4)


def test_each_sensor_that_drives_an_alarm_is_drawn_against_what_was_expected_of_it() -> None:
    figure = plot_drivers(explained_alarms().alarms[-1])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["x5, 60% of the score"]
    rows, values = line_data(figure, "the sensor")
    assert (rows.tolist(), values.tolist()) == ([-1, 0], [1.0, 4.0])
    assert_allclose(line_data(figure, "what the model expected")[1], [np.nan, 2.5])


def test_an_alarm_that_no_sensor_drives_says_so() -> None:
    alarm = explained_alarms().alarms[-1]
    figure = plot_drivers(alarm.model_copy(update={"drivers": alarm.drivers[1:]}))
    assert "No sensor drives this alarm" in " ".join(text.get_text() for text in figure.texts)


def test_the_latest_alarm_is_drawn_where_alarms_were_explained() -> None:
    plots = render_plots(history(), part_scores(), {"model": part_scores()}, 0.4, explained_alarms())
    assert plots["latest_alarm"][:8] == PNG_SIGNATURE


def test_without_an_alarm_there_is_none_to_draw() -> None:
    quiet = ExplainedAlarms(part="test", total=0, alarms=(), episodes=())
    assert "latest_alarm" not in render_plots(history(), part_scores(), {"model": part_scores()}, 0.4, quiet)


@pytest.mark.parametrize(
    "sensor", [r"p$\frac{$", "a$b$c", "$$", "x_1^2", "{x} 100 %", r"\alpha", "_x", "<b>&amp;"]
)
def test_a_name_is_drawn_as_it_is(sensor: str) -> None:
    alarm = explained_alarms().alarms[-1]
    drivers = (alarm.drivers[0].model_copy(update={"sensor": sensor}), *alarm.drivers[1:])
    figure = plot_drivers(alarm.model_copy(update={"drivers": drivers}))
    assert render_png(figure)[:8] == PNG_SIGNATURE
    (title,) = [text for text in figure.findobj(Text) if text.get_text().endswith("% of the score")]
    assert title.get_text() == f"{sensor}, 60% of the score"
    assert not ("$" in sensor and title.get_parse_math())
