"""The report of a retraining: one self-contained HTML page."""

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
    "train_normal": "of which normal, used for training",
    "validation": "Validation",
    "test": "Test",
}

# title, explanation and decimals by metric
METRIC_TEXTS = {
    "roc_auc": ("ROC area", "How often a positive row scores higher than a normal one.", 3),
    "average_precision": (
        "Average precision",
        "Precision averaged over all thresholds, weighted by the gain in recall.",
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
        "False-alarm episodes per 24 hours of rows; a lasting one counts again every {repeat}.",
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
        "Both lines should fall and level off; where the validation line rises again, the network is "
        "overfitting, so the weights of the marked epoch were kept.",
    ),
    "precision_recall": (
        "Precision and recall",
        "A threshold further to the left catches more positive windows and raises more false alarms; the "
        "vertical dashed line marks the chosen threshold.",
    ),
    "roc": (
        "ROC",
        "The further a curve is above the diagonal, the better its score separates positive from normal "
        "windows; a model is worth using only if its curve is above those of the controls.",
    ),
    "errors_over_time": (
        "Scores over time",
        "Triangles on or above the dashed line are caught and dots there are false alarms; if all dots "
        "rise, the plant is drifting away from what the network has learned.",
    ),
    "confusion_matrix": (
        "Alarms",
        "Rows are the truth and columns the model's predictions; the orange fields are its mistakes.",
    ),
}

ALARM_PLOT_TEXTS = {
    "latest_alarm": (
        "The latest alarm",
        "Where a sensor leaves the dashed line, the model did not expect its value; each point of that line "
        "is what the model expected when its row was the newest.",
    ),
}

# word for the feature that drives most, by its kind and direction
DIRECTION_TEXTS = {
    ("level", "above"): "high",
    ("level", "below"): "low",
    ("volatility", "above"): "restless",
    ("volatility", "below"): "calm",
    ("difference", "above"): "rising",
    ("difference", "below"): "falling",
    ("raw", "above"): "high",
    ("raw", "below"): "low",
    ("context", "above"): "above",
    ("context", "below"): "below",
}
EPISODES_SHOWN = 10
LEADERS_SHOWN = 12


@dataclass(frozen=True)
class Cell:
    """A formatted figure and its interval, empty if there is none."""

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
    """The figures of one scorer: values and intervals by the name of the metric."""

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
    """An alarm episode as the page shows it; each driver is a headline with its figures."""

    time: str
    score: str
    outcome: str
    ahead: str
    drivers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Leader:
    """A sensor, and how many alarms and first alarms of episodes it had the largest share of."""

    sensor: str
    alarms: int
    episodes: int


def render_report(
    result: RetrainResult,
    configuration: Configuration,
    plots: Mapping[str, bytes],
    explained: ExplainedAlarms | None = None,
) -> str:
    """Render the result of a retraining as one self-contained HTML page.

    Passwords in addresses are left out. The same arguments give the same page.

    Args:
        result: The result.
        configuration: The effective configuration of the run.
        plots: PNG bytes by the names that `tasks.reports.plot.render_plots` gives them.
        explained: The alarms of the test part, or None if they were not explained.

    Returns:
        The page, which has no script and loads nothing.

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
    """Write a page to a file, whole or not at all; a missing folder is created.

    Args:
        html: The page.
        path: The file; an existing one is replaced.

    Raises:
        OSError: If the folder or the file cannot be written; an existing file at `path` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_at_end(path) as file:
        file.write(html.encode())


def list_columns(result: RetrainResult) -> tuple[Column, ...]:
    """List the test figures of the model and its controls, strongest control first."""
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
    """List the figures of the new version and the champion on the rows that both score, if judged."""
    evidence = result.champion
    if evidence is None or evidence.champion is None or evidence.challenger is None:
        return ()
    judged = (
        (f"New, version {result.model_version}", evidence.challenger),
        (f"Champion, version {evidence.version}", evidence.champion),
    )
    return tuple(Column(title, item.metrics.model_dump(), item.intervals) for title, item in judged)


def list_metric_rows(columns: Sequence[Column], configuration: Configuration) -> tuple[MetricRow, ...]:
    """Format every metric with a plain explanation, and the level of chance if it is known.

    Args:
        columns: Figures of scorers on the same rows; the prevalence in the first column is the precision
            of guessing.
        configuration: The configuration, for the horizons.

    Returns:
        One row for each metric; empty without columns.
    """
    prevalence = columns[0].values["prevalence"] if columns else None
    chances = {"roc_auc": 0.5, "average_precision": prevalence, "precision": prevalence}
    horizons = _name_horizons(configuration)
    return tuple(
        MetricRow(
            title.format_map(horizons),
            explanation.format_map(horizons),
            format_figure(chances[name], decimals) if name in chances else "",
            tuple(_make_cell(column, name, decimals) for column in columns),
        )
        for name, (title, explanation, decimals) in METRIC_TEXTS.items()
        if columns
    )


def list_episode_rows(explained: ExplainedAlarms, configuration: Configuration) -> tuple[EpisodeRow, ...]:
    """Format the last `EPISODES_SHOWN` episodes, latest first, each by its first alarm."""
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
    """Describe whether an episode caught an event, warned of it in the longer horizon, or was false."""
    minutes = episode.minutes_ahead
    is_near = minutes is not None and minutes <= horizon_minutes
    if not episode.is_caught and not is_near:
        return "false alarm", ""
    ahead = "" if minutes is None else f"{minutes:g} minutes ahead"
    return "caught" if episode.is_caught else "early", ahead


def describe_driver(driver: Driver) -> tuple[str, str]:
    """Describe a driver: sensor, share, direction, and its last value against the expected one."""
    way = "" if driver.direction is None else f", {DIRECTION_TEXTS[driver.group, driver.direction]}"
    if not driver.last or driver.last[-1] is None:
        return f"{driver.sensor} {driver.share:.0%}", f"{driver.column}{way}"
    expected = driver.expected[-1]
    against = "" if expected is None else f", expected {expected:.4g}"
    return f"{driver.sensor} {driver.share:.0%}{way}", f"last {driver.last[-1]:.4g}{against}"


def list_leaders(explained: ExplainedAlarms) -> tuple[Leader, ...]:
    """Count how often each sensor had the largest share; the `LEADERS_SHOWN` most frequent ones."""
    alarms = Counter(alarm.drivers[0].sensor for alarm in explained.alarms)
    episodes = Counter(episode.first.drivers[0].sensor for episode in explained.episodes)
    return tuple(
        Leader(sensor, count, episodes[sensor]) for sensor, count in alarms.most_common(LEADERS_SHOWN)
    )


def make_environment() -> Environment:
    """Make the template environment: everything is escaped, and an undefined name is an error."""
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


def _name_horizons(configuration: Configuration) -> dict[str, str]:
    """Write the horizons of the configuration in words."""
    rows_ahead = configuration.labels.rows_ahead
    plural = "row" if rows_ahead == 1 else f"{rows_ahead} rows"
    return {
        "shortly_before": f"in the {plural} before them" if rows_ahead else "on their own rows",
        "horizon": f"{configuration.evaluation.horizon_minutes:g} minutes",
        "repeat": f"{configuration.evaluation.repeat_alarm_minutes:g} minutes",
    }


def _make_cell(column: Column, name: str, decimals: int) -> Cell:
    """Format one figure with its interval."""
    value, interval = column.values.get(name), column.intervals.get(name)
    if value is None or interval is None:
        return Cell(format_figure(value, decimals), "")
    bounds = (format_figure(bound, decimals) for bound in (interval.low, interval.high))
    return Cell(format_figure(value, decimals), " to ".join(bounds))


def format_figure(value: float | None, decimals: int) -> str:
    """Format a figure with fixed decimals, a small one with two significant digits, None as a dash."""
    if value is None:
        return DASH
    if 0 < abs(value) < 10 ** (1 - decimals):
        return f"{value:.2g}"
    return f"{value:,.{decimals}f}"


def embed_plots(plots: Mapping[str, bytes]) -> dict[str, str]:
    """Encode plots as data URLs, by their names."""
    return {
        name: f"data:image/png;base64,{b64encode(content).decode('ascii')}" for name, content in plots.items()
    }


def list_pictures(addresses: Mapping[str, str], texts: Mapping[str, tuple[str, str]]) -> tuple[Picture, ...]:
    """List pictures in order, each with its explanation.

    Args:
        addresses: Addresses of the pictures, by name.
        texts: Title and explanation of every possible picture, in order, by name.

    Raises:
        ValueError: If a picture has an unknown name.
    """
    unknown = sorted(set(addresses) - set(texts))
    if unknown:
        raise ValueError(
            f"The pictures of a report must be among {sorted(texts)}. Received {unknown}. "
            "Use the names that the rendering function gives them."
        )
    return tuple(
        Picture(title, explanation, addresses[name])
        for name, (title, explanation) in texts.items()
        if name in addresses
    )


def _list_names(names: Sequence[str]) -> str:
    """Join names by commas, at most the first `COLUMNS_SHOWN`."""
    shown = ", ".join(names[:COLUMNS_SHOWN])
    return shown if len(names) <= COLUMNS_SHOWN else f"{shown} and {len(names) - COLUMNS_SHOWN} more"


def hide_password(address: str) -> str:
    """Remove user and password from an address such as `postgresql://user:password@host`."""
    return re.sub(r"(://)[^/\s]*@", r"\1", address)


def _quote_source(result: RetrainResult) -> str:
    """Quote the address of the data for a shell."""
    return shlex.quote(hide_password(result.data.source))
