"""Compare the units of a table with those of the training table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schemas.readings import Finding, RawTable

_SENSORS_SHOWN = 6


def report_other_units(raw: RawTable, units: Mapping[str, str]) -> RawTable:
    """Add the finding `other_units` if a line of units differs from that of training.

    Args:
        raw: The table as read.
        units: Units of the sensors in training; those without a unit in either table are not compared.
    """
    others = {
        name: (unit, raw.units[name])
        for name, unit in units.items()
        if raw.units.get(name, unit).casefold() != unit.casefold()
    }
    if not others:
        return raw
    shown = [
        f"{name} in {now} instead of {then}" for name, (then, now) in list(others.items())[:_SENSORS_SHOWN]
    ]
    more = f" and {len(others) - _SENSORS_SHOWN} more" if len(others) > _SENSORS_SHOWN else ""
    message = (
        f"{raw.source} has other units than the training table: {', '.join(shown)}{more}. The values are "
        "used as they are."
    )
    details = {name: {"training": then, "table": now} for name, (then, now) in others.items()}
    finding = Finding(check="other_units", message=message, columns=tuple(others), details=details)
    return replace(raw, findings=(*raw.findings, finding))
