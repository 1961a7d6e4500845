"""Principal components: what T2 and Q say of a row or a window, and which column drives them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import ModelSection
from schemas.features import Column
from schemas.model import Material
from schemas.windows import Part
from tasks.models.families import pca
from tasks.models.families.pca import (
    ProjectionModel,
    fit_projection,
    fit_raw_t2,
    fit_windows,
    load_projection,
    take_inputs,
)

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


def test_a_model_that_an_earlier_release_saved_sees_single_rows(tmp_path: Path) -> None:
    rows = correlated_rows()
    model = fit(material_of(rows), "q", 0.3)
    model.save(tmp_path)
    content = json.loads((tmp_path / "pca.json").read_text(encoding="utf-8"))
    assert content.pop("rows") == 1
    (tmp_path / "pca.json").write_text(json.dumps(content), encoding="utf-8")
    loaded = load_projection(tmp_path)
    assert (loaded.rows, score(loaded, rows).tobytes()) == (1, score(model, rows).tobytes())


# windows

# one sensor: the windows of two rows, last row first, are the training rows above, and after them `ROW`
SERIES = np.array([8, 8, 2, 2, 4, 6, 6, 4, 7, 9], dtype=np.float32)[:, None]
LAST = np.array([9])


def windows_of(
    rows: np.ndarray, end_rows: np.ndarray, window_rows: int, positives: tuple[int, ...] = ()
) -> Material:
    """Train on the windows that end at the given rows."""
    part = Part("train", end_rows, end_rows, np.isin(end_rows, positives), 0, len(rows), is_scattered=False)
    return replace(material_of(rows), train=part, validation=part, window_rows=window_rows)


def fit_by_hand() -> ProjectionModel:
    material = windows_of(SERIES, np.array([1, 3, 5, 7]), 2)
    return fit_windows(material, ModelSection(family="pca_windows", window_variance=0.8))


def fit_series(rows: np.ndarray, window_rows: int = 3) -> ProjectionModel:
    material = windows_of(rows, np.arange(window_rows - 1, len(rows)), window_rows)
    return fit_windows(material, ModelSection(family="pca_windows", window_variance=0.5))


def test_the_inputs_of_a_window_are_its_rows_the_last_one_first() -> None:
    rows = np.array([[1, 10, 100], [2, 20, 200], [3, 30, 300]], dtype=np.float32)
    inputs = take_inputs(rows, np.array([2, 1]), np.array([0, 2]), 2)
    assert inputs.tolist() == [[3, 300, 2, 200], [2, 200, 1, 100]]
    assert (inputs.dtype, inputs.flags.c_contiguous) == (np.dtype(np.float64), True)


def test_q_of_a_window_is_the_mean_squared_distance_of_all_its_rows() -> None:
    # 1 from the component in either row
    assert fit_by_hand().score(SERIES, LAST) == pytest.approx([1])


def test_a_window_is_expected_to_end_as_the_components_give_back() -> None:
    assert fit_by_hand().expect(SERIES, LAST)[0] == pytest.approx([8])


def test_the_share_of_a_column_is_the_sum_over_the_rows_of_the_window() -> None:
    assert fit_by_hand().explain(SERIES, LAST)[0] == pytest.approx([1 + 1])


def test_the_shares_of_a_window_sum_to_q_times_its_inputs() -> None:
    rows = correlated_rows()
    model, end_rows = fit_series(rows), np.arange(2, 60)
    shares = model.explain(rows, end_rows)
    np.testing.assert_allclose(shares.sum(axis=1), 3 * 12 * model.score(rows, end_rows), rtol=1e-5)


def test_q_of_windows_sees_a_course_of_usual_values_that_training_never_showed() -> None:
    # a sensor that alternates: each value alone is usual, two alike in succession are not
    rows = (np.arange(40) % 2 * 2.0 - 1)[:, None] + np.random.default_rng(0).normal(0, 0.01, (40, 1))
    rows[30] = rows[29]
    material = windows_of(rows.astype(np.float32), np.arange(1, 25), 2)
    model = fit_windows(material, ModelSection(family="pca_windows"))
    scores = model.score(material.rows, np.arange(1, 40))
    assert scores.argmax() + 1 in {30, 31}
    assert np.sort(scores)[-2] > 100 * np.sort(scores)[-3]


def test_components_of_windows_are_those_of_normal_training_windows() -> None:
    end_rows = np.array([1, 3, 5, 7])
    rows = np.concatenate([SERIES, [[90], [-90]]]).astype(np.float32)
    section = ModelSection(family="pca_windows", window_variance=0.8)
    with_event = fit_windows(windows_of(rows, np.append(end_rows, 11), 2, positives=(11,)), section)
    assert with_event.score(SERIES, LAST).tolist() == fit_by_hand().score(SERIES, LAST).tolist()


def test_the_inputs_of_windows_are_the_configured_groups_raw_values_by_default() -> None:
    material = windows_of(correlated_rows(columns=3), np.arange(1, 60), 2)
    groups = ("level", "volatility", "raw")
    columns = tuple(
        column.model_copy(update={"group": group})
        for column, group in zip(material.columns, groups, strict=True)
    )
    chosen = [
        fit_windows(replace(material, columns=columns), ModelSection(**settings)).columns.tolist()
        for settings in ({}, {"window_inputs": ("level", "volatility")})
    ]
    assert chosen == [[2], [0, 1]]


def test_components_of_windows_hold_their_own_share_of_the_variance() -> None:
    material = windows_of(SERIES, np.array([1, 3, 5, 7]), 2)
    counts = [
        len(fit_windows(material, ModelSection(window_variance=share)).components) for share in (0.8, 0.95)
    ]
    assert counts == [1, 2]


def test_t2_of_raw_values_is_t2_of_the_inputs_of_windows_in_the_last_row_alone() -> None:
    material = windows_of(np.concatenate([TRAINING * 9, TRAINING], axis=1), np.arange(1, 4), 2)
    columns = tuple(
        column.model_copy(update={"group": "level" if place < 2 else "raw"})
        for place, column in enumerate(material.columns)
    )
    section = ModelSection(explained_variance=0.8)
    raw = fit_raw_t2(replace(material, columns=columns), section)
    alone = fit_projection(replace(material_of(TRAINING), train=material.train), section, "t2")
    assert (raw.columns.tolist(), raw.rows) == ([2, 3], 1)
    assert score(raw, material.rows).tolist() == score(alone, TRAINING).tolist()


def test_a_loaded_model_of_windows_says_to_the_last_bit_what_the_saved_one_says(tmp_path: Path) -> None:
    rows, end_rows = correlated_rows(), np.arange(2, 60)
    model = fit_series(rows)
    model.save(tmp_path)
    loaded = load_projection(tmp_path)
    assert loaded.rows == 3
    for name in ("score", "explain", "expect"):
        before, after = (getattr(each, name)(rows, end_rows) for each in (model, loaded))
        assert after.tobytes() == before.tobytes(), name


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_window_of_rows_scores_alone_as_among_others_to_the_last_bit(
    columns: int, window_rows: int, seed: int
) -> None:
    rows = correlated_rows(rows=20, columns=columns, seed=seed)
    model, end_rows = fit_series(rows, window_rows), np.arange(window_rows - 1, 20)
    for say in (model.score, model.explain, model.expect):
        alone = [say(rows, end_rows[[place]])[0].tolist() for place in range(len(end_rows))]
        assert say(rows, end_rows).tolist() == alone


def test_rows_outside_the_window_change_no_score() -> None:
    rows = correlated_rows()
    model, others = fit_series(rows), correlated_rows()
    others[[26, 30]] = 99
    assert model.score(others, np.array([29])).tolist() == model.score(rows, np.array([29])).tolist()


def test_many_windows_are_scored_in_pieces_with_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, end_rows = correlated_rows(), np.arange(2, 60)
    model = fit_series(rows)
    at_once = model.score(rows, end_rows)
    sizes: list[int] = []

    def take(rows: np.ndarray, end_rows: np.ndarray, *rest: Any) -> np.ndarray:
        sizes.append(len(end_rows))
        return take_inputs(rows, end_rows, *rest)

    monkeypatch.setattr(pca, "WINDOWS_AT_ONCE", 25)
    monkeypatch.setattr(pca, "take_inputs", take)
    assert model.score(rows, end_rows).tobytes() == at_once.tobytes()
    assert sizes == [25, 25, 8]


def test_no_windows_have_no_scores() -> None:
    assert fit_by_hand().score(SERIES, np.zeros(0, dtype=np.int64)).tolist() == []
