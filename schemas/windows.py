"""Windows of rows, and their division into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from schemas.readings import Finding

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of consecutive rows, identified by the position of their last row; no rows are copied.

    Window `i` is the rows `end_rows[i] - lookback + 1` to `end_rows[i]`, both included.

    Attributes:
        end_rows: Position of each window's last row, int64, increasing, shape (windows,).
        labels: Label of each window's last row, bool, shape (windows,).
        lookback: Rows in a window.
        rows: Rows in the table.
    """

    end_rows: np.ndarray
    labels: np.ndarray
    lookback: int
    rows: int

    def __len__(self) -> int:
        return len(self.end_rows)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a split.

    Attributes:
        name: `train`, `validation` or `test`.
        end_rows: Last rows of its windows, shape (windows,).
        places: Position of each of its windows among all windows of the table, shape (windows,).
        labels: Their labels, bool, shape (windows,).
        start: First row of the part; 0 for a random split.
        stop: First row after the part; the number of all rows for a random split.
        is_scattered: Whether the part is a random sample of windows instead of a stretch of rows.
    """

    name: str
    end_rows: np.ndarray
    places: np.ndarray
    labels: np.ndarray
    start: int
    stop: int
    is_scattered: bool

    def select(self, is_chosen: np.ndarray) -> Part:
        """Return the part with only the chosen windows; `is_chosen` is bool, shape (windows,)."""
        return replace(
            self,
            end_rows=self.end_rows[is_chosen],
            places=self.places[is_chosen],
            labels=self.labels[is_chosen],
        )

    @property
    def has_both_classes(self) -> bool:
        """Whether there are both positive and normal windows."""
        return bool(self.labels.any()) and not bool(self.labels.all())

    @property
    def normal_end_rows(self) -> np.ndarray:
        """Last rows of the windows that are not positive."""
        return self.end_rows[~self.labels]


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test windows.

    Attributes:
        train: Windows that the scaler and the model are fitted on.
        validation: Windows for early stopping and for choosing the threshold.
        test: Windows that are used for evaluation only.
        is_leaky: Whether test data leaks into training: its windows overlap training windows, or the scaler
            was fitted on its rows.
        findings: What was changed to divide the windows, such as moved boundaries.
    """

    train: Part
    validation: Part
    test: Part
    is_leaky: bool
    findings: tuple[Finding, ...] = ()

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """The three parts in order."""
        return (self.train, self.validation, self.test)

    @property
    def window_counts(self) -> dict[str, int]:
        """Number of windows in each part, and of the normal training windows."""
        return {
            "train": len(self.train.end_rows),
            "train_normal": len(self.train.normal_end_rows),
            "validation": len(self.validation.end_rows),
            "test": len(self.test.end_rows),
        }
