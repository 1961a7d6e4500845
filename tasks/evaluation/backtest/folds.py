"""Find the folds of a rolling origin: each trains on the past and tests on the rows that follow."""

from __future__ import annotations

from schemas.backtest import Fold
from schemas.configuration import EvaluationSection


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
