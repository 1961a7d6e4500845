"""Recognise a table whose columns need settings of their own: that of the published mill file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schemas.configuration import ReadingsSection
from schemas.presets import MILL
from schemas.readings import Finding, RawTable

SERIES = tuple(f"x{number}" for number in range(1, 62))
# share of the series that is there in a file that has lost some of its columns
LEAST_SHARE = 0.9


def apply_mill_rules(raw: RawTable, section: ReadingsSection) -> tuple[RawTable, ReadingsSection]:
    """Read x28 and x61 as categories and require x1..x61, in a table that has the mill's columns.

    Settings that were made stay: with `readings.complete_series` set, no table is taken for the mill's.

    Args:
        raw: The table as received.
        section: How it is read.

    Returns:
        The table with a finding and the settings found, and the settings to read it by; both unchanged for
        any other table.
    """
    if section.complete_series is not None or not is_mill_table([str(name) for name in raw.table.columns]):
        return raw, section
    found = {key: value for key, value in MILL["readings"].items() if not getattr(section, key)}
    read = ", ".join(f"`readings.{key}` is {_write(value)}" for key, value in found.items())
    message = (
        f"The table has the columns of the published mill file, x1 to x61, so {read}, as by the preset "
        "`mill` (`readings.complete_series=false` switches this off)."
    )
    finding = Finding(check="mill_columns", message=message, details=found)
    known = replace(
        raw,
        findings=(*raw.findings, finding),
        found={**raw.found, **{f"readings.{key}": value for key, value in found.items()}},
    )
    return known, ReadingsSection.model_validate({**section.model_dump(), **found})


def _write(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value).lower()


def is_mill_table(columns: Sequence[str]) -> bool:
    """Return whether a table has the mill's categories and nearly all columns of its series."""
    there = {*columns} & {*SERIES}
    return {*MILL["readings"]["categorical_columns"]} <= there and len(there) >= LEAST_SHARE * len(SERIES)
