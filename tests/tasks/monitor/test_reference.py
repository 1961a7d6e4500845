"""The usual scores of a version."""

import math

import numpy as np

from schemas.windows import Split
from tasks.monitor.reference import find_normal_medians
from tests.builders import labelled_with, part_of


def test_medians_are_those_of_normal_windows_of_each_part() -> None:
    labelled = labelled_with(rows=12, events=[5])
    # rows 3 and 4 are positive; eleven rows without the event
    split = Split(
        part_of(labelled, 0, 5, "train"),
        part_of(labelled, 5, 8, "validation"),
        part_of(labelled, 8, 11),
        is_leaky=False,
    )
    scores = np.array([1, 2, 6, 90, 99, 4, 5, 9, 7, 7, 8], dtype=np.float64)
    assert find_normal_medians(scores, split) == {"train": 2.0, "validation": 5.0, "test": 7.0}


def test_a_part_without_normal_windows_has_no_median() -> None:
    labelled = labelled_with(rows=4, events=[3])
    part = part_of(labelled, 1, 3)
    split = Split(part, part, part, is_leaky=False)
    assert math.isnan(find_normal_medians(np.ones(3), split)["test"])
