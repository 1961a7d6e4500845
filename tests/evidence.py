"""Evidence for the gate, made by saying what is not good about a version."""

from __future__ import annotations

from typing import Any

from schemas.decision import Comparison, WarningEvidence
from schemas.evaluation import Interval


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high)


def recall_with(
    name: str,
    metric: str,
    caught: float,
    other: float,
    low: float,
    high: float,
    chance: float | None,
    events: int = 34,
) -> Comparison:
    """Event recall against another scorer, from the events that each catches."""
    return Comparison(
        name=name,
        metric=metric,
        value=caught / events,
        other_value=other / events,
        difference=interval(low, high),
        chance=chance,
    )


def warnings_with(**changes: Any) -> WarningEvidence:
    """A version that catches 12 of 34 events, where random alarms catch 2, but for the changes."""
    good = {
        "tests": 1,
        "since": "2024-01-01T00:00:00",
        "days": 7.0,
        "events": 34,
        "own_events": 34,
        "own_caught": (6, 12),
        "own_expected": (1.0, 2.0),
        "own_alarm_rows": 60,
        "false_alarms_per_day": 4.0,
        "alarm_budget": 5.0,
        "rows_ahead": 2,
        "horizon_minutes": 20.0,
        "level": 0.05,
        "random": (
            recall_with("random", "event_recall", 6, 1, 0.05, 0.25, 0.01),
            recall_with("random", "event_recall_20min", 12, 2, 0.15, 0.45, 0.0025),
        ),
        "controls": (
            recall_with("pca", "event_recall", 6, 5, -0.10, 0.15, 0.8),
            recall_with("pca", "event_recall_20min", 12, 11, -0.10, 0.15, 0.8),
        ),
    }
    return WarningEvidence.model_validate({**good, **changes})


NOT_BETTER = (
    recall_with("random", "event_recall", 0, 1, -0.04, -0.02, 1.0),
    recall_with("random", "event_recall_20min", 2, 1.8, -0.05, 0.09, 0.54),
)
