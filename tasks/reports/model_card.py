"""Write the model card of a version: its purpose, data, performance and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.configuration import Configuration
from schemas.results import RetrainResult
from tasks.evaluation.warning_checks import describe_tests, is_clearly_better
from tasks.registry.history import shorten
from tasks.reports.report import METRIC_TEXTS, list_columns, list_metric_rows, make_environment

if TYPE_CHECKING:
    from mlflow import MlflowClient

# longest description of a version in MLflow's database
CARD_CHARACTERS = 5_000
_REASON_CHARACTERS = 220
_REASONS = 6
_SHOWN = {"roc_auc", "average_precision", "event_recall", "event_recall_20min", "false_alarms_per_day"}
_FEW_EVENTS = 30


def describe_version(client: MlflowClient, result: RetrainResult, configuration: Configuration) -> str:
    """Write the model card into the description of a version.

    Args:
        client: Client of the registry.
        result: The result of the retraining that produced the version.
        configuration: Its settings.

    Returns:
        The card, in Markdown.
    """
    tags = client.get_model_version(result.model_name, result.model_version).tags
    card = render_card(result, configuration, tags)
    client.update_model_version(result.model_name, result.model_version, card)
    return card


def render_card(result: RetrainResult, configuration: Configuration, tags: Mapping[str, str]) -> str:
    """Write a model card; the same arguments give the same card.

    Args:
        result: The result of a retraining.
        configuration: Its settings.
        tags: The version's tags, of which `train_end`, `threshold_end` and `decided_at` are used.

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
    """Describe how long before an event an alarm counts, in rows and in the longer horizon."""
    rows, minutes = configuration.labels.rows_ahead, configuration.evaluation.horizon_minutes
    near = f"{rows} {'row' if rows == 1 else 'rows'}"
    return f"an alarm counts up to {near} ahead, and is useful up to {minutes:g} minutes ahead"


def list_limits(result: RetrainResult) -> list[str]:
    """List the limits of a version, with the figures of its test.

    Args:
        result: The result of the retraining that produced it.
    """
    metrics, limits = result.metrics, []
    if result.is_leaky_split:
        limits.append(
            "The split is leaky: test rows are neighbours of training rows, so the figures say nothing about "
            "performance in use."
        )
    if metrics.event_recall_20min is not None:
        missed = 1 - metrics.event_recall_20min
        limits.append(f"{missed:.0%} of the test events came without an alarm in the longer horizon.")
    if metrics.precision is not None:
        limits.append(f"Of the test rows with an alarm, {metrics.precision:.0%} came right before an event.")
    limits += _list_limits_of_warnings(result)
    if result.data.events < _FEW_EVENTS:
        limits.append(f"It was trained and judged on only {result.data.events} events.")
    return [
        *limits,
        "It was tested on one period: events are few and intervals wide, so small differences are noise.",
        "Sensors drift, and the promised alarm rate holds only while the plant stays the same: monitor the "
        "alarms, and retrain.",
        "After a gap or an event it gives no score, and so no warning, until it has enough rows.",
    ]


def _list_limits_of_warnings(result: RetrainResult) -> list[str]:
    """List what is not known of whether it warns; results of earlier releases say nothing of it."""
    warnings, limits = result.warnings, []
    if warnings is None:
        return []
    if not any(is_clearly_better(comparison, warnings.level) for comparison in warnings.random):
        limits.append("It has not been shown to catch more events than random alarms at the same rate.")
    if warnings.tests > 1:
        limits.append(
            f"Whether it warns was judged on {describe_tests(warnings)}: of versions of its kind, each on "
            "rows that it had not seen."
        )
    return limits
