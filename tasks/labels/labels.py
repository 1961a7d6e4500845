"""Read the labels of a table: words that mark events become 1, all others 0."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from schemas.configuration import DEFAULTS, LabelsSection, ReadingsSection
from schemas.configuration.labels import write_label
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from schemas.tables import as_numbers
from tasks.tables.columns import replace_columns, shorten_list

# words that leave no doubt, as they are compared
EVENT_WORDS = frozenset(
    {
        *("1", "true", "yes", "anomaly", "anomalous", "abnormal", "fault", "faulty", "failure", "failed"),
        *("event", "alarm", "attack", "defect", "broken", "break"),
    }
)
NORMAL_WORDS = frozenset({"0", "false", "no", "normal", "ok", "good", "healthy", "none", "nominal"})
# names under which labels are often exported; a table with such a column may have labels after all
_LIKELY_NAMES = frozenset(
    {"y", "label", "labels", "event", "events", "anomaly", "fault", "failure", "target", "class", "is_event"}
)
_VALUES_SHOWN = 8
# with more values, a column holds no labels
_LABELS_AT_MOST = 20


def read_labels(
    raw: RawTable, readings: ReadingsSection, labels: LabelsSection
) -> tuple[RawTable, ReadingsSection]:
    """Turn the labels of a table into 0 and 1, or find that it has none.

    Labels of 0 and 1 stay as they are. Missing labels stay missing.

    Args:
        raw: The table as received.
        readings: Names the label column. The default column may be missing: the table then has no labels.
        labels: Which values mark events.

    Returns:
        The table, with findings and the settings found, and the settings that name its label column.

    Raises:
        InputError: If the values do not tell which rows are events, or the default column is missing while
            another one probably holds the labels.
    """
    column = readings.label_column
    if column is None:
        return raw, readings
    if column not in raw.table.columns:
        if column != DEFAULTS.readings.label_column or labels.events_file is not None:
            return raw, readings
        finding = _report_no_labels(raw, column)
        without = readings.model_copy(update={"label_column": None})
        return replace(raw, findings=(*raw.findings, finding)), without
    written = raw.table[column]
    if not labels.positive_values and are_numbers(written):
        return raw, readings
    positive = labels.positive_values or find_event_words(written)
    if positive is None:
        raise InputError(_refuse_labels(written, column, raw))
    if is_inverted(written, positive):
        raise InputError(
            f"Expected true on event rows in `{column}`. `labels.positive_values` is "
            f"{', '.join(labels.positive_values)}. Export the column the other way round, or as text."
        )
    marked = mark_events(written, positive)
    findings = (*raw.findings, _report_words(written, marked, positive, column))
    found = dict(raw.found)
    if positive and not labels.positive_values:
        found["labels.positive_values"] = sorted(positive)
    table = replace_columns(raw.table, {column: marked})
    return replace(raw, table=table, findings=findings, found=found), readings


def are_numbers(written: pd.Series) -> bool:
    """Return whether all labels that are not missing are 0 or 1, as numbers, text or bools."""
    return bool((as_numbers(written).isin([0, 1]) | written.isna()).all())


def find_event_words(written: pd.Series) -> tuple[str, ...] | None:
    """Find the values that mark events if every value leaves no doubt, of two at most; None otherwise."""
    values = set(written.dropna().map(write_label))
    if len(values) > 2 or not values <= EVENT_WORDS | NORMAL_WORDS:
        return None
    return tuple(sorted(values & EVENT_WORDS))


def is_inverted(written: pd.Series, positive: Collection[str]) -> bool:
    """Return whether a column of bools is to mark events by False: later tables could not be told apart."""
    return pd.api.types.is_bool_dtype(written.dtype) and "false" in positive


def mark_events(written: pd.Series, positive: Collection[str]) -> pd.Series:
    """Return whether each label is a positive one; labels that were marked before stay as they are.

    Args:
        written: Labels of any type, shape (rows,); a column of bools was marked before.
        positive: Values that mark events, as `write_label` writes them.

    Returns:
        bool, or with missing labels pandas' nullable bool; the same index.
    """
    if pd.api.types.is_bool_dtype(written.dtype):
        return written
    is_event = written.map(lambda value: _is_event(value, positive), na_action="ignore")
    return is_event.astype("boolean" if written.isna().any() else bool)


def are_marked(labels: pd.Series) -> bool:
    """Return whether labels are bools already, apart from missing ones."""
    known = labels.dropna()
    return bool(len(known)) and all(isinstance(value, (bool, np.bool_)) for value in known)


def _is_event(value: Any, positive: Collection[str]) -> bool:
    """Return whether a label is a positive one; a bool was marked before."""
    return bool(value) if isinstance(value, (bool, np.bool_)) else write_label(value) in positive


def mark_later_events(
    raw: RawTable, section: ReadingsSection, detector: Detector, labels: LabelsSection
) -> RawTable:
    """Return a table to score with its labels as bools, by the version's words for events or by other ones.

    Args:
        raw: The table as loaded; it may have no labels.
        section: Names the label column.
        detector: The version's words.
        labels: Other words, if they are set.
    """
    positive = labels.positive_values or detector.positive_values
    return replace(raw, table=mark_known_events(raw.table, section.label_column, positive))


def mark_known_events(
    table: pd.DataFrame, label_column: str | None, positive: Collection[str]
) -> pd.DataFrame:
    """Return a table to score with its labels as bools, if the version was trained on words for events.

    Args:
        table: Raw rows.
        label_column: The version's label column; the table need not have it.
        positive: The version's values that mark events; empty for labels of 0 and 1.
    """
    if label_column is None or label_column not in table.columns:
        return table
    written = table[label_column]
    if not positive:
        if are_numbers(written):
            return table
        positive = find_event_words(written) or ()
        if not positive:
            return table
    return replace_columns(table, {label_column: mark_events(written, positive)})


def _report_no_labels(raw: RawTable, column: str) -> Finding:
    """Report that a table has no labels.

    Raises:
        InputError: If another of its columns is probably the label: it would be read as a sensor.
    """
    likely = [str(name) for name in raw.table.columns if str(name).casefold() in _LIKELY_NAMES]
    if likely:
        raise InputError(
            f"Expected the column {column} (`readings.label_column`). {raw.source} has none, but "
            f"{shorten_list(likely)} may mark events: set `readings.label_column={likely[0]}`. If not, set "
            "`readings.label_column=null` for a table without labels."
        )
    message = (
        f"The table has no column `{column}` (`readings.label_column`), so no event is known: the model is "
        "trained on all rows as normal ones."
    )
    return Finding(check="no_labels", message=message)


def _report_words(written: pd.Series, marked: pd.Series, positive: Collection[str], column: str) -> Finding:
    rows = int(marked.fillna(False).sum())
    counts = _count_values(written)
    seen = sorted(set(positive) & counts.keys())
    which = f"by {', '.join(seen)}" if seen else f"since none of {', '.join(positive) or 'its values'} occurs"
    message = f"`{column}` marks {rows:,} event rows {which}; its values are {_list_values(counts)}."
    details = {"positive_values": list(positive), "event_rows": rows, "values": counts}
    return Finding(check="label_values", message=message, columns=(column,), details=details)


def _refuse_labels(written: pd.Series, column: str, raw: RawTable) -> str:
    counts = _count_values(written)
    example = list(counts)[-1]
    if as_numbers(written).notna().eq(written.notna()).all():
        # of numbers, more than one may stand for an event
        example = ",".join(list(counts)[1:] or list(counts))
    advice = (
        f"Name the values that mark events, such as `labels.positive_values={example}`, or set "
        if len(counts) <= _LABELS_AT_MOST
        else "Set "
    )
    is_number = as_numbers(written).isin([0, 1]) | written.isna()
    first = int(np.flatnonzero(~is_number.to_numpy())[0])
    return (
        f"Expected labels that are 0 or 1 in `{column}`. {raw.source} has {_list_values(counts)}, first "
        f"{write_label(written.iloc[first])} in row {written.index[first]}. {advice}`readings.label_column` "
        "to another column."
    )


def _count_values(written: pd.Series) -> dict[str, int]:
    """Count the rows of each value, the most frequent first."""
    counts = written.dropna().map(write_label).value_counts()
    return {str(value): int(rows) for value, rows in counts.items()}


def _list_values(counts: dict[str, int]) -> str:
    listed = [f"{value} ({rows:,} rows)" for value, rows in list(counts.items())[:_VALUES_SHOWN]]
    more = len(counts) - len(listed)
    return ", ".join([*listed, *([f"{more:,} more values"] if more else [])])
