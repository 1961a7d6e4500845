"""The four rules that any model has to beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.configuration import ModelSection
from schemas.evaluation import CONTROLS
from schemas.features import Column
from schemas.model import Material
from schemas.windows import Part, Windows
from tasks.models.baselines import score_controls

# the training rows lie on the line x2 = x1
ROWS = np.array([[-2, -2], [-1, -1], [1, 1], [2, 2], [9, 9], [1, 3], [-5, -5], [2, -2]], dtype=np.float32)
ON_LEVELS = ModelSection(family="pca_t2", inputs=("level",))


def material_of(rows: np.ndarray = ROWS, train: int = 4, positives: tuple[int, ...] = ()) -> Material:
    """Train on the first rows, each of them a window; both columns are levels of sensors."""
    ends = np.arange(train)
    part = Part("train", ends, ends, np.isin(ends, positives), 0, train, is_scattered=False)
    columns = tuple(Column(name=name, sensor=name, group="level") for name in ("x1", "x2"))
    return Material(rows, columns, part, part, 1, part.labels)


def score(
    material: Material, seed: int = 0, windows: int = 8, inputs: ModelSection = ON_LEVELS
) -> dict[str, np.ndarray]:
    """Score the windows of one row each that end at the last rows."""
    end_rows = np.arange(len(material.rows))[-windows:]
    labels = np.zeros(windows, dtype=bool)
    return score_controls(material, Windows(end_rows, labels, 1, len(material.rows)), inputs, seed)


def test_every_control_scores_every_window() -> None:
    scores = score(material_of(), windows=5)
    assert {name: len(of_windows) for name, of_windows in scores.items()} == dict.fromkeys(CONTROLS, 5)


def test_the_zscore_control_is_the_mean_square_of_the_row() -> None:
    assert score(material_of())["zscore"].tolist() == [4, 1, 1, 4, 81, 5, 25, 4]


def test_the_pca_control_is_0_on_the_line_of_the_training_rows() -> None:
    assert score(material_of())["pca"][[0, 4, 6]] == pytest.approx([0, 0, 0], abs=1e-9)


def test_the_pca_control_is_the_mean_squared_distance_from_the_line() -> None:
    assert score(material_of())["pca"][[5, 7]] == pytest.approx([1, 4])


def test_the_pca_control_is_fitted_on_normal_training_rows_alone() -> None:
    rows = np.concatenate([ROWS[:4], [[5, -5]], ROWS[4:]]).astype(np.float32)
    expected = score(material_of(), windows=4)["pca"]
    assert score(material_of(rows, train=5, positives=(4,)), windows=4)["pca"].tolist() == expected.tolist()


def test_the_pca_control_holds_90_percent_of_the_variance_whatever_the_model_holds() -> None:
    # a second component holds 5 % of the variance: the control does without, the model would not
    rows = np.array([[-19, 0], [19, 0], [0, 19**0.5], [0, -(19**0.5)], [0, 3]], dtype=np.float32)
    section = ModelSection(family="pca_q", inputs=("level",), explained_variance=0.999)
    assert score(material_of(rows), inputs=section, windows=1)["pca"] == pytest.approx([9 / 2])


def test_controls_look_at_the_inputs_of_families_without_labels() -> None:
    columns = tuple(
        Column(name=name, sensor="x1", group=group)
        for name, group in (("x1", "level"), ("x1 volatility", "volatility"))
    )
    section = ModelSection(family="zscore", inputs=("volatility",))
    scores = score(replace(material_of(), columns=columns), inputs=section)
    assert scores["zscore"].tolist() == (ROWS[:, 1] ** 2).tolist()


def test_the_control_of_raw_windows_is_fitted_on_whole_windows_of_normal_training_rows() -> None:
    # one sensor: windows of two rows lie on the line x = x before; the last one is 1 away from it in each row
    rows = np.array([[-2], [-2], [1], [1], [2], [2], [-1], [-1], [3], [5]], dtype=np.float32)
    ends = np.array([1, 3, 5, 7])
    part = Part("train", ends, ends, np.zeros(4, dtype=bool), 0, 8, is_scattered=False)
    columns = (Column(name="x1", sensor="x1", group="level"),)
    material = Material(rows, columns, part, part, 2, part.labels)
    windows = Windows(np.array([7, 9]), np.zeros(2, dtype=bool), 2, 10)
    section = ModelSection(family="pca_windows", window_variance=0.999)
    assert score_controls(material, windows, section, 0)["pca_raw"] == pytest.approx([0, 1], abs=1e-9)


def test_the_control_of_raw_windows_sees_raw_values_whatever_the_model_sees() -> None:
    columns = tuple(
        Column(name=name, sensor="x1", group=group) for name, group in (("x1", "level"), ("x1 raw", "raw"))
    )
    material = replace(material_of(), columns=columns)
    section = ModelSection(inputs=("level",), window_inputs=("level",))
    first, second = (
        score(replace(material, rows=ROWS * scale), inputs=section)["pca_raw"]
        for scale in (np.array([1, 1], dtype=np.float32), np.array([9, 1], dtype=np.float32))
    )
    assert first.tolist() == second.tolist()


def test_the_random_control_is_the_same_for_the_same_seed() -> None:
    first, second = (score(material_of(), seed=3)["random"] for _ in range(2))
    assert first.tolist() == second.tolist()


def test_the_random_control_does_not_look_at_the_rows() -> None:
    first, second = (score(material_of(rows), seed=3)["random"] for rows in (ROWS, ROWS[::-1].copy()))
    assert first.tolist() == second.tolist()


def test_the_random_control_is_another_one_for_another_seed() -> None:
    first, second = (score(material_of(), seed=seed)["random"] for seed in (3, 4))
    assert first.tolist() != second.tolist()
