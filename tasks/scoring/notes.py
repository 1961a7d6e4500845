"""Say what was unusual about a batch although its rows could be scored."""

from __future__ import annotations

from schemas.readings import RawTable
from schemas.scores import SortedRows
from tasks.tables.columns import shorten_list
from tasks.tables.format import count_rows
from tasks.values.missing import describe_words


def describe_batch_notes(raw: RawTable, rows: SortedRows) -> tuple[str, ...]:
    """Describe what a user should know about a batch, in sentences.

    Args:
        raw: The table as read.
        rows: Its rows, sorted by what becomes of them.
    """
    found = [finding.message for finding in raw.findings]
    return tuple(
        note
        for note in (
            *found,
            _describe_order(raw, rows),
            _describe_changes(raw, rows),
            _describe_absent_sensors(raw, rows),
            _describe_dead_sensors(rows),
        )
        if note is not None
    )


def _describe_order(raw: RawTable, rows: SortedRows) -> str | None:
    if not rows.sorted_rows:
        return None
    return (
        f"The rows of {raw.source} were sorted by time: {rows.sorted_rows:,} of them came after a row "
        "with a later time."
    )


def _describe_changes(raw: RawTable, rows: SortedRows) -> str | None:
    if not rows.changed:
        return None
    return (
        f"{rows.changed:,} of the rows of {raw.source} were scored before with other values; the first is "
        f"{rows.first_changed}. The output keeps their scores; to score the new values, choose another "
        "`--out`."
    )


def _describe_absent_sensors(raw: RawTable, rows: SortedRows) -> str | None:
    if not rows.absent:
        return None
    return (
        f"{raw.source} has no column {shorten_list(rows.absent)}, which the version was trained on. If it "
        "was renamed, give it its name back; until then it counts as a sensor without a value."
    )


def _describe_dead_sensors(rows: SortedRows) -> str | None:
    if not rows.dead:
        return None
    parts = [f"{name} ({count_rows(count)})" for name, count in rows.dead.items()]
    words = f" Cells that stand for no value: {describe_words(rows.words)}." if rows.words else ""
    return (
        f"Without a value, and therefore without influence on the score: {shorten_list(parts)}. The rows are "
        "scored by the other sensors; `missing_sensors` in the output names the sensors that do not count "
        f"(`readings.dead_sensors_at_most`).{words}"
    )
