"""Features computed from raw sensor values, before scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.configuration import Group

GROUPS: tuple[Group, ...] = ("level", "volatility", "difference", "context", "raw")


class Column(BaseModel):
    """One feature.

    Attributes:
        name: Name, such as `x5`, `x5 volatility`, or `stops in 8 h`.
        sensor: The sensor that it is computed from, or None for process context.
        group: Feature group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sensor: str | None
    group: Group


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of every row, each computed only from that row and earlier rows.

    Attributes:
        values: float64, C order, shape (rows, columns).
        columns: Description of each column, in the order of `GROUPS`.
    """

    values: np.ndarray
    columns: tuple[Column, ...]


def find_columns(columns: Sequence[Column], groups: Sequence[Group]) -> np.ndarray:
    """Return the positions of the columns in the given groups, int64, increasing.

    `raw` means `level` where no column is in the group `raw`.
    """
    if "raw" in groups and all(column.group != "raw" for column in columns):
        groups = (*groups, "level")
    return np.flatnonzero([column.group in groups for column in columns])
