"""What the figures of a backtest show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from schemas.backtest import BacktestResult
from schemas.evaluation import CONTROLS
from tasks.reports.backtest_plot import (
    BARS_AT_MOST,
    STYLES,
    choose_scorers,
    list_bars,
    plot_folds,
    plot_lead_minutes,
    plot_recall_curve,
    plot_score_before_event,
    render_backtest_plots,
)
from tests.folds import fold_result, metrics_with, result_with, standing_with

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def line_data(figure: Figure, name: str, panel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    for line in figure.axes[panel].get_lines():
        if str(line.get_label()) == name:
            return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    raise LookupError(name)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def title(figure: Figure) -> str:
    return figure.axes[0].get_title(loc="left")


def with_areas(**areas: float) -> BacktestResult:
    """A backtest with other mean areas of some scorers."""
    usual = result_with()
    entrants = usual.entrants | {name: standing_with(area, 0.3) for name, area in areas.items()}
    controls = {name: entrants[name].mean for name in usual.controls}
    return result_with(entrants=entrants, controls=controls)


def test_folds_show_the_model_beside_the_published_one_the_best_control_and_chance() -> None:
    assert legend_texts(plot_folds(result_with())) == ["Model", "Published model", "PCA", "Random"]


def test_of_the_controls_the_one_with_the_largest_area_is_shown() -> None:
    assert choose_scorers(with_areas(zscore=0.7)) == ["model", "published", "zscore", "random"]


def test_folds_show_the_area_of_each_fold_and_the_mean() -> None:
    _, areas = line_data(plot_folds(result_with()), "Model")
    assert areas.tolist() == pytest.approx([0.71, 0.72, 0.72])


def test_bars_hold_the_intervals_of_others_too() -> None:
    bars = list_bars(result_with(), "pca")
    assert [bar.value for bar in bars] == [0.66] * 3
    assert [bar.interval.low for bar in bars if bar.interval] == pytest.approx([0.6, 0.6, 0.62])


def test_a_fold_without_an_area_leaves_a_hole() -> None:
    fold = fold_result(1, "1999-05-12", "1999-05-15", metrics=metrics_with(roc_auc=None), intervals={})
    _, areas = line_data(plot_folds(result_with(folds=(fold,))), "Model")
    assert areas.tolist() == pytest.approx([np.nan, 0.72], nan_ok=True)


def test_folds_are_named_by_the_days_of_their_tests() -> None:
    labels = [label.get_text() for label in plot_folds(result_with()).axes[0].get_xticklabels()]
    assert labels == ["12 to\n15 May", "28 May to\n2 Jun", "Mean of\nall folds"]


def test_a_fold_of_one_day_is_named_by_it() -> None:
    folds = (fold_result(1, "1999-05-12", "1999-05-12"),)
    labels = [label.get_text() for label in plot_folds(result_with(folds=folds)).axes[0].get_xticklabels()]
    assert labels[0] == "12 May"


def test_the_title_tells_what_model_and_published_model_give() -> None:
    assert title(plot_folds(result_with())) == "On days it has not seen: model 0.72, published model 0.52"


def test_the_random_split_stands_beside_where_it_is_known() -> None:
    figure = plot_folds(result_with(), published_random_split=0.69)
    assert title(figure).endswith("published model 0.52 (random split: 0.69)")
    assert "published model,\nrandom split: 0.69" in texts(figure)


def test_without_a_random_split_no_line_is_drawn_for_it() -> None:
    assert not any("random split" in text for text in texts(plot_folds(result_with())))


@pytest.mark.parametrize(("panel", "factor"), [(0, 1), (1, 2)])
def test_curves_are_drawn_for_both_horizons(panel: int, factor: float) -> None:
    rates, caught = line_data(plot_recall_curve(result_with()), "Model", panel)
    assert rates.tolist() == [1, 5]
    assert caught.tolist() == pytest.approx([0.042 * factor, 0.21 * factor])


def test_every_scorer_has_a_curve() -> None:
    names = ["Model", "Published model", "PCA", "z-score", "Random", "Model, adaptive_budget"]
    assert legend_texts(plot_recall_curve(result_with())) == names


@pytest.mark.parametrize(("panel", "caught"), [(0, 0.21), (1, 0.36)])
def test_what_came_of_thresholds_set_beforehand_is_marked(panel: int, caught: float) -> None:
    rates, shares = line_data(plot_recall_curve(result_with()), "Model, adaptive_budget", panel)
    assert (rates.tolist(), shares.tolist()) == ([6.4], [caught])


def test_no_curve_is_cut_off() -> None:
    figure = plot_recall_curve(result_with())
    highest = max(line_data(figure, "Model", panel)[1].max() for panel in (0, 1))
    assert [axes.get_ylim()[1] > highest for axes in figure.axes] == [True, True]


@pytest.mark.parametrize(
    ("rows_ahead", "words"), [(2, "Alarm up to 4 minutes before"), (0, "Alarm on the event's own rows")]
)
def test_the_shorter_horizon_is_named(rows_ahead: int, words: str) -> None:
    assert title(plot_recall_curve(result_with(rows_ahead=rows_ahead))) == words


def test_warning_times_are_counted_in_steps() -> None:
    bars = plot_lead_minutes(result_with(lead_minutes=(2.0, 2.0, 6.0))).axes[0].patches
    assert [bar.get_extents().height > 0 for bar in bars] == [True, False, True]


def test_the_median_warning_time_is_named() -> None:
    assert legend_texts(plot_lead_minutes(result_with())) == ["median: 8 minutes"]


def test_many_warning_times_share_bars() -> None:
    leads = tuple(np.arange(0, 400, 2.0).tolist())
    assert len(plot_lead_minutes(result_with(lead_minutes=leads)).axes[0].patches) == BARS_AT_MOST


def test_without_a_caught_event_the_figure_says_so() -> None:
    assert texts(plot_lead_minutes(result_with(lead_minutes=()))) == ["No event was caught."]


def test_scores_before_an_event_run_towards_it() -> None:
    figure = plot_score_before_event(result_with())
    minutes, shares = line_data(figure, "Model")
    assert (minutes.tolist(), shares.tolist()) == ([2, 4, 6], [0.9, 0.8, 0.6])
    assert figure.axes[0].xaxis_inverted()


def test_with_too_few_events_the_figure_says_so() -> None:
    figure = plot_score_before_event(result_with(score_by_rows_before=()))
    assert texts(figure) == ["Too few events have rows before them."]


def test_plots_are_png_images_by_the_names_of_the_report() -> None:
    plots = render_backtest_plots(result_with())
    assert {name: data[:8] for name, data in plots.items()} == dict.fromkeys(
        ["folds", "recall_curve", "lead_minutes", "score_before_event"], PNG_SIGNATURE
    )


def test_every_control_has_a_style_of_its_own() -> None:
    styles = [STYLES[name] for name in ("model", "published", *CONTROLS)]
    for place in range(3):
        assert len({style[place] for style in styles}) == len(styles)
