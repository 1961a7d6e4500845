"""Check the names of columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from schemas.errors import InputError


def check_column_names(names: Sequence[Any], source: str) -> None:
    """Reject columns without a name and duplicate names.

    Raises:
        InputError: If a name is empty, is not text, or occurs more than once.
    """
    unnamed = [place for place, name in enumerate(names, start=1) if not isinstance(name, str) or not name]
    if unnamed:
        raise InputError(
            f"Expected a name for every column. {source} has {len(unnamed)} without a name; the first is "
            f"column {unnamed[0]} of {len(names)}. Add a name. If the column is a row index, export the "
            "table without it."
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"Expected unique column names. {source} has more than one column named {', '.join(repeated)}. "
            "Rename or remove the duplicates."
        )
