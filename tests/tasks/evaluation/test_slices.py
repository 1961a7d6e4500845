"""Alarms by time of day and by category."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.configuration import EvaluationSection
from schemas.decision import Slice
from tasks.evaluation.slices import slice_alarms
from tasks.windows.label import label_ahead
from tests.builders import labelled_with, part_of, readings_with

SECTION = EvaluationSection()


def slices_of(flagged: list[int], **settings: object) -> dict[tuple[str, str], Slice]:
    """Slice 24 hours in steps of an hour, an event after hours 3 and 15, alarms in some rows."""
    labelled = labelled_with(rows=24, events=[4, 16], rows_ahead=1, step_minutes=60.0)
    scores = np.isin(np.arange(len(labelled.labels)), flagged).astype(np.float64)
    part = part_of(labelled, **settings)  # type: ignore[arg-type]  # start and stop
    scores = scores[part.end_rows]
    held = np.full(len(scores), 0.5)
    found = slice_alarms(scores, held, part, labelled, pd.DataFrame(index=range(24)), SECTION)
    return {(each.name, each.value): each for each in found}


def test_a_day_has_four_slices_with_the_rows_that_are_there() -> None:
    found = slices_of([])
    assert [value for _, value in found] == ["00-06 h", "06-12 h", "12-18 h", "18-24 h"]
    # the rows of the two events are no rows
    assert [round(each.days * 24) for each in found.values()] == [5, 6, 5, 6]
    assert [each.events for each in found.values()] == [1, 0, 1, 0]


def test_an_alarm_belongs_to_the_slice_where_it_begins() -> None:
    # row 3 is right before the first event; rows 6 and 7 (hours 7 and 8) are a false alarm
    found = slices_of([3, 6, 7])
    assert [each.caught for each in found.values()] == [1, 0, 0, 0]
    assert [each.false_alarms > 0 for each in found.values()] == [False, True, False, False]


def test_a_slice_without_a_row_is_left_out() -> None:
    assert [value for _, value in slices_of([], start=17)] == ["18-24 h"]


def test_categories_make_slices_by_their_value_in_the_table() -> None:
    grades = np.array([0] * 6 + [1] * 6)
    labelled = label_ahead(readings_with(rows=12, categories=grades), 1)
    table = pd.DataFrame({"grade": ["heavy"] * 6 + ["light"] * 6})
    part = part_of(labelled)
    found = slice_alarms(np.zeros(12), np.ones(12), part, labelled, table, SECTION)
    assert [(each.value, each.days) for each in found if each.name == "grade"] == [
        ("heavy", 6 * 2 / 1440),
        ("light", 6 * 2 / 1440),
    ]


def test_the_rate_is_per_day_of_rows() -> None:
    part = Slice(name="grade", value="heavy", days=0.5, events=0, caught=0, false_alarms=3)
    assert part.false_alarms_per_day == 6
