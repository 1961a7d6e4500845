"""Features of rows: what is computed from raw sensors before scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from schemas.configuration import Group

GROUPS: tuple[Group, ...] = ("level", "volatility", "difference", "context")


class Column(BaseModel):
    """One feature.

    Attributes:
        name: Such as `x5`, `x5 volatility`, or `stops in 8 h`.
        sensor: The sensor that it is made of, or none for process context.
        group: Kind of feature.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sensor: str | None
    group: Group


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of every row, each from its row and rows before it alone.

    Attributes:
        values: float64, C order, shape (rows, columns).
        columns: What each column is, in the order of `GROUPS`.
    """

    values: np.ndarray
    columns: tuple[Column, ...]


def find_columns(columns: Sequence[Column], groups: Sequence[Group]) -> np.ndarray:
    """Find the columns of some groups: their positions, int64, rising."""
    return np.flatnonzero([column.group in groups for column in columns])
