"""What the report of a backtest says, that it stands alone, and what the page for the handbook says."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from schemas.configuration import Configuration
from schemas.evaluation import Interval
from schemas.readings import Finding
from schemas.results import DataSummary
from tasks.reports.backtest_report import render_backtest_report, write_backtest_page
from tests.folds import leak_check_with, metrics_with, result_with
from tests.tasks.reports.test_report import Page

PLOTS = {
    name: b"png " + name.encode() for name in ("folds", "recall_curve", "lead_minutes", "score_before_event")
}
DASH = "\N{EN DASH}"


def page(**changes: Any) -> Page:
    return Page(render_backtest_report(result_with(**changes), Configuration(), PLOTS))


def words(**changes: Any) -> str:
    """The text of the page, in one line."""
    return " ".join(page(**changes).text.split())


def handbook(published_random_split: float | None = None, **changes: Any) -> str:
    return write_backtest_page(result_with(**changes), Configuration(), published_random_split)


def handbook_row(title: str, table: int = 0, **changes: Any) -> list[str]:
    rows = [line for line in handbook(**changes).splitlines() if line.startswith(f"| {title} |")]
    return [cell.strip() for cell in rows[table].strip("|").split("|")][1:]


def test_headline_says_what_the_model_gives() -> None:
    assert "Backtest: ROC area 0.720 on days after the training" in words()


@pytest.mark.parametrize(
    "statement",
    [
        "The model raised 6.2 false alarms a day where 5 were promised; the worst fold had 1.2 times the "
        "promise.",
        "Of the events, 25% had an alarm up to 4 minutes before them and 40% had one up to 20 minutes "
        "before; the others came without a warning.",
        "Half of the first alarms came at least 8 minutes before the event.",
        "the model scores the former higher in 72% of all pairs (68% to 77%); guessing does so in 50%, the "
        "published model in 52%, the best control, PCA, in 66%.",
        "The model is better than the published model by more than chance: the difference in ROC area is "
        "+0.150 to +0.240 (90% interval), and the model's area is larger in 2 of 2 folds.",
    ],
)
def test_both_pages_say_in_sentences_what_to_expect(statement: str) -> None:
    assert statement in words()
    assert statement in handbook()


def test_a_difference_around_zero_is_called_chance() -> None:
    text = words(published_difference=Interval(low=-0.05, high=0.04))
    assert (
        "does not differ from the published model by more than chance: the difference in ROC area is -0.050 "
        "to +0.040" in text
    )


def test_a_worse_model_is_called_worse() -> None:
    assert "is worse than the published model" in words(published_difference=Interval(low=-0.2, high=-0.1))


def test_without_a_published_model_there_is_no_word_of_it() -> None:
    entrants = {name: each for name, each in result_with().entrants.items() if name != "published"}
    folds = tuple(
        fold.model_copy(update={"others": {name: fold.others[name] for name in entrants if name != "model"}})
        for fold in result_with().folds
    )
    changes: dict[str, Any] = {"entrants": entrants, "folds": folds, "published_difference": None}
    assert "published model" not in words(**changes).lower()
    assert "published model" not in handbook(**changes).lower()


def test_without_a_promise_none_is_claimed() -> None:
    text = words(promised_false_alarms_per_day=None)
    assert "The model raised 6.2 false alarms a day; no rate was promised." in text


def test_without_a_caught_event_there_is_no_warning_time() -> None:
    assert "Half of the first alarms" not in words(lead_minutes=())


def test_without_an_area_there_is_no_word_of_pairs() -> None:
    assert "of all pairs" not in words(mean=metrics_with(roc_auc=None))


def test_every_scorer_stands_in_the_table_of_means_with_intervals_and_chance() -> None:
    assert page().row("ROC area") == [
        "0.720 [0.680 to 0.770]",
        "0.520 [0.480 to 0.570]",
        "0.660 [0.620 to 0.710]",
        "0.610 [0.570 to 0.660]",
        "0.500 [0.460 to 0.550]",
        "0.500",
    ]


def test_pooled_figures_have_a_table_of_their_own() -> None:
    assert page().row("ROC area", table=1)[:2] == ["0.620 [0.680 to 0.770]", "0.420 [0.480 to 0.570]"]


def test_each_fold_shows_the_areas_of_all() -> None:
    assert page().row("Fold 1") == [
        "0.710 [0.600 to 0.800]",
        *(f"{area:.3f} [0.600 to 0.800]" for area in (0.52, 0.66, 0.61, 0.5)),
    ]


def test_each_fold_shows_its_alarms() -> None:
    assert page().row("1") == ["1999-05-10 08:00", "2,174", "15", "25%", "40%", "6.2", "1.10", "3.25"]


def test_a_promise_stands_beside_what_came_and_what_was_possible() -> None:
    assert page().row("adaptive_budget") == ["5", "6.4", "1.28", "0.9 1.7", "21%", "24%", "36%", "43%"]


def test_a_passed_leak_check_says_so() -> None:
    text = words()
    assert "passed The ROC area is 0.720 with unchanged inputs, 0.502 (0.470 to 0.530) with test rows" in text
    assert "inputs delayed by 60 minutes, a loss of 0.170 (+0.110 to +0.230). So the scores depend" in text
    assert "Leak check not passed" not in text


FAILED = {
    "shuffled": (
        leak_check_with(has_passed=False, shuffled_interval=Interval(low=0.6, high=0.7)),
        "But rows in random order should give an area of 0.5, which is chance: look for",
    ),
    "delayed": (
        leak_check_with(has_passed=False, delayed_roc_auc=0.74),
        "But delayed inputs should lower the area: look for",
    ),
}


@pytest.mark.parametrize("way", FAILED)
def test_a_failed_leak_check_has_a_banner_and_a_reason(way: str) -> None:
    check, reason = FAILED[way]
    text = words(leak_check=check)
    assert "Leak check not passed: do not trust these figures" in text
    assert reason in text


def test_a_failed_leak_check_is_in_the_heading_of_the_handbook() -> None:
    assert "## Leak check: NOT passed" in handbook(leak_check=FAILED["shuffled"][0])
    assert "## Leak check: passed" in handbook()


@pytest.mark.parametrize(
    "fact",
    ["data/mill.csv", "9f86d0", "18,398", "124, of which 30 in the tests", "pca t2", "causal", "3 seeds"],
)
def test_what_was_tested_is_described(fact: str) -> None:
    assert fact in page().text


@pytest.mark.parametrize("fact", ["4f1c0b", "amber-mill-7", "paper machine", "0.1.0+abc123", "forewarn ui"])
def test_what_is_needed_to_repeat_the_run_is_given(fact: str) -> None:
    assert fact in page().text


def data(source: str) -> DataSummary:
    return result_with().data.model_copy(update={"source": source})


def test_command_quotes_the_source_for_the_shell() -> None:
    command = "forewarn backtest --config configuration.yaml --data 'my mill.csv'"
    assert command in page(data=data("my mill.csv")).text


def test_password_of_the_tracking_store_is_left_out() -> None:
    text = page(tracking_uri="postgresql://me:secret@db:5432/mlflow").text
    assert "postgresql://db:5432/mlflow" in text
    assert "secret" not in text


def test_configuration_on_the_page_loads_as_the_same_configuration() -> None:
    configuration = Configuration.model_validate({"readings": {"separator": "<"}})
    text = Page(render_backtest_report(result_with(), configuration, PLOTS)).text
    settings = text[text.index("preset: ") :].strip()
    assert Configuration.model_validate(yaml.safe_load(settings)) == configuration


def test_findings_are_listed_and_escaped() -> None:
    finding = Finding(check="near_constant", message="<b>One</b> sensor hardly moves.", columns=("x43",))
    shown = page(findings=(finding,))
    assert "<b>One</b> sensor hardly moves. (x43)" in shown.text
    assert "b" not in shown.tags


def test_plots_lie_inside_the_page_and_nothing_is_loaded() -> None:
    shown = page(tracking_uri="https://mlflow.example/", data=data("https://example.org/mill.csv"))
    assert sum(address.startswith("data:image/png;base64,") for address in shown.addresses) == len(PLOTS)
    assert [address for address in shown.addresses if not address.startswith("data:")] == []
    assert "script" not in shown.tags


def test_plot_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Received \['pie'\]"):
        render_backtest_report(result_with(), Configuration(), {"pie": b""})


def test_page_without_plots_has_no_figures_section() -> None:
    assert "Figures" not in Page(render_backtest_report(result_with(), Configuration(), {})).text


def test_same_result_gives_the_same_page() -> None:
    pages = [render_backtest_report(result_with(), Configuration(), PLOTS) for _ in range(2)]
    assert pages[0] == pages[1]


def test_handbook_has_the_same_table() -> None:
    assert handbook_row("ROC area")[:2] == ["0.720 (0.680 to 0.770)", "0.520 (0.480 to 0.570)"]
    assert handbook_row("ROC area", table=1)[0] == "0.620 (0.680 to 0.770)"


def test_handbook_lists_the_folds_in_short() -> None:
    assert handbook_row("1") == [
        "1999-05-10 08:00",
        "1999-05-12 10:00",
        "1999-05-15 09:58",
        "15",
        "0.710 (0.600 to 0.800)",
        "0.520",
        "40%",
        "6.2",
    ]


def test_handbook_says_what_a_promise_is_worth() -> None:
    assert handbook_row("`adaptive_budget`") == ["5", "6.4", "0.9 1.7", "21%", "24%", "36%", "43%"]


def test_undefined_figure_of_the_handbook_is_a_dash() -> None:
    usual = result_with()
    undefined = usual.entrants["model"].model_copy(update={"mean": metrics_with(lead_minutes_median=None)})
    row = handbook_row("Warning time in minutes", entrants=usual.entrants | {"model": undefined})
    assert row[:2] == [DASH, "8.0"]


def test_handbook_sets_the_random_split_against_later_days() -> None:
    text = " ".join(handbook(published_random_split=0.687).split())
    assert "With a random split, the published model reaches a ROC area of 0.69." in text
    assert "On days after its training it reaches 0.52" in text


def test_handbook_without_a_random_split_claims_no_figure_of_it() -> None:
    assert "With a random split, the published" not in handbook()


def test_handbook_says_that_most_alarms_are_false_where_they_are() -> None:
    assert "11% come right before an event" in handbook()
    assert "come right before an event" not in handbook(mean=metrics_with(precision=0.6))


def test_handbook_names_the_table_without_its_folder() -> None:
    text = handbook(data=data("/home/me/mill.csv"))
    assert "forewarn backtest --data mill.csv" in text
    assert "/home/me" not in text


def test_handbook_shows_the_pictures_that_it_is_given() -> None:
    text = write_backtest_page(result_with(), Configuration(), pictures={"folds": "pictures/folds.png"})
    assert "![Fold by fold](pictures/folds.png)" in text


def test_handbook_escapes_nothing() -> None:
    assert "& <b>" in handbook(code_version="& <b>")


def test_picture_of_the_handbook_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Received \['pie'\]"):
        write_backtest_page(result_with(), Configuration(), pictures={"pie": "pie.png"})


def test_tables_of_the_handbook_are_whole() -> None:
    lines = handbook().splitlines()
    widths = [
        (line.count("|"), lines[place + 1].count("|"))
        for place, line in enumerate(lines[:-1])
        if line.startswith("|") and lines[place + 1].startswith("|")
    ]
    assert all(width == below for width, below in widths)
