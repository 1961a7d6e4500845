"""Folds whose test says nothing about events are left out."""

import numpy as np
import pytest

from schemas.configuration import EvaluationSection
from schemas.errors import InputError
from schemas.windows import Windows
from tasks.evaluation.backtest.folds import report_folds_left_out, select_judgeable_folds

SECTION = EvaluationSection(fold_starts=(0.4, 0.6, 0.8), fold_test_fraction=0.2)


def windows_with(positives: list[int]) -> Windows:
    rows = np.arange(100)
    return Windows(end_rows=rows, labels=np.isin(rows, positives), lookback=1, rows=100)


def test_folds_with_events_are_kept() -> None:
    windows = windows_with([45, 65, 85])
    assert select_judgeable_folds(windows, SECTION) == [1, 2, 3]
    assert report_folds_left_out(windows, SECTION, [1, 2, 3]) == []


def test_folds_without_events_are_left_out_and_reported() -> None:
    windows = windows_with([5, 65])
    assert select_judgeable_folds(windows, SECTION) == [2]
    [finding] = report_folds_left_out(windows, SECTION, [2])
    assert finding.message.startswith("Folds 1 and 3 are left out of 3")


def test_a_fold_of_events_alone_is_left_out() -> None:
    assert select_judgeable_folds(windows_with([45, *range(60, 80)]), SECTION) == [1]


def test_no_fold_with_events_is_refused() -> None:
    with pytest.raises(InputError, match=r"None of the 3 folds has one \(1 of 100 windows"):
        select_judgeable_folds(windows_with([5]), SECTION)
