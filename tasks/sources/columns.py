"""Leave out columns that are none: row numbers, and what separators at the end of lines make."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemas.readings import Finding
from tasks.sources.names import check_column_names

# row numbers are smaller than times as seconds since 1970
_LARGEST_ROW_NUMBER = 100_000_000


def leave_out_unnamed(
    table: pd.DataFrame, path: str, *, can_be_last: bool = False
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Leave out empty columns without a name at the end, and a column without a name of row numbers.

    Args:
        table: The table; the label of a column without a name is no text.
        path: Name of the source in messages.
        can_be_last: Whether the row numbers may be in another column than the first.

    Returns:
        The table with unique names, and what was left out.

    Raises:
        InputError: If another column has no name, or names repeat.
    """
    names = [name if isinstance(name, str) else "" for name in table.columns]
    findings = []
    kept = list(range(len(names)))
    while kept and not names[kept[-1]] and table.iloc[:, kept[-1]].isna().all():
        kept.pop()
    if len(kept) < len(names):
        count = len(names) - len(kept)
        which = "an empty column" if count == 1 else f"{count} empty columns"
        message = f"The lines of {path} end in a separator: {which} without a name left out."
        findings.append(Finding(check="trailing_separator", message=message, details={"columns": count}))
    unnamed = [place for place in kept if not names[place]]
    can_be_index = len(unnamed) == 1 and (unnamed[0] == 0 or can_be_last)
    if can_be_index and is_row_number(table.iloc[:, unnamed[0]]):
        kept.remove(unnamed[0])
        message = f"Column {unnamed[0] + 1} of {path} has no name and holds row numbers: it is left out."
        findings.append(Finding(check="index_column", message=message, details={"column": unnamed[0] + 1}))
    if findings:
        table = table.iloc[:, kept]
    check_column_names(list(table.columns), path)
    return table, tuple(findings)


def is_row_number(column: pd.Series) -> bool:
    """Return whether a column holds whole numbers that rise or fall from row to row."""
    if not len(column) or not pd.api.types.is_integer_dtype(column.dtype):
        return not len(column)
    numbers = column.to_numpy()
    steps = np.diff(numbers)
    return bool((steps > 0).all() or (steps < 0).all()) and bool(np.abs(numbers).max() < _LARGEST_ROW_NUMBER)
