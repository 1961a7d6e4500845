"""The three rules that any network has to beat."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.evaluation import CONTROLS
from schemas.windows import Part, Split
from tasks.control import score_controls


def split_of(parts: list[list[int]], positives: tuple[int, ...] = ()) -> Split:
    """Windows of one row each, told by their rows, part by part."""
    train, validation, test = (
        Part(name, np.array(rows), np.isin(rows, positives), rows[0], rows[-1] + 1, is_scattered=False)
        for name, rows in zip(("train", "validation", "test"), parts, strict=True)
    )
    return Split(train=train, validation=validation, test=test, is_leaky=False)


SPLIT = split_of([[0, 1, 2, 3], [4, 5], [6, 7]])
# the training rows lie on the line x2 = x1
ROWS = np.array([[-2, -2], [-1, -1], [1, 1], [2, 2], [9, 9], [1, 3], [-5, -5], [2, -2]], dtype=np.float32)


def test_every_control_scores_every_window_of_every_part() -> None:
    scores = score_controls(ROWS, SPLIT, seed=0)
    counts = {
        name: {part: len(values) for part, values in by_part.items()} for name, by_part in scores.items()
    }
    assert counts == {name: {"train": 4, "validation": 2, "test": 2} for name in CONTROLS}


def test_the_zscore_control_is_the_mean_square_of_the_row() -> None:
    assert score_controls(ROWS, SPLIT, seed=0)["zscore"]["test"].tolist() == [25, 4]


def test_the_pca_control_is_0_on_the_line_of_the_training_rows() -> None:
    scores = score_controls(ROWS, SPLIT, seed=0)["pca"]
    assert [scores["validation"][0], scores["test"][0]] == pytest.approx([0, 0], abs=1e-9)


def test_the_pca_control_is_the_mean_squared_distance_from_the_line() -> None:
    scores = score_controls(ROWS, SPLIT, seed=0)["pca"]
    assert [scores["validation"][1], scores["test"][1]] == pytest.approx([1, 4])


def test_the_pca_control_is_fitted_on_normal_training_rows_alone() -> None:
    rows = np.concatenate([ROWS, [[5, -5]]]).astype(np.float32)
    split = split_of([[0, 1, 2, 3, 8], [4, 5], [6, 7]], positives=(8,))
    expected = score_controls(ROWS, SPLIT, seed=0)["pca"]["test"]
    assert score_controls(rows, split, seed=0)["pca"]["test"].tolist() == expected.tolist()


def test_the_random_control_is_the_same_for_the_same_seed() -> None:
    first, second = (score_controls(ROWS, SPLIT, seed=3)["random"]["test"] for _ in range(2))
    assert first.tolist() == second.tolist()


def test_the_random_control_does_not_look_at_the_rows() -> None:
    first, second = (score_controls(rows, SPLIT, seed=3)["random"]["test"] for rows in (ROWS, ROWS[::-1]))
    assert first.tolist() == second.tolist()


def test_the_random_control_is_another_one_for_another_seed() -> None:
    first, second = (score_controls(ROWS, SPLIT, seed=seed)["random"]["test"] for seed in (3, 4))
    assert first.tolist() != second.tolist()
