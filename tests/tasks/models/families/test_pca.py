"""Principal components: what T2 and Q say of a row, and which column drives them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import ModelSection
from schemas.features import Column
from schemas.model import Material
from schemas.windows import Part
from tasks.models.families.pca import ProjectionModel, fit_projection, load_projection

Statistic = Literal["t2", "q"]
STATISTICS = pytest.mark.parametrize("statistic", ["t2", "q"])

# mean (5, 5); the deviations are sqrt(12) along (1, 1) and sqrt(4 / 3) across it, with n - 1
TRAINING = np.array([[8, 8], [2, 2], [6, 4], [4, 6]], dtype=np.float32)
# 4 and 2 from the mean: 3 sqrt(2) along (1, 1) and sqrt(2) across it
ROW = np.array([[9, 7]], dtype=np.float32)


def material_of(rows: np.ndarray, positives: tuple[int, ...] = ()) -> Material:
    """Train on all rows, each of them a window; every column is the level of a sensor."""
    names = [f"x{number}" for number in range(1, rows.shape[1] + 1)]
    columns = tuple(Column(name=name, sensor=name, group="level") for name in names)
    ends = np.arange(len(rows))
    part = Part("train", ends, ends, np.isin(ends, positives), 0, len(rows), is_scattered=False)
    return Material(rows, columns, part, part, 1, part.labels)


def fit(material: Material, statistic: Statistic, explained_variance: float = 0.8) -> ProjectionModel:
    section = ModelSection(family="pca_q", inputs=("level",), explained_variance=explained_variance)
    return fit_projection(material, section, statistic)


def score(model: ProjectionModel, rows: np.ndarray) -> np.ndarray:
    return model.score(rows, np.arange(len(rows)))


def correlated_rows(rows: int = 60, columns: int = 12, seed: int = 0) -> np.ndarray:
    """Rows that three hidden numbers move, and a little noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, columns))
    return (hidden + 0.1 * rng.normal(size=(rows, columns))).astype(np.float32)


def test_t2_is_the_squared_length_along_the_components_in_deviations() -> None:
    assert score(fit(material_of(TRAINING), "t2"), ROW) == pytest.approx([18 / 12])


def test_q_is_the_mean_squared_distance_from_the_components() -> None:
    assert score(fit(material_of(TRAINING), "q"), ROW) == pytest.approx([2 / 2])


def test_t2_of_all_components_is_the_distance_of_mahalanobis() -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), "t2", explained_variance=1 - 1e-12)
    centered = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    inverse = np.linalg.inv(np.cov(rows.astype(np.float64), rowvar=False))
    np.testing.assert_allclose(score(model, rows), np.sum(centered @ inverse * centered, axis=1), rtol=1e-6)


@STATISTICS
def test_the_mean_row_scores_0(statistic: Statistic) -> None:
    mean = np.array([[5, 5]], dtype=np.float32)
    assert score(fit(material_of(TRAINING), statistic), mean) == pytest.approx([0], abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_what_t2_and_q_measure_adds_up_to_the_squared_distance_from_the_mean(seed: int) -> None:
    rows = correlated_rows(seed=seed)
    t2, q = (fit(material_of(rows), statistic, 0.3) for statistic in ("t2", "q"))
    along = ((rows - t2.center) @ t2.components.T) ** 2
    assert len(t2.deviations) < 3
    distances = along.sum(axis=1) + 12 * score(q, rows)
    np.testing.assert_allclose(distances, np.sum((rows - t2.center) ** 2, axis=1), rtol=1e-9)
    np.testing.assert_allclose(score(t2, rows), np.sum(along / t2.deviations**2, axis=1), rtol=1e-9)


def test_components_hold_the_configured_share_of_the_variance() -> None:
    # the first component holds 0.9 of it
    counts = [len(fit(material_of(TRAINING), "q", share).components) for share in (0.8, 0.95)]
    assert counts == [1, 2]


def test_components_are_those_of_normal_training_rows() -> None:
    rows = np.concatenate([TRAINING, [[90, -90]], ROW]).astype(np.float32)
    expected = score(fit(material_of(TRAINING), "t2"), ROW)
    assert score(fit(material_of(rows, positives=(4, 5)), "t2"), ROW).tolist() == expected.tolist()


def test_the_inputs_are_the_configured_groups() -> None:
    material = material_of(np.concatenate([TRAINING, TRAINING], axis=1))
    columns = tuple(
        column.model_copy(update={"group": "level" if place in {0, 3} else "volatility"})
        for place, column in enumerate(material.columns)
    )
    model = fit(
        Material(material.rows, columns, material.train, material.train, 1, material.train_labels), "q"
    )
    assert model.columns.tolist() == [0, 3]


@STATISTICS
def test_columns_that_are_no_inputs_add_nothing(statistic: Statistic) -> None:
    model = fit(material_of(TRAINING), statistic)
    wider = ProjectionModel(statistic, np.array([0, 2]), model.center, model.components, model.deviations)
    shares = wider.explain(np.array([[9, 99, 7]], dtype=np.float32), np.array([0]))
    assert shares[0, 1] == 0


def test_t2_is_divided_among_the_columns() -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), "t2")
    shares = model.explain(rows, np.arange(60))
    np.testing.assert_allclose(shares.sum(axis=1), score(model, rows), rtol=1e-5)


def test_q_times_the_inputs_is_divided_among_the_columns() -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), "q")
    shares = model.explain(rows, np.arange(60))
    np.testing.assert_allclose(shares.sum(axis=1), 12 * score(model, rows), rtol=1e-5)


def find_driving_column(model: ProjectionModel, column: int) -> int:
    """The column with the largest share where this one alone is away from its mean."""
    row = model.center[None, :].astype(np.float32)
    row[0, column] += 10
    return int(model.explain(row, np.array([0]))[0].argmax())


def test_a_column_that_moves_without_the_others_has_the_largest_share_of_q() -> None:
    model = fit(material_of(correlated_rows(rows=400)), "q")
    assert [find_driving_column(model, column) for column in range(12)] == list(range(12))


def test_a_column_that_moves_further_than_ever_has_the_largest_share_of_t2() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32)
    model = fit(material_of(rows), "t2", explained_variance=0.99)
    assert [find_driving_column(model, column) for column in range(12)] == list(range(12))


@STATISTICS
def test_a_loaded_model_scores_to_the_last_bit_as_the_saved_one(statistic: Statistic, tmp_path: Path) -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), statistic)
    model.save(tmp_path)
    assert score(load_projection(tmp_path), rows).tobytes() == score(model, rows).tobytes()


@STATISTICS
def test_a_loaded_model_explains_as_the_saved_one(statistic: Statistic, tmp_path: Path) -> None:
    rows, end_rows = correlated_rows(), np.arange(60)
    model = fit(material_of(rows), statistic)
    model.save(tmp_path)
    loaded = load_projection(tmp_path)
    assert loaded.explain(rows, end_rows).tobytes() == model.explain(rows, end_rows).tobytes()


@STATISTICS
@given(st.integers(2, 70), st.integers(0, 2**32 - 1))
def test_a_window_scores_alone_as_among_others_to_the_last_bit(
    statistic: Statistic, columns: int, seed: int
) -> None:
    rows = correlated_rows(rows=20, columns=columns, seed=seed)
    model = fit(material_of(rows), statistic)
    alone = [model.score(rows, np.array([row]))[0] for row in range(20)]
    assert score(model, rows).tolist() == alone


def test_a_model_counts_its_center_its_components_and_their_deviations() -> None:
    assert fit(material_of(TRAINING), "t2").parameters == 2 + 2 + 1


def test_components_are_not_trained_in_epochs() -> None:
    assert fit(material_of(TRAINING), "q").history is None


def expect(model: ProjectionModel, rows: np.ndarray) -> np.ndarray:
    return model.expect(rows, np.arange(len(rows)))


def test_t2_expects_the_training_mean() -> None:
    assert expect(fit(material_of(TRAINING), "t2"), ROW).tolist() == [[5, 5]]


def test_q_expects_what_the_components_give_back() -> None:
    # the row less its distance of sqrt(2) across (1, 1)
    assert expect(fit(material_of(TRAINING), "q"), ROW)[0] == pytest.approx([8, 8])


def test_what_q_expects_explains_it() -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), "q", 0.3)
    squares = (rows - expect(model, rows)) ** 2
    np.testing.assert_allclose(squares, model.explain(rows, np.arange(len(rows))), rtol=1e-3, atol=1e-5)


@STATISTICS
def test_nothing_is_expected_of_columns_that_are_not_looked_at(statistic: Statistic) -> None:
    model = fit(material_of(TRAINING), statistic)
    wider = np.hstack([ROW, [[3.0]]]).astype(np.float32)
    assert np.isnan(expect(model, wider))[0].tolist() == [False, False, True]


@STATISTICS
def test_what_is_expected_of_a_window_does_not_depend_on_the_windows_beside_it(statistic: Statistic) -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), statistic, 0.3)
    alone = [model.expect(rows, np.array([row]))[0].tolist() for row in range(len(rows))]
    assert expect(model, rows).tolist() == alone
