"""Labels that are not known yet: those of the newest rows of a table, after its last label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from schemas.configuration import ReadingsSection
from schemas.readings import Finding, RawTable, SensorReadings
from tasks.tables.columns import replace_columns


def find_labelled_stop(raw: RawTable, section: ReadingsSection) -> int:
    """Return the position after the last row with a label.

    With the labels 0 - 1 0 - -, the result is 4: the label of the second row is missing, not late.

    Returns:
        The number of rows if there is no label column, or it is empty throughout.
    """
    rows = len(raw.table)
    if section.label_column is None or section.label_column not in raw.table.columns:
        return rows
    known = np.flatnonzero(raw.table[section.label_column].notna().to_numpy())
    return int(known[-1]) + 1 if len(known) else rows


def drop_late_rows(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Return the table without the rows after its last label, for steps that need labels."""
    stop = find_labelled_stop(raw, section)
    return raw if stop == len(raw.table) else replace(raw, table=raw.table.iloc[:stop])


def fill_late_labels(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Return the table with 0 in the labels after the last one: no event is known there.

    Labels that are missing before stay so, for the schema check to report.
    """
    stop = find_labelled_stop(raw, section)
    if stop == len(raw.table):
        return raw
    labels = raw.table[section.label_column].copy()
    labels.iloc[stop:] = 0
    return replace(raw, table=replace_columns(raw.table, {str(section.label_column): labels}))


def report_late_labels(readings: SensorReadings, raw: RawTable, section: ReadingsSection) -> SensorReadings:
    """Add the finding `late_labels` if the newest rows of the table as received have no label.

    Args:
        readings: Readings of the table, with or without these rows.
        raw: The table as received; its index is the row numbers of the finding.
        section: Names the columns of times and labels.
    """
    stop = find_labelled_stop(raw, section)
    rows = len(raw.table) - stop
    if not rows:
        return readings
    first = raw.table.index[stop]
    which = "last row has" if rows == 1 else f"last {rows} rows have"
    message = (
        f"The {which} no label in `{section.label_column}` yet, from row {first} "
        f"({raw.table[section.time_column].iloc[stop]}) on. Training and evaluation leave them out."
    )
    finding = Finding(
        check="late_labels",
        message=message,
        columns=(str(section.label_column),),
        details={"rows": rows, "first_row": first if isinstance(first, str) else int(first)},
    )
    return replace(readings, findings=(*readings.findings, finding))
