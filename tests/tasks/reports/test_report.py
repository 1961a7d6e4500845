"""What the report of a retraining says, and that it stands alone."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.configuration import Configuration
from schemas.decision import ChampionEvidence, Check, Comparison
from schemas.evaluation import CONTROLS, Evaluation, Interval, Metrics
from schemas.explanation import ExplainedAlarms
from schemas.features import GROUPS
from schemas.readings import Finding
from schemas.results import DataSummary, PartSummary, RetrainResult
from tasks.reports.plot import LINES, SCORER_TITLES
from tasks.reports.report import DIRECTION_TEXTS, render_report, write_report
from tests.builders import explained_alarms
from tests.evidence import warnings_with

LEAK = "Random split: the test rows are neighbours of training rows"
PLOTS = {
    name: b"png " + name.encode()
    for name in ("loss", "precision_recall", "roc", "errors_over_time", "confusion_matrix")
}
EMPTY_ELEMENTS = {"meta", "link", "img"}


class Page(HTMLParser):
    """A page taken apart: its text, the addresses it would load, its tags and the text of its cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}
        ]
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes another element")

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "th" in self.open or "td" in self.open:
            self.rows[-1][-1] += data if "small" not in self.open else f" [{data}]"

    def row(self, title: str, table: int = 0) -> list[str]:
        """Cells of the `table`-th row whose first cell begins with a title."""
        return [row for row in self.rows if row[0].split(" [")[0] == title][table][1:]


def metrics(**changes: float | None) -> Metrics:
    values: dict[str, float | None] = {
        "roc_auc": 0.644,
        "average_precision": 0.037,
        "precision": 0.048,
        "recall": 0.131,
        "f1": 0.0702,
        "prevalence": 0.0161,
        "event_recall": 0.151,
        "event_recall_20min": 0.27,
        "false_alarms_per_day": 6.24,
        "lead_minutes_median": 12.0,
    }
    return Metrics.model_validate({**values, **changes})


def data(**changes: Any) -> DataSummary:
    values: dict[str, Any] = {
        "source": "mill.csv",
        "sha256": "9f86d0",
        "rows": 18398,
        "events": 124,
        "segments": 129,
        "windows": {"train": 11691, "train_normal": 11314, "validation": 2923, "test": 3654},
        "findings": (),
    }
    return DataSummary.model_validate({**values, **changes})


def result(**changes: Any) -> RetrainResult:
    values: dict[str, Any] = {
        "run_id": "4f1c0b",
        "run_name": "amber-mill-7",
        "experiment": "paper machine",
        "tracking_uri": "sqlite:///mlruns/mlflow.db",
        "model_name": "forewarn",
        "model_version": "7",
        "decision": "REJECT",
        "reasons": ("The ROC area is too low.", "PCA does as well."),
        "report": "report.html",
        "family": "lstm_autoencoder",
        "parameters": 25243,
        "epochs": 87,
        "threshold": 0.40777,
        "threshold_rule": "pr_crossing",
        "promised_false_alarms_per_day": None,
        "is_leaky_split": False,
        "code_version": "0.1.0+abc123",
        "preset": "shifted-2020",
        "data": data(),
        "parts": {
            name: PartSummary(windows=100, mean_score=0.25, flagged=7)
            for name in ("train", "validation", "test")
        },
        "metrics": metrics(),
        "intervals": {"roc_auc": Interval(low=0.55, high=0.71)},
        "controls": {
            "random": metrics(roc_auc=0.497, lead_minutes_median=None),
            "zscore": metrics(roc_auc=0.58),
            "pca": metrics(roc_auc=0.65),
        },
        "control_intervals": {"pca": {"roc_auc": Interval(low=0.56, high=0.72)}},
        "champion": None,
        "seconds": {"load": 0.84, "train": 81.33},
    }
    return RetrainResult.model_validate({**values, **changes})


def page(**changes: Any) -> Page:
    return Page(render_report(result(**changes), Configuration(), PLOTS))


@pytest.mark.parametrize("decision", ["PROMOTE", "REJECT", "HOLD"])
def test_headline_says_the_decision(decision: str) -> None:
    assert f"{decision} Version 7 of forewarn" in page(decision=decision).text


@pytest.mark.parametrize("reason", ["The ROC area is too low.", "PCA does as well."])
def test_reasons_are_given(reason: str) -> None:
    assert reason in page().text


def test_leaky_split_has_a_banner() -> None:
    assert LEAK in page(is_leaky_split=True).text


def test_split_in_time_order_has_no_banner() -> None:
    assert LEAK not in page(is_leaky_split=False).text


@pytest.mark.parametrize(
    "fact", ["mill.csv", "9f86d0", "18,398", "124", "129", "25,243 parameters", "87 epochs"]
)
def test_data_and_network_are_described(fact: str) -> None:
    assert fact in page().text


def test_the_promised_rate_of_false_alarms_stands_beside_the_realised_one() -> None:
    promising = page(threshold_rule="trailing_budget", promised_false_alarms_per_day=5.0)
    text = " ".join(promising.text.split())
    assert "False alarms a day: 5 promised, 6.2 realised in the test." in text
    assert "it followed the scores of the last 3 days" in text


def test_a_table_without_events_is_judged_by_its_scores_alone() -> None:
    text = " ".join(page(data=data(events=0)).text.split())
    assert "test 0.25 on average, 7 of 100 windows at the threshold or above." in text


@pytest.mark.parametrize(
    ("title", "count"), [("Training", "11,691"), ("Validation", "2,923"), ("Test", "3,654")]
)
def test_windows_of_each_part_are_counted(title: str, count: str) -> None:
    assert page().row(title) == [count]


def test_model_stands_beside_its_controls_with_intervals_and_chance() -> None:
    assert page().row("ROC area") == [
        "0.644 [0.550 to 0.710]",
        "0.650 [0.560 to 0.720]",
        "0.580",
        "0.497",
        "0.500",
    ]


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Average precision", "0.037"),
        ("Events caught", "0.151"),
        ("Events caught within 20 minutes", "0.270"),
        ("False alarms per day", "6.2"),
        ("Warning time in minutes", "12.0"),
        ("Precision", "0.048"),
        ("Recall", "0.131"),
        ("F1", "0.070"),
        ("Prevalence", "0.0161"),
    ],
)
def test_every_test_metric_is_shown(title: str, value: str) -> None:
    assert page().row(title)[0] == value


def test_chance_of_average_precision_is_the_prevalence() -> None:
    assert page().row("Average precision")[-1] == "0.016"


def test_undefined_metric_is_a_dash() -> None:
    assert page().row("Warning time in minutes")[3] == "\N{EN DASH}"


def test_small_figure_keeps_two_digits() -> None:
    assert page(metrics=metrics(precision=0.00123)).row("Precision")[0] == "0.0012"


def test_threshold_is_given_with_its_rule() -> None:
    assert "0.4078\n  (rule pr_crossing)" in page().text


def test_horizons_follow_the_configuration() -> None:
    configuration = Configuration.model_validate(
        {"labels": {"rows_ahead": 1}, "evaluation": {"horizon_minutes": 45}}
    )
    shown = Page(render_report(result(), configuration, PLOTS))
    assert "an alarm in the row before them." in shown.text
    assert shown.row("Events caught within 45 minutes")[0] == "0.270"


def evaluation(**changes: float | None) -> Evaluation:
    return Evaluation(
        scorer="model",
        part="test",
        threshold=0.4,
        rows=3000,
        events=20,
        metrics=metrics(**changes),
        intervals={"roc_auc": Interval(low=0.5, high=0.75)},
    )


def champion(**changes: Any) -> ChampionEvidence:
    return ChampionEvidence.model_validate({"version": "6", **changes})


def test_champion_stands_beside_the_new_version_on_the_same_rows() -> None:
    evidence = champion(champion=evaluation(roc_auc=0.671), challenger=evaluation(roc_auc=0.652))
    assert page(champion=evidence).row("ROC area", table=1) == [
        "0.652 [0.500 to 0.750]",
        "0.671 [0.500 to 0.750]",
        "0.500",
    ]


def test_events_caught_stand_beside_those_of_random_alarms_and_controls() -> None:
    shown = page(warnings=warnings_with())
    assert "Events caught of 34, in 1 test since 2024-01-01T00:00:00" in shown.text
    assert shown.row("random alarms, within 20 minutes") == ["12", "2", "+0.150 to +0.450", "0.0025"]
    # a version that is ahead of a control has no p-value
    assert shown.row("control pca, within 2 rows") == ["6", "5", "-0.100 to +0.150", ""]


def test_a_result_of_an_earlier_release_has_no_table_of_warnings() -> None:
    assert "Does it warn?" not in page().text


def test_chance_beside_the_champion_is_the_prevalence_of_the_common_rows() -> None:
    common = evaluation(prevalence=0.25)
    evidence = champion(champion=common, challenger=common)
    assert page(champion=evidence).row("Average precision", table=1)[-1] == "0.250"


def compared(difference: Interval | None) -> ChampionEvidence:
    comparison = Comparison(
        name="champion", metric="roc_auc", value=0.652, other_value=0.671, difference=difference
    )
    return champion(
        comparisons=(comparison,), judged_from="2024-01-01T00:00:00", events=12, false_alarms_per_day=5.0
    )


def test_comparison_with_the_champion_gives_the_interval_of_the_difference() -> None:
    difference = Interval(low=-0.12, high=0.03)
    text = " ".join(page(champion=compared(difference)).text.split())
    assert "ROC area: 0.652 against 0.671, difference -0.120 to +0.030" in text


def test_comparison_without_an_interval_ends_the_sentence() -> None:
    text = " ".join(page(champion=compared(None)).text.split())
    assert "ROC area: 0.652 against 0.671 " in text


def test_every_check_of_the_gate_is_told() -> None:
    checks = (
        Check(gate="G0", outcome="pass", reason="reloads"),
        Check(gate="G1", outcome="fail", reason="not clearly better than chance"),
    )
    rows = page(checks=checks).rows
    assert ["G0", "pass", "reloads"] in rows
    assert ["G1", "fail", "not clearly better than chance"] in rows


def test_champion_that_cannot_be_judged_is_named_with_the_problem() -> None:
    text = " ".join(page(champion=champion(problem="x7 is missing")).text.split())
    assert "The champion is version 6. It could not be judged on these test rows: x7 is missing." in text


def test_no_champion_has_no_section() -> None:
    assert "champion" not in page(champion=None).text.lower().split("effective configuration")[0]


def test_plots_lie_inside_the_page() -> None:
    assert sum(address.startswith("data:image/png;base64,") for address in page().addresses) == len(PLOTS)


def test_plot_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Received \['pie'\]"):
        render_report(result(), Configuration(), {"pie": b""})


def test_page_without_plots_has_no_figures_section() -> None:
    assert "Figures" not in Page(render_report(result(), Configuration(), {})).text


def test_page_loads_nothing_from_elsewhere() -> None:
    shown = page(tracking_uri="https://mlflow.example/", data=data(source="https://example.org/mill.csv"))
    assert [address for address in shown.addresses if not address.startswith("data:")] == []


def test_page_has_no_script() -> None:
    assert "script" not in page().tags


def test_findings_are_listed() -> None:
    finding = Finding(check="near_constant", message="One sensor hardly moves.", columns=("x43",))
    text = page(data=data(findings=(finding,))).text
    assert "near_constant" in text
    assert "One sensor hardly moves. (x43)" in text


def test_long_list_of_columns_is_cut() -> None:
    finding = Finding(check="interpolated", message="Many.", columns=tuple(f"x{i}" for i in range(1, 31)))
    assert "x11, x12 and 18 more)" in page(data=data(findings=(finding,))).text


@pytest.mark.parametrize("place", ["model_name", "run_name", "experiment", "threshold_rule", "code_version"])
def test_names_are_escaped(place: str) -> None:
    shown = page(**{place: "<script>alert(1)</script>"})
    assert "script" not in shown.tags
    assert "<script>alert(1)</script>" in shown.text


def test_findings_are_escaped() -> None:
    finding = Finding(check="<b>", message="<img src=x>", columns=("<i>",))
    assert {"b", "i"}.isdisjoint(page(data=data(findings=(finding,))).tags)


@pytest.mark.parametrize(
    "fact",
    [
        "4f1c0b",
        "amber-mill-7",
        "paper machine",
        "models:/forewarn/7",
        "0.1.0+abc123",
        "shifted-2020",
        "forewarn ui",
    ],
)
def test_what_is_needed_to_repeat_the_run_is_given(fact: str) -> None:
    assert fact in page().text


def test_command_quotes_the_source_for_the_shell() -> None:
    text = page(data=data(source="my mill.csv")).text
    assert "forewarn retrain --config configuration.yaml --data 'my mill.csv'" in text


def test_password_of_the_tracking_store_is_left_out() -> None:
    text = page(tracking_uri="postgresql://me:secret@db:5432/mlflow").text
    assert "postgresql://db:5432/mlflow" in text
    assert "secret" not in text


def test_seconds_of_each_step_are_given() -> None:
    assert [page().row("load"), page().row("train")] == [["0.8"], ["81.3"]]


def test_configuration_on_the_page_loads_as_the_same_configuration() -> None:
    configuration = Configuration.model_validate(
        {"labels": {"rows_ahead": 5}, "readings": {"separator": "<"}}
    )
    text = Page(render_report(result(), configuration, PLOTS)).text
    settings = text[text.index("preset: ") :].strip()
    assert Configuration.model_validate(yaml.safe_load(settings)) == configuration


def test_same_result_gives_the_same_page() -> None:
    assert render_report(result(), Configuration(), PLOTS) == render_report(result(), Configuration(), PLOTS)


def test_written_page_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "report.html"
    write_report("old", path)
    write_report("néw", path)
    assert path.read_text(encoding="utf-8") == "néw"


def test_writing_leaves_no_other_file(tmp_path: Path) -> None:
    write_report("page", tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_failed_writing_leaves_the_old_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report("old", path)
    with pytest.raises(UnicodeEncodeError):
        write_report("half a page \ud800", path)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("report.html", "old")]


def page_of_alarms(**changes: Any) -> Page:
    return Page(render_report(result(), Configuration(), PLOTS, explained_alarms(**changes)))


def test_an_episode_names_the_sensors_that_drive_its_first_alarm() -> None:
    assert page_of_alarms().row("2024-01-01 00:20") == [
        "caught [4 minutes ahead]",
        "x5 60%, restless [last 4, expected 2.5]",
        "context 40% [stops in 2 h, above]",
    ]


def test_the_score_of_an_episode_stands_against_its_threshold() -> None:
    assert any(row[0] == "2024-01-01 00:20 [score 3.25 against 3]" for row in page_of_alarms().rows)


@pytest.mark.parametrize(
    ("minutes", "outcome"),
    [(None, "false alarm"), (20.5, "false alarm"), (20.0, "early [20 minutes ahead]")],
)
def test_an_episode_without_a_positive_row_is_early_or_false(minutes: float | None, outcome: str) -> None:
    shown = page_of_alarms(is_caught=False, minutes_ahead=minutes)
    assert shown.row("2024-01-01 00:20")[0] == outcome


def test_the_latest_ten_episodes_are_shown_the_latest_first() -> None:
    shown = [row[0][:16] for row in page_of_alarms(episodes=12).rows if row[0].startswith("2024")]
    assert (len(shown), shown[0], shown[-1]) == (10, "2024-01-01 02:10", "2024-01-01 00:40")


def test_it_is_counted_how_often_each_sensor_led() -> None:
    assert page_of_alarms(episodes=3, rows=2).row("x5") == ["6", "3"]


def test_a_test_part_without_alarms_says_so() -> None:
    quiet = ExplainedAlarms(part="test", total=0, alarms=(), episodes=())
    text = Page(render_report(result(), Configuration(), PLOTS, quiet)).text
    assert "No alarm was raised in the test part." in text


def test_alarms_that_were_not_explained_have_no_section() -> None:
    assert "What drove the alarms" not in page().text


def test_the_picture_of_the_latest_alarm_stands_with_the_alarms() -> None:
    html = render_report(
        result(), Configuration(), PLOTS | {"latest_alarm": b"png latest"}, explained_alarms()
    )
    assert html.index("What drove the alarms") < html.index("The latest alarm") < html.index("<h2>Figures")


def test_every_control_has_a_title_and_a_line_of_its_own() -> None:
    assert set(SCORER_TITLES) == {"model", *CONTROLS}
    assert len(set(LINES)) >= len(SCORER_TITLES)


def test_every_group_of_features_has_words_for_both_directions() -> None:
    assert set(DIRECTION_TEXTS) == {(group, way) for group in GROUPS for way in ("above", "below")}
