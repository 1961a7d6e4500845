"""Tabulate whether a version warns: events caught beside those of random alarms and of the best control."""

from __future__ import annotations

from typing import NamedTuple

from schemas.decision import Comparison, WarningEvidence
from tasks.evaluation.warning_checks import count_caught, name_horizon


class WarningRow(NamedTuple):
    """One comparison, as text.

    Attributes:
        against: What the version is compared with, and within which horizon.
        own: Events that the version caught.
        other: Events that the other caught, or is expected to catch.
        difference: Interval of the difference in event recall.
        p_value: Probability that chance alone makes such a difference; empty if the version is ahead of a
            control.
    """

    against: str
    own: str
    other: str
    difference: str
    p_value: str


def list_warning_rows(warnings: WarningEvidence | None) -> tuple[WarningRow, ...]:
    """List the comparisons with random alarms, with the best control and with earlier tests."""
    if warnings is None:
        return ()
    titles = {"random": "random alarms", "earlier tests": "earlier tests of its kind"}
    return tuple(
        _make_row(titles.get(comparison.name, f"control {comparison.name}"), comparison, warnings)
        for comparison in (*warnings.random, *warnings.controls, *warnings.earlier)
    )


def _make_row(title: str, comparison: Comparison, warnings: WarningEvidence) -> WarningRow:
    difference, chance = comparison.difference, comparison.chance
    is_share = comparison.name == "earlier tests"  # of other numbers of events
    is_ahead = title.startswith("control") and comparison.value >= comparison.other_value
    own, other = (
        f"{value:.0%}" if is_share else count_caught(value, warnings)
        for value in (comparison.value, comparison.other_value)
    )
    return WarningRow(
        against=f"{title}, {name_horizon(warnings, comparison)}",
        own=own,
        other=other,
        difference="" if difference is None else f"{difference.low:+.3f} to {difference.high:+.3f}",
        p_value="" if chance is None or is_ahead else f"{chance:.2g}",
    )
