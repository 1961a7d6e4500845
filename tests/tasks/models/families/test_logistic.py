"""A logistic regression: what it learns, what it asks for, and what drives a score."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import Group, ModelSection
from schemas.errors import InputError
from schemas.features import Column
from schemas.model import Material
from schemas.windows import Part
from tasks.models.families.logistic import (
    CLIP,
    SIGNED_SHARE,
    LogisticModel,
    Magnitude,
    fit_logistic,
    load_logistic,
    take_inputs,
)

# one column, with a mean of 1 and a deviation of 2 in training; the logit of a row is 4 (x - 1) / 2 - 1
BY_HAND = LogisticModel(
    columns=np.array([0]),
    folded=np.zeros(0, dtype=np.int64),
    means=np.array([1.0]),
    deviations=np.array([2.0]),
    weights=np.array([4.0]),
    intercept=-1.0,
)
GROUPS: tuple[Group, ...] = ("level", "volatility", "difference", "context")


def material_of(rows: np.ndarray, labels: np.ndarray, groups: tuple[Group, ...] | None = None) -> Material:
    """Train on all rows, each of them a window; every column is a level unless told otherwise.

    The part itself has every other label alone: those that teach are wider.
    """
    groups = groups or ("level",) * rows.shape[1]
    columns = tuple(
        Column(name=f"x{number}", sensor=None if group == "context" else f"x{number}", group=group)
        for number, group in enumerate(groups, start=1)
    )
    ends = np.arange(len(rows))
    part = Part("train", ends, ends, labels & (ends % 2 == 0), 0, len(rows), is_scattered=False)
    return Material(rows.astype(np.float32), columns, part, part, 1, labels)


def fit(material: Material, **settings: Any) -> LogisticModel:
    section = {"family": "logistic", "labelled_inputs": GROUPS, "regularisation": 1.0, **settings}
    return fit_logistic(material, ModelSection.model_validate(section))


def normal_rows(rows: int = 400, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)


def score(model: LogisticModel, *rows: list[float]) -> list[float]:
    return model.score(np.array(rows, dtype=np.float32), np.arange(len(rows))).tolist()


# what it learns


def test_a_linear_effect_is_learnt() -> None:
    rows = normal_rows()
    model = fit(material_of(rows, rows[:, 1] > 0))
    low, mean, high = score(model, [0, -3, 0], [0, 0, 0], [0, 3, 0])
    assert low < mean < high


def test_an_effect_of_the_absolute_value_is_learnt() -> None:
    rows = normal_rows()
    model = fit(material_of(rows, np.abs(rows[:, 1]) > 1.5))
    low, mean, high = score(model, [0, -3, 0], [0, 0, 0], [0, 3, 0])
    assert mean < min(low, high) / 10


@pytest.mark.parametrize(
    ("settings", "folded"),
    [
        ({}, [0, 2]),
        ({"magnitude_inputs": ("volatility", "context")}, [1, 3]),
        ({"magnitude_inputs": ()}, []),
        ({"labelled_inputs": GROUPS[:2]}, [0]),
    ],
    ids=["level and difference", "others", "none", "inputs alone"],
)
def test_magnitudes_are_those_of_the_configured_groups(settings: dict[str, Any], folded: list[int]) -> None:
    rows = normal_rows(columns=4)
    model = fit(material_of(rows, rows[:, 0] > 1, groups=GROUPS), **settings)
    assert model.folded.tolist() == folded


def test_the_inputs_are_the_groups_configured_for_labelled_families() -> None:
    rows = normal_rows(columns=4)
    material = material_of(rows, rows[:, 0] > 1, groups=GROUPS)
    model = fit(material, inputs=("volatility",), labelled_inputs=("level", "context"))
    assert model.columns.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("magnitude", "of_3", "of_1"), [("absolute", 3, 1), ("logarithm", math.log(3.05), math.log(1.05))]
)
def test_inputs_are_the_features_of_the_last_rows_and_the_magnitudes_of_some(
    magnitude: Magnitude, of_3: float, of_1: float
) -> None:
    rows = np.array([[1, -2], [-3, 4]], dtype=np.float32)
    inputs = take_inputs(rows, np.array([1, 0]), np.array([0, 1]), np.array([0]), magnitude)
    np.testing.assert_allclose(inputs, [[-3, 4, of_3], [1, -2, of_1]], rtol=1e-15)


def test_a_fitted_model_takes_logarithms_and_clips() -> None:
    rows = normal_rows()
    model = fit(material_of(rows, rows[:, 1] > 0))
    assert (model.magnitude, model.clip) == ("logarithm", CLIP)


def test_the_weights_are_those_at_which_penalty_and_clipped_balanced_windows_pull_equally() -> None:
    rows = normal_rows()
    rows[:3] *= 9
    labels = rows[:, 1] + rows[:, 2] > 2
    model = fit(material_of(rows, labels), regularisation=0.1)
    inputs = take_inputs(rows, np.arange(400), model.columns, model.folded, "logarithm")
    standardised = np.clip((inputs - inputs.mean(axis=0)) / inputs.std(axis=0), -CLIP, CLIP)
    assert (np.abs(standardised) == CLIP).any()
    shares = np.repeat([SIGNED_SHARE, 1.0], 3)
    counts = np.where(labels, 200 / labels.sum(), 200 / (~labels).sum())
    chances = 1 / (1 + np.exp(-(standardised @ model.weights + model.intercept)))
    pulls = counts * (labels - chances)
    assert pulls.sum() == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(model.weights / shares, 0.1 * (pulls @ (standardised * shares)), atol=0.01)


def test_the_direction_is_penalised_more_than_the_magnitude() -> None:
    # a penalty so strong that a weight is in proportion to the square of its share
    rows = normal_rows()
    material = material_of(rows, rows[:, 1] > 0)
    settings = {"regularisation": 1e-7}
    beside = fit(material, magnitude_inputs=("level",), **settings).weights[1]
    alone = fit(material, magnitude_inputs=(), **settings).weights[1]
    assert beside / alone == pytest.approx(SIGNED_SHARE**2, rel=1e-3)


def test_the_labels_that_teach_may_be_wider_than_those_of_the_part() -> None:
    # the part has no label: its windows are odd ones
    rows = normal_rows() * (np.arange(400) % 2 == 1)[:, None]
    material = material_of(rows, rows[:, 0] > 1)
    assert not material.train.labels.any()
    assert fit(material).weights[0] > 0


@pytest.mark.parametrize("positives", [5, 50, 95])
def test_windows_before_events_together_count_as_much_as_normal_ones(positives: int) -> None:
    # nothing tells the windows apart
    model = fit(material_of(np.zeros((100, 1)), np.arange(100) < positives))
    assert score(model, [0]) == pytest.approx([math.log(2)], rel=1e-4)


def test_a_stronger_penalty_makes_smaller_weights() -> None:
    rows = normal_rows()
    material = material_of(rows, rows[:, 1] > 1)
    weak, strong = (np.abs(fit(material, regularisation=inverse).weights).sum() for inverse in (1.0, 1e-3))
    assert strong < weak / 2


def test_a_constant_column_has_no_weight() -> None:
    rows = normal_rows()
    rows[:, 2] = 0
    model = fit(material_of(rows, rows[:, 1] > 1))
    assert model.weights[[2, 5]] == pytest.approx([0, 0], abs=1e-12)


# what it asks for


@pytest.mark.parametrize("positives", [0, 4])
def test_too_few_positive_windows_are_refused(positives: int) -> None:
    material = material_of(normal_rows(20), np.arange(20) < positives)
    with pytest.raises(
        InputError, match=rf"at least 5 positive training windows.*Received {positives} positive of 20"
    ):
        fit(material)


def test_windows_that_are_all_positive_are_refused() -> None:
    with pytest.raises(InputError, match=r"and normal ones\. Received 20 positive of 20"):
        fit(material_of(normal_rows(20), np.ones(20, dtype=bool)))


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(
        InputError, match=r"raise `model\.warning_rows`, or leave logistic out of `model\.members`"
    ):
        fit(material_of(normal_rows(20), np.zeros(20, dtype=bool)))


# scores


@pytest.mark.parametrize("value", [-9.0, 1.0, 3.0])
def test_the_score_is_the_logarithm_of_the_probability_that_nothing_is_ahead(value: float) -> None:
    probability = 1 / (1 + math.exp(-(4 * (value - 1) / 2 - 1)))
    assert score(BY_HAND, [value]) == pytest.approx([-math.log(1 - probability)])


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=9))
def test_scores_rise_with_the_probability_and_are_at_least_0(values: list[float]) -> None:
    scores = score(BY_HAND, *([value] for value in sorted(values)))
    assert scores == sorted(scores)
    assert scores[0] >= 0


def test_a_score_is_finite_where_the_probability_rounds_to_1() -> None:
    assert score(BY_HAND, [1e6]) == pytest.approx([2e6], rel=1e-5)


FORMS = pytest.mark.parametrize(("magnitude", "clip"), [("absolute", None), ("logarithm", CLIP)])


@FORMS
@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_a_window_scores_and_explains_alone_as_among_others_to_the_last_bit(
    magnitude: Magnitude, clip: float | None, columns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, places = rng.normal(size=(20, columns)).astype(np.float32), np.arange(columns)
    means, weights = rng.normal(size=(2, 2 * columns))
    model = LogisticModel(places, places, means, np.ones(2 * columns), weights, -1.0, magnitude, clip)
    for say in (model.score, model.explain):
        alone = [say(rows, np.array([row]))[0].tolist() for row in range(20)]
        assert say(rows, np.arange(20)).tolist() == alone


@pytest.mark.parametrize("value", [5.0, 7.0, 1e6])
def test_a_row_beyond_the_clip_scores_and_explains_as_one_at_the_clip(value: float) -> None:
    # 5 is 2 deviations above the mean
    model = replace(BY_HAND, clip=2.0)
    assert score(model, [value]) == pytest.approx([math.log1p(math.exp(4 * 2 - 1))])
    assert model.explain(np.array([[value]], dtype=np.float32), np.array([0])).tolist() == [[4 * 2]]


def test_within_the_clip_a_score_is_the_same_with_and_without_it() -> None:
    assert score(replace(BY_HAND, clip=4.0), [3.0]) == pytest.approx(score(BY_HAND, [3.0]))


# explanations


def test_an_explanation_is_what_a_column_raises_the_logit_by() -> None:
    shares = BY_HAND.explain(np.array([[3.0]], dtype=np.float32), np.array([0]))
    assert shares.tolist() == [[4 * (3 - 1) / 2]]


def test_a_column_that_lowers_the_logit_adds_nothing() -> None:
    assert BY_HAND.explain(np.array([[-3.0]], dtype=np.float32), np.array([0])).tolist() == [[0]]


@pytest.mark.parametrize(
    ("magnitude", "share"), [("absolute", -2 + 3 * 2), ("logarithm", -2 + 3 * math.log(2.05))]
)
def test_a_column_and_its_magnitude_are_one_column(magnitude: Magnitude, share: float) -> None:
    model = LogisticModel(
        np.array([1]), np.array([1]), np.zeros(2), np.ones(2), np.array([1.0, 3.0]), 5.0, magnitude
    )
    shares = model.explain(np.array([[9, -2, 9]], dtype=np.float32), np.array([0]))
    assert shares.tolist() == [pytest.approx([0, max(share, 0), 0])]


@pytest.mark.parametrize("column", range(3))
def test_the_driving_column_has_the_largest_share(column: int) -> None:
    rows = normal_rows()
    model = fit(material_of(rows, np.abs(rows[:, column]) > 1.5))
    row = np.full((1, 3), 0.5, dtype=np.float32)
    row[0, column] = -3
    assert int(model.explain(row, np.array([0]))[0].argmax()) == column


# saved and loaded


@pytest.mark.parametrize("groups", [GROUPS, ("context",) * 4], ids=["all groups", "context alone"])
def test_a_loaded_model_scores_to_the_last_bit_as_the_saved_one(
    groups: tuple[Group, ...], tmp_path: Path
) -> None:
    rows, end_rows = normal_rows(columns=4), np.arange(400)
    model = fit(material_of(rows, rows[:, 1] > 1, groups))
    model.save(tmp_path)
    loaded = load_logistic(tmp_path)
    assert loaded.score(rows, end_rows).tobytes() == model.score(rows, end_rows).tobytes()
    assert loaded.explain(rows, end_rows).tobytes() == model.explain(rows, end_rows).tobytes()


def test_a_model_that_an_earlier_release_saved_takes_absolute_values_and_does_not_clip(
    tmp_path: Path,
) -> None:
    saved = {"columns": [0], "folded": [0], "means": [1, 2], "deviations": [2, 4], "weights": [4, 8]}
    (tmp_path / "logistic.json").write_text(json.dumps(saved | {"intercept": -1}), encoding="utf-8")
    model = load_logistic(tmp_path)
    logit = 4 * (-99 - 1) / 2 + 8 * (99 - 2) / 4 - 1
    assert logit < 0
    assert score(model, [-99], [-999]) == pytest.approx(
        [math.log1p(math.exp(logit)), math.log1p(math.exp(4 * (-999 - 1) / 2 + 8 * (999 - 2) / 4 - 1))]
    )
    assert (model.magnitude, model.clip) == ("absolute", None)


def test_a_model_counts_its_weights_and_the_intercept() -> None:
    rows = normal_rows(columns=4)
    assert fit(material_of(rows, rows[:, 1] > 1, GROUPS)).parameters == 4 + 2 + 1


def test_the_weights_are_not_trained_in_epochs() -> None:
    assert BY_HAND.history is None


def test_the_training_mean_is_expected_of_the_inputs_and_nothing_of_other_columns() -> None:
    expected = BY_HAND.expect(np.array([[7, 8]], dtype=np.float32), np.array([0]))
    np.testing.assert_array_equal(expected, [[0, np.nan]])
