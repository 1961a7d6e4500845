"""Windows as views on rows, and their division into parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of consecutive rows, told by the position of their last row; nothing is copied.

    Window `i` is the rows `end_rows[i] - lookback + 1` to `end_rows[i]`, both included.

    Attributes:
        end_rows: Position of each window's last row, int64, rising, shape (windows,).
        labels: Label of each window's last row, bool, shape (windows,).
        lookback: Rows in a window.
        rows: Rows in the table that the windows look at.
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
        places: Position of each of them among all windows of the table, shape (windows,).
        labels: Their labels, bool, shape (windows,).
        start: First row that belongs to the part; 0 for a random split.
        stop: First row after the part; all rows for a random split.
        is_scattered: Whether the part is a random choice of windows instead of a stretch of rows.
    """

    name: str
    end_rows: np.ndarray
    places: np.ndarray
    labels: np.ndarray
    start: int
    stop: int
    is_scattered: bool

    def select(self, is_chosen: np.ndarray) -> Part:
        """Keep some of the windows, bool, shape (windows,); the stretch of rows stays."""
        return replace(
            self,
            end_rows=self.end_rows[is_chosen],
            places=self.places[is_chosen],
            labels=self.labels[is_chosen],
        )

    @property
    def has_both_classes(self) -> bool:
        """Whether there are positive and normal windows."""
        return bool(self.labels.any()) and not bool(self.labels.all())

    @property
    def normal_end_rows(self) -> np.ndarray:
        """Last rows of the windows that are not positive."""
        return self.end_rows[~self.labels]


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test windows.

    Attributes:
        train: Windows that the scaler and the network are fitted on.
        validation: Windows that stop the training and choose the threshold.
        test: Windows that nothing is fitted on.
        is_leaky: Whether the test is known to the training: its rows are neighbours of training rows, or
            the scaler has seen them.
    """

    train: Part
    validation: Part
    test: Part
    is_leaky: bool

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """The three parts in order."""
        return (self.train, self.validation, self.test)

    @property
    def window_counts(self) -> dict[str, int]:
        """Windows in each part, and the normal ones that the network is trained on."""
        return {
            "train": len(self.train.end_rows),
            "train_normal": len(self.train.normal_end_rows),
            "validation": len(self.validation.end_rows),
            "test": len(self.test.end_rows),
        }
