"""Find the folds of a rolling origin: each trains on the past and tests on the rows that follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from schemas.backtest import Fold
from schemas.configuration import EvaluationSection
from schemas.errors import InputError
from schemas.readings import Finding
from schemas.windows import Windows


def find_folds(rows: int, section: EvaluationSection) -> list[Fold]:
    """Find the stretches of rows that each fold trains, validates and tests on.

    With 100 rows and the default section, the first fold trains on rows 0 to 33, validates on 34 to
    39 and tests on 40 to 51.

    Args:
        rows: Number of kept rows of the table.
        section: Shares of the rows at which tests begin, and shares of test and validation.

    Returns:
        The folds in time order.
    """
    folds = []
    for number, start in enumerate(section.fold_starts, start=1):
        test_start = round(rows * start)
        folds.append(
            Fold(
                number=number,
                validation_start=round(test_start * (1 - section.fold_validation_fraction)),
                test_start=test_start,
                test_stop=min(round(rows * (start + section.fold_test_fraction)), rows),
            )
        )
    return folds


def select_judgeable_folds(windows: Windows, section: EvaluationSection) -> list[int]:
    """Select the folds whose test holds windows before events and normal ones: others say nothing.

    Args:
        windows: The windows of the table.
        section: Shares of the rows at which tests begin, and shares of test and validation.

    Returns:
        Numbers of the folds, from 1, in time order.

    Raises:
        InputError: If there is none.
    """
    folds = find_folds(windows.rows, section)
    numbers = [fold.number for fold in folds if _has_both_kinds(windows, fold)]
    if not numbers:
        raise InputError(
            f"A backtest needs events in the test of at least one fold. None of the {len(folds)} folds has "
            f"one ({int(windows.labels.sum())} of {len(windows):,} windows in the table come before an "
            "event). Use a longer table or one with labels, change `evaluation.fold_starts`, or run "
            "`forewarn retrain`, which works without events."
        )
    return numbers


def report_folds_left_out(
    windows: Windows, section: EvaluationSection, kept: Collection[int]
) -> list[Finding]:
    """Report the folds that are left out, since their test holds no event or no normal row."""
    numbers = range(1, len(section.fold_starts) + 1)
    left_out = [number for number in numbers if number not in kept]
    if not left_out:
        return []
    which = f"Fold {left_out[0]} is" if len(left_out) == 1 else f"Folds {_list(left_out)} are"
    message = f"{which} left out of {len(numbers)}: no event, or no normal row, in the test."
    return [Finding(check="folds_left_out", message=message, details={"folds": left_out})]


def _has_both_kinds(windows: Windows, fold: Fold) -> bool:
    is_inside = (windows.end_rows - windows.lookback + 1 >= fold.test_start) & (
        windows.end_rows < fold.test_stop
    )
    labels = windows.labels[is_inside]
    return bool(np.any(labels) and not np.all(labels))


def _list(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
