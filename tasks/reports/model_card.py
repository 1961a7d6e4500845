"""Write a version's model card: what it is for, what it was made from, what it can do and cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.configuration import Configuration
from schemas.results import RetrainResult
from tasks.registry.history import shorten
from tasks.reports.report import METRIC_TEXTS, list_columns, list_metric_rows, make_environment

if TYPE_CHECKING:
    from mlflow import MlflowClient

# what the description of a version holds in MLflow's database
CARD_CHARACTERS = 5_000
_REASON_CHARACTERS = 220
_REASONS = 6
_SHOWN = {"roc_auc", "average_precision", "event_recall", "event_recall_20min", "false_alarms_per_day"}
_FEW_EVENTS = 30


def describe_version(client: MlflowClient, result: RetrainResult, configuration: Configuration) -> str:
    """Write the model card into the description of a version.

    Args:
        client: Client of the registry.
        result: The outcome of the retraining that made the version.
        configuration: Its settings.

    Returns:
        The card, Markdown.
    """
    tags = client.get_model_version(result.model_name, result.model_version).tags
    card = render_card(result, configuration, tags)
    client.update_model_version(result.model_name, result.model_version, card)
    return card


def render_card(result: RetrainResult, configuration: Configuration, tags: Mapping[str, str]) -> str:
    """Write a model card; the same arguments give the same card.

    Args:
        result: The outcome of a retraining.
        configuration: Its settings.
        tags: The version's: `train_end`, `threshold_end` and `decided_at` are used.

    Returns:
        Markdown of at most `CARD_CHARACTERS` characters.
    """
    columns = list_columns(result)
    metric_rows = zip(METRIC_TEXTS, list_metric_rows(columns, configuration), strict=True)
    rows = [row for name, row in metric_rows if name in _SHOWN]
    reasons = [shorten(reason, _REASON_CHARACTERS) for reason in result.reasons[:_REASONS]]
    if len(result.reasons) > _REASONS:
        reasons.append(f"and {len(result.reasons) - _REASONS} more, in the tag `decision_reasons`")
    card = (
        make_environment()
        .overlay(autoescape=False)
        .get_template("model_card.md.jinja")
        .render(
            result=result,
            configuration=configuration,
            tags=tags,
            horizon=describe_horizon(configuration),
            titles=[column.title for column in columns],
            rows=rows,
            reasons=reasons,
            limits=list_limits(result),
        )
    )
    return card if len(card) <= CARD_CHARACTERS else f"{card[: CARD_CHARACTERS - 20]}\n... (shortened)"


def describe_horizon(configuration: Configuration) -> str:
    """Say how long before an event an alarm counts, in rows and in the longer horizon."""
    rows, minutes = configuration.labels.rows_ahead, configuration.evaluation.horizon_minutes
    return f"it counts {rows} {'row' if rows == 1 else 'rows'} ahead, and is useful {minutes:g} minutes ahead"


def list_limits(result: RetrainResult) -> list[str]:
    """List what the version cannot do, with the figures of its own test.

    Args:
        result: The outcome of the retraining that made it.
    """
    metrics, limits = result.metrics, []
    if result.is_leaky_split:
        limits.append(
            "The split is leaky: test rows are neighbours of training rows. The figures say nothing about "
            "use."
        )
    if metrics.event_recall_20min is not None:
        missed = 1 - metrics.event_recall_20min
        limits.append(f"{missed:.0%} of the test's events came without an alarm in the longer horizon.")
    if metrics.precision is not None:
        limits.append(
            f"Of the test's rows with an alarm, {metrics.precision:.0%} came right before an event."
        )
    if result.data.events < _FEW_EVENTS:
        limits.append(f"It has learned from, and was judged on, {result.data.events} events only.")
    return [
        *limits,
        "One test on one stretch of time: events are few, the intervals wide, small differences noise.",
        "Sensors drift. The promise about alarms holds while the plant stays as it was: watch how many "
        "come, and retrain.",
        "After a gap or an event it gives no score until it has rows enough: no warning comes then.",
    ]
