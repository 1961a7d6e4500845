"""The report of a retraining: one page that needs nothing but a browser."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from schemas.configuration import Configuration
from schemas.evaluation import Interval
from schemas.explanation import AlarmEpisode, Driver, ExplainedAlarms
from schemas.results import RetrainResult
from tasks.files.write import replace_at_end
from tasks.reports.plot import SCORER_TITLES

if TYPE_CHECKING:
    from jinja2 import Environment

DASH = "\N{EN DASH}"
COLUMNS_SHOWN = 12

DECISION_TEXTS = {
    "PROMOTE": "passed the promotion gate.",
    "REJECT": "did not pass the promotion gate.",
    "HOLD": "cannot be judged yet.",
}

WINDOW_TITLES = {
    "train": "Training",
    "train_normal": "of these normal, the ones it learns from",
    "validation": "Validation",
    "test": "Test",
}

# name: title, explanation, decimals
METRIC_TEXTS = {
    "roc_auc": ("ROC area", "How often a positive row scores higher than a normal one.", 3),
    "average_precision": (
        "Average precision",
        "Precision averaged over the thresholds, by recall gained.",
        3,
    ),
    "event_recall": ("Events caught", "Share of events with an alarm {shortly_before}.", 3),
    "event_recall_20min": (
        "Events caught within {horizon}",
        "Share of events with an alarm in the {horizon} before them.",
        3,
    ),
    "false_alarms_per_day": (
        "False alarms per day",
        "Episodes in 24 hours of rows present; one that lasts counts again every {repeat}.",
        1,
    ),
    "lead_minutes_median": (
        "Warning time in minutes",
        "Median time from the first alarm in the {horizon} before an event to the event.",
        1,
    ),
    "precision": ("Precision", "Share of flagged rows that are positive.", 3),
    "recall": ("Recall", "Share of positive rows that are flagged.", 3),
    "f1": ("F1", "Harmonic mean of precision and recall.", 3),
    "prevalence": ("Prevalence", "Share of rows that are positive.", 4),
}

PLOT_TEXTS = {
    "loss": (
        "Loss",
        "Both lines should fall and level off; where the validation line rises again, the network learns the "
        "training rows by heart, so the weights of the marked epoch were kept.",
    ),
    "precision_recall": (
        "Precision and recall",
        "A threshold further to the left catches more positive windows and raises more false alarms; the "
        "upright dashed line is the one that was chosen.",
    ),
    "roc": (
        "ROC",
        "The higher a curve lies above the diagonal, the better its score tells positive windows from normal "
        "ones; a model earns its place only above the controls.",
    ),
    "errors_over_time": (
        "Scores over time",
        "Triangles on or above the dashed line are caught and dots there are false alarms; when all dots "
        "climb, the plant drifts away from what the network has learned.",
    ),
    "confusion_matrix": (
        "Alarms",
        "Rows are what was true and columns what the model said; the orange fields are its mistakes.",
    ),
}

ALARM_PLOT_TEXTS = {
    "latest_alarm": (
        "The latest alarm",
        "Where a sensor leaves the dashed line, the model did not expect it; each point of that line was "
        "expected when its row was the last one known.",
    ),
}

# what is said of the feature that drives most, by its kind and direction
DIRECTION_TEXTS = {
    ("level", "above"): "high",
    ("level", "below"): "low",
    ("volatility", "above"): "restless",
    ("volatility", "below"): "calm",
    ("difference", "above"): "rising",
    ("difference", "below"): "falling",
    ("context", "above"): "above",
    ("context", "below"): "below",
}
EPISODES_SHOWN = 10
LEADERS_SHOWN = 12


@dataclass(frozen=True)
class Cell:
    """A figure as it is written, and its interval, empty where there is none."""

    value: str
    interval: str


@dataclass(frozen=True)
class MetricRow:
    """One metric, with a cell for each column of the table."""

    title: str
    explanation: str
    chance: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """The figures of one scorer: values and intervals by the metric's name."""

    title: str
    values: Mapping[str, float | None]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True)
class Picture:
    """A plot as the page shows it."""

    title: str
    explanation: str
    address: str


@dataclass(frozen=True)
class EpisodeRow:
    """An episode of alarms as the page shows it: each driver is a headline and its figures."""

    time: str
    score: str
    outcome: str
    ahead: str
    drivers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Leader:
    """A sensor that had the largest share, and of how many alarms and first alarms of episodes."""

    sensor: str
    alarms: int
    episodes: int


def render_report(
    result: RetrainResult,
    configuration: Configuration,
    plots: Mapping[str, bytes],
    explained: ExplainedAlarms | None = None,
) -> str:
    """Write the outcome of a retraining as one HTML page with everything inside.

    Passwords in addresses are left out. The same arguments give the same page.

    Args:
        result: The outcome.
        configuration: The effective configuration of the run.
        plots: PNG bytes by the names that `tasks.reports.plot.render_plots` gives them.
        explained: The alarms of the test part, or none where they were not explained.

    Returns:
        The page; it has no script and loads nothing from elsewhere.

    Raises:
        ValueError: If a plot has an unknown name.
    """
    columns, champion_columns = list_columns(result), list_champion_columns(result)
    addresses = embed_plots(plots)
    of_alarms = {name: addresses.pop(name) for name in ALARM_PLOT_TEXTS if name in addresses}
    return (
        make_environment()
        .get_template("report.html.jinja")
        .render(
            result=result,
            configuration=configuration,
            decision_text=DECISION_TEXTS[result.decision],
            window_titles=WINDOW_TITLES,
            titles=[column.title for column in columns],
            rows=list_metric_rows(columns, configuration),
            champion_titles=[column.title for column in champion_columns],
            champion_rows=list_metric_rows(champion_columns, configuration),
            pictures=list_pictures(addresses, PLOT_TEXTS),
            explained=explained,
            episodes=() if explained is None else list_episode_rows(explained, configuration),
            leaders=() if explained is None else list_leaders(explained),
            alarm_pictures=list_pictures(of_alarms, ALARM_PLOT_TEXTS),
            source=hide_password(result.data.source),
            tracking_uri=hide_password(result.tracking_uri),
            command=f"forewarn retrain --config configuration.yaml --data {_quote_source(result)}",
            settings=yaml.safe_dump(
                configuration.model_dump(mode="json"), sort_keys=False, allow_unicode=True
            ),
        )
    )


def write_report(html: str, path: Path) -> None:
    """Write a page to a file, whole or not at all; a missing folder is made.

    Args:
        html: The page.
        path: The file; an existing one is replaced.

    Raises:
        OSError: If the folder or the file cannot be written; what lay at `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_at_end(path) as file:
        file.write(html.encode())


def list_columns(result: RetrainResult) -> tuple[Column, ...]:
    """List the model and its controls, strongest control first, with their test figures."""
    known = [name for name in SCORER_TITLES if name in result.controls]
    others = [name for name in result.controls if name not in SCORER_TITLES]
    controls = tuple(
        Column(
            SCORER_TITLES.get(name, name),
            result.controls[name].model_dump(),
            result.control_intervals.get(name, {}),
        )
        for name in known + others
    )
    return (Column(SCORER_TITLES["model"], result.metrics.model_dump(), result.intervals), *controls)


def list_champion_columns(result: RetrainResult) -> tuple[Column, ...]:
    """List the new version and the champion, both on the rows that both score, where they were judged."""
    evidence = result.champion
    if evidence is None or evidence.champion is None or evidence.challenger is None:
        return ()
    judged = (
        (f"New, version {result.model_version}", evidence.challenger),
        (f"Champion, version {evidence.version}", evidence.champion),
    )
    return tuple(Column(title, item.metrics.model_dump(), item.intervals) for title, item in judged)


def list_metric_rows(columns: Sequence[Column], configuration: Configuration) -> tuple[MetricRow, ...]:
    """Write every metric in plain words, with the level of chance where it is known.

    Args:
        columns: Figures of scorers on the same rows; the prevalence of the first one's rows is what
            guessing gives as precision.
        configuration: Says how far ahead and how long alarms count.

    Returns:
        One row for each metric; none without columns.
    """
    prevalence = columns[0].values["prevalence"] if columns else None
    chances = {"roc_auc": 0.5, "average_precision": prevalence, "precision": prevalence}
    words = _list_words(configuration)
    return tuple(
        MetricRow(
            title.format_map(words),
            explanation.format_map(words),
            format_figure(chances[name], decimals) if name in chances else "",
            tuple(_make_cell(column, name, decimals) for column in columns),
        )
        for name, (title, explanation, decimals) in METRIC_TEXTS.items()
        if columns
    )


def list_episode_rows(explained: ExplainedAlarms, configuration: Configuration) -> tuple[EpisodeRow, ...]:
    """Write the last `EPISODES_SHOWN` episodes, the latest first, each by its first alarm."""
    horizon = configuration.evaluation.horizon_minutes
    return tuple(
        EpisodeRow(
            f"{episode.first.time:%Y-%m-%d %H:%M}",
            f"{episode.first.score:.3g} against {episode.first.threshold:.3g}",
            *describe_outcome(episode, horizon),
            tuple(describe_driver(driver) for driver in episode.first.drivers),
        )
        for episode in reversed(explained.episodes[-EPISODES_SHOWN:])
    )


def describe_outcome(episode: AlarmEpisode, horizon_minutes: float) -> tuple[str, str]:
    """Say whether an episode warned of an event, on rows that count or in the longer horizon, and when."""
    minutes = episode.minutes_ahead
    is_near = minutes is not None and minutes <= horizon_minutes
    if not episode.is_caught and not is_near:
        return "false alarm", ""
    ahead = "" if minutes is None else f"{minutes:g} minutes ahead"
    return "caught" if episode.is_caught else "early", ahead


def describe_driver(driver: Driver) -> tuple[str, str]:
    """Say which sensor, its share, which way, and its last value against what was expected."""
    way = "" if driver.direction is None else f", {DIRECTION_TEXTS[driver.group, driver.direction]}"
    if not driver.last:
        return f"{driver.sensor} {driver.share:.0%}", f"{driver.column}{way}"
    expected = driver.expected[-1]
    against = "" if expected is None else f", expected {expected:.4g}"
    return f"{driver.sensor} {driver.share:.0%}{way}", f"last {driver.last[-1]:.4g}{against}"


def list_leaders(explained: ExplainedAlarms) -> tuple[Leader, ...]:
    """Count how often each sensor had the largest share, the most frequent `LEADERS_SHOWN` first."""
    alarms = Counter(alarm.drivers[0].sensor for alarm in explained.alarms)
    episodes = Counter(episode.first.drivers[0].sensor for episode in explained.episodes)
    return tuple(
        Leader(sensor, count, episodes[sensor]) for sensor, count in alarms.most_common(LEADERS_SHOWN)
    )


def make_environment() -> Environment:
    """Make the template engine: everything is escaped, a missing name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tasks.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["listed"] = _list_names
    return environment


def _list_words(configuration: Configuration) -> dict[str, str]:
    """Name the horizons of the configuration in words."""
    rows_ahead = configuration.labels.rows_ahead
    plural = "row" if rows_ahead == 1 else f"{rows_ahead} rows"
    return {
        "shortly_before": f"in the {plural} before them" if rows_ahead else "on their own rows",
        "horizon": f"{configuration.evaluation.horizon_minutes:g} minutes",
        "repeat": f"{configuration.evaluation.repeat_alarm_minutes:g} minutes",
    }


def _make_cell(column: Column, name: str, decimals: int) -> Cell:
    """Write one figure with its interval."""
    value, interval = column.values.get(name), column.intervals.get(name)
    if value is None or interval is None:
        return Cell(format_figure(value, decimals), "")
    bounds = (format_figure(bound, decimals) for bound in (interval.low, interval.high))
    return Cell(format_figure(value, decimals), " to ".join(bounds))


def format_figure(value: float | None, decimals: int) -> str:
    """Write a figure with fixed decimals, small ones with two digits that say something, none as a dash."""
    if value is None:
        return DASH
    if 0 < abs(value) < 10 ** (1 - decimals):
        return f"{value:.2g}"
    return f"{value:,.{decimals}f}"


def embed_plots(plots: Mapping[str, bytes]) -> dict[str, str]:
    """Make addresses that hold the pictures themselves, by their names."""
    return {
        name: f"data:image/png;base64,{b64encode(content).decode('ascii')}" for name, content in plots.items()
    }


def list_pictures(addresses: Mapping[str, str], texts: Mapping[str, tuple[str, str]]) -> tuple[Picture, ...]:
    """Put pictures in order, each with how to read it.

    Args:
        addresses: By the picture's name.
        texts: Title and explanation of every picture that there can be, in order, by name.

    Raises:
        ValueError: If a picture has an unknown name.
    """
    unknown = sorted(set(addresses) - set(texts))
    if unknown:
        raise ValueError(
            f"The pictures of a report must be among {sorted(texts)}. Received {unknown}. "
            "Name them as the function that renders them does."
        )
    return tuple(
        Picture(title, explanation, addresses[name])
        for name, (title, explanation) in texts.items()
        if name in addresses
    )


def _list_names(names: Sequence[str]) -> str:
    """Join names by commas, the first dozen of many."""
    shown = ", ".join(names[:COLUMNS_SHOWN])
    return shown if len(names) <= COLUMNS_SHOWN else f"{shown} and {len(names) - COLUMNS_SHOWN} more"


def hide_password(address: str) -> str:
    """Leave the user and the password out of an address such as `postgresql://user:password@host`."""
    return re.sub(r"(://)[^/\s]*@", r"\1", address)


def _quote_source(result: RetrainResult) -> str:
    """Write the data's address as a shell takes it."""
    return shlex.quote(hide_password(result.data.source))
